// record.cc — the verb `record`.
#include "tools/vcompound/record.h"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <system_error>

#include "tools/trace/trace_writer.h"
#include "tools/vcompound/common/exit_code.h"
#include "tools/vcompound/common/options.h"
#include "tools/vcompound/common/output_file.h"
#include "tools/vcompound/common/sizes.h"
#include "tools/vcompound/record_collect.h"
#include "tools/vcompound/record_program.h"

// Where the recorder is installed, seen from the program's folder; the build knows it.
#ifndef VC_RECORDER_RELATIVE_DIR
#define VC_RECORDER_RELATIVE_DIR "../lib/vcompound"
#endif

namespace vc::tool {
namespace {

namespace fs = std::filesystem;

constexpr char kRecorderName[] = "libvcompound_recorder.so";

/// A folder of its own for the buffers, removed at the end.
class BufferFolder {
 public:
  explicit BufferFolder(const std::string& parent) {
    const char* const fallback = std::getenv("TMPDIR");
    const std::string base =
        !parent.empty() ? parent : (fallback != nullptr && *fallback != '\0' ? fallback : "/tmp");
    std::error_code code;
    std::string name = (fs::absolute(base, code) / "vcompound-record-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
      throw ToolError(ExitCode::kUsage,
                      "record: cannot make a folder for the buffers in " + base + ": " +
                          std::generic_category().message(errno),
                      "Name a folder that you may write to with --buffer-dir.");
    }
    path_ = name;
  }
  BufferFolder(const BufferFolder&) = delete;
  BufferFolder& operator=(const BufferFolder&) = delete;
  ~BufferFolder() {
    std::error_code code;
    fs::remove_all(path_, code);
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// LD_PRELOAD separates names by blanks and colons: a path that has some is reached by a link.
std::string preloadable(const std::string& recorder, const BufferFolder& folder) {
  if (recorder.find_first_of(" :\t\n") == std::string::npos) return recorder;
  const fs::path link = folder.path() / kRecorderName;
  std::error_code code;
  fs::create_symlink(recorder, link, code);
  if (code || link.string().find_first_of(" :\t\n") != std::string::npos) {
    throw ToolError(ExitCode::kUsage, "record: the recorder cannot be preloaded from " + recorder,
                    "Name a --buffer-dir without blanks and colons in its path.");
  }
  return link.string();
}

void require_recorder(const std::string& path) {
  if (::access(path.c_str(), R_OK) == 0) return;
  throw ToolError(
      ExitCode::kMachineLacks,
      "record: cannot read the recorder " + path + ": " + std::generic_category().message(errno),
      "Build or install vcompound again, or name the library with --recorder.");
}

void print_summary(const RecordOptions& options, const RecordingSummary& summary,
                   std::uint64_t file_bytes) {
  std::cerr << "vcompound record: " << format_count(summary.allocates) << " allocations and "
            << format_count(summary.frees) << " frees of " << format_bytes(options.min_size)
            << " and more (threads: " << format_count(summary.threads)
            << ", processes: " << format_count(summary.processes) << ") in "
            << format_seconds(static_cast<double>(summary.duration_us) / 1e6) << ", to "
            << options.output << " (" << format_bytes(file_bytes) << ")\n";
}

void print_warnings(const RecordOptions& options, const RecordingSummary& summary,
                    const ProgramEnd& end) {
  if (summary.lost > 0) {
    std::cerr << "vcompound record: warning: " << format_count(summary.lost)
              << " events found no room and are missing; use a --buffer-dir on a larger disk\n";
  }
  if (end.left_running) {
    std::cerr << "vcompound record: warning: descendants of the program still run; the trace ends "
                 "here\n";
  }
  if (WIFSIGNALED(end.wait_status)) {
    std::cerr << "vcompound record: '" << options.program[0] << "' was ended by signal "
              << WTERMSIG(end.wait_status) << "\n";
  } else if (WEXITSTATUS(end.wait_status) != 0) {
    std::cerr << "vcompound record: '" << options.program[0] << "' exited with status "
              << WEXITSTATUS(end.wait_status) << "\n";
  }
}

/// What a shell would answer.
int status_of(const ProgramEnd& end) {
  constexpr int kSignalBase = 128;
  if (WIFSIGNALED(end.wait_status)) return kSignalBase + WTERMSIG(end.wait_status);
  return WEXITSTATUS(end.wait_status);
}

}  // namespace

std::string find_recorder() {
  std::error_code code;
  const fs::path self = fs::read_symlink("/proc/self/exe", code);
  const fs::path bin = self.parent_path();
  const std::array<fs::path, 2> places = {bin, bin / VC_RECORDER_RELATIVE_DIR};
  std::string looked;
  for (const fs::path& place : places) {
    const fs::path candidate = place / kRecorderName;
    if (fs::exists(candidate, code)) return candidate.string();
    looked += (looked.empty() ? "" : ", ") + place.string();
  }
  throw ToolError(ExitCode::kMachineLacks,
                  std::string("record: ") + kRecorderName + " is not in " + looked,
                  "Build or install vcompound again, or name the library with --recorder.");
}

int run_record(const RecordOptions& options) {
  const std::string recorder =
      fs::absolute(options.recorder.empty() ? find_recorder() : options.recorder).string();
  require_recorder(recorder);
  require_writable(options.output);
  const BufferFolder folder(options.buffer_folder);
  TraceError error;
  const auto writer = TraceWriter::create(options.output, error, static_cast<int>(options.level));
  if (writer == nullptr) throw ToolError(ExitCode::kUsage, "record: " + error.message);

  const ProgramEnd end = run_recorded(
      {options.program, preloadable(recorder, folder), folder.path().string(), options.min_size});
  const RecordingSummary summary = collect_recording(folder.path().string(), *writer);
  if (summary.images == 0) {
    throw ToolError(ExitCode::kMachineLacks,
                    "record: '" + options.program[0] +
                        "' did not load the recorder, so there is "
                        "nothing to write",
                    "It is linked statically, has set-user-id rights, clears its environment, or "
                    "its folder for buffers is full; record a dynamically linked program.");
  }
  if (!writer->close()) {
    throw ToolError(ExitCode::kMachineLacks, "record: " + writer->error().message);
  }
  if (!options.quiet) print_summary(options, summary, writer->bytes_written());
  print_warnings(options, summary, end);
  return status_of(end);
}

void register_record(CLI::App& app, Chosen& chosen) {
  auto options = std::make_shared<RecordOptions>();
  CLI::App* const verb =
      app.add_subcommand("record", "Run a program and record its large allocations as a trace");
  verb->footer(
      "The exit status is that of PROGRAM, or 128 + the signal that ended it; 2 and 3 are also\n"
      "record's own, with a message. Example:\n"
      "  vcompound record -o sort.csv.zst -- sort -n numbers.txt");
  add_output_option(*verb, "-o,--output", options->output,
                    "Write the trace to FILE, compressed when it ends in .zst",
                    StdoutPath::kRefused)
      ->required();
  add_bytes_option(*verb, "--min-size", options->min_size,
                   "Record allocations of at least this size", {1, std::uint64_t{1} << 56});
  add_count_option(*verb, "--level", options->level, "zstd level: 1 is fast, 19 is small", {1, 19});
  verb->add_option("--buffer-dir", options->buffer_folder,
                   "Keep the buffers in this folder while the program runs (TMPDIR, else /tmp)");
  verb->add_option("--recorder", options->recorder, "The recorder library, if not the one found");
  verb->add_flag("-q,--quiet", options->quiet, "Print no summary");
  verb->add_option("PROGRAM", options->program, "The program to run and its arguments, after --")
      ->required();
  verb->callback([&chosen, options] {
    chosen = [options] {
      return run_record(*options);
    };
  });
}

}  // namespace vc::tool
