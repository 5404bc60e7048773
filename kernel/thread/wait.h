// Waiting for something: wait queues, events, and work that is done later by a thread.
#pragma once

#include <cstdint>

#include "kernel/thread/list.h"
#include "kernel/thread/lock.h"

namespace vc::kernel {

class Thread;
struct WaitTag;

/// Threads that wait. A thread waits *with a lock held*; the lock is released when it sleeps and
/// taken again when it wakes, so that no wake-up is missed:
///     Guard guard(lock);
///     while (!condition) queue.wait(lock);
/// It may hold no other InterruptLock then, and must have been preemptible with interrupts on when
/// it took this one; else it panics.
class WaitQueue {
 public:
  constexpr WaitQueue() = default;
  WaitQueue(const WaitQueue&) = delete;
  WaitQueue& operator=(const WaitQueue&) = delete;

  /// Sleeps until woken. The condition may have changed again when the lock has been taken: the
  /// caller tests it again.
  void wait(InterruptLock& lock);
  /// The same, for at most that many microseconds; false: the time is over, and nobody has woken
  /// the caller.
  bool wait_for(InterruptLock& lock, std::uint64_t microseconds);
  /// Wakes one sleeper (the one that has waited longest), or all. The caller holds the lock. From
  /// any context.
  void wake_one();
  void wake_all();
  bool empty() const { return sleepers_.empty(); }

 private:
  bool wait_until(InterruptLock& lock, std::uint64_t deadline);

  List<Thread, WaitTag> sleepers_;
};

/// Something that happens, and then has happened until it is cleared. Its memory may go as soon as
/// wait() has returned.
class Event {
 public:
  constexpr Event() = default;

  /// From any context.
  void set();
  void clear();
  bool is_set();
  void wait();
  /// false: it has not happened within that many microseconds.
  bool wait_for(std::uint64_t microseconds);

 private:
  InterruptLock lock_{Rank::wait, "event"};
  WaitQueue waiting_;
  bool set_ = false;
};

/// Something that a thread shall do soon, queued from any context. Not inside memory that the work
/// frees. Queued again before it ran: it runs once. Queued while it runs: it runs once more.
struct Work {
  void (*run)(Work* self) = nullptr;
  Work* next = nullptr;
  bool queued = false;
};

/// Starts the thread that does the work, one after the other in the order of queueing. What was
/// queued before waits for it.
void start_work_thread();
/// From any context.
void queue_work(Work& work);
/// Returns when everything queued before the call has been done. Not for the work thread itself.
void flush_work();

}  // namespace vc::kernel
