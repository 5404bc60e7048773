// The instructions of an x86-64 processor that C++ has no words for, one function each.
#pragma once

#include <cstdint>

#include "vcompound/base/units.h"

namespace vc::x86 {

inline std::uint64_t read_cr2() {
  std::uint64_t value;
  asm volatile("mov %%cr2, %0" : "=r"(value));
  return value;
}
inline std::uint64_t read_cr3() {
  std::uint64_t value;
  asm volatile("mov %%cr3, %0" : "=r"(value));
  return value;
}
/// Loads the root of the page tables; drops every translation of this CPU that is not global.
inline void write_cr3(std::uint64_t value) {
  asm volatile("mov %0, %%cr3" ::"r"(value) : "memory");
}

/// Drops this CPU's translation of one page.
inline void invlpg(VirtAddr page) { asm volatile("invlpg (%0)" ::"r"(page.value) : "memory"); }

inline std::uint64_t read_msr(std::uint32_t number) {
  std::uint32_t low;
  std::uint32_t high;
  asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(number));
  return std::uint64_t{high} << 32 | low;
}
inline void write_msr(std::uint32_t number, std::uint64_t value) {
  asm volatile("wrmsr" ::"c"(number), "a"(static_cast<std::uint32_t>(value)),
               "d"(static_cast<std::uint32_t>(value >> 32))
               : "memory");
}

struct CpuidResult {
  std::uint32_t a, b, c, d;
};
inline CpuidResult cpuid(std::uint32_t leaf, std::uint32_t subleaf = 0) {
  CpuidResult r;
  asm volatile("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "a"(leaf), "c"(subleaf));
  return r;
}

/// The time-stamp counter; under -icount shift=0 it counts instructions.
inline std::uint64_t read_tsc() {
  std::uint32_t low;
  std::uint32_t high;
  asm volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
  return std::uint64_t{high} << 32 | low;
}

inline void out8(std::uint16_t port, std::uint8_t value) {
  asm volatile("outb %0, %1" ::"a"(value), "Nd"(port));
}
inline void out32(std::uint16_t port, std::uint32_t value) {
  asm volatile("outl %0, %1" ::"a"(value), "Nd"(port));
}
inline std::uint8_t in8(std::uint16_t port) {
  std::uint8_t value;
  asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}
inline std::uint32_t in32(std::uint16_t port) {
  std::uint32_t value;
  asm volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}

/// Waits a moment inside a spin loop.
inline void pause() { asm volatile("pause" ::: "memory"); }

inline bool interrupts_enabled() {
  std::uint64_t flags;
  asm volatile("pushfq; popq %0" : "=r"(flags)::"memory");
  return (flags & 0x200) != 0;
}
inline void enable_interrupts() { asm volatile("sti" ::: "memory"); }
inline void disable_interrupts() { asm volatile("cli" ::: "memory"); }
/// Enables interrupts and sleeps until one comes; none can slip in between. Returns with
/// interrupts enabled.
inline void wait_for_interrupt() { asm volatile("sti; hlt" ::: "memory"); }

/// Interrupts are off in this scope, and afterwards as they were before.
class [[nodiscard]] InterruptsOff {
 public:
  InterruptsOff() : were_on_(interrupts_enabled()) { disable_interrupts(); }
  ~InterruptsOff() {
    if (were_on_) enable_interrupts();
  }
  InterruptsOff(const InterruptsOff&) = delete;
  InterruptsOff& operator=(const InterruptsOff&) = delete;

 private:
  bool were_on_;
};

}  // namespace vc::x86
