// sizes.cc — reading and printing of sizes, ratios and counts; the grammar is in sizes.h.
#include "tools/vcompound/common/sizes.h"

#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>

namespace vc::tool {
namespace {

__extension__ using Wide = unsigned __int128;

constexpr std::string_view kSizeExamples = "write a size such as 4096, 32KiB, 1.5M or 3.5GiB";
constexpr std::string_view kRatioExamples = "write a ratio such as 0.968 or 96.8%";
constexpr std::array<const char*, 7> kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
constexpr std::uint64_t kMaxBytes = std::numeric_limits<std::uint64_t>::max();

bool is_digit(char c) { return c >= '0' && c <= '9'; }

char lower(char c) { return (c >= 'A' && c <= 'Z') ? static_cast<char>(c - 'A' + 'a') : c; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) out += c;
  }
  return out + "\"";
}

template <typename T>
Parsed<T> refuse(std::string_view text, std::string_view why, std::string_view remedy) {
  std::string error = text.empty() ? "the text is empty" : quoted(text) + " " + std::string(why);
  error += "; ";
  error += remedy;
  return {std::nullopt, std::move(error)};
}

/// The digits of a decimal number, cut from the front of a text.
struct Decimal {
  std::string_view whole;
  std::string_view fraction;
  std::string_view rest;  ///< what follows the number
  bool well_formed = false;
};

std::string_view take_digits(std::string_view& text) {
  std::size_t n = 0;
  while (n < text.size() && is_digit(text[n])) ++n;
  const std::string_view digits = text.substr(0, n);
  text.remove_prefix(n);
  return digits;
}

Decimal take_decimal(std::string_view text) {
  Decimal number;
  number.whole = take_digits(text);
  number.well_formed = !number.whole.empty();
  if (!text.empty() && text.front() == '.') {
    text.remove_prefix(1);
    number.fraction = take_digits(text);
    number.well_formed = number.well_formed && !number.fraction.empty();
  }
  number.rest = text;
  return number;
}

/// The power of 1024 of a unit, or -1 for text that is no unit, or -2 for an ambiguous SI unit.
int unit_power(std::string_view unit) {
  std::string low;
  for (const char c : unit) low += lower(c);
  if (low.empty() || low == "b") return 0;
  const std::size_t at = std::string_view("kmgtpe").find(low[0]);
  if (at == std::string_view::npos) return -1;
  const std::string_view tail = std::string_view(low).substr(1);
  if (tail.empty() || tail == "ib") return static_cast<int>(at) + 1;
  return tail == "b" ? -2 : -1;
}

/// whole.fraction × scale, or nothing above 2^64 - 1.
std::optional<std::uint64_t> scale_decimal(const Decimal& number, std::uint64_t scale) {
  Wide whole = 0;
  for (const char c : number.whole) {
    whole = whole * 10 + static_cast<unsigned>(c - '0');
    if (whole > kMaxBytes) return std::nullopt;
  }
  Wide part = 0;
  Wide divisor = 1;
  for (const char c : number.fraction.substr(0, 18)) {
    part = part * 10 + static_cast<unsigned>(c - '0');
    divisor *= 10;
  }
  const Wide bytes = whole * scale + part * scale / divisor;
  if (bytes > kMaxBytes) return std::nullopt;
  return static_cast<std::uint64_t>(bytes);
}

std::string why_not_a_number(std::string_view text) {
  if (text.front() == '-') return "is negative";
  if (text.front() == '+') return "starts with a sign";
  return "does not start with a number";
}

std::string printed(int decimals, double value) {
  std::array<char, 64> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%.*f", decimals, value);
  return buffer.data();
}

/// `value` with at most two decimals and no zeros at the end.
std::string short_decimal(double value) {
  std::string text = printed(2, value);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

}  // namespace

Parsed<std::uint64_t> parse_bytes(std::string_view text) {
  using Out = std::uint64_t;
  text = trim(text);
  if (text.empty()) return refuse<Out>(text, "", kSizeExamples);
  const Decimal number = take_decimal(text);
  if (number.whole.empty()) return refuse<Out>(text, why_not_a_number(text), kSizeExamples);
  if (!number.well_formed) return refuse<Out>(text, "has no digit after the point", kSizeExamples);
  const std::string_view unit = trim(number.rest);
  const int power = unit_power(unit);
  if (power == -2) {
    std::string fix(1, static_cast<char>(std::toupper(unit.front())));
    return refuse<Out>(text, "has a unit that may mean 1000 or 1024",
                       "write " + fix + "iB for powers of 1024");
  }
  if (power < 0) {
    return refuse<Out>(text, "has " + quoted(unit) + " where a unit was expected", kSizeExamples);
  }
  const auto bytes = scale_decimal(number, std::uint64_t{1} << (10 * power));
  if (!bytes) return refuse<Out>(text, "is above 16 EiB, the largest size", kSizeExamples);
  return {bytes, ""};
}

