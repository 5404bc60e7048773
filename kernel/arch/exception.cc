// Exceptions in words.
#include "kernel/arch/interrupt.h"
#include "kernel/arch/panic.h"
#include "kernel/arch/probe.h"
#include "kernel/memory/memory.h"
#include "kernel/thread/stack.h"
#include "vcompound/base/atomic.h"
#include "vcompound/platform/x86_64/cpu.h"

namespace vc::kernel {

namespace {

constexpr const char* kNames[kExceptions] = {
    "division error",
    "debug exception",
    "non-maskable interrupt",
    "breakpoint",
    "overflow",
    "bound range exceeded",
    "invalid instruction",
    "no coprocessor",
    "double fault",
    "coprocessor overrun",
    "invalid task state",
    "segment not present",
    "stack segment fault",
    "general protection fault",
    "page fault",
    "reserved exception 15",
    "floating-point error",
    "alignment check",
    "machine check",
    "SIMD floating-point error",
    "virtualization exception",
    "control protection exception",
    "reserved exception 22",
    "reserved exception 23",
    "reserved exception 24",
    "reserved exception 25",
    "reserved exception 26",
    "reserved exception 27",
    "hypervisor injection",
    "VMM communication",
    "security exception",
    "reserved exception 31",
};

const char* access_in(std::uint64_t error) {
  if ((error & 16) != 0) return "instruction fetch from ";
  return (error & 2) != 0 ? "write to " : "read from ";
}

const char* reason_in(std::uint64_t error) {
  if ((error & 8) != 0) return "a reserved bit is set in the page tables";
  return (error & 1) != 0 ? "the page forbids it" : "no page there";
}

/// What is at an address. That question may fault itself, where memory is in disorder: the fault in
/// it does not ask again.
void describe_place(VirtAddr address, TextWriter& out) {
  static constinit Atomic<std::uint32_t> asking;
  if (asking.exchange(1) != 0) return;
  const char* place = what_is_at(address);
  if (place != nullptr) out.text(", ").text(place);
  asking.store_release(0);
}

void describe_page_fault(const InterruptFrame& frame, VirtAddr address, TextWriter& out) {
  out.text(access_in(frame.error)).hex(address.value);
  out.text(" (").text(reason_in(frame.error)).text(")");
  describe_place(address, out);
}

/// The error code of a fault of segments: which descriptor.
void describe_selector(std::uint64_t error, TextWriter& out) {
  if (error == 0) {
    out.text("no descriptor involved; often an address that is not canonical");
    return;
  }
  out.text("descriptor ").number(error >> 3 & 0x1fff);
  out.text((error & 2) != 0 ? " of the interrupt table" : " of the segment table");
}

void describe(const InterruptFrame& frame, VirtAddr address, TextWriter& out) {
  switch (frame.vector) {
    case kPageFault: describe_page_fault(frame, address, out); return;
    case 10:
    case 11:
    case 12:
    case kGeneralProtection: describe_selector(frame.error, out); return;
    case kDoubleFault: {
      out.text("the last page fault was at ").hex(address.value);
      describe_place(address, out);
      return;
    }
    default:
      if (frame.error != 0) out.text("error code ").hex(frame.error);
      return;
  }
}

/// The thread whose stack ran over, or nullptr. The fault that the processor could not deliver for
/// want of a stack becomes a double fault; its address is still in CR2.
const char* overflowed_thread(const InterruptFrame& frame, VirtAddr address) {
  if (frame.vector != kPageFault && frame.vector != kDoubleFault) return nullptr;
  return stack_overflow_of(address);
}

[[noreturn]] void die(const InterruptFrame& frame, VirtAddr address) {
  char what[128];
  char detail[256];
  TextWriter what_text(what, sizeof what);
  TextWriter detail_text(detail, sizeof detail);
  const char* thread = overflowed_thread(frame, address);
  if (thread != nullptr) {
    what_text.text("stack overflow of thread ").text(thread);
    detail_text.text(kNames[frame.vector]).text(", ");
  } else {
    what_text.text(kNames[frame.vector]);
  }
  describe(frame, address, detail_text);
  panic_with(what, detail_text.length() == 0 ? nullptr : detail, &frame);
}

}  // namespace

void handle_exception(InterruptFrame& frame) {
  const VirtAddr address(x86::read_cr2());  // before anything here can fault itself
  if (frame.vector == kNonMaskable) stop_if_asked();
  if (frame.vector == kPageFault || frame.vector == kGeneralProtection) {
    if (survive_probe(frame)) return;
  }
  die(frame, address);
}

}  // namespace vc::kernel
