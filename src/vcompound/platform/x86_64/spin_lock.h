// SpinLock: mutual exclusion between CPUs. The holder is not preempted; interrupts stay as they
// are.
//
// Because interrupts stay on, a CPU that waits for the lock still answers shootdowns, so a holder
// may wait for all CPUs. The price: a handler on the holder's CPU may find the lock taken for ever.
// Handlers therefore only try_lock(); data that a handler must have is behind a lock that is taken
// with interrupts off.
#pragma once

#include <cstdint>

#include "vcompound/base/atomic.h"
#include "vcompound/platform/x86_64/cpu.h"
#include "vcompound/platform/x86_64/cpu_local.h"

namespace vc::x86 {

/// See the head of this file. Not recursive.
class SpinLock {
 public:
  constexpr SpinLock() = default;
  SpinLock(const SpinLock&) = delete;
  SpinLock& operator=(const SpinLock&) = delete;

  void lock() {
    forbid_preemption();
    while (taken_.exchange(1) != 0) [[unlikely]] {
        while (taken_.load_relaxed() != 0) pause();
      }
  }
  bool try_lock() {
    forbid_preemption();
    if (taken_.exchange(1) == 0) return true;
    allow_preemption();
    return false;
  }
  void unlock() {
    taken_.store_release(0);
    allow_preemption();
  }
  bool is_locked() const { return taken_.load_relaxed() != 0; }

 private:
  Atomic<std::uint32_t> taken_;
};

}  // namespace vc::x86
