// Turns one line of CSV into an event: columns by the header's names, numbers checked.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tools/trace/trace_event.h"

namespace vc {

/// Quotes `text` for a message: unprintable bytes as \xNN, cut after 48 bytes.
std::string quote_for_message(std::string_view text);

/// Parses rows by the columns that a header named. Not thread-safe; allocates only for errors.
class RowParser {
 public:
  /// Reads the header. An error is `what, why, what to do`; the parser is then unusable.
  std::optional<std::string> parse_header(std::string_view line);
  /// Reads a row into `event`; same form of error.
  std::optional<std::string> parse_row(std::string_view line, TraceEvent& event) const;
  /// True if `line` repeats the header (logs that were joined have such lines).
  bool is_header(std::string_view line) const { return line == header_; }

 private:
  enum Column : std::size_t { kThread, kTime, kAction, kPointer, kSize, kStream, kColumnCount };
  static constexpr std::size_t kMaxFields = 64;
  static constexpr std::size_t kAbsent = kMaxFields;

  struct Fields {
    std::array<std::string_view, kMaxFields> text;
    std::size_t count = 0;
  };
  static bool split(std::string_view line, Fields& fields);
  std::string_view field(const Fields& fields, Column column) const;

  std::string header_;
  std::array<std::size_t, kColumnCount> position_{};
  std::size_t field_count_ = 0;
};

}  // namespace vc
