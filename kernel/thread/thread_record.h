// What the scheduler knows of a thread. For kernel/thread alone.
//
//      +----------+  picked   +---------+  waits, sleeps, joins   +---------+
//      |  ready   | --------> | running | ----------------------> | blocked |
//      | (queue)  | <-------- |         |                         |         |
//      +----------+ preempted +---------+                         +---------+
//           ^        yields        | exits                             |
//           |                      v                                   |
//           |                 +---------+                              |
//           |                 |  ended  |                              |
//           |                 +---------+                              |
//           +----------------------------- woken, time over -----------+
//
// A thread is changed with the run queue's lock held. An idle thread is always running or ready,
// and never in the queue.
#pragma once

#include <cstdint>

#include "kernel/thread/list.h"
#include "kernel/thread/stack.h"
#include "kernel/thread/thread.h"

namespace vc::kernel {

enum class ThreadState : std::uint8_t { ready, running, blocked, ended };

struct RunTag;
struct WaitTag;
struct TimerTag;
struct AllTag;

/// See the head of this file. Stands at the top of its own stack, or is static.
class Thread : public Hook<RunTag>,
               public Hook<WaitTag>,
               public Hook<TimerTag>,
               public Hook<AllTag> {
 public:
  explicit constexpr Thread(const char* thread_name) : name(thread_name) {}

  const char* name;
  void (*entry)(void*) = nullptr;
  void* argument = nullptr;
  std::uint64_t stack_pointer = 0;  ///< while it does not run
  Stack stack{};                    ///< empty: not ours
  ThreadState state = ThreadState::ready;
  std::uint32_t only_cpu = kAnyCpu;
  std::uint32_t slice = 0;     ///< ticks left
  std::uint64_t deadline = 0;  ///< while it is in the list of sleepers
  Thread* joiner = nullptr;

  bool may_run_on(std::uint32_t cpu) const { return only_cpu == kAnyCpu || only_cpu == cpu; }
  bool is_sleeping() const { return Hook<TimerTag>::is_linked(); }
  bool is_waiting() const { return Hook<WaitTag>::is_linked(); }
};

/// Gives a thread that has never run a stack, so that the first switch to it calls entry(argument).
/// `top` is where the part of the stack ends that it may use, a multiple of 16.
void prepare(Thread& thread, const Stack& stack, VirtAddr top, void (*entry)(void*),
             void* argument);

}  // namespace vc::kernel
