// The work queue: a list of works, first in first out, and one thread that does them.
#include "kernel/thread/thread.h"
#include "kernel/thread/wait.h"
#include "vcompound/base/assert.h"

namespace vc::kernel {

namespace {

constinit InterruptLock lock{Rank::work, "work queue"};
constinit WaitQueue worker_waits;
constinit WaitQueue flushers;
constinit Work* first = nullptr;
constinit Work* last = nullptr;
constinit std::uint64_t queued = 0;  ///< works ever put into the list
constinit std::uint64_t done = 0;    ///< works ever run to their end, in the same order
constinit Thread* worker = nullptr;

/// The next work, out of the list, so that it may be queued again while it runs.
Work* take_work() {
  const Guard guard(lock);
  while (first == nullptr) worker_waits.wait(lock);
  Work* work = first;
  first = work->next;
  if (first == nullptr) last = nullptr;
  work->next = nullptr;
  work->queued = false;
  return work;
}

void do_work(void*) {
  for (;;) {
    Work* work = take_work();
    work->run(work);
    const Guard guard(lock);
    ++done;
    flushers.wake_all();
  }
}

}  // namespace

void start_work_thread() {
  VC_ASSERT(worker == nullptr, "the work thread is started twice");
  worker = start_thread("worker", do_work, nullptr);
  VC_ASSERT(worker != nullptr, "no memory for the work thread");
}

void queue_work(Work& work) {
  const Guard guard(lock);
  if (work.queued) return;
  work.queued = true;
  work.next = nullptr;
  (last == nullptr ? first : last->next) = &work;
  last = &work;
  ++queued;
  worker_waits.wake_one();
}

void flush_work() {
  VC_ASSERT(worker != nullptr && current_thread() != worker,
            "flush_work: nobody does the work, or the worker waits for itself");
  const Guard guard(lock);
  const std::uint64_t until = queued;
  while (done < until) flushers.wait(lock);
}

}  // namespace vc::kernel
