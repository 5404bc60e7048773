// Running a function on other CPUs.
//
//      initiator                                   each target
//      ---------                                   -----------
//      take the lock, interrupts stay on
//      put the request into each mailbox
//      send one interrupt to each         ---->    take the request out of the mailbox
//      wait until `waiting` is 0          <----    run the function, then subtract 1
//      release the lock
//
// A CPU that waits, for the lock or for the answers, still answers: its interrupts are on. A
// mailbox is empty whenever the lock is free, so one place in it is enough.
#include "kernel/arch/cross_call.h"
#include "kernel/arch/apic.h"
#include "kernel/arch/interrupt.h"
#include "kernel/thread/scheduler.h"
#include "vcompound/base/assert.h"
#include "vcompound/base/atomic.h"
#include "vcompound/platform/x86_64/cpu.h"
#include "vcompound/platform/x86_64/spin_lock.h"

namespace vc::kernel {

namespace {

struct Request {
  Request(x86::CpuFunction f, void* a) : function(f), argument(a) {}

  x86::CpuFunction function;
  void* argument;
  Atomic<std::uint32_t> waiting;  ///< targets that are not done
};

constinit Atomic<Request*> mailboxes[kMaxCpus];
constinit x86::SpinLock sender;

void answer_call(void*) {
  Request* request = mailboxes[x86::cpu_number()].exchange(nullptr);
  if (request == nullptr) return;
  request->function(request->argument);
  request->waiting.fetch_sub(1);  // from here on the request may be gone
}

void answer_kick(void*) { want_reschedule(); }

void post(Request& request, std::uint32_t target) {
  mailboxes[target].store_release(&request);
  send_interrupt(cpu_at(target).apic_id, kCallVector);
}

void wait_for(Request& request) {
  while (request.waiting.load_acquire() != 0) x86::pause();
}

void check_caller() {
  VC_ASSERT(x86::interrupts_enabled(), "a call to other CPUs, with interrupts off");
  VC_ASSERT(!x86::in_interrupt(), "a call to other CPUs, in an interrupt handler");
}

/// As the function would run if another CPU had asked for it.
void run_here(x86::CpuFunction function, void* argument) {
  const x86::InterruptsOff off;
  x86::this_cpu().context += x86::CpuLocal::kInterrupt;
  function(argument);
  x86::this_cpu().context -= x86::CpuLocal::kInterrupt;
}

}  // namespace

void open_cross_calls() {
  set_handler(kCallVector, &answer_call, nullptr);
  set_handler(kKickVector, &answer_kick, nullptr);
}

void call_on(std::uint32_t target, x86::CpuFunction function, void* argument) {
  VC_ASSERT(target < cpu_count(), "call_on: that CPU is not online");
  check_caller();
  const x86::StayHere stay;
  if (target == x86::cpu_number()) {
    run_here(function, argument);
    return;
  }
  sender.lock();
  Request request(function, argument);
  request.waiting.store_relaxed(1);
  post(request, target);
  wait_for(request);
  sender.unlock();
}

void kick(std::uint32_t target) {
  const x86::StayHere stay;
  if (target == x86::cpu_number()) {
    want_reschedule();
  } else {
    send_interrupt(cpu_at(target).apic_id, kKickVector);
  }
}

}  // namespace vc::kernel

namespace vc::x86 {

std::uint32_t broadcast(CpuFunction function, void* argument) {
  using namespace vc::kernel;
  check_caller();
  if (cpu_count() == 1) return 0;
  sender.lock();
  const std::uint32_t online = cpu_count();
  const std::uint32_t here = cpu_number();
  vc::kernel::Request request(function, argument);
  request.waiting.store_relaxed(online - 1);
  for (std::uint32_t i = 0; i < online; ++i) {
    if (i != here) post(request, i);
  }
  wait_for(request);
  sender.unlock();
  return online - 1;
}

}  // namespace vc::x86
