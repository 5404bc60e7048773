#include "kernel/thread/thread.h"

#include <new>

#include "kernel/arch/machine.h"
#include "kernel/console/console.h"
#include "kernel/thread/run_queue.h"
#include "vcompound/base/assert.h"

extern "C" {
/// context_switch.S: where a new thread starts, and where that goes.
void first_return();
[[noreturn]] void run_new_thread();
}

/// On the new thread's stack, in the state of every switch (scheduler.h).
void run_new_thread() {
  using namespace vc;
  kernel::run_queue().lock.unlock();
  x86::allow_preemption();  // does not switch: interrupts are off
  x86::enable_interrupts();
  kernel::Thread& self = *kernel::current_thread();
  self.entry(self.argument);
  kernel::require_sleepable("the end of a thread", nullptr);
  const kernel::Scheduling scheduling;
  kernel::run_queue().end();
}

namespace vc::kernel {

namespace {

const char* name_of(ThreadState state) {
  switch (state) {
    case ThreadState::ready: return "ready";
    case ThreadState::running: return "running";
    case ThreadState::blocked: return "blocked";
    case ThreadState::ended: return "ended";
  }
  return "unknown";
}

/// The place of a thread's record: the top of its stack.
VirtAddr record_place(const Stack& stack) {
  constexpr std::uint64_t kCacheLine = 64;
  return VirtAddr(align_down(stack.usable.end().value - sizeof(Thread), kCacheLine));
}

}  // namespace

void prepare(Thread& thread, const Stack& stack, VirtAddr top, void (*entry)(void*),
             void* argument) {
  constexpr std::uint64_t kSavedRegisters = 6;
  thread.stack = stack;
  thread.entry = entry;
  thread.argument = argument;
  auto* words = pointer<std::uint64_t>(top) - 1;
  *words = reinterpret_cast<std::uint64_t>(&first_return);
  for (std::uint64_t i = 0; i < kSavedRegisters; ++i) *--words = 0;
  thread.stack_pointer = reinterpret_cast<std::uint64_t>(words);
}

Thread* start_thread(const char* name, void (*entry)(void*), void* argument,
                     const ThreadOptions& options) {
  VC_ASSERT(options.cpu == kAnyCpu || options.cpu < cpu_count(), "a thread for a CPU that is off");
  const Result<Stack> stack = allocate_stack(options.stack, options.report);
  if (!stack) return nullptr;
  const VirtAddr place = record_place(*stack);
  auto* thread = ::new (pointer<void>(place)) Thread(name);
  thread->only_cpu = options.cpu;
  prepare(*thread, *stack, place, entry, argument);
  const Scheduling scheduling;
  run_queue().add(*thread);
  run_queue().make_ready(*thread);
  return thread;
}

Thread* start_thread(const char* name, void (*entry)(void*), void* argument, Bytes stack) {
  return start_thread(name, entry, argument, ThreadOptions{.stack = stack});
}

void join(Thread* thread) {
  require_sleepable("join", nullptr);
  Thread* self = current_thread();
  VC_ASSERT(thread != nullptr && thread != self, "no thread, or the caller itself, is joined");
  const Stack stack = thread->stack;
  {
    const Scheduling scheduling;
    VC_ASSERT(thread->joiner == nullptr, "a thread is joined twice");
    thread->joiner = self;
    while (thread->state != ThreadState::ended) run_queue().block(kNever);
    run_queue().remove(*thread);
  }
  free_stack(stack);
}

Thread* current_thread() {
  const x86::InterruptsOff off;
  return cpu().running;
}

const char* name_of(const Thread& thread) { return thread.name; }
const Stack& stack_of(const Thread& thread) { return thread.stack; }

void yield() {
  if (current_thread() == nullptr) return;
  require_sleepable("yield", nullptr);
  const Scheduling scheduling;
  run_queue().pass();
}

void sleep_for(std::uint64_t microseconds) {
  require_sleepable("sleep_for", nullptr);
  const std::uint64_t deadline = deadline_in(microseconds);
  const Scheduling scheduling;
  do {
    run_queue().block(deadline);
  } while (now() < deadline);
}

std::uint64_t now() { return microseconds(); }

std::uint64_t deadline_in(std::uint64_t microseconds) {
  const std::uint64_t time = now();
  return microseconds < kNever - time ? time + microseconds : kNever;
}

void print_threads() {
  for (const Thread* thread = run_queue().all().first(); thread != nullptr;
       thread = List<Thread, AllTag>::next(*thread)) {
    Line line;
    line.text("thread \"").text(thread->name).text("\": ").text(name_of(thread->state));
    if (thread->is_sleeping()) line.text(", sleeps");
    if (thread->is_waiting()) line.text(", waits");
    if (thread->only_cpu != kAnyCpu) line.text(", only on CPU ").number(thread->only_cpu);
    if (thread->stack.usable.size.value == 0) continue;
    line.text(", ").text(name_of(thread->stack.kind)).text(" stack of ");
    line.size(thread->stack.usable.size);
  }
}

}  // namespace vc::kernel
