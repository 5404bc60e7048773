// How figures are written in tables.
#include "bench/compare/report/format.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>

#include "tools/vcompound/common/sizes.h"

namespace vc::compare {

namespace {

std::string fixed(double value, int decimals, const char* unit) {
  char text[512];
  std::snprintf(text, sizeof(text), "%.*f", decimals, value);
  return std::string(text) + unit;
}

/// Three digits that count, whatever the size of the number.
std::string three_digits(double value, const char* unit) {
  const double size = std::abs(value);
  if (size >= 100 || value == 0) return fixed(value, 0, unit);
  return fixed(value, size >= 10 ? 1 : 2, unit);
}

std::string time_text(double ns) {
  const double size = std::abs(ns);
  if (size >= 999.5e6) return three_digits(ns / 1e9, " s");
  if (size >= 999.5e3) return three_digits(ns / 1e6, " ms");
  if (size >= 999.5) return three_digits(ns / 1e3, " µs");
  return three_digits(ns, " ns");
}

std::string count_text(double value) {
  const bool whole = value == std::floor(value) && value >= 0 && value < 1e15;
  if (whole) return tool::format_count(static_cast<std::uint64_t>(value));
  return std::abs(value) < 0.01 ? fixed(value, 5, "") : three_digits(value, "");
}

}  // namespace

std::string value_text(double value, const std::string& unit) {
  if (unit == "ns") return time_text(value);
  if (unit == "us") return time_text(value * 1e3);
  if (unit == "ms") return time_text(value * 1e6);
  if (unit == "percent") return fixed(value, 1, " %");
  if (unit == "bytes" && value >= 0) return tool::format_bytes(static_cast<std::uint64_t>(value));
  if (unit == "per_second" && value >= 1e6) return three_digits(value / 1e6, " M/s");
  if (unit == "per_second") return three_digits(value, " /s");
  if (unit == "ratio") return ratio_text(value);
  return count_text(value);
}

std::string ratio_text(double ratio) {
  if (!std::isfinite(ratio)) return "–";
  return fixed(ratio, std::abs(ratio) < 0.05 ? 4 : 2, "");
}

std::string metric_text(std::string metric) {
  std::replace(metric.begin(), metric.end(), '_', ' ');
  return metric;
}

std::string file_part(const std::string& text) {
  std::string name;
  for (const char c : text) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
    if (plain) {
      name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else if (!name.empty() && name.back() != '-') {
      name += '-';
    }
  }
  while (!name.empty() && name.back() == '-') name.pop_back();
  return name;
}

}  // namespace vc::compare
