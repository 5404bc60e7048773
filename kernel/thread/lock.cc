#include "kernel/thread/lock.h"

#include <cstddef>

#include "kernel/arch/machine.h"
#include "vcompound/base/assert.h"
#include "vcompound/base/text.h"

namespace vc::kernel {

namespace {

constexpr std::size_t kMostLocks = sizeof(Cpu::locks) / sizeof(Cpu::locks[0]);

}  // namespace

const char* name_of(Rank rank) {
  switch (rank) {
    case Rank::users: return "users";
    case Rank::network: return "network";
    case Rank::driver: return "driver";
    case Rank::work: return "work";
    case Rank::wait: return "wait";
    case Rank::scheduler: return "scheduler";
  }
  return "unknown";
}

/// PRE: interrupts are off, so that the CPU stays the same.
void InterruptLock::check_rank() const {
  const Cpu& me = cpu();
  for (std::size_t i = 0; i < me.lock_depth; ++i) {
    const auto& held = *static_cast<const InterruptLock*>(me.locks[i]);
    if (held.rank_ < rank_) [[likely]]
      continue;
    char buffer[160];
    TextWriter detail(buffer, sizeof buffer);
    detail.text("\"").text(name_).text("\" (").text(name_of(rank_)).text(") wanted while \"");
    detail.text(held.name_).text("\" (").text(name_of(held.rank_)).text(") is held");
    panic_with("locks out of order", buffer, nullptr);
  }
}

void InterruptLock::take_note(bool were_on) {
  Cpu& me = cpu();
  VC_ASSERT(me.lock_depth < kMostLocks, "a CPU holds too many locks");
  me.locks[me.lock_depth++] = this;
  were_on_ = were_on;
}

void InterruptLock::lock() {
  const bool were_on = x86::interrupts_enabled();
  x86::disable_interrupts();
  check_rank();
  while (taken_.exchange(1) != 0) [[unlikely]] {
      while (taken_.load_relaxed() != 0) x86::pause();
    }
  take_note(were_on);
}

bool InterruptLock::try_lock() {
  const bool were_on = x86::interrupts_enabled();
  x86::disable_interrupts();
  if (taken_.exchange(1) == 0) {
    take_note(were_on);
    return true;
  }
  if (were_on) x86::enable_interrupts();
  return false;
}

bool InterruptLock::release() {
  Cpu& me = cpu();
  std::size_t place = me.lock_depth;
  while (place != 0 && me.locks[place - 1] != this) --place;
  VC_ASSERT(place != 0, "a lock is let go by a CPU that does not hold it");
  for (; place < me.lock_depth; ++place) me.locks[place - 1] = me.locks[place];
  --me.lock_depth;
  const bool were_on = were_on_;  // afterwards it belongs to the next holder
  taken_.store_release(0);
  return were_on;
}

void InterruptLock::unlock() {
  if (!release()) return;
  x86::enable_interrupts();
  if (x86::context_word() == 0) x86::reschedule();
}

bool InterruptLock::is_held_here() const {
  if (x86::interrupts_enabled()) return false;
  const Cpu& me = cpu();
  for (std::size_t i = 0; i < me.lock_depth; ++i) {
    if (me.locks[i] == this) return true;
  }
  return false;
}

}  // namespace vc::kernel
