#include "kernel/thread/scheduler.h"

#include "kernel/arch/machine.h"
#include "kernel/thread/run_queue.h"
#include "vcompound/base/assert.h"
#include "vcompound/base/text.h"

namespace vc {
namespace kernel {

namespace {

/// The CPUs' idle threads. That of the boot CPU gets a stack; the others live on the stack on which
/// their CPU started.
constinit Thread main_thread("boot");
constinit Thread idle_threads[kMaxCpus] = {
    Thread("idle 0"),  Thread("idle 1"),  Thread("idle 2"),  Thread("idle 3"),
    Thread("idle 4"),  Thread("idle 5"),  Thread("idle 6"),  Thread("idle 7"),
    Thread("idle 8"),  Thread("idle 9"),  Thread("idle 10"), Thread("idle 11"),
    Thread("idle 12"), Thread("idle 13"), Thread("idle 14"), Thread("idle 15"),
};
constexpr Bytes kIdleStack{16384};

/// Nothing to look for: whoever becomes ready kicks this CPU, or its tick finds them.
[[noreturn]] void idle(void*) {
  for (;;) x86::wait_for_interrupt();
}

/// Does this CPU hold more than that many locks? Where interrupts are on it holds none.
bool cpu_holds_locks(std::uint8_t expected) {
  return !x86::interrupts_enabled() && cpu().lock_depth > expected;
}

/// Makes the caller's stack the current thread of this CPU. Interrupts are off.
void become(Thread& thread) {
  Cpu& me = cpu();
  me.running = &thread;
  thread.state = ThreadState::running;
  thread.slice = kSliceTicks;
}

/// The mapped compound that the caller's stack lies at the start of; empty if it is in none.
Stack own_stack() {
  const VirtAddr here(reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)));
  Allocation found;
  if (arena().allocator.find(here, found) != Misuse::none || found.kind != Kind::mapped) return {};
  return {found.address, {found.address, FrameSize().bytes(found.pages)}, Kind::mapped};
}

}  // namespace

void start_scheduler() {
  Thread& idle_thread = idle_threads[0];
  const Result<Stack> stack = allocate_stack(kIdleStack);
  VC_ASSERT(stack.ok(), "no memory for the stack of the first idle thread");
  const x86::InterruptsOff off;
  prepare(idle_thread, *stack, stack->usable.end(), idle, nullptr);
  cpu().idle = &idle_thread;
  become(main_thread);
  const Guard guard(run_queue().lock);
  run_queue().add(main_thread);
  run_queue().add(idle_thread);
}

void run_cpu() {
  Cpu& me = cpu();
  VC_ASSERT(!x86::interrupts_enabled() && me.number < kMaxCpus, "a CPU starts in a wrong state");
  Thread& idle_thread = idle_threads[me.number];
  idle_thread.stack = own_stack();  // never freed; to know its guard page
  me.idle = &idle_thread;
  become(idle_thread);
  {
    Scheduling scheduling;
    run_queue().add(idle_thread);
    run_queue().pass();
  }
  idle(nullptr);
}

void tick_from_interrupt() {
  const Cpu& me = cpu();
  Thread* running = me.running;
  if (running == nullptr) return;
  const std::uint64_t time = now();
  if (run_queue().has_sleepers_until(time)) {
    const Guard guard(run_queue().lock);
    run_queue().wake_sleepers(time);
  }
  if (running->slice != 0) --running->slice;
  const bool over = running == me.idle || running->slice == 0;
  if (over && run_queue().has_ready()) want_reschedule();
}

void preempt_from_interrupt() {
  if (cpu().running == nullptr) return;
  const Scheduling scheduling;
  run_queue().pass();
}

void require_sleepable(const char* what, const InterruptLock* lock) {
  const char* why = nullptr;
  const bool held = lock != nullptr && lock->is_held_here();
  if (!x86::is_preemptible()) {
    why = "where the thread must stay on its CPU (in a handler, under a spin lock, or in a slot)";
  } else if (lock != nullptr && !held) {
    why = "without the lock that the queue belongs to";
  } else if (cpu_holds_locks(held ? 1 : 0)) {
    why = "with a lock held";
  } else if (held ? !lock->interrupts_were_on() : !x86::interrupts_enabled()) {
    why = "with interrupts off";
  } else if (current_thread() == nullptr) {
    why = "before the scheduler has started";
  }
  if (why == nullptr) return;
  char buffer[160];
  TextWriter detail(buffer, sizeof buffer);
  detail.text(what).text(" ").text(why);
  panic_with("sleeping where that is forbidden", buffer, nullptr);
}

}  // namespace kernel

void x86::reschedule() {
  if (!interrupts_enabled() || kernel::current_thread() == nullptr) return;
  const InterruptsOff off;
  if (context_word() != 0) return;  // done meanwhile, by an interrupt
  const kernel::Scheduling scheduling;
  kernel::run_queue().pass();
}

}  // namespace vc
