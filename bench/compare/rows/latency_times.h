// The times of single calls: of one run of a program, and the least of several runs.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "bench/compare/measure.h"

namespace vc::compare {

enum class Timed : std::uint8_t {
  allocate,  ///< the call
  usable,    ///< and until each page was written once
  free
};
inline constexpr std::size_t kTimedKinds = 3;

/// In the place of a call's time: it was refused, or there was nothing to free.
inline constexpr double kNotTimed = -1;

/// What one run took for a list of calls. Plain data: it is written by another process.
struct ListTimes {
  static constexpr std::size_t kMost = 4000;  ///< allocations, and frees

  double ns[kTimedKinds][kMost];
  bool contiguous[kMost];
  bool tells_contiguous = false;
  std::uint64_t refused = 0;
  std::uint64_t calls = 0;
  std::optional<std::uint64_t> held;  ///< bytes
  Events events;                      ///< of the bare calls

  double* of(Timed kind) { return ns[static_cast<std::size_t>(kind)]; }
};

/// The least times of each call of a list, over all runs of it.
class LeastTimes {
 public:
  explicit LeastTimes(std::size_t allocations)
      : kinds_(kTimedKinds, Kind{std::vector<double>(allocations, kForever)}),
        contiguous_(allocations, true) {}

  /// One run more.
  void add(const ListTimes& run) {
    for (std::size_t kind = 0; kind < kTimedKinds; ++kind) add(run.ns[kind], kinds_[kind]);
    for (std::size_t i = 0; i < contiguous_.size(); ++i) {
      contiguous_[i] = contiguous_[i] && run.contiguous[i];
    }
    refused_ += run.refused;
    ++runs_;
    tells_contiguous_ = run.tells_contiguous;
    last_calls_ = static_cast<double>(run.calls);
    last_events_ = run.events;
    last_held_ = run.held;
  }

  /// Those of the calls that were timed in each run, in increasing order.
  std::vector<double> sorted(Timed kind) const {
    return sorted(kind, [](std::size_t) { return true; });
  }
  /// Of these, allocations that were contiguous in each run.
  std::vector<double> sorted_contiguous() const {
    return sorted(Timed::allocate, [&](std::size_t i) { return contiguous_[i]; });
  }
  /// The greatest time of all.
  double worst_raw(Timed kind) const { return of(kind).worst_raw; }
  /// The least of the greatest times of each run.
  double worst_run(Timed kind) const { return of(kind).least_worst; }

  /// Only an arena of ours does.
  bool tells_contiguous() const { return tells_contiguous_; }
  double contiguous_percent() const {
    const auto count = std::count(contiguous_.begin(), contiguous_.end(), true);
    return 100 * static_cast<double>(count) / static_cast<double>(contiguous_.size());
  }
  /// Of all allocations, usable or bare.
  double refused_percent() const {
    const double all = 2 * static_cast<double>(contiguous_.size()) * runs_;
    return 100 * static_cast<double>(refused_) / all;
  }

  /// @name Of the last run
  /// @{
  std::optional<std::uint64_t> held() const { return last_held_; }
  const Events& events() const { return last_events_; }
  double calls() const { return last_calls_; }
  /// @}

 private:
  static constexpr double kForever = std::numeric_limits<double>::infinity();

  struct Kind {
    std::vector<double> least;
    double worst_raw = 0;
    double least_worst = kForever;
  };

  static void add(const double* ns, Kind& kind) {
    double worst = 0;
    for (std::size_t i = 0; i < kind.least.size(); ++i) {
      kind.least[i] = std::min(kind.least[i], ns[i]);
      worst = std::max(worst, ns[i]);
    }
    kind.worst_raw = std::max(kind.worst_raw, worst);
    kind.least_worst = std::min(kind.least_worst, worst);
  }

  const Kind& of(Timed kind) const { return kinds_[static_cast<std::size_t>(kind)]; }

  template <class Wanted>
  std::vector<double> sorted(Timed kind, Wanted&& wanted) const {
    std::vector<double> timed;
    const std::vector<double>& least = of(kind).least;
    for (std::size_t i = 0; i < least.size(); ++i) {
      if (least[i] != kNotTimed && wanted(i)) timed.push_back(least[i]);
    }
    std::sort(timed.begin(), timed.end());
    return timed;
  }

  std::vector<Kind> kinds_;
  std::vector<bool> contiguous_;
  std::uint64_t refused_ = 0;
  int runs_ = 0;
  bool tells_contiguous_ = false;
  double last_calls_ = 0;
  Events last_events_;
  std::optional<std::uint64_t> last_held_;
};

}  // namespace vc::compare
