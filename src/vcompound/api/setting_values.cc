// Reading and writing the values of a configuration text; the grammar is in setting_values.h.
#include "vcompound/api/setting_values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <vector>

namespace vc::setting {
namespace {

__extension__ using Wide = unsigned __int128;

constexpr std::uint64_t kMaxValue = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint32_t kMaxNumber = std::numeric_limits<std::uint32_t>::max();
constexpr std::array<const char*, 7> kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
constexpr const char* kSize = "a size such as 4096, 64KiB or 3.5GiB";
constexpr const char* kTrigger = "off, always, a percentage such as 5%, every=N or nth=N";
/// With so many digits after the point every probability in 1 / 2^32 has a percentage of its own.
constexpr std::size_t kPercentDigits = 9;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string_view take_digits(std::string_view& text) {
  const auto end = std::find_if_not(text.begin(), text.end(), is_digit);
  const std::string_view digits = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  text.remove_prefix(digits.size());
  return digits;
}

/// A decimal number as digits * 10^-scale; `rest` is what follows it.
struct Decimal {
  Wide digits = 0;
  std::uint32_t scale = 0;
  std::string_view rest;
};

/// At most 20 digits before the point and 19 after it, so that nothing overflows.
std::optional<Decimal> read_decimal(std::string_view text) {
  const std::string_view whole = take_digits(text);
  std::string_view fraction;
  if (!text.empty() && text.front() == '.') {
    text.remove_prefix(1);
    fraction = take_digits(text);
    if (fraction.empty()) return std::nullopt;
  }
  if (whole.empty() || whole.size() > 20) return std::nullopt;
  fraction = fraction.substr(0, 17);
  Decimal number{.scale = static_cast<std::uint32_t>(fraction.size()), .rest = text};
  for (const char c : whole) number.digits = number.digits * 10 + static_cast<unsigned>(c - '0');
  for (const char c : fraction) number.digits = number.digits * 10 + static_cast<unsigned>(c - '0');
  return number;
}

Wide power_of_ten(std::uint32_t exponent) {
  Wide power = 1;
  while (exponent-- != 0) power *= 10;
  return power;
}

/// The shift of a unit: 0, 10, ... 60.
std::optional<std::uint32_t> read_unit(std::string_view unit) {
  std::string word;
  for (const char c : unit) word += lower(c);
  if (word.empty() || word == "b") return 0;
  const std::size_t at = std::string_view("kmgtpe").find(word[0]);
  const std::string_view tail = std::string_view(word).substr(1);
  if (at == std::string_view::npos || (!tail.empty() && tail != "ib")) return std::nullopt;
  return static_cast<std::uint32_t>(at + 1) * 10;
}

/// floor(percent / 100 * 2^32) of a decimal number of percent below 100.
std::uint32_t probability_of(const Decimal& percent) {
  const Wide whole = power_of_ten(percent.scale + 2);
  Wide rest = percent.digits;
  std::uint32_t probability = 0;
  for (int bit = 0; bit < 32; ++bit) {
    rest *= 2;
    probability = probability << 1 | (rest >= whole ? 1U : 0U);
    if (rest >= whole) rest -= whole;
  }
  return probability;
}

std::optional<Trigger> read_percent(std::string_view text) {
  const std::optional<Decimal> percent = read_decimal(text);
  if (!percent || percent->rest != "%") return std::nullopt;
  const Wide hundred = power_of_ten(percent->scale + 2);
  if (percent->digits > hundred) return std::nullopt;
  if (percent->digits == hundred) return Trigger::always();
  const std::uint32_t probability = probability_of(*percent);
  if (probability == 0) {
    return percent->digits == 0 ? std::optional(Trigger::off()) : std::nullopt;
  }
  return Trigger{Trigger::Mode::probability, probability};
}

/// The shortest percentage that reads as this probability.
std::string write_percent(std::uint32_t probability) {
  for (std::uint32_t digits = 0;; ++digits) {
    const Wide scaled = Wide{probability} * power_of_ten(digits + 2);
    const Wide percent = (scaled + (Wide{1} << 32) - 1) >> 32;
    const Decimal candidate{.digits = percent, .scale = digits, .rest = {}};
    const bool exact =
        percent < power_of_ten(digits + 2) && probability_of(candidate) == probability;
    if (!exact && digits < kPercentDigits) continue;
    std::string text = std::to_string(static_cast<std::uint64_t>(percent / power_of_ten(digits)));
    if (digits != 0) {
      const auto rest = static_cast<std::uint64_t>(percent % power_of_ten(digits));
      const std::string fraction = std::to_string(rest);
      text += '.';
      text.append(digits - fraction.size(), '0').append(fraction);
    }
    text += '%';
    return text;
  }
}

}  // namespace

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::string quote(std::string_view text) {
  constexpr std::size_t kLongest = 60;
  std::string out = "\"";
  for (const char c : text.substr(0, kLongest)) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte < 0x20 || byte >= 0x7f || c == '"' ? '?' : c;
  }
  return out + (text.size() > kLongest ? "\"..." : "\"");
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before_last.swap(last);
    last.swap(row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replaced, last[j] + 1, row[j - 1] + 1});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
  }
  return row[b.size()];
}

