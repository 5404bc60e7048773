// Kernel threads: preemptive, on all CPUs, round robin.
#pragma once

#include <cstdint>

#include "kernel/memory/memory.h"
#include "vcompound/base/units.h"
#include "vcompound/compound/call_sites.h"

namespace vc::kernel {

class Thread;
struct Stack;

/// "The thread may run on every CPU."
inline constexpr std::uint32_t kAnyCpu = 0xffff'ffff;

/// What a thread may have of its own.
struct ThreadOptions {
  Bytes stack{};                  ///< 8 KiB to 256 KiB; 0: the boot parameter's size
  std::uint32_t cpu = kAnyCpu;    ///< the only CPU it runs on; it must be online
  Report report = Report::print;  ///< of a refusal
};

/// Starts a thread; it may run before this returns. `name` must live as long as the thread. Returns
/// nullptr if there is no memory for its stack. The thread ends when `entry` returns. PRE: the
/// caller may block.
Thread* start_thread(const char* name, void (*entry)(void*), void* argument,
                     const ThreadOptions& options);
/// The same, with a stack of that size; 0: the boot parameter's size.
Thread* start_thread(const char* name, void (*entry)(void*), void* argument,
                     Bytes stack = Bytes(0));
/// Waits until a thread has ended, and frees it. Each thread is joined exactly once.
void join(Thread* thread);
/// The thread that runs; nullptr before the scheduler has started on this CPU.
Thread* current_thread();
const char* name_of(const Thread& thread);
/// Empty for the first thread.
const Stack& stack_of(const Thread& thread);

/// Lets another thread run. Before the scheduler has started: does nothing.
void yield();
/// Sleeps for at least that long.
void sleep_for(std::uint64_t microseconds);
/// Microseconds since boot; monotonic, the same on all CPUs.
std::uint64_t now();
/// The moment that is so many microseconds away; if there is no number for it, the last there is.
std::uint64_t deadline_in(std::uint64_t microseconds);

/// All threads with their states, one line each; also for a panic: takes no lock.
void print_threads();

}  // namespace vc::kernel
