// A clock for single calls: the processor's counter where it has one, else CLOCK_MONOTONIC.
#pragma once

#include <algorithm>
#include <cstdint>

#include "bench/compare/measure.h"

namespace vc::compare {

/// Times single calls. Its own cost, the least that was seen, is taken off.
class CallClock {
 public:
  CallClock() {
    calibrate();
    std::uint64_t least = ~std::uint64_t{0};
    for (int i = 0; i < 10'000; ++i) {
      const std::uint64_t start = now();
      least = std::min(least, now() - start);
    }
    own_cost_ = least;
  }

  /// Ticks of this moment: what comes before in the program is done, what comes after has not
  /// begun.
  static std::uint64_t now() {
#if defined(__x86_64__)
    unsigned int processor = 0;
    const std::uint64_t ticks = __builtin_ia32_rdtscp(&processor);
    __builtin_ia32_lfence();
    return ticks;
#else
    return nanoseconds(CLOCK_MONOTONIC);
#endif
  }

  /// The nanoseconds of a call that began and ended at these moments.
  double between(std::uint64_t start, std::uint64_t end) const {
    const std::uint64_t ticks = end - start;
    return ticks <= own_cost_ ? 0 : static_cast<double>(ticks - own_cost_) * ns_per_tick_;
  }

 private:
  void calibrate() {
    constexpr std::uint64_t kLongEnough = 20'000'000;
    const std::uint64_t first_ns = nanoseconds(CLOCK_MONOTONIC);
    const std::uint64_t first = now();
    std::uint64_t last_ns = first_ns;
    while (last_ns - first_ns < kLongEnough) last_ns = nanoseconds(CLOCK_MONOTONIC);
    ns_per_tick_ = static_cast<double>(last_ns - first_ns) / static_cast<double>(now() - first);
  }

  std::uint64_t own_cost_ = 0;
  double ns_per_tick_ = 1;
};

}  // namespace vc::compare