std::string_view nearest(std::string_view wrong, std::span<const std::string_view> words) {
  constexpr std::size_t kLongest = 40;
  if (wrong.size() > kLongest) return {};
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(2, wrong.size() / 3) + 1;
  for (const std::string_view word : words) {
    const std::size_t distance = edit_distance(wrong, word);
    if (distance >= best_distance) continue;
    best = word;
    best_distance = distance;
  }
  return best;
}

Read<Bytes> read_size(std::string_view text) {
  const std::optional<Decimal> number = read_decimal(text);
  if (!number) return Expected{kSize};
  const std::optional<std::uint32_t> shift = read_unit(trim(number->rest));
  if (!shift)
    return Expected{std::string(kSize) + " (units are powers of 1024: KiB, MiB, GiB ...)"};
  const Wide limit = Wide{kMaxValue} * power_of_ten(number->scale);
  if (number->digits > limit >> *shift) return Expected{"a size below 16EiB"};
  const Wide size = (number->digits << *shift) / power_of_ten(number->scale);
  return Bytes(static_cast<std::uint64_t>(size));
}

Read<std::uint64_t> read_count(std::string_view text, std::uint64_t low, std::uint64_t high) {
  std::uint64_t count = 0;
  const char* end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, count);
  if (!text.empty() && code == std::errc{} && stop == end && count >= low && count <= high) {
    return count;
  }
  const std::string from = "a whole number from " + std::to_string(low);
  return Expected{high == kMaxValue ? from + " up" : from + " to " + std::to_string(high)};
}

Read<Trigger> read_trigger(std::string_view text) {
  if (text == "off" || text == "no") return Trigger::off();
  if (text == "always" || text == "yes") return Trigger::always();
  if (const std::optional<Trigger> percent = read_percent(text)) return *percent;
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) return Expected{kTrigger};
  const std::string_view name = trim(text.substr(0, equals));
  Read<std::uint64_t> number = read_count(trim(text.substr(equals + 1)), 1, kMaxNumber);
  if (!number || (name != "every" && name != "nth")) return Expected{kTrigger};
  const auto n = static_cast<std::uint32_t>(*number);
  return name == "every" ? Trigger::every(n) : Trigger::nth(n);
}

std::string write_size(Bytes size) {
  std::size_t unit = 0;
  std::uint64_t value = size.value;
  while (value != 0 && value % 1024 == 0) {
    value /= 1024;
    ++unit;
  }
  return std::to_string(value) + kUnits[unit];
}

std::string write_trigger(Trigger trigger) {
  switch (trigger.mode) {
    case Trigger::Mode::off: return "off";
    case Trigger::Mode::always: return "always";
    case Trigger::Mode::probability: return write_percent(trigger.parameter);
    case Trigger::Mode::every_nth: return "every=" + std::to_string(trigger.parameter);
    case Trigger::Mode::nth: return "nth=" + std::to_string(trigger.parameter);
  }
  return "off";
}

}  // namespace vc::setting
