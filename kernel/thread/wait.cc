#include "kernel/thread/wait.h"

#include "kernel/arch/machine.h"
#include "kernel/thread/run_queue.h"
#include "kernel/thread/thread.h"

namespace vc::kernel {

/// The caller is in two places while it sleeps: in this queue, guarded by `lock`, and among the
/// blocked, guarded by the run queue's lock. It enters both before it lets `lock` go, so a waker
/// finds it in both. When its time is over, it is woken from the second only; it leaves the first
/// itself, or finds that a waker took it out in between and that the wake-up is its own.
bool WaitQueue::wait_until(InterruptLock& lock, std::uint64_t deadline) {
  require_sleepable("wait", &lock);
  Thread& self = *cpu().running;
  sleepers_.push_back(self);
  {
    const Scheduling scheduling;
    lock.release();
    run_queue().block(deadline);
  }
  x86::enable_interrupts();
  lock.lock();
  if (!self.is_waiting()) return true;
  sleepers_.remove(self);
  return false;
}

void WaitQueue::wait(InterruptLock& lock) { wait_until(lock, kNever); }

bool WaitQueue::wait_for(InterruptLock& lock, std::uint64_t microseconds) {
  return wait_until(lock, deadline_in(microseconds));
}

void WaitQueue::wake_one() {
  Thread* sleeper = sleepers_.pop_front();
  if (sleeper == nullptr) return;
  const Scheduling scheduling;
  run_queue().wake(*sleeper);
}

void WaitQueue::wake_all() {
  while (!empty()) wake_one();
}

void Event::set() {
  const Guard guard(lock_);
  set_ = true;
  waiting_.wake_all();
}

void Event::clear() {
  const Guard guard(lock_);
  set_ = false;
}

bool Event::is_set() {
  const Guard guard(lock_);
  return set_;
}

void Event::wait() {
  const Guard guard(lock_);
  while (!set_) waiting_.wait(lock_);
}

bool Event::wait_for(std::uint64_t microseconds) {
  const std::uint64_t deadline = deadline_in(microseconds);
  const Guard guard(lock_);
  while (!set_) {
    const std::uint64_t time = now();
    if (time >= deadline) return false;
    waiting_.wait_for(lock_, deadline - time);
  }
  return true;
}

}  // namespace vc::kernel
