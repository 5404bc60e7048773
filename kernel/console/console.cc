#include "kernel/console/console.h"

#include "kernel/console/exit.h"
#include "vcompound/base/atomic.h"
#include "vcompound/platform/x86_64/cpu.h"

namespace vc::kernel {

namespace {

constexpr std::uint16_t kCom1 = 0x3f8;

/// Taken with interrupts off and without a rank: a panic under any lock must be able to print.
constinit Atomic<std::uint32_t> taken;
/// A CPU that stopped in the middle of a line must not silence the others for ever.
constexpr std::uint32_t kPatience = 1U << 24;

void take() {
  for (std::uint32_t i = 0; i < kPatience && taken.exchange(1) != 0; ++i) x86::pause();
}

void put(char c) {
  while ((x86::in8(kCom1 + 5) & 0x20) == 0) x86::pause();  // until the transmitter is empty
  x86::out8(kCom1, static_cast<std::uint8_t>(c));
}

}  // namespace

void open_console() {
  x86::out8(kCom1 + 1, 0x00);  // no interrupts
  x86::out8(kCom1 + 3, 0x80);  // the divisor: 1 is 115200 baud
  x86::out8(kCom1 + 0, 0x01);
  x86::out8(kCom1 + 1, 0x00);
  x86::out8(kCom1 + 3, 0x03);  // 8 data bits, no parity, 1 stop bit
  x86::out8(kCom1 + 2, 0xc7);  // the buffers, cleared
  x86::out8(kCom1 + 4, 0x03);
}

void write_console(const char* bytes, std::size_t length) {
  for (std::size_t i = 0; i < length; ++i) put(bytes[i]);
}

Line::~Line() {
  const x86::InterruptsOff off;
  take();
  write_console(buffer_, length());
  if (truncated()) write_console("...", 3);
  write_console("\r\n", 2);
  taken.store_release(0);
}

void end_machine(Exit how) {
  x86::disable_interrupts();
  x86::out32(0xf4, static_cast<std::uint32_t>(how));
  for (;;) asm volatile("cli; hlt");
}

}  // namespace vc::kernel
