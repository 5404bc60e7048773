// samples.h — times and counts of which the median and the 99th percentile are wanted.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

namespace vc::tool {

/// Collects numbers below 2^32. Not thread-safe.
class Samples {
 public:
  void add(std::uint64_t value) {
    values_.push_back(static_cast<std::uint32_t>(std::min<std::uint64_t>(value, UINT32_MAX)));
  }
  std::size_t size() const { return values_.size(); }
  /// The smallest value that at least `share` (0 to 1) of the values do not exceed; 0 without any.
  std::uint32_t quantile(double share) const {
    if (values_.empty()) return 0;
    std::vector<std::uint32_t> values = values_;
    const auto count = static_cast<double>(values.size());
    const auto rank = static_cast<std::size_t>(std::max(0.0, share * count - 1e-9));
    const auto at = values.begin() + static_cast<std::ptrdiff_t>(std::min(rank, values.size() - 1));
    std::nth_element(values.begin(), at, values.end());
    return *at;
  }
  std::uint32_t median() const { return quantile(0.5); }
  std::uint64_t sum() const {
    std::uint64_t total = 0;
    for (const std::uint32_t value : values_) total += value;
    return total;
  }

 private:
  std::vector<std::uint32_t> values_;
};

/// Measures one call in nanoseconds.
class Stopwatch {
 public:
  /// Nanoseconds since construction.
  std::uint64_t nanoseconds() const {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start_).count());
  }
  double seconds() const { return static_cast<double>(nanoseconds()) * 1e-9; }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

}  // namespace vc::tool
