// The lock of the Linux home: a mutex that waits busily for a moment before it sleeps.
//
// What the core does under a lock takes some tens or hundreds of nanoseconds. To sleep and be woken
// costs a hundred times as much, and the caller's place on its processor. So a caller who finds the
// lock taken looks a few times more, for some microseconds at most, and only then asks the kernel.
// (The C library's own adaptive mutex gives up sooner: with one thread that frees what another
// allocates it still slept thousands of times where this one sleeps a few dozen times.)
#pragma once

#include <mutex>

namespace vc::os {

/// Satisfies Lockable.
class Mutex {
 public:
  void lock() {
    for (int look = 0; look < kLooks; ++look) {
      if (mutex_.try_lock()) [[likely]]
        return;
      for (int pause = 0; pause < kPauses; ++pause) rest();
    }
    mutex_.lock();
  }
  bool try_lock() { return mutex_.try_lock(); }
  void unlock() { mutex_.unlock(); }

 private:
  static constexpr int kLooks = 32;
  static constexpr int kPauses = 8;

  /// Tells the processor that this is a loop that waits.
  static void rest() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }

  std::mutex mutex_;
};

}  // namespace vc::os
