// replay.cc — the verb `replay`: options, the traces one after the other, the exit code.
#include "tools/vcompound/replay/replay.h"

#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "tools/trace/trace.h"
#include "tools/vcompound/availability/result.h"
#include "tools/vcompound/common/exit_code.h"
#include "tools/vcompound/common/options.h"
#include "tools/vcompound/common/output_file.h"
#include "tools/vcompound/common/sizes.h"
#include "tools/vcompound/info/machine.h"
#include "tools/vcompound/replay/comparison.h"

namespace vc::tool {
namespace {

struct ReplayOptions {
  std::vector<std::string> traces;
  std::uint64_t budget = 0;
  bool tightest = false;
  std::string policy;
  bool touch = false;
  bool allow_truncated = false;
  std::string with_availability;
  std::string json;
  std::string report;
};

CompareOptions compare_options(const ReplayOptions& options) {
  CompareOptions compare;
  compare.budget = options.budget;
  compare.tightest = options.tightest;
  compare.touch = options.touch;
  if (const auto policy = policy_of(options.policy)) compare.policies = {*policy};
  return compare;
}

Trace load(const std::string& path, const ReplayOptions& options) {
  TraceOptions trace_options;
  if (options.allow_truncated) trace_options.truncated_tail = TruncatedTail::kAccept;
  TraceError error;
  std::optional<Trace> trace = load_trace(path, trace_options, error);
  if (trace) return std::move(*trace);
  throw ToolError(
      error.kind == TraceError::Kind::kInput ? ExitCode::kUsage : ExitCode::kMachineLacks,
      error.message);
}

/// The result of an earlier run; null when none is wanted.
nlohmann::json load_availability(const std::string& path) {
  if (path.empty()) return nullptr;
  std::ifstream file(path, std::ios::binary);
  nlohmann::json result = nlohmann::json::parse(file, nullptr, false);
  if (!file.is_open() || result.is_discarded()) {
    throw ToolError(
        ExitCode::kUsage,
        "--with-availability: " + path + (file.is_open() ? " is not JSON" : " cannot be read"),
        "Name a file that 'vcompound availability --json' wrote.");
  }
  return result;
}

Report make_report(const std::vector<TraceComparison>& comparisons,
                   const nlohmann::json& availability, const ReplayOptions& options) {
  Report report(availability.is_null() ? "Recorded traces, policy beside policy"
                                       : "Large memory from fragmented memory");
  report.set_subtitle(availability.is_null()
                          ? "What each way of allocating refuses, needs and costs."
                          : "The published experiment, and recorded traces of real programs.");
  if (availability.is_null()) {
    report.add_fact("Machine", machine_summary(read_machine(SystemFiles())));
  } else {
    add_availability(report, availability, options.with_availability);
    report.set_command(availability.at("command").get<std::string>() + "\n" + command_line());
  }
  add_overview(report, comparisons);
  for (const TraceComparison& comparison : comparisons) add_comparison(report, comparison);
  return report;
}

/// 1 before 3: a promise that was broken matters more than memory that is missing.
int exit_code(const std::vector<TraceComparison>& comparisons) {
  bool lacks = false;
  for (const TraceComparison& comparison : comparisons) {
    if (comparison.faulty()) return to_int(ExitCode::kFound);
    lacks = lacks || comparison.machine_lacks;
  }
  if (!lacks) return to_int(ExitCode::kDone);
  throw ToolError(
      ExitCode::kMachineLacks,
      "this machine has less memory than a trace's peak of live pages; what did not fit "
      "was refused",
      "Give a --budget to count refusals on purpose, or use a larger machine.");
}

int run_replay(const ReplayOptions& options) {
  report_file_size_limit();
  require_writable(options.json);
  require_writable(options.report);
  const nlohmann::json availability = load_availability(options.with_availability);
  std::ostream& out = text_stream(options.json);
  std::vector<TraceComparison> comparisons;
  for (const std::string& path : options.traces) {
    comparisons.push_back(compare(load(path, options), compare_options(options)));
  }
  out << comparisons_text(comparisons) << std::flush;
  if (!options.json.empty()) write_json(options.json, comparisons_json(comparisons));
  if (!options.report.empty()) {
    make_report(comparisons, availability, options).write(options.report);
    out << "Report: " << options.report << "\n";
  }
  return exit_code(comparisons);
}

void add_options(CLI::App& verb, ReplayOptions& options) {
  verb.add_option("TRACE", options.traces, "Traces: CSV as 'record' and RMM write it, or .zst")
      ->required()
      ->type_name("FILE");
  CLI::Option* const budget = add_bytes_option(
      verb, "--budget", options.budget, "Memory of the arenas (the trace's peak of live pages)",
      {4 * kKiB, std::uint64_t{1} << 46});
  verb.add_flag("--tightest", options.tightest,
                "Find the smallest budget that serves the trace, for each policy")
      ->excludes(budget);
  verb.add_option("--policy", options.policy, "Replay under this policy only")
      ->type_name("POLICY")
      ->check(CLI::IsMember({"contiguous_only", "preferred", "always_map"}));
  verb.add_flag("--touch", options.touch,
                "Write and check every byte, not only a word of each page");
  verb.add_flag("--allow-truncated", options.allow_truncated,
                "Accept a trace whose end is cut off");
  add_output_option(verb, "--json", options.json,
                    "Write the result to FILE as JSON; - is stdout, the text then goes to stderr");
  add_output_option(verb, "--report", options.report,
                    "Write the result to FILE as one HTML page with pictures",
                    StdoutPath::kRefused);
  verb.add_option("--with-availability", options.with_availability,
                  "Begin the report with the result that 'availability --json' wrote to FILE")
      ->type_name("FILE");
}

}  // namespace

void register_replay(CLI::App& app, Chosen& chosen) {
  auto options = std::make_shared<ReplayOptions>();
  CLI::App* const verb =
      app.add_subcommand("replay", "Replay traces in an arena and compare the policies");
  verb->footer(
      "Policies: contiguous_only refuses when no run of free memory is long enough, preferred "
      "maps\n"
      "then, always_map maps whatever it can. A trace is replayed in recorded order by one "
      "thread.\n"
      "With preferred, the peak of live pages is enough; a run in which it is not exits with 1.\n"
      "Example:\n"
      "  vcompound replay traces/redis.csv.zst --tightest --report report.html");
  add_options(*verb, *options);
  verb->callback([&chosen, options] {
    chosen = [options] {
      return run_replay(*options);
    };
  });
}

}  // namespace vc::tool
