// Who runs where. One queue of ready threads for all CPUs, round robin, a few ticks each.
//
//      CPU 0: main       CPU 1: worker      CPU 2: idle      CPU 3: idle
//                 \        |                 ^
//        time over \       | woken: work     | an idle CPU is kicked (an interrupt)
//                   v      |                 |
//      ready:  [ A ] -> [ B ] -> [ C ]  -----+
//
// A reschedule is *wanted* when CpuLocal::kSettled is cleared in the context word. Only the CPU
// itself may do that (others change the word without a bus lock): so a tick clears the bit of its
// own CPU, and an idle CPU is asked by an interrupt (kick) to clear its own. It *happens* where
// it is allowed: at the end of an interrupt that came in a preemptible moment, where the last
// allow_preemption() or InterruptLock::unlock() finds the word 0, or at the next tick.
//
// The switch itself is the same for all: interrupts off, preempt depth 1, run queue locked. The
// lock stays held across the switch and is let go by the thread that comes next. So nobody sees a
// thread as ready or ended whose registers are not saved yet, and whoever finds a thread ended may
// free its stack.
#pragma once

#include <cstdint>

namespace vc::kernel {

/// On the boot CPU: the caller becomes the thread "boot". PRE: memory and the machine are open.
void start_scheduler();
/// On every other CPU: the caller becomes that CPU's idle thread, which runs what there is to run.
/// PRE: the CPU has its own data and its number is one of cpu_count(); interrupts are off.
[[noreturn]] void run_cpu();

/// Called by the tick of each CPU, in the handler: counts time slices, wakes who has slept enough.
void tick_from_interrupt();
/// Called at the end of an interrupt, with interrupts off and the handler's depth already taken
/// from the context word, if that is 0 now: gives the CPU to another thread.
void preempt_from_interrupt();

/// This CPU shall reschedule as soon as that is allowed. One instruction: right in any context.
/// What the handler of kick()'s interrupt does.
inline void want_reschedule() { asm volatile("andl $0x7fffffff, %%gs:12" ::: "memory", "cc"); }

/// Microseconds after boot that never come.
inline constexpr std::uint64_t kNever = ~std::uint64_t{0};

}  // namespace vc::kernel
