// The interrupt controllers: a local APIC in each CPU, I/O APICs for the devices' lines. The two
// 8259 of old are masked and stay so.
#pragma once

#include <cstdint>

#include "kernel/arch/acpi.h"
#include "kernel/arch/machine.h"

namespace vc::kernel {

/// Masks every line of the 8259 pair, after moving them away from the exceptions' vectors.
void mask_legacy_interrupts();

/// Maps the registers of the local APICs, which lie at the same address for each CPU; once. Then
/// open_local_apic() on each CPU.
void map_local_apic(const AcpiTables& tables);
/// Switches the calling CPU's local APIC on: errors and spurious interrupts have handlers.
void open_local_apic();
/// False before map_local_apic(): nobody can be interrupted yet.
bool has_local_apic();
/// Maps the I/O APICs and masks all their lines; once.
void open_io_apics(const AcpiTables& tables);

/// The number of the calling CPU's local APIC.
std::uint32_t local_apic_id();
/// End of interrupt.
void acknowledge_interrupt();

/// Interrupts between CPUs. Each may be sent from any context.
void send_interrupt(std::uint32_t apic_id, std::uint32_t vector);
void send_non_maskable(std::uint32_t apic_id);
void send_init(std::uint32_t apic_id);
/// Starts a CPU that waits after INIT, at a page below 1 MiB.
void send_startup(std::uint32_t apic_id, PhysAddr page);

/// The timer of the local APIC counts down to 0, with the bus clock / 16, and then from the start
/// again. It interrupts at 0 unless it is masked.
enum class TimerInterrupt : std::uint8_t { masked, on };
void start_timer(TimerInterrupt interrupt, std::uint32_t count);
std::uint32_t timer_count();

}  // namespace vc::kernel
