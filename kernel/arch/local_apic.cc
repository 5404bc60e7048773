// The local APIC of each CPU: its own interrupts, those between CPUs, and its timer.
#include "kernel/arch/apic.h"
#include "kernel/arch/interrupt.h"
#include "kernel/console/console.h"
#include "kernel/memory/memory.h"
#include "vcompound/platform/x86_64/cpu.h"

namespace vc::kernel {

namespace {

/// Registers, by their offset.
enum Register : std::uint32_t {
  kId = 0x20,
  kTaskPriority = 0x80,
  kEndOfInterrupt = 0xb0,
  kSpurious = 0xf0,
  kErrorStatus = 0x280,
  kCommandLow = 0x300,
  kCommandHigh = 0x310,
  kTimerEntry = 0x320,
  kLine0Entry = 0x350,
  kLine1Entry = 0x360,
  kErrorEntry = 0x370,
  kTimerStart = 0x380,
  kTimerNow = 0x390,
  kTimerDivider = 0x3e0,
};

constexpr std::uint32_t kSoftwareEnable = 1U << 8;
constexpr std::uint32_t kMasked = 1U << 16;
constexpr std::uint32_t kPeriodic = 1U << 17;
constexpr std::uint32_t kDivideBy16 = 3;
constexpr std::uint32_t kDeliverNonMaskable = 4U << 8;
constexpr std::uint32_t kDeliverInit = 5U << 8;
constexpr std::uint32_t kDeliverStartup = 6U << 8;
constexpr std::uint32_t kAssert = 1U << 14;
constexpr std::uint32_t kSendPending = 1U << 12;

constexpr std::uint32_t kBaseMsr = 0x1b;
constexpr std::uint64_t kBaseEnable = 1U << 11;
constexpr std::uint64_t kBaseAddress = 0xf'ffff'f000;

constinit VirtAddr registers;

volatile std::uint32_t& at(Register which) {
  return *pointer<volatile std::uint32_t>(registers + Bytes(which));
}

/// The two halves of a command belong together: no handler may send in between.
void send(std::uint32_t apic_id, std::uint32_t command) {
  const x86::InterruptsOff off;
  while ((at(kCommandLow) & kSendPending) != 0) x86::pause();
  at(kCommandHigh) = apic_id << 24;
  at(kCommandLow) = command;
}

void note_error(void*) {
  at(kErrorStatus) = 0;  // a write brings the register up to date
  const std::uint32_t status = at(kErrorStatus);
  Line().text("local APIC of CPU ").number(x86::cpu_number()).text(": error ").hex(status);
}

void ignore_spurious(void*) {}

}  // namespace

void mask_legacy_interrupts() {
  constexpr std::uint16_t kFirst = 0x20;
  constexpr std::uint16_t kSecond = 0xa0;
  // Four words start each controller: begin, vector of line 0, who is wired to whom, 8086 mode.
  x86::out8(kFirst, 0x11);
  x86::out8(kSecond, 0x11);
  x86::out8(kFirst + 1, 32);
  x86::out8(kSecond + 1, 40);
  x86::out8(kFirst + 1, 4);
  x86::out8(kSecond + 1, 2);
  x86::out8(kFirst + 1, 1);
  x86::out8(kSecond + 1, 1);
  x86::out8(kFirst + 1, 0xff);
  x86::out8(kSecond + 1, 0xff);
}

void map_local_apic(const AcpiTables& tables) {
  PhysAddr where = tables.local_apic;
  if (where.value == 0) where = PhysAddr(x86::read_msr(kBaseMsr) & kBaseAddress);
  registers = map_device(where, Bytes(4096), "local APIC");
  set_handler(kApicErrorVector, &note_error, nullptr);
  set_handler(kSpuriousVector, &ignore_spurious, nullptr, Acknowledge::no);
  for (std::uint32_t line = 0; line < 16; ++line) {  // the 8259 cannot be kept from these
    set_handler(kExceptions + line, &ignore_spurious, nullptr, Acknowledge::no);
  }
}

void open_local_apic() {
  x86::write_msr(kBaseMsr, x86::read_msr(kBaseMsr) | kBaseEnable);
  at(kSpurious) = kSoftwareEnable | kSpuriousVector;
  at(kTaskPriority) = 0;
  at(kTimerDivider) = kDivideBy16;
  at(kTimerEntry) = kMasked | kTickVector;
  at(kLine0Entry) = kMasked;  // the 8259
  at(kLine1Entry) = kDeliverNonMaskable;
  at(kErrorStatus) = 0;
  at(kErrorEntry) = kApicErrorVector;
  acknowledge_interrupt();  // one that was in service before
}

bool has_local_apic() { return registers.value != 0; }
std::uint32_t local_apic_id() { return at(kId) >> 24; }
void acknowledge_interrupt() { at(kEndOfInterrupt) = 0; }

void send_interrupt(std::uint32_t apic_id, std::uint32_t vector) {
  send(apic_id, kAssert | vector);
}
void send_non_maskable(std::uint32_t apic_id) { send(apic_id, kAssert | kDeliverNonMaskable); }
void send_init(std::uint32_t apic_id) { send(apic_id, kAssert | kDeliverInit); }
void send_startup(std::uint32_t apic_id, PhysAddr page) {
  send(apic_id, kAssert | kDeliverStartup | static_cast<std::uint32_t>(page.value >> 12));
}

void start_timer(TimerInterrupt interrupt, std::uint32_t count) {
  at(kTimerEntry) = kTickVector | kPeriodic | (interrupt == TimerInterrupt::masked ? kMasked : 0);
  at(kTimerStart) = count;
}
std::uint32_t timer_count() { return at(kTimerNow); }

}  // namespace vc::kernel
