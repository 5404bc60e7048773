// axis.h — where values stand on an axis, and which of them get a tick.
#pragma once

#include <string>
#include <vector>

#include "tools/vcompound/report/report.h"

namespace vc::tool {

/// A labelled place on an axis.
struct Tick {
  double value;
  std::string label;
};

/// An axis with its ends fixed. lo < hi always.
struct AxisFrame {
  double lo = 0;
  double hi = 1;
  AxisScale scale = AxisScale::kLinear;
  std::vector<Tick> ticks;  ///< ascending, within [lo, hi]

  /// Where `value` stands: 0 at lo, 1 at hi, kept within.
  [[nodiscard]] double place(double value) const;
  /// Whether the axis can show the value at all: finite, and positive on a logarithmic axis.
  [[nodiscard]] bool shows(double value) const;
};

/// The smallest and largest of some values.
struct ValueRange {
  bool any = false;
  double least = 0;
  double most = 0;

  /// Takes one more value in; what is not finite is ignored.
  void add(double value);
};

/// Fixes the ends of an axis for the data and chooses at most about `wanted` ticks at round
/// values. A linear axis that the data leave above 0 starts at 0.
AxisFrame make_axis(const Axis& axis, const ValueRange& data, std::size_t wanted);

/// A value in the axis' unit ("32 KiB", "50 %", "1,000", "0.5 s").
std::string axis_value(AxisUnit unit, double value);

}  // namespace vc::tool
