#include "kernel/thread/run_queue.h"

#include "vcompound/base/assert.h"

static_assert(vc::kernel::kMaxCpus <= 32, "a bit for each CPU");

extern "C" {
/// context_switch.S
void switch_stacks(std::uint64_t* save, std::uint64_t load);
}

namespace vc::kernel {

namespace {

constinit RunQueue queue;

constexpr std::uint32_t bit(std::uint32_t cpu_number) { return std::uint32_t{1} << cpu_number; }

}  // namespace

RunQueue& run_queue() { return queue; }

void RunQueue::enqueue(Thread& thread) {
  thread.state = ThreadState::ready;
  ready_.push_back(thread);
  ready_count_.add_single_writer(1);
}

/// The first thread in the queue that may run on this CPU, or nullptr.
Thread* RunQueue::take(std::uint32_t cpu_number) {
  Thread* thread = ready_.first();
  while (thread != nullptr && !thread->may_run_on(cpu_number)) {
    thread = List<Thread, RunTag>::next(*thread);
  }
  if (thread == nullptr) return nullptr;
  ready_.remove(*thread);
  ready_count_.store_relaxed(ready_count_.load_relaxed() - 1);
  return thread;
}

/// Makes one idle CPU look at the queue, if there is one where the thread may run. This CPU first:
/// that costs no interrupt.
void RunQueue::kick_idle_cpu(const Thread& thread) {
  const std::uint32_t allowed =
      thread.only_cpu == kAnyCpu ? idle_cpus_ : idle_cpus_ & bit(thread.only_cpu);
  if (allowed == 0) return;
  const std::uint32_t here = x86::cpu_number();
  if ((allowed & bit(here)) != 0) {
    idle_cpus_ &= ~bit(here);
    want_reschedule();
    return;
  }
  const std::uint32_t chosen = floor_log2(allowed & (0 - allowed));
  idle_cpus_ &= ~bit(chosen);
  kick(chosen);
}

void RunQueue::make_ready(Thread& thread) {
  enqueue(thread);
  kick_idle_cpu(thread);
}

void RunQueue::wake(Thread& thread) {
  if (thread.state != ThreadState::blocked) return;
  if (thread.is_sleeping()) {
    sleepers_.remove(thread);
    note_next_deadline();
  }
  make_ready(thread);
}

/// Gives this CPU to whom it belongs now. The current thread has already been put where it shall
/// be: in the queue, among the blocked, or nowhere if it may go on when nobody else is ready.
void RunQueue::switch_to_next() {
  Cpu& me = cpu();
  VC_ASSERT((me.context & ~x86::CpuLocal::kSettled) == 1 && me.lock_depth == 1,
            "a thread is switched while something is held");
  Thread* previous = me.running;
  Thread* next = take(me.number);
  if (next == nullptr) next = me.idle;
  me.context |= x86::CpuLocal::kSettled;
  idle_cpus_ = next == me.idle ? idle_cpus_ | bit(me.number) : idle_cpus_ & ~bit(me.number);
  next->state = ThreadState::running;
  next->slice = kSliceTicks;
  if (next == previous) return;
  me.running = next;
  if (previous->state == ThreadState::ready && previous != me.idle) kick_idle_cpu(*previous);
  switch_stacks(&previous->stack_pointer, next->stack_pointer);
}

void RunQueue::pass() {
  Thread& self = *cpu().running;
  if (&self != cpu().idle) {
    enqueue(self);
  } else {
    self.state = ThreadState::ready;
  }
  switch_to_next();
}

void RunQueue::block(std::uint64_t deadline) {
  Thread& self = *cpu().running;
  self.state = ThreadState::blocked;
  if (deadline != kNever) {
    self.deadline = deadline;
    Thread* place = sleepers_.first();
    while (place != nullptr && place->deadline <= deadline) {
      place = List<Thread, TimerTag>::next(*place);
    }
    sleepers_.insert_before(place, self);
    note_next_deadline();
  }
  switch_to_next();
}

void RunQueue::end() {
  Thread& self = *cpu().running;
  self.state = ThreadState::ended;
  if (self.joiner != nullptr) wake(*self.joiner);
  switch_to_next();
  panic("a thread that has ended runs", __FILE__, __LINE__);
}

void RunQueue::wake_sleepers(std::uint64_t time) {
  for (Thread* first = sleepers_.first(); first != nullptr && first->deadline <= time;
       first = sleepers_.first()) {
    wake(*first);
  }
}

void RunQueue::note_next_deadline() {
  const Thread* first = sleepers_.first();
  next_deadline_.store_relaxed(first == nullptr ? kNever : first->deadline);
}

}  // namespace vc::kernel
