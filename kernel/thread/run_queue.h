// The run queue: the state that all CPUs share, and the steps that change it. For kernel/thread
// alone; the picture is in scheduler.h.
#pragma once

#include <cstdint>

#include "kernel/arch/machine.h"
#include "kernel/thread/lock.h"
#include "kernel/thread/scheduler.h"
#include "kernel/thread/thread_record.h"
#include "vcompound/base/atomic.h"

namespace vc::kernel {

/// Ticks that a thread runs before others get its CPU.
inline constexpr std::uint32_t kSliceTicks = 4;

/// Who is ready, who sleeps, who idles. Everything is done with the lock held, but what says "from
/// any context".
class RunQueue {
 public:
  constexpr RunQueue() = default;

  /// A thread that just came into being.
  void add(Thread& thread) { all_.push_back(thread); }
  /// A thread that has ended and is about to be freed.
  void remove(Thread& thread) { all_.remove(thread); }

  /// Lets a thread run that does not (a blocked one, or a new one).
  void make_ready(Thread& thread);
  /// make_ready() for a thread that is blocked; others are left alone.
  void wake(Thread& thread);
  /// This CPU goes to the next ready thread; the current one stays ready. It returns when it is the
  /// turn of the caller again, perhaps on another CPU.
  void pass();
  /// The current thread is blocked until it is woken or the time comes.
  void block(std::uint64_t deadline);
  /// The current thread is over.
  [[noreturn]] void end();
  /// Wakes everybody whose time has come.
  void wake_sleepers(std::uint64_t time);

  /// From any context: could somebody be waiting for a CPU, or for this moment?
  bool has_ready() const { return ready_count_.load_relaxed() != 0; }
  bool has_sleepers_until(std::uint64_t time) const {
    return next_deadline_.load_relaxed() <= time;
  }

  InterruptLock lock{Rank::scheduler, "run queue"};

  /// All threads, for whoever looks without the lock.
  const List<Thread, AllTag>& all() const { return all_; }

 private:
  void enqueue(Thread& thread);
  Thread* take(std::uint32_t cpu_number);
  void kick_idle_cpu(const Thread& thread);
  void switch_to_next();
  void note_next_deadline();

  List<Thread, RunTag> ready_;
  List<Thread, TimerTag> sleepers_;  ///< by deadline, soonest first
  List<Thread, AllTag> all_;
  std::uint32_t idle_cpus_ = 0;  ///< a bit each; cleared when it is kicked
  Atomic<std::uint32_t> ready_count_;
  Atomic<std::uint64_t> next_deadline_{kNever};
};

RunQueue& run_queue();

/// Holds the run queue in the way that a switch wants it: interrupts off, preempt depth 1. At its
/// end the thread may be on another CPU.
class [[nodiscard]] Scheduling {
 public:
  Scheduling() : interrupts_were_on_(x86::interrupts_enabled()) {
    x86::disable_interrupts();
    x86::forbid_preemption();
    run_queue().lock.lock();
  }
  ~Scheduling() {
    run_queue().lock.unlock();
    x86::allow_preemption();  // does not switch: interrupts are off
    if (!interrupts_were_on_) return;
    x86::enable_interrupts();
    if (x86::context_word() == 0) x86::reschedule();
  }
  Scheduling(const Scheduling&) = delete;
  Scheduling& operator=(const Scheduling&) = delete;

 private:
  bool interrupts_were_on_;
};

/// Panics, and says why, unless the caller may sleep. `lock` is one that it will let go, or
/// nullptr.
void require_sleepable(const char* what, const InterruptLock* lock);

}  // namespace vc::kernel
