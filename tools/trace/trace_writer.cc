// Rows as text, buffered, compressed, and renamed when whole.
#include "tools/trace/trace_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <system_error>
#include <utility>
#include <vector>

namespace vc {
namespace {

constexpr std::size_t kTextBytes = 256 * 1024;

bool is_regular_or_absent(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) != 0 || S_ISREG(status.st_mode);
}

void append_number(std::string& text, std::uint64_t value, int base) {
  std::array<char, 24> digits;
  const auto result = std::to_chars(digits.data(), digits.data() + digits.size(), value, base);
  text.append(digits.data(), result.ptr);
}

/// HH:MM:SS.microseconds; more than two digits of hours after four days.
void append_time(std::string& text, std::uint64_t time_us) {
  const std::uint64_t seconds = time_us / 1'000'000;
  std::array<char, 48> buffer;
  const int length = std::snprintf(buffer.data(), buffer.size(), "%02llu:%02llu:%02llu.%06llu",
                                   static_cast<unsigned long long>(seconds / 3600),
                                   static_cast<unsigned long long>(seconds / 60 % 60),
                                   static_cast<unsigned long long>(seconds % 60),
                                   static_cast<unsigned long long>(time_us % 1'000'000));
  text.append(buffer.data(), static_cast<std::size_t>(length));
}

}  // namespace

struct TraceWriter::Compressor {
  explicit Compressor(int level) : stream(ZSTD_createCCtx()), output(ZSTD_CStreamOutSize()) {
    ZSTD_CCtx_setParameter(stream, ZSTD_c_compressionLevel, level);
    ZSTD_CCtx_setParameter(stream, ZSTD_c_checksumFlag, 1);
  }
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;
  ~Compressor() { ZSTD_freeCCtx(stream); }
  ZSTD_CCtx* stream;
  std::vector<char> output;
};

void append_row(std::string& text, const TraceEvent& event) {
  append_number(text, event.thread, 10);
  text += ',';
  append_time(text, event.time_us);
  text += ',';
  text += to_string(event.action);
  text += ",0x";
  append_number(text, event.pointer, 16);
  text += ',';
  append_number(text, event.size, 10);
  text += ",0x";
  append_number(text, event.stream, 16);
  text += '\n';
}

TraceWriter::TraceWriter(int descriptor, std::string path, std::string written_path, int zstd_level)
    : descriptor_(descriptor), path_(std::move(path)), written_path_(std::move(written_path)) {
  if (path_.ends_with(".zst")) compressor_ = std::make_unique<Compressor>(zstd_level);
  text_ = std::string(kTraceHeader) + "\n";
}

std::unique_ptr<TraceWriter> TraceWriter::create(const std::string& path, TraceError& error,
                                                 int zstd_level) {
  const std::string written = is_regular_or_absent(path) ? path + ".part" : path;
  const int descriptor = ::open(written.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor < 0) {
    error = {TraceError::Kind::kInput,
             path + ": cannot write the trace: " + std::generic_category().message(errno) +
                 "; name a file in a folder that you may write to"};
    return nullptr;
  }
  return std::unique_ptr<TraceWriter>(new TraceWriter(descriptor, path, written, zstd_level));
}

TraceWriter::~TraceWriter() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  if (written_path_ != path_) ::unlink(written_path_.c_str());
}

bool TraceWriter::fail(const std::string& what, int code) {
  if (error_.message.empty()) {
    error_ = {TraceError::Kind::kMachine, path_ + ": " + what + ": " +
                                              std::generic_category().message(code) +
                                              "; make room on the disk, then record again"};
  }
  return false;
}

bool TraceWriter::write_out(const char* data, std::size_t bytes) {
  while (bytes > 0) {
    const ssize_t done = ::write(descriptor_, data, bytes);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return fail("writing the trace failed", errno);
    data += done;
    bytes -= static_cast<std::size_t>(done);
    bytes_written_ += static_cast<std::uint64_t>(done);
  }
  return true;
}

/// Sends the collected text on its way; kLast also ends the zstd frame.
bool TraceWriter::flush_text(Flush kind) {
  const bool last = kind == Flush::kLast;
  if (!error_.message.empty()) return false;
  if (compressor_ == nullptr) {
    const bool ok = write_out(text_.data(), text_.size());
    text_.clear();
    return ok;
  }
  ZSTD_inBuffer in{text_.data(), text_.size(), 0};
  for (;;) {
    ZSTD_outBuffer out{compressor_->output.data(), compressor_->output.size(), 0};
    const std::size_t left =
        ZSTD_compressStream2(compressor_->stream, &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
    if (ZSTD_isError(left) != 0) return fail("compressing the trace failed", ENOMEM);
    if (!write_out(compressor_->output.data(), out.pos)) return false;
    if (last ? left == 0 : in.pos == in.size) break;
  }
  text_.clear();
  return true;
}

bool TraceWriter::write(const TraceEvent& event) {
  append_row(text_, event);
  return text_.size() < kTextBytes || flush_text(Flush::kMore);
}

bool TraceWriter::close() {
  if (descriptor_ < 0) return error_.message.empty();
  bool ok = flush_text(Flush::kLast);
  if (::close(std::exchange(descriptor_, -1)) != 0) ok = fail("closing the trace failed", errno);
  if (written_path_ == path_) return ok;
  if (ok && ::rename(written_path_.c_str(), path_.c_str()) != 0) {
    ok = fail("naming the trace failed", errno);
  }
  if (!ok) ::unlink(written_path_.c_str());
  return ok;
}

}  // namespace vc