Parsed<std::vector<std::uint64_t>> parse_bytes_list(std::string_view text) {
  using Out = std::vector<std::uint64_t>;
  if (trim(text).empty()) return refuse<Out>("", "", "write sizes such as 1MiB,2MiB,8MiB");
  Out sizes;
  for (;;) {
    const std::size_t comma = text.find(',');
    const Parsed<std::uint64_t> one = parse_bytes(text.substr(0, comma));
    if (!one.value) {
      return {std::nullopt, "item " + std::to_string(sizes.size() + 1) + ": " + one.error};
    }
    sizes.push_back(*one.value);
    if (comma == std::string_view::npos) return {std::move(sizes), ""};
    text.remove_prefix(comma + 1);
  }
}

Parsed<double> parse_ratio(std::string_view text) {
  text = trim(text);
  if (text.empty()) return refuse<double>(text, "", kRatioExamples);
  const Decimal number = take_decimal(text);
  if (number.whole.empty()) return refuse<double>(text, why_not_a_number(text), kRatioExamples);
  if (!number.well_formed) {
    return refuse<double>(text, "has no digit after the point", kRatioExamples);
  }
  const std::string_view unit = trim(number.rest);
  if (!unit.empty() && unit != "%") {
    return refuse<double>(text, "has " + quoted(unit) + " after the number", kRatioExamples);
  }
  const std::string_view digits = text.substr(0, text.size() - number.rest.size());
  double value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{}) return refuse<double>(text, "is not a usable number", kRatioExamples);
  if (unit == "%") value /= 100;
  if (value > 1) {
    const std::string hint = unit.empty() && value <= 100 ? std::string(digits) + "% is accepted"
                                                          : std::string(kRatioExamples);
    return refuse<double>(text, "is above 1 (100%)", hint);
  }
  return {value, ""};
}

Parsed<std::uint64_t> parse_count(std::string_view text) {
  using Out = std::uint64_t;
  constexpr std::string_view kExamples = "write a whole number such as 42";
  text = trim(text);
  if (text.empty()) return refuse<Out>(text, "", kExamples);
  const Decimal number = take_decimal(text);
  if (number.whole.empty()) return refuse<Out>(text, why_not_a_number(text), kExamples);
  if (number.whole.size() != text.size()) return refuse<Out>(text, "is not whole", kExamples);
  const auto count = scale_decimal(number, 1);
  if (!count) return refuse<Out>(text, "is above 2^64 - 1", kExamples);
  return {count, ""};
}

std::string format_bytes(std::uint64_t bytes) {
  std::size_t unit = 0;
  auto value = static_cast<double>(bytes);
  while (unit + 1 < kUnits.size() && value >= 1023.995) {
    value /= 1024;
    ++unit;
  }
  return (unit == 0 ? std::to_string(bytes) : short_decimal(value)) + " " + kUnits.at(unit);
}

std::string format_bytes_exact(std::uint64_t bytes) {
  std::size_t unit = 0;
  while (unit + 1 < kUnits.size() && bytes != 0 && bytes % 1024 == 0) {
    bytes /= 1024;
    ++unit;
  }
  return std::to_string(bytes) + (unit == 0 ? "" : kUnits.at(unit));
}

std::string format_count(std::uint64_t count) {
  std::string text = std::to_string(count);
  for (std::size_t at = text.size(); at > 3;) {
    at -= 3;
    text.insert(at, ",");
  }
  return text;
}

std::string format_percent(double ratio, int decimals) {
  return std::isnan(ratio) ? "-" : printed(decimals, ratio * 100) + " %";
}

std::string format_seconds(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) return "-";
  if (seconds >= 59.95) {
    const auto whole = static_cast<std::uint64_t>(seconds + 0.5);
    std::string rest = std::to_string(whole % 60);
    if (rest.size() < 2) rest.insert(0, "0");
    return std::to_string(whole / 60) + " min " + rest + " s";
  }
  if (seconds >= 0.99995) return printed(1, seconds) + " s";
  if (seconds >= 0.99995e-3) return printed(1, seconds * 1e3) + " ms";
  if (seconds >= 0.9995e-6) return printed(1, seconds * 1e6) + " us";
  return printed(0, seconds * 1e9) + " ns";
}

}  // namespace vc::tool
