// I/O APICs: which line of a device interrupts which CPU, by which vector.
#include "kernel/arch/apic.h"
#include "kernel/arch/interrupt.h"
#include "kernel/memory/memory.h"
#include "vcompound/base/assert.h"
#include "vcompound/platform/x86_64/spin_lock.h"

namespace vc::kernel {

namespace {

// Two windows: the number of a register, and its content.
constexpr Bytes kSelect{0x00};
constexpr Bytes kData{0x10};
constexpr std::uint32_t kVersion = 1;
constexpr std::uint32_t kFirstEntry = 16;  // two registers for each line

constexpr std::uint32_t kMasked = 1U << 16;
constexpr std::uint32_t kLevel = 1U << 15;
constexpr std::uint32_t kActiveLow = 1U << 13;

struct IoApic {
  VirtAddr registers{};
  std::uint32_t first_line = 0;
  std::uint32_t lines = 0;
};
constinit IoApic io_apics[AcpiTables::kMaxIoApics];
constinit std::uint32_t io_apic_count = 0;

/// Which line each vector from kFirstLine on serves; at most one vector serves a line.
constinit std::uint32_t line_of_vector[kLineVectors];
constinit std::uint32_t vectors_used = 0;

constinit AcpiTables::Override overrides[AcpiTables::kMaxOverrides] = {};
constinit std::uint32_t override_count = 0;

constinit x86::SpinLock lock;  // all of the above, after open_io_apics()

std::uint32_t read(const IoApic& apic, std::uint32_t number) {
  *pointer<volatile std::uint32_t>(apic.registers + kSelect) = number;
  return *pointer<volatile std::uint32_t>(apic.registers + kData);
}

void write(const IoApic& apic, std::uint32_t number, std::uint32_t value) {
  *pointer<volatile std::uint32_t>(apic.registers + kSelect) = number;
  *pointer<volatile std::uint32_t>(apic.registers + kData) = value;
}

const IoApic& io_apic_of(std::uint32_t line) {
  for (std::uint32_t i = 0; i < io_apic_count; ++i) {
    if (line - io_apics[i].first_line < io_apics[i].lines) return io_apics[i];  // wraps below
  }
  panic("no I/O APIC has this interrupt line", __FILE__, __LINE__);
}

/// Low half: vector, wiring, mask; high half: the CPU.
void write_entry(std::uint32_t line, std::uint32_t low, std::uint32_t apic_id) {
  const IoApic& apic = io_apic_of(line);
  const std::uint32_t entry = kFirstEntry + 2 * (line - apic.first_line);
  write(apic, entry, kMasked);  // never a mixture of the old and the new
  write(apic, entry + 1, apic_id << 24);
  write(apic, entry, low);
}

struct Wiring {
  std::uint32_t line;
  std::uint32_t bits;
};

/// What a line that PCI knows is wired to: the firmware's override, else as PCI wants it: level
/// triggered, active low.
Wiring wiring_of(std::uint32_t source) {
  for (std::uint32_t i = 0; i < override_count; ++i) {
    const AcpiTables::Override& o = overrides[i];
    if (o.source != source) continue;
    const std::uint32_t polarity = o.polarity == AcpiTables::Polarity::active_low ? kActiveLow : 0;
    return {o.line, polarity | (o.trigger == AcpiTables::Trigger::level ? kLevel : 0)};
  }
  return {source, kActiveLow | kLevel};
}

std::uint32_t vector_for(std::uint32_t line) {
  for (std::uint32_t i = 0; i < vectors_used; ++i) {
    if (line_of_vector[i] == line) return kFirstLine + i;
  }
  VC_ASSERT(vectors_used < kLineVectors, "too many interrupt lines are connected");
  line_of_vector[vectors_used] = line;
  return kFirstLine + vectors_used++;
}

}  // namespace

void open_io_apics(const AcpiTables& tables) {
  for (std::uint32_t i = 0; i < tables.io_apic_count; ++i) {
    IoApic& apic = io_apics[i];
    apic.registers = map_device(tables.io_apics[i].address, Bytes(4096), "I/O APIC");
    apic.first_line = tables.io_apics[i].first_line;
    apic.lines = (read(apic, kVersion) >> 16 & 0xff) + 1;
    for (std::uint32_t line = 0; line < apic.lines; ++line) {
      write(apic, kFirstEntry + 2 * line, kMasked);
    }
  }
  io_apic_count = tables.io_apic_count;
  for (std::uint32_t i = 0; i < tables.override_count; ++i) overrides[i] = tables.overrides[i];
  override_count = tables.override_count;
}

void connect_interrupt(std::uint32_t line, std::uint32_t cpu, InterruptHandler handler,
                       void* context) {
  VC_ASSERT(cpu < cpu_count(), "connect_interrupt: that CPU is not online");
  const Wiring wiring = wiring_of(line);
  lock.lock();
  const std::uint32_t vector = vector_for(wiring.line);
  write_entry(wiring.line, kMasked, 0);
  set_handler(vector, handler, context);
  write_entry(wiring.line, vector | wiring.bits, cpu_at(cpu).apic_id);
  lock.unlock();
}

void disconnect_interrupt(std::uint32_t line) {
  const Wiring wiring = wiring_of(line);
  lock.lock();
  write_entry(wiring.line, kMasked, 0);
  lock.unlock();
}

}  // namespace vc::kernel
