// Field splitting and the formats of the six columns.
#include "tools/trace/row_parser.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <system_error>

namespace vc {
namespace {

constexpr std::array<std::string_view, 6> kNames = {"Thread",  "Time", "Action",
                                                    "Pointer", "Size", "Stream"};
constexpr std::uint64_t kMaxHours = 1'000'000;

bool is_blank(char c) { return c == ' ' || c == '\t'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Without surrounding blanks and without one pair of quotes.
std::string_view trim(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
    text.remove_prefix(1);
    text.remove_suffix(1);
  }
  return text;
}

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) ==
           std::tolower(static_cast<unsigned char>(y));
  });
}

/// The whole of `text` as a number of that base; false for signs, blanks, overflow, leftovers.
bool parse_number(std::string_view text, int base, std::uint64_t& value) {
  if (text.empty() || text.front() == '-' || text.front() == '+') return false;
  const char* const end = text.data() + text.size();
  const auto [rest, code] = std::from_chars(text.data(), end, value, base);
  return code == std::errc{} && rest == end;
}

bool is_null_word(std::string_view text) {
  return text == "(nil)" || text == "nullptr" || text == "NULL";
}

/// Removes a leading 0x; true if there was one.
bool strip_hex_prefix(std::string_view& text) {
  if (text.size() < 2 || text[0] != '0' || (text[1] != 'x' && text[1] != 'X')) return false;
  text.remove_prefix(2);
  return true;
}

/// Pointers are hexadecimal, with or without 0x.
bool parse_pointer(std::string_view text, std::uint64_t& value) {
  value = 0;
  if (is_null_word(text)) return true;
  strip_hex_prefix(text);
  return parse_number(text, 16, value);
}

/// Streams are hexadecimal with 0x and decimal without.
bool parse_stream(std::string_view text, std::uint64_t& value) {
  value = 0;
  if (text.empty() || is_null_word(text)) return true;
  const bool hex = strip_hex_prefix(text);
  return parse_number(text, hex ? 16 : 10, value);
}

/// Digits after the seconds, scaled to microseconds: "5" is 500000, "1234567" is 123456.
bool parse_fraction(std::string_view text, std::uint64_t& microseconds) {
  if (text.empty() || text.size() > 9 || !std::all_of(text.begin(), text.end(), is_digit)) {
    return false;
  }
  microseconds = 0;
  for (std::size_t i = 0; i < 6; ++i) {
    const unsigned digit = i < text.size() ? static_cast<unsigned>(text[i] - '0') : 0;
    microseconds = microseconds * 10 + digit;
  }
  return true;
}

/// Takes the digits before `separator` (or all that is left) from the front of `text`.
bool take_number(std::string_view& text, char separator, std::uint64_t& value) {
  const std::size_t end = std::min(text.find(separator), text.size());
  if (!parse_number(text.substr(0, end), 10, value)) return false;
  text.remove_prefix(std::min(end + 1, text.size()));
  return true;
}

/// `H:MM:SS`, `H:MM:SS.us` (RMM since 0.20), `H:MM:SS:us` (RMM before), a date in front of these,
/// or a plain count of microseconds.
bool parse_time(std::string_view text, std::uint64_t& time_us) {
  if (parse_number(text, 10, time_us)) return time_us <= kMaxHours * 3'600'000'000;
  const std::size_t date_end = text.find_last_of(" T");
  if (date_end != std::string_view::npos) text.remove_prefix(date_end + 1);
  std::uint64_t hours = 0;
  std::uint64_t minutes = 0;
  if (!take_number(text, ':', hours) || !take_number(text, ':', minutes)) return false;
  const std::size_t seconds_end = text.find_first_of(".:");
  std::uint64_t seconds = 0;
  std::uint64_t micro = 0;
  if (!parse_number(text.substr(0, seconds_end), 10, seconds)) return false;
  if (seconds_end != std::string_view::npos &&
      !parse_fraction(text.substr(seconds_end + 1), micro)) {
    return false;
  }
  if (hours > kMaxHours || minutes > 59 || seconds > 60) return false;
  time_us = ((hours * 60 + minutes) * 60 + seconds) * 1'000'000 + micro;
  return true;
}

