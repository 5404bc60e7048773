// Reads a trace row by row, in constant memory, from a file of any size.
//
//    bytes (plain or zstd)  →  lines (bounded)  →  rows (by the header's columns)  →  TraceEvent
//         ByteSource             TraceReader              RowParser
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tools/trace/byte_source.h"
#include "tools/trace/row_parser.h"
#include "tools/trace/trace_event.h"

namespace vc {

/// A forward reader. Not thread-safe. After kEnd or kError every further call answers the same.
class TraceReader {
 public:
  enum class Status : std::uint8_t { kEvent, kEnd, kError };

  /// Opens `path` and reads the header. Null: `error` tells why.
  static std::unique_ptr<TraceReader> open(const std::string& path, const TraceOptions& options,
                                           TraceError& error);
  /// The same for bytes in memory (which must outlive the reader); `name` is for messages.
  static std::unique_ptr<TraceReader> from_memory(std::string_view bytes, const std::string& name,
                                                  const TraceOptions& options, TraceError& error);

  /// The next row. Blank lines and repeated headers are passed over.
  Status next(TraceEvent& event);
  /// Why the last next() answered kError.
  const TraceError& error() const { return error_; }
  /// The line of the last row, counted from 1.
  std::uint64_t line() const { return line_number_; }
  /// True once the end came early and `TruncatedTail::kAccept` let it pass.
  bool truncated() const { return truncated_; }
  /// An error message at the current line, for checks of the caller.
  TraceError error_here(const std::string& message) const;

 private:
  enum class LineStatus : std::uint8_t { kLine, kLastLine, kEnd, kError };

  TraceReader(std::unique_ptr<ByteSource> source, std::string name, const TraceOptions& options);
  bool read_header();
  LineStatus next_line(std::string_view& line);
  LineStatus last_line(ByteSource::Status why, std::string_view& line);
  Status fail(const std::string& message);
  Status end_cut_off(const std::string& message);
  void unwrap_midnight(TraceEvent& event);

  std::unique_ptr<ByteSource> source_;
  std::string name_;
  TraceOptions options_;
  RowParser parser_;
  TraceError error_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  // unread bytes are buffer_[begin_, end_)
  std::size_t end_ = 0;
  std::uint64_t line_number_ = 0;
  std::uint64_t events_ = 0;
  std::uint64_t day_offset_us_ = 0;
  std::uint64_t last_time_us_ = 0;
  Status state_ = Status::kEvent;
  bool source_ended_ = false;
  bool source_truncated_ = false;
  bool truncated_ = false;
};

}  // namespace vc
