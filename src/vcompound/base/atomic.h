// Atomics over the compiler's builtins. The standard header is not used because libstdc++'s
// <atomic> drags hosted headers into a freestanding build.
#pragma once

#include <cstdint>

namespace vc {

/// A value shared between CPUs. Each operation names its memory order.
template <class T>
class Atomic {
 public:
  constexpr Atomic() = default;
  explicit constexpr Atomic(T value) : value_(value) {}
  Atomic(const Atomic&) = delete;
  Atomic& operator=(const Atomic&) = delete;

  T load_relaxed() const { return __atomic_load_n(&value_, __ATOMIC_RELAXED); }
  T load_acquire() const { return __atomic_load_n(&value_, __ATOMIC_ACQUIRE); }
  /// A plain load, for who alone may write the value at present. The compiler may make it one
  /// instruction with what uses it, as it does not with an atomic one.
  T load_owned() const { return value_; }
  void store_relaxed(T v) { __atomic_store_n(&value_, v, __ATOMIC_RELAXED); }
  void store_release(T v) { __atomic_store_n(&value_, v, __ATOMIC_RELEASE); }
  T exchange(T v) { return __atomic_exchange_n(&value_, v, __ATOMIC_ACQ_REL); }
  T fetch_add(T v) { return __atomic_fetch_add(&value_, v, __ATOMIC_ACQ_REL); }
  T fetch_sub(T v) { return __atomic_fetch_sub(&value_, v, __ATOMIC_ACQ_REL); }
  T fetch_or(T v) { return __atomic_fetch_or(&value_, v, __ATOMIC_ACQ_REL); }
  T fetch_and(T v) { return __atomic_fetch_and(&value_, v, __ATOMIC_ACQ_REL); }
  bool compare_exchange(T& expected, T desired) {
    return __atomic_compare_exchange_n(&value_, &expected, desired, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
  }
  /// Adds without an atomic read-modify-write: only for a counter with a single writer.
  void add_single_writer(T v) { store_relaxed(static_cast<T>(load_relaxed() + v)); }

 private:
  T value_{};
};

/// Keeps the compiler from moving memory accesses across; costs no instruction.
inline void compiler_barrier() { __atomic_signal_fence(__ATOMIC_SEQ_CST); }

#if defined(__SANITIZE_THREAD__)
#define VC_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define VC_THREAD_SANITIZER 1
#endif
#endif

/// A full memory barrier. ThreadSanitizer does not know fences, so there it is an atomic access to
/// one word by everybody.
inline void full_barrier() {
#ifdef VC_THREAD_SANITIZER
  static constinit std::uint32_t word = 0;
  __atomic_fetch_add(&word, 0, __ATOMIC_SEQ_CST);
#else
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

}  // namespace vc
