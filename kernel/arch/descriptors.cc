#include "kernel/arch/descriptors.h"

#include "kernel/arch/interrupt.h"
#include "kernel/arch/machine.h"

extern "C" char interrupt_stubs[];  // interrupt_entry.S: 16 bytes per vector

namespace vc::kernel {

namespace {

struct [[gnu::packed]] TaskState {
  std::uint32_t reserved0;
  std::uint64_t ring_stacks[3];
  std::uint64_t reserved1;
  std::uint64_t interrupt_stacks[7];
  std::uint64_t reserved2;
  std::uint16_t reserved3;
  std::uint16_t io_map;
};
static_assert(sizeof(TaskState) == 104);

struct Gate {
  std::uint16_t offset_low;
  std::uint16_t selector;
  std::uint8_t stack;  ///< 0: the current one; n: interrupt_stacks[n - 1]
  std::uint8_t type;
  std::uint16_t offset_middle;
  std::uint32_t offset_high;
  std::uint32_t reserved;
};
static_assert(sizeof(Gate) == 16);

struct [[gnu::packed]] TablePointer {
  std::uint16_t limit;
  std::uint64_t base;
};

constexpr std::uint32_t kFirstTask = 3;  // of the GDT's words
constexpr std::uint8_t kInterruptGate = 0x8e;

alignas(16) constinit std::uint64_t segments[kFirstTask + 2 * kMaxCpus] = {
    0,
    0x00af'9b00'0000'ffff,  // 64-bit code
    0x00cf'9300'0000'ffff,  // data
};
constinit TaskState tasks[kMaxCpus] = {};
alignas(16) constinit Gate gates[256] = {};

/// The two words of a descriptor of an available 64-bit task state.
void describe_task(std::uint32_t cpu) {
  const auto base = reinterpret_cast<std::uintptr_t>(&tasks[cpu]);
  segments[kFirstTask + 2 * cpu] = (sizeof(TaskState) - 1) | (base & 0xff'ffff) << 16 |
                                   std::uint64_t{0x89} << 40 | (base >> 24 & 0xff) << 56;
  segments[kFirstTask + 2 * cpu + 1] = base >> 32;
}

std::uint8_t stack_of(std::uint32_t vector) {
  switch (vector) {
    case kDoubleFault: return 1;
    case kNonMaskable: return 2;
    case kMachineCheck: return 3;
    default: return 0;
  }
}

std::uint64_t top(std::uint8_t (&stack)[ExceptionStacks::kSize]) {
  return reinterpret_cast<std::uintptr_t>(stack + ExceptionStacks::kSize);
}

/// Code and data segments take effect by a far return to the next instruction.
void load_segments() {
  const TablePointer pointer{sizeof segments - 1, reinterpret_cast<std::uintptr_t>(segments)};
  asm volatile(
      "lgdt %0\n\t"
      "pushq %1\n\t"
      "leaq 1f(%%rip), %%rax\n\t"
      "pushq %%rax\n\t"
      "lretq\n"
      "1:\n\t"
      "movl %2, %%ss\n\t"
      "xorl %%eax, %%eax\n\t"
      "movl %%eax, %%ds\n\t"
      "movl %%eax, %%es\n\t"
      "movl %%eax, %%fs\n\t"
      "movl %%eax, %%gs"
      :
      : "m"(pointer), "i"(kCodeSelector), "r"(std::uint32_t{kDataSelector})
      : "rax", "memory");
}

}  // namespace

void build_interrupt_gates() {
  for (std::uint32_t vector = 0; vector < 256; ++vector) {
    const auto entry = reinterpret_cast<std::uintptr_t>(interrupt_stubs + 16 * vector);
    gates[vector] = {.offset_low = static_cast<std::uint16_t>(entry),
                     .selector = kCodeSelector,
                     .stack = stack_of(vector),
                     .type = kInterruptGate,
                     .offset_middle = static_cast<std::uint16_t>(entry >> 16),
                     .offset_high = static_cast<std::uint32_t>(entry >> 32),
                     .reserved = 0};
  }
}

void load_descriptors(std::uint32_t cpu, ExceptionStacks& stacks) {
  tasks[cpu].interrupt_stacks[0] = top(stacks.double_fault);
  tasks[cpu].interrupt_stacks[1] = top(stacks.non_maskable);
  tasks[cpu].interrupt_stacks[2] = top(stacks.machine_check);
  tasks[cpu].io_map = sizeof(TaskState);  // none
  describe_task(cpu);
  load_segments();
  const TablePointer pointer{sizeof gates - 1, reinterpret_cast<std::uintptr_t>(gates)};
  asm volatile("lidt %0" ::"m"(pointer) : "memory");
  const auto task = static_cast<std::uint16_t>(8 * (kFirstTask + 2 * cpu));
  asm volatile("ltr %0" ::"r"(task) : "memory");
}

}  // namespace vc::kernel
