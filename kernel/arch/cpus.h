// CPUs as they come to life.
#pragma once

#include <cstdint>

#include "kernel/arch/acpi.h"
#include "kernel/arch/descriptors.h"
#include "kernel/arch/machine.h"

namespace vc::kernel {

inline std::uint64_t read_cr4() {
  std::uint64_t value;
  asm volatile("mov %%cr4, %0" : "=r"(value));
  return value;
}
inline void write_cr4(std::uint64_t value) {
  asm volatile("mov %0, %%cr4" ::"r"(value) : "memory");
}

/// Gives the calling CPU its number, its data and its descriptor tables.
void install_cpu(std::uint32_t number, ExceptionStacks& stacks);

/// What the firmware said; empty before read_firmware_tables().
const AcpiTables& firmware_tables();

}  // namespace vc::kernel
