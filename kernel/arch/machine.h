// The machine: processors, interrupts, time. What the rest of the kernel may ask of it.
#pragma once

#include <cstdint>

#include "vcompound/base/units.h"
#include "vcompound/platform/x86_64/broadcast.h"
#include "vcompound/platform/x86_64/cpu_local.h"

namespace vc::kernel {

/// The most CPUs that are used; further ones stay asleep.
inline constexpr std::uint32_t kMaxCpus = 16;

class Thread;
/// Everything that a CPU has for itself.
struct alignas(64) Cpu : x86::CpuLocal {
  Thread* running = nullptr;
  Thread* idle = nullptr;
  std::uint32_t apic_id = 0;
  std::uint32_t numa_node = 0;
  std::uint8_t lock_depth = 0;   ///< InterruptLocks held
  const void* locks[8] = {};     ///< which, innermost last
  std::uint64_t interrupts = 0;  ///< handled so far
};
/// This CPU's data. Only meaningful while the caller cannot be moved to another CPU.
inline Cpu& cpu() { return static_cast<Cpu&>(x86::this_cpu()); }
/// The data of any CPU below kMaxCpus.
Cpu& cpu_at(std::uint32_t number);

/// The CPUs that are online.
std::uint32_t cpu_count();
/// Gives the boot CPU its data, descriptor tables and exception handlers; first of all.
void open_boot_cpu();
/// Reads the ACPI tables and the interrupt controllers, starts the tick of the boot CPU. Interrupts
/// are on when it returns. `rsdp`: from the start info, or 0 to look for it.
void open_machine(PhysAddr rsdp);
/// Reads the ACPI tables only, as far as the memory that is mapped now allows. May be called before
/// open_memory(), which needs the nodes; open_machine() does it otherwise.
void read_firmware_tables(PhysAddr rsdp);
/// Starts the other CPUs, one after the other; each ends in run_cpu() (thread/scheduler.h), with
/// interrupts off. A CPU that does not come is left out, with a message.
void start_other_cpus();

/// Runs function(argument) on one CPU (may be the caller's) and waits until it is done. Same rules
/// as x86::broadcast().
void call_on(std::uint32_t target, x86::CpuFunction function, void* argument);
/// Makes another CPU reschedule soon, if what it runs may be preempted; does not wait. From any
/// context.
void kick(std::uint32_t target);

/// What interrupts a handler gets: the saved registers, in the order in which the entry pushed
/// them.
struct InterruptFrame {
  std::uint64_t r15, r14, r13, r12, r11, r10, r9, r8, bp, di, si, dx, cx, bx, ax;
  std::uint64_t vector, error;
  std::uint64_t ip, cs, flags, sp, ss;
};
using InterruptHandler = void (*)(void* context);

/// Routes a line of the I/O APIC (level-triggered as PCI wants it) to a handler on a CPU. A line
/// has one handler; the last one counts.
void connect_interrupt(std::uint32_t line, std::uint32_t cpu, InterruptHandler handler,
                       void* context);
/// The line interrupts no more. A handler that runs on another CPU may still be at work.
void disconnect_interrupt(std::uint32_t line);

/// Microseconds since boot, by the calibrated time-stamp counter.
std::uint64_t microseconds();
/// Busy-waits.
void delay(std::uint64_t microseconds);
/// Switches this CPU's tick on or off (off: for exact instruction counts).
void set_tick(bool on);

/// NUMA: the node of a frame by the ACPI SRAT; 0 if there is none.
std::uint32_t numa_nodes();
std::uint32_t numa_node_of(Pfn frame);

/// Ends with a message, registers and a backtrace. `caller` may be nullptr.
[[noreturn]] void panic_with(const char* what, const char* detail, const InterruptFrame* frame);

}  // namespace vc::kernel
