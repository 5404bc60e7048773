// The lock of the Linux home: one word, taken and given back in the caller's code; who must wait
// waits busily for a moment before it sleeps.
//
//            lock()                        lock() of another, after its looks
//      free ------> held ------------------------------------> awaited
//       ^            |  unlock()                                  |
//       +------------+--------------------------------------------+  unlock(): wakes one
//
// What the core does under a lock takes some tens or hundreds of nanoseconds. To sleep and be woken
// costs a hundred times as much, and the caller's place on its processor. So a caller who finds the
// lock taken looks a few times more, for some microseconds at most, and only then asks the kernel.
// (The C library's own adaptive mutex gives up sooner: with one thread that frees what another
// allocates it still slept thousands of times where this one sleeps a few dozen times.)
//
// Why not std::mutex: taking and giving back is two calls into the C library, of some thirty
// instructions each, whose code and whose entries in the table of addresses nobody else had used
// for a while. Contiguous allocations in fragmented memory take 7 to 8 % less without them (row
// latency of make compare, 16 runs in turn).
//
// The three states are those of U. Drepper, "Futexes are tricky", 2011, mutex 2.
#pragma once

#include <atomic>
#include <cstdint>

namespace vc::os {

/// Satisfies Lockable.
class Mutex {
 public:
  void lock() {
    if (!try_lock()) [[unlikely]]
      wait_and_lock();
  }
  bool try_lock() {
    State seen = State::free;
    return state_.compare_exchange_strong(seen, State::held, std::memory_order_acquire,
                                          std::memory_order_relaxed);
  }
  void unlock() {
    if (state_.exchange(State::free, std::memory_order_release) == State::awaited) [[unlikely]]
      state_.notify_one();
  }

 private:
  enum class State : std::uint32_t {
    free,
    held,
    awaited  ///< held, and somebody may sleep
  };
  static constexpr int kLooks = 32;
  static constexpr int kPauses = 8;

  [[gnu::cold, gnu::noinline]] void wait_and_lock() {
    for (int look = 0; look < kLooks; ++look) {
      for (int pause = 0; pause < kPauses; ++pause) rest();
      if (state_.load(std::memory_order_relaxed) == State::free && try_lock()) return;
    }
    // Others may sleep as well, so whoever slept leaves the lock awaited.
    while (state_.exchange(State::awaited, std::memory_order_acquire) != State::free) {
      state_.wait(State::awaited, std::memory_order_relaxed);
    }
  }

  /// Tells the processor that this is a loop that waits.
  static void rest() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }

  std::atomic<State> state_{State::free};
};

}  // namespace vc::os
