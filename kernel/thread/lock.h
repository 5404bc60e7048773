// The kernel's own locks. They are ranked: a holder may only take locks of a higher rank, and a CPU
// that breaks the rule panics with both names. The core's locks (docs/locking.md) are not ranked
// here; the kernel holds none of its own locks while it calls the core.
//
// What a CPU holds stands in its Cpu::locks. It is kept per CPU, not per thread: a holder has
// interrupts off, so it is not preempted; and the one lock that is held while the thread changes
// (the run queue) is let go by the next thread on the same CPU.
#pragma once

#include <cstdint>

#include "vcompound/base/atomic.h"
#include "vcompound/base/lock.h"
#include "vcompound/platform/x86_64/spin_lock.h"

namespace vc::kernel {

/// All ranks, in the order in which locks may be taken.
enum class Rank : std::uint8_t {
  users,      ///< a converted user's table
  network,    ///< protocol state
  driver,     ///< a device's rings
  work,       ///< the work queue
  wait,       ///< an event
  scheduler,  ///< the run queue
};

/// A short stable name of a rank ("users", "network", ...).
const char* name_of(Rank rank);

/// A spin lock that is taken with interrupts off, so that handlers may take it as well. A leaf or
/// near it: nothing that waits may be done under it, but WaitQueue::wait(), which lets it go. Needs
/// the CPU's own data (open_boot_cpu()).
class InterruptLock {
 public:
  constexpr InterruptLock(Rank rank, const char* name) : rank_(rank), name_(name) {}
  InterruptLock(const InterruptLock&) = delete;
  InterruptLock& operator=(const InterruptLock&) = delete;

  /// Panics if this CPU holds a lock of the same or a higher rank (this one among them).
  void lock();
  /// Any rank may be tried: who does not wait cannot make a circle. `false` for its own holder.
  bool try_lock();
  /// Interrupts are again as they were; a thread that waits for this CPU gets it now.
  void unlock();
  /// unlock() that leaves interrupts off; true: they were on when the lock was taken.
  bool release();
  /// Does this CPU hold it?
  bool is_held_here() const;
  /// Were interrupts on when the holder, who asks, took it?
  bool interrupts_were_on() const { return were_on_; }

 private:
  void take_note(bool were_on);
  void check_rank() const;

  Atomic<std::uint32_t> taken_;
  bool were_on_ = false;  ///< written by the holder
  Rank rank_;
  const char* name_;
};

}  // namespace vc::kernel
