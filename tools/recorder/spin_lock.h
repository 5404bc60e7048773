// A lock of four zero bytes: it works in zeroed memory and is free again in a forked child.
#pragma once

#include <sched.h>

#include <atomic>
#include <cstdint>

namespace vc::recorder {

/// Held for tens of instructions, except around the system calls of mapping changes. Zeroed memory
/// is an unlocked lock.
class SpinLock {
 public:
  void lock() {
    for (int spins = 0; taken_.exchange(1, std::memory_order_acquire) != 0; ++spins) {
      if (spins >= kSpinsBeforeYield) ::sched_yield();
    }
  }
  void unlock() { taken_.store(0, std::memory_order_release); }

 private:
  static constexpr int kSpinsBeforeYield = 64;
  std::atomic<std::uint32_t> taken_;
};

/// Holds a SpinLock for a scope.
class SpinGuard {
 public:
  explicit SpinGuard(SpinLock& lock) : lock_(lock) { lock_.lock(); }
  SpinGuard(const SpinGuard&) = delete;
  SpinGuard& operator=(const SpinGuard&) = delete;
  ~SpinGuard() { lock_.unlock(); }

 private:
  SpinLock& lock_;
};

}  // namespace vc::recorder
