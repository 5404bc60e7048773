// What the processor wants to be told in tables: segments, task states (for the stacks of the
// exceptions that cannot trust the current one) and the entries of all vectors.
//
//      GDT: null | code | data | task state of CPU 0 (2 words) | of CPU 1 | ...     one for all
//      CPUs TSS: interrupt stacks 1..3 = double fault, NMI, machine check               one per CPU
//      IDT: 256 interrupt gates                                                    one for all CPUs
#pragma once

#include <cstdint>

namespace vc::kernel {

inline constexpr std::uint16_t kCodeSelector = 0x08;
inline constexpr std::uint16_t kDataSelector = 0x10;

/// The stacks for exceptions after which the current stack is not to be trusted.
struct alignas(16) ExceptionStacks {
  static constexpr std::size_t kSize = 8192;

  std::uint8_t double_fault[kSize];
  std::uint8_t non_maskable[kSize];
  std::uint8_t machine_check[kSize];
};

/// Fills in the gates; once, by the boot CPU.
void build_interrupt_gates();
/// Makes the calling CPU use the tables. `stacks` stay in use for ever.
void load_descriptors(std::uint32_t cpu, ExceptionStacks& stacks);

}  // namespace vc::kernel
