// What each CPU has for itself, at the base of its GS segment.
//
// The context word says in one number whether the code that runs may sleep or be moved:
//
//      bit 31       bits 16..23         bits 0..15
//      +---------+-------------------+------------------+
//      | settled | interrupt depth   | preempt depth    |
//      +---------+-------------------+------------------+
//
//   preempt depth    > 0: the running thread stays on this CPU and is not preempted
//   interrupt depth  > 0: an interrupt handler runs
//   settled          1: nobody waits for this CPU to reschedule (the bit is inverted so that the
//                    whole word becomes 0 exactly when a reschedule is both wanted and allowed;
//                    so leaving a section costs one decrement and one jump)
#pragma once

#include <cstddef>
#include <cstdint>

namespace vc::x86 {

/// The part of a CPU's own data that the platform knows; the kernel derives from it.
struct CpuLocal {
  static constexpr std::uint32_t kSettled = 0x8000'0000;
  static constexpr std::uint32_t kInterrupt = 0x0001'0000;

  CpuLocal* self = nullptr;          ///< this object, to be read through GS
  std::uint32_t number = 0;          ///< 0 to cpu_count - 1; 0 started the machine
  std::uint32_t context = kSettled;  ///< see above
};
static_assert(offsetof(CpuLocal, number) == 8 && offsetof(CpuLocal, context) == 12,
              "the functions below name these offsets");

/// This CPU's data. Only meaningful while the caller cannot be moved to another CPU.
inline CpuLocal& this_cpu() {
  CpuLocal* cpu;
  asm volatile("mov %%gs:0, %0" : "=r"(cpu));
  return *cpu;
}
/// The number of the CPU that the caller is on (at least for a moment).
inline std::uint32_t cpu_number() {
  std::uint32_t number;
  asm volatile("movl %%gs:8, %0" : "=r"(number));
  return number;
}
inline std::uint32_t context_word() {
  std::uint32_t word;
  asm volatile("movl %%gs:12, %0" : "=r"(word)::"memory");
  return word;
}
inline bool in_interrupt() { return (context_word() & 0x00ff'0000) != 0; }
inline bool is_preemptible() { return (context_word() & ~CpuLocal::kSettled) == 0; }

/// Supplied by the kernel: gives the CPU to another thread if interrupts are on, else does nothing
/// (then the interrupted code or the next tick will). Called when a reschedule is wanted and
/// allowed.
void reschedule();

/// The caller stays on its CPU from here on. Nests.
inline void forbid_preemption() { asm volatile("incl %%gs:12" ::: "memory", "cc"); }
/// Undoes one forbid_preemption(); the last one lets a waiting thread run.
///
/// Not a call in the eyes of the compiler: reschedule_keeping_registers, which the kernel supplies
/// as well, calls reschedule() and changes no register. So a function that takes a lock or uses a
/// slot need not save what it has in registers for a call that hardly ever happens.
inline void allow_preemption() {
  asm volatile(
      "decl %%gs:12\n\t"
      "jnz 1f\n\t"
      "call reschedule_keeping_registers\n"
      "1:" ::
          : "memory", "cc");
}

/// The caller stays on its CPU in this scope.
class [[nodiscard]] StayHere {
 public:
  StayHere() { forbid_preemption(); }
  ~StayHere() { allow_preemption(); }
  StayHere(const StayHere&) = delete;
  StayHere& operator=(const StayHere&) = delete;
};

}  // namespace vc::x86
