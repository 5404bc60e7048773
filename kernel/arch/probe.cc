#include "kernel/arch/probe.h"

extern "C" {
// interrupt_entry.S. The labels are code addresses, not functions of their own.
bool probe_read_word(const void* address, std::uint64_t* value);
bool probe_write_byte(void* address, std::uint8_t value);
bool probe_call(void* address);
extern char probe_read_access[], probe_write_access[], probe_call_return[];
extern char probe_failed[], probe_call_failed[];
}

namespace vc::kernel {

namespace {

std::uint64_t code_address(const char* label) { return reinterpret_cast<std::uintptr_t>(label); }

/// A fetch that faulted: the address is the instruction pointer, and the call by probe_call has
/// pushed its return address.
bool is_probe_call(const InterruptFrame& frame) {
  if (frame.ip != frame.di) return false;
  const auto* stack = reinterpret_cast<const std::uint64_t*>(frame.sp);
  return *stack == code_address(probe_call_return);
}

}  // namespace

bool probe_read(VirtAddr address, std::uint64_t& value) {
  return probe_read_word(reinterpret_cast<const void*>(address.value), &value);
}

bool probe_write(VirtAddr address, std::uint8_t value) {
  return probe_write_byte(reinterpret_cast<void*>(address.value), value);
}

bool probe_execute(VirtAddr address) { return probe_call(reinterpret_cast<void*>(address.value)); }

bool survive_probe(InterruptFrame& frame) {
  if (frame.ip == code_address(probe_read_access) || frame.ip == code_address(probe_write_access)) {
    frame.ip = code_address(probe_failed);
    return true;
  }
  if (is_probe_call(frame)) {
    frame.sp += 8;
    frame.ip = code_address(probe_call_failed);
    return true;
  }
  return false;
}

}  // namespace vc::kernel
