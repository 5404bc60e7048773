// Bringing up the machine, in the order of main.cc.
#include "kernel/arch/cpus.h"

#include "kernel/arch/apic.h"
#include "kernel/arch/clock.h"
#include "kernel/arch/cross_call.h"
#include "kernel/arch/interrupt.h"
#include "kernel/boot/boot_info.h"
#include "kernel/console/console.h"
#include "vcompound/platform/x86_64/cpu.h"

namespace vc::kernel {

namespace {

constinit Cpu cpus[kMaxCpus];
constinit ExceptionStacks boot_exception_stacks = {};

/// The node of a processor; 0 if the firmware does not know it.
std::uint32_t node_of_apic(std::uint32_t apic_id) {
  const AcpiTables& tables = firmware_tables();
  for (std::uint32_t i = 0; i < tables.processor_count; ++i) {
    if (tables.processors[i].apic_id == apic_id) return tables.processors[i].node;
  }
  return 0;
}

}  // namespace

Cpu& cpu_at(std::uint32_t number) { return cpus[number]; }

void install_cpu(std::uint32_t number, ExceptionStacks& stacks) {
  constexpr std::uint32_t kGsBase = 0xc000'0101;
  load_descriptors(number, stacks);  // clears GS
  Cpu& here = cpus[number];
  here.self = &here;
  here.number = number;
  x86::write_msr(kGsBase, reinterpret_cast<std::uintptr_t>(&here));
}

void open_boot_cpu() {
  build_interrupt_gates();
  install_cpu(0, boot_exception_stacks);
  mask_legacy_interrupts();
  constexpr std::uint32_t kHasMachineChecks = 1U << 7;  // without this a machine check is a reset
  constexpr std::uint64_t kMachineChecks = 1U << 6;
  if ((x86::cpuid(1).d & kHasMachineChecks) != 0) write_cr4(read_cr4() | kMachineChecks);
}

void open_machine(PhysAddr rsdp) {
  read_firmware_tables(rsdp);
  const AcpiTables& tables = firmware_tables();
  map_local_apic(tables);
  open_local_apic();
  open_io_apics(tables);
  cpus[0].apic_id = local_apic_id();
  cpus[0].numa_node = node_of_apic(cpus[0].apic_id);
  open_cross_calls();
  open_clock();
  set_tick(true);
  x86::enable_interrupts();
}

}  // namespace vc::kernel
