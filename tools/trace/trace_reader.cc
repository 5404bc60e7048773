// Bounded lines, the header, cut-off ends, and times that pass midnight.
#include "tools/trace/trace_reader.h"

#include <cstring>
#include <utility>

namespace vc {
namespace {

constexpr std::size_t kBufferBytes = 64 * 1024;
static_assert(kBufferBytes >= 2 * kMaxTraceLine);
constexpr std::uint64_t kDayUs = 24ull * 3600 * 1'000'000;

}  // namespace

TraceReader::TraceReader(std::unique_ptr<ByteSource> source, std::string name,
                         const TraceOptions& options)
    : source_(std::move(source)),
      name_(std::move(name)),
      options_(options),
      buffer_(kBufferBytes) {}

std::unique_ptr<TraceReader> TraceReader::open(const std::string& path, const TraceOptions& options,
                                               TraceError& error) {
  auto source = open_byte_source(path, error);
  if (source == nullptr) {
    error.message = path + ": " + error.message;
    return nullptr;
  }
  std::unique_ptr<TraceReader> reader(new TraceReader(std::move(source), path, options));
  if (reader->read_header()) return reader;
  error = reader->error_;
  return nullptr;
}

std::unique_ptr<TraceReader> TraceReader::from_memory(std::string_view bytes,
                                                      const std::string& name,
                                                      const TraceOptions& options,
                                                      TraceError& error) {
  std::unique_ptr<TraceReader> reader(new TraceReader(make_memory_source(bytes), name, options));
  if (reader->read_header()) return reader;
  error = reader->error_;
  return nullptr;
}

TraceError TraceReader::error_here(const std::string& message) const {
  return {TraceError::Kind::kInput, name_ + ":" + std::to_string(line_number_) + ": " + message};
}

TraceReader::Status TraceReader::fail(const std::string& message) {
  error_ = error_here(message);
  return state_ = Status::kError;
}

/// The end came inside a row or a zstd frame: an error, or accepted and remembered.
TraceReader::Status TraceReader::end_cut_off(const std::string& message) {
  if (options_.truncated_tail == TruncatedTail::kAccept) {
    truncated_ = true;
    return state_ = Status::kEnd;
  }
  return fail(message + "; the file was cut off: record or copy it again, or accept the part " +
              "before the cut with --allow-truncated");
}

bool TraceReader::read_header() {
  std::string_view line;
  const LineStatus status = next_line(line);
  if (status == LineStatus::kError) return false;
  if (status == LineStatus::kEnd) {
    line_number_ = 1;
    fail(source_truncated_
             ? "the zstd data ends before the first line; record or copy it again"
             : "the file is empty; a trace starts with the line " + std::string(kTraceHeader));
    return false;
  }
  const auto problem = parser_.parse_header(line);
  if (problem) fail(*problem);
  return !problem;
}

/// Delivers the next line without its end; the view holds until the next call.
TraceReader::LineStatus TraceReader::next_line(std::string_view& line) {
  std::size_t searched = begin_;
  for (;;) {
    const void* const found = std::memchr(buffer_.data() + searched, '\n', end_ - searched);
    if (found != nullptr) {
      const auto stop = static_cast<std::size_t>(static_cast<const char*>(found) - buffer_.data());
      line = {buffer_.data() + begin_, stop - begin_};
      begin_ = stop + 1;
      ++line_number_;
      if (line.size() > kMaxTraceLine) break;
      if (line.ends_with('\r')) line.remove_suffix(1);
      return LineStatus::kLine;
    }
    if (end_ - begin_ > kMaxTraceLine) {
      ++line_number_;
      break;
    }
    if (source_ended_) return last_line(ByteSource::Status::kEnd, line);
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    searched = end_;
    const auto chunk = source_->read(std::span(buffer_).subspan(end_));
    if (chunk.status != ByteSource::Status::kData) return last_line(chunk.status, line);
    end_ += chunk.bytes;
  }
  fail("the line is longer than " + std::to_string(kMaxTraceLine) +
       " bytes, so this is not a trace; check that it is the right file");
  return LineStatus::kError;
}

/// The source has no more bytes: what is left is a line without an end, or nothing.
TraceReader::LineStatus TraceReader::last_line(ByteSource::Status why, std::string_view& line) {
  if (why == ByteSource::Status::kError) {
    fail(source_->error().message);
    error_.kind = source_->error().kind;
    return LineStatus::kError;
  }
  source_ended_ = true;
  source_truncated_ = source_truncated_ || why == ByteSource::Status::kTruncated;
  if (begin_ == end_) return LineStatus::kEnd;
  line = {buffer_.data() + begin_, end_ - begin_};
  begin_ = end_;
  ++line_number_;
  return LineStatus::kLastLine;
}

TraceReader::Status TraceReader::next(TraceEvent& event) {
  if (state_ != Status::kEvent) return state_;
  for (;;) {
    std::string_view line;
    const LineStatus status = next_line(line);
    if (status == LineStatus::kError) return state_;
    if (status == LineStatus::kEnd) {
      if (source_truncated_) return end_cut_off("the zstd data ends inside a frame");
      return state_ = Status::kEnd;
    }
    if (status == LineStatus::kLastLine && source_truncated_) {
      return end_cut_off("the zstd data ends inside a row");
    }
    if (line.empty() || parser_.is_header(line)) continue;
    const auto problem = parser_.parse_row(line, event);
    if (problem) {
      if (status == LineStatus::kLastLine) return end_cut_off(*problem);
      return fail(*problem);
    }
    if (++events_ > options_.max_events) {
      return fail("more than " + std::to_string(options_.max_events) +
                  " rows, more than can be replayed; record with a larger --min-size");
    }
    unwrap_midnight(event);
    return Status::kEvent;
  }
}

/// RMM logs the time of day: a step back of more than half a day is the next day.
void TraceReader::unwrap_midnight(TraceEvent& event) {
  if (event.time_us < kDayUs && event.time_us + day_offset_us_ + kDayUs / 2 < last_time_us_) {
    day_offset_us_ += kDayUs;
  }
  event.time_us += day_offset_us_;
  last_time_us_ = event.time_us;
}

}  // namespace vc
