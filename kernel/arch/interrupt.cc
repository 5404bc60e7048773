#include "kernel/arch/interrupt.h"

#include "kernel/arch/apic.h"
#include "kernel/thread/scheduler.h"
#include "vcompound/base/assert.h"
#include "vcompound/base/text.h"

namespace vc::kernel {

namespace {

struct HandlerEntry {
  InterruptHandler handler = nullptr;
  void* context = nullptr;
  Acknowledge acknowledge = Acknowledge::yes;
};
constinit HandlerEntry handlers[256];

[[noreturn]] void die_of_stray(const InterruptFrame& frame) {
  char buffer[32];
  TextWriter(buffer, sizeof buffer).text("vector ").number(frame.vector);
  panic_with("an interrupt that nobody handles", buffer, &frame);
}

void run_handler(const InterruptFrame& frame) {
  const HandlerEntry& entry = handlers[frame.vector];
  if (entry.handler == nullptr) [[unlikely]]
    die_of_stray(frame);
  entry.handler(entry.context);
  if (entry.acknowledge == Acknowledge::yes) acknowledge_interrupt();
}

}  // namespace

void set_handler(std::uint32_t vector, InterruptHandler handler, void* context,
                 Acknowledge acknowledge) {
  VC_ASSERT(vector >= kExceptions && vector < 256, "set_handler: no vector of an interrupt");
  handlers[vector] = {handler, context, acknowledge};
}

extern "C" void interrupt_dispatch(InterruptFrame* frame);

/// Called by interrupt_entry.S for everything.
void interrupt_dispatch(InterruptFrame* frame) {
  if (frame->vector < kExceptions) {
    handle_exception(*frame);
    return;
  }
  Cpu& here = cpu();
  here.context += x86::CpuLocal::kInterrupt;
  ++here.interrupts;
  run_handler(*frame);
  here.context -= x86::CpuLocal::kInterrupt;
  // 0: a reschedule is wanted, and the interrupted code was preemptible (cpu_local.h).
  if (here.context == 0) preempt_from_interrupt();
}

}  // namespace vc::kernel
