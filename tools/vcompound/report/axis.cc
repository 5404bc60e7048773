// axis.cc — round ticks on linear and logarithmic axes.
#include "tools/vcompound/report/axis.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "tools/vcompound/common/sizes.h"

namespace vc::tool {
namespace {

/// Figures beyond this are drawn at it: differences of doubles stay finite.
constexpr double kFar = 1e18;

double near_enough(double value) { return std::clamp(value, -kFar, kFar); }

std::string short_number(double value) {
  if (value == std::floor(value) && std::abs(value) < 1e15) {
    const auto whole = static_cast<std::uint64_t>(std::abs(value));
    return (value < 0 ? "-" : "") + format_count(whole);
  }
  std::array<char, 64> buffer{};
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                          std::chars_format::general, 3);
  return {buffer.data(), error == std::errc{} ? end : buffer.data()};
}

/// A time in the largest unit that leaves at least 1 before it.
std::string short_time(double seconds) {
  const double size = std::abs(seconds);
  if (size == 0 || size >= 1) return short_number(seconds) + " s";
  if (size >= 1e-3) return short_number(std::round(seconds * 1e6) / 1e3) + " ms";
  if (size >= 1e-6) return short_number(std::round(seconds * 1e9) / 1e3) + " µs";
  return short_number(std::round(seconds * 1e12) / 1e3) + " ns";
}

/// A step of 1, 2 or 5 times a power of ten.
double decimal_step(double rough) {
  const double power = std::pow(10, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough * 0.999) return factor * power;
  }
  return 10 * power;
}

double linear_step(AxisUnit unit, double span, std::size_t wanted) {
  const double rough = span / static_cast<double>(std::max<std::size_t>(wanted, 1));
  if (unit == AxisUnit::kBytes) return std::exp2(std::max(0.0, std::ceil(std::log2(rough))));
  if (unit == AxisUnit::kCount) return std::max(decimal_step(rough), span >= 1 ? 1.0 : 0.0);
  return decimal_step(rough);
}

void set_linear(const Axis& axis, std::size_t wanted, AxisFrame& frame) {
  if (!axis.least && frame.lo > 0) frame.lo = 0;
  const bool percent = axis.unit == AxisUnit::kPercent && !axis.most && frame.hi <= 100;
  if (percent) frame.hi = 100;
  if (!(frame.hi > frame.lo)) frame.hi = frame.lo + std::max(1.0, std::abs(frame.lo) * 1e-6);
  const double step = linear_step(axis.unit, frame.hi - frame.lo, wanted);
  if (!axis.most) frame.hi = std::ceil(frame.hi / step - 1e-9) * step;
  const double first = std::ceil(frame.lo / step - 1e-9);
  const double last = std::floor(frame.hi / step + 1e-9);
  for (double i = first; i <= last && frame.ticks.size() < 64; ++i) {
    frame.ticks.push_back({i * step, axis_value(axis.unit, i * step)});
  }
}

void set_log2(const Axis& axis, std::size_t wanted, AxisFrame& frame) {
  const double lo = std::log2(std::max(frame.lo, 1e-12));
  const double hi = std::log2(std::max(frame.hi, 1e-12));
  const double first = axis.least ? lo : std::floor(lo);
  const double last = std::max(axis.most ? hi : std::ceil(hi), first + 1);
  frame.lo = std::exp2(first);
  frame.hi = std::exp2(last);
  const double room = static_cast<double>(std::max<std::size_t>(wanted, 1));
  const double step = std::max(1.0, std::ceil((last - first) / room));
  for (double i = std::ceil(first); i <= last; i += step) {
    frame.ticks.push_back({std::exp2(i), axis_value(axis.unit, std::exp2(i))});
  }
}

/// Ticks at powers of ten, from the one below the data to the one above.
void set_log10(const Axis& axis, std::size_t wanted, AxisFrame& frame) {
  const double lo = std::log10(std::max(frame.lo, 1e-12));
  const double hi = std::log10(std::max(frame.hi, 1e-12));
  const double first = axis.least ? lo : std::floor(lo);
  const double last = std::max(axis.most ? hi : std::ceil(hi), first + 1);
  frame.lo = std::pow(10, first);
  frame.hi = std::pow(10, last);
  const double room = static_cast<double>(std::max<std::size_t>(wanted, 1));
  const double step = std::max(1.0, std::ceil((last - first) / room));
  for (double i = std::ceil(first); i <= last; i += step) {
    frame.ticks.push_back({std::pow(10, i), axis_value(axis.unit, std::pow(10, i))});
  }
}

}  // namespace

void ValueRange::add(double value) {
  if (!std::isfinite(value)) return;
  value = near_enough(value);
  least = any ? std::min(least, value) : value;
  most = any ? std::max(most, value) : value;
  any = true;
}

bool AxisFrame::shows(double value) const {
  return std::isfinite(value) && (scale == AxisScale::kLinear || value > 0);
}

double AxisFrame::place(double value) const {
  if (!shows(value)) return 0;
  const bool log = scale != AxisScale::kLinear;
  // Differences of logarithms, because a quotient of absurd values overflows.
  const double at = log ? (std::log2(value) - std::log2(lo)) / (std::log2(hi) - std::log2(lo))
                        : (near_enough(value) - lo) / (hi - lo);
  return std::isfinite(at) ? std::clamp(at, 0.0, 1.0) : 0.0;
}

AxisFrame make_axis(const Axis& axis, const ValueRange& data, std::size_t wanted) {
  AxisFrame frame;
  frame.scale = axis.scale;
  frame.lo = near_enough(axis.least.value_or(data.any ? data.least : 0));
  frame.hi = near_enough(axis.most.value_or(data.any ? data.most : frame.lo + 1));
  if (axis.scale == AxisScale::kLog2) {
    set_log2(axis, wanted, frame);
  } else if (axis.scale == AxisScale::kLog10) {
    set_log10(axis, wanted, frame);
  } else {
    set_linear(axis, wanted, frame);
  }
  return frame;
}

std::string axis_value(AxisUnit unit, double value) {
  if (std::isnan(value)) return "not a number";
  switch (unit) {
    case AxisUnit::kBytes:
      return (value < 0 ? "-" : "") +
             format_bytes(static_cast<std::uint64_t>(std::min(std::abs(value), kFar)));
    case AxisUnit::kPercent: return short_number(value) + " %";
    case AxisUnit::kSeconds: return short_time(value);
    case AxisUnit::kMicroseconds: return short_time(value * 1e-6);
    default: return short_number(value);
  }
}

}  // namespace vc::tool
