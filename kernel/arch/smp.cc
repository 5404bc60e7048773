// Starting the other CPUs, one after the other: INIT, startup, and a hand-shake.
//
// What the new CPU needs is in variables that the trampoline reads. The stack is taken by exchange:
// either the new CPU gets it, or the boot CPU takes it back because it has waited long enough.
#include "kernel/arch/apic.h"
#include "kernel/arch/cpus.h"
#include "kernel/arch/machine.h"
#include "kernel/boot/boot_info.h"
#include "kernel/console/console.h"
#include "kernel/memory/bring_up.h"
#include "kernel/memory/memory.h"
#include "kernel/thread/scheduler.h"
#include "vcompound/base/atomic.h"
#include "vcompound/platform/x86_64/cpu.h"

extern "C" {
// boot/trampoline.S, boot/entry.S
extern char trampoline_start[], trampoline_end[], trampoline_root[];
extern char boot_root[];
// Read by the trampoline.
extern std::uint64_t start_root, start_control;
extern vc::Atomic<std::uint64_t> start_stack;
constinit std::uint64_t start_root = 0;
constinit std::uint64_t start_control = 0;
constinit vc::Atomic<std::uint64_t> start_stack;

[[noreturn]] void cpu_entry();
}

namespace vc::kernel {

namespace {

constexpr PhysAddr kTrampoline{0x8000};

constinit Atomic<std::uint32_t> online(1);

/// All that a CPU needs, allocated as one mapped compound: there is a guard page below the stack.
struct CpuStacks {
  std::uint8_t idle[16384];
  ExceptionStacks exceptions;
};
constinit CpuStacks* next_stacks = nullptr;  ///< of the CPU that is being started

/// False: the firmware does not give us the page where CPUs start.
bool copy_trampoline() {
  const PfnRange frame{Pfn(kTrampoline.value >> 12), PageCount(1)};
  if (!boot_memory().ram.contains(frame)) return false;
  auto* page = pointer<char>(direct(kTrampoline));
  __builtin_memcpy(page, trampoline_start,
                   static_cast<std::size_t>(trampoline_end - trampoline_start));
  const auto root =
      static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(boot_root) - kImageBase.value);
  __builtin_memcpy(page + (trampoline_root - trampoline_start), &root, sizeof root);
  start_root = x86::read_cr3();
  start_control = read_cr4();
  return true;
}

/// True: the CPU has come, or will in a moment.
bool wait_for_claim(std::uint64_t microseconds_to_wait) {
  const std::uint64_t until = microseconds() + microseconds_to_wait;
  while (start_stack.load_acquire() != 0) {
    if (microseconds() >= until) return false;
    x86::pause();
  }
  return true;
}

/// PRE: INIT was sent, long enough ago. The second startup is for processors that missed the first.
bool start_cpu(const AcpiTables::Processor& processor) {
  const std::uint32_t number = cpu_count();
  cpu_at(number).apic_id = processor.apic_id;
  cpu_at(number).numa_node = processor.node;
  start_stack.store_release(reinterpret_cast<std::uintptr_t>(next_stacks->idle) +
                            sizeof next_stacks->idle);
  send_startup(processor.apic_id, kTrampoline);
  if (!wait_for_claim(10'000)) {
    send_startup(processor.apic_id, kTrampoline);
    if (!wait_for_claim(1'000'000) && start_stack.exchange(0) != 0) return false;
  }
  while (cpu_count() == number) x86::pause();
  return true;
}

bool allocate_stacks() {
  Result<Allocation> memory =
      allocate({.size = Bytes(sizeof(CpuStacks)), .contiguity = Contiguity::never});
  if (!memory) return false;
  next_stacks = pointer<CpuStacks>(memory->address);
  return true;
}

void init_others(const AcpiTables& tables) {
  for (std::uint32_t i = 0; i < tables.processor_count; ++i) {
    const std::uint32_t apic_id = tables.processors[i].apic_id;
    if (apic_id != cpu_at(0).apic_id) send_init(apic_id);
  }
  delay(10'000);
}

}  // namespace

std::uint32_t cpu_count() { return online.load_acquire(); }

void start_other_cpus() {
  const AcpiTables& tables = firmware_tables();
  if (tables.processor_count < 2) return;
  if (!copy_trampoline()) {
    Line()
        .text("the other CPUs stay asleep: no RAM where they would start, at ")
        .hex(kTrampoline.value);
    return;
  }
  init_others(tables);
  for (std::uint32_t i = 0; i < tables.processor_count && cpu_count() < kMaxCpus; ++i) {
    const AcpiTables::Processor& processor = tables.processors[i];
    if (processor.apic_id == cpu_at(0).apic_id) continue;
    if (next_stacks == nullptr && !allocate_stacks()) return;
    if (start_cpu(processor)) {
      next_stacks = nullptr;
    } else {
      Line().text("CPU with local APIC ").number(processor.apic_id).text(" does not start");
    }
  }
}

}  // namespace vc::kernel

/// The new CPU, on its own stack and the kernel's tables, interrupts off.
void cpu_entry() {
  using namespace vc;
  using namespace vc::kernel;
  install_cpu(cpu_count(), next_stacks->exceptions);
  open_local_apic();
  cpu().apic_id = local_apic_id();  // of one that was given up and came after all: not as expected
  set_tick(true);
  online.fetch_add(1);
  // Shootdowns reach this CPU from here on; those before did not.
  x86::write_cr3(x86::read_cr3());
  run_cpu();
}
