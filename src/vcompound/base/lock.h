// Holding a lock is a scope.
//
// A lock is any type with lock(), try_lock() and unlock(); the platform supplies it.
#pragma once

namespace vc {

/// Holds `L` from construction to the end of the scope.
template <class L>
class [[nodiscard]] Guard {
 public:
  explicit Guard(L& lock) : lock_(lock) { lock_.lock(); }
  ~Guard() { lock_.unlock(); }
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

 private:
  L& lock_;
};

/// Holds `L` if it could be had: at once when `may_block` is no, else after waiting.
template <class L>
class [[nodiscard]] TryGuard {
 public:
  enum class Wait : bool { no, yes };
  TryGuard(L& lock, Wait wait) : lock_(lock) {
    if (wait == Wait::yes) {
      lock_.lock();
      held_ = true;
    } else {
      held_ = lock_.try_lock();
    }
  }
  ~TryGuard() {
    if (held_) lock_.unlock();
  }
  TryGuard(const TryGuard&) = delete;
  TryGuard& operator=(const TryGuard&) = delete;
  explicit operator bool() const { return held_; }

 private:
  L& lock_;
  bool held_ = false;
};

}  // namespace vc
