// A barrier for a fixed number of callers, on nothing but an atomic: it works in every home.
//
// Callers count down; the last one does what is to be done before anybody goes on, and starts the
// next round. The others wait for the number of the round to change, and let others run meanwhile.
#pragma once

#include <cstdint>

#include "vcompound/base/atomic.h"

namespace vc::testing {

/// See the head of this file. May be used again and again.
template <class Home>
class Barrier {
 public:
  explicit Barrier(std::uint32_t callers) : callers_(callers), missing_(callers) {}
  Barrier(const Barrier&) = delete;
  Barrier& operator=(const Barrier&) = delete;

  /// Returns when everybody has come.
  void arrive_and_wait() {
    arrive_and_wait([] {});
  }
  /// The same; the last one who comes calls `before_all_go_on` first.
  template <class Function>
  void arrive_and_wait(Function&& before_all_go_on) {
    const std::uint32_t round = round_.load_acquire();
    if (missing_.fetch_sub(1) == 1) {
      before_all_go_on();
      missing_.store_relaxed(callers_);
      round_.store_release(round + 1);
      return;
    }
    while (round_.load_acquire() == round) Home::yield();
  }

 private:
  std::uint32_t callers_;
  Atomic<std::uint32_t> missing_;
  Atomic<std::uint32_t> round_;
};

}  // namespace vc::testing