bool parse_action(std::string_view text, TraceAction& action) {
  for (const TraceAction known :
       {TraceAction::kAllocate, TraceAction::kFree, TraceAction::kAllocateFailure}) {
    if (text == to_string(known)) {
      action = known;
      return true;
    }
  }
  return false;
}

std::string bad_field(std::string_view column, std::string_view text, std::string_view expected) {
  return "bad " + std::string(column) + " " + quote_for_message(text) + ", expected " +
         std::string(expected);
}

}  // namespace

std::string_view to_string(TraceAction action) {
  switch (action) {
    case TraceAction::kAllocate: return "allocate";
    case TraceAction::kFree: return "free";
    case TraceAction::kAllocateFailure: return "allocate failure";
  }
  return "?";
}

std::string quote_for_message(std::string_view text) {
  constexpr std::size_t kShown = 48;
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string quoted = "'";
  for (const char c : text.substr(0, kShown)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      quoted += c;
    } else {
      quoted += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  quoted += text.size() > kShown ? "…'" : "'";
  return quoted;
}

bool RowParser::split(std::string_view line, Fields& fields) {
  fields.count = 0;
  for (;;) {
    if (fields.count == kMaxFields) return false;
    const std::size_t comma = line.find(',');
    fields.text[fields.count++] = trim(line.substr(0, comma));
    if (comma == std::string_view::npos) return true;
    line.remove_prefix(comma + 1);
  }
}

std::string_view RowParser::field(const Fields& fields, Column column) const {
  return position_[column] == kAbsent ? std::string_view{} : fields.text[position_[column]];
}

std::optional<std::string> RowParser::parse_header(std::string_view line) {
  header_ = line;
  const std::string remedy =
      "; the first line must name the columns, for example " + std::string(kTraceHeader);
  if (line.starts_with("\xef\xbb\xbf")) line.remove_prefix(3);
  Fields fields;
  if (!split(line, fields)) return "the header has more than 64 columns" + remedy;
  field_count_ = fields.count;
  position_.fill(kAbsent);
  for (std::size_t i = 0; i < fields.count; ++i) {
    for (std::size_t column = 0; column < kColumnCount; ++column) {
      if (!same_name(fields.text[i], kNames[column])) continue;
      if (position_[column] != kAbsent) {
        return "the header names the column " + std::string(kNames[column]) + " twice" + remedy;
      }
      position_[column] = i;
    }
  }
  for (const Column required : {kAction, kPointer, kSize}) {
    if (position_[required] == kAbsent) {
      return "the header " + quote_for_message(line) + " has no column " +
             std::string(kNames[required]) + remedy;
    }
  }
  return std::nullopt;
}

std::optional<std::string> RowParser::parse_row(std::string_view line, TraceEvent& event) const {
  Fields fields;
  if (!split(line, fields) || fields.count != field_count_) {
    return "the row " + quote_for_message(line) + " has " +
           (fields.count == kMaxFields ? "too many" : std::to_string(fields.count)) +
           " columns, but the header has " + std::to_string(field_count_) +
           "; correct or remove the row";
  }
  event = {};
  if (!parse_action(field(fields, kAction), event.action)) {
    return bad_field("Action", field(fields, kAction), "allocate, free or allocate failure");
  }
  if (!parse_pointer(field(fields, kPointer), event.pointer)) {
    return bad_field("Pointer", field(fields, kPointer), "up to 16 hexadecimal digits or (nil)");
  }
  if (!parse_number(field(fields, kSize), 10, event.size)) {
    return bad_field("Size", field(fields, kSize), "bytes as a decimal number below 2^64");
  }
  std::uint64_t thread = 0;
  if (position_[kThread] != kAbsent && !parse_number(field(fields, kThread), 10, thread)) {
    return bad_field("Thread", field(fields, kThread), "a decimal number below 2^64");
  }
  event.thread = static_cast<std::uint32_t>(thread ^ (thread >> 32));
  if (position_[kTime] != kAbsent && !parse_time(field(fields, kTime), event.time_us)) {
    return bad_field("Time", field(fields, kTime), "HH:MM:SS.microseconds");
  }
  if (!parse_stream(field(fields, kStream), event.stream)) {
    return bad_field("Stream", field(fields, kStream), "a number, 0x… or (nil)");
  }
  return std::nullopt;
}

}  // namespace vc
