#include "kernel/net/pci.h"

#include "kernel/thread/lock.h"
#include "vcompound/base/lock.h"
#include "vcompound/platform/x86_64/cpu.h"

namespace vc::kernel {
namespace {

constexpr std::uint16_t kAddressPort = 0xcf8;
constexpr std::uint16_t kDataPort = 0xcfc;
constexpr std::uint8_t kIdentity = 0x00;
constexpr std::uint8_t kCommand = 0x04;
constexpr std::uint8_t kHeaderType = 0x0c;
constexpr std::uint8_t kFirstRange = 0x10;
constexpr std::uint8_t kInterrupt = 0x3c;

/// Selecting a register and accessing it are two steps.
constinit InterruptLock config_lock(Rank::driver, "pci configuration");

bool has_more_functions(PciFunction f) { return (pci_read(f, kHeaderType) >> 16 & 0x80) != 0; }

/// Looks at the functions of one device.
bool find_in_device(std::uint32_t identity, PciFunction& f) {
  const std::uint32_t first = pci_read(f, kIdentity);
  if (first == identity) return true;
  if ((first & 0xffff) == 0xffff || !has_more_functions(f)) return false;
  for (f.function = 1; f.function < 8; ++f.function) {
    if (pci_read(f, kIdentity) == identity) return true;
  }
  return false;
}

}  // namespace

std::uint32_t pci_read(PciFunction f, std::uint8_t offset) {
  Guard guard(config_lock);
  x86::out32(kAddressPort, pci_selector(f, offset));
  return x86::in32(kDataPort);
}

void pci_write(PciFunction f, std::uint8_t offset, std::uint32_t value) {
  Guard guard(config_lock);
  x86::out32(kAddressPort, pci_selector(f, offset));
  x86::out32(kDataPort, value);
}

bool find_pci(std::uint16_t vendor, std::uint16_t device, PciFunction& found) {
  const std::uint32_t identity = std::uint32_t{device} << 16 | vendor;
  for (std::uint32_t place = 0; place < 256 * 32; ++place) {
    found = {static_cast<std::uint8_t>(place / 32), static_cast<std::uint8_t>(place % 32), 0};
    if (find_in_device(identity, found)) return true;
  }
  return false;
}

void enable_pci_memory(PciFunction f) {
  constexpr std::uint32_t kMemory = 2;
  constexpr std::uint32_t kBusMaster = 4;
  constexpr std::uint32_t kNoInterrupts = 1U << 10;
  // The upper half is the status register, whose bits are cleared by writing ones.
  const std::uint32_t command = pci_read(f, kCommand) & 0xffff;
  pci_write(f, kCommand, (command | kMemory | kBusMaster) & ~kNoInterrupts);
}

PhysAddr pci_memory_range(PciFunction f, std::uint32_t number) {
  const auto offset = static_cast<std::uint8_t>(kFirstRange + 4 * number);
  const std::uint32_t low = pci_read(f, offset);
  if ((low & 1) != 0) return PhysAddr(0);  // ports, not memory
  std::uint64_t start = low & ~0xfU;
  if ((low & 6) == 4) {
    start |= std::uint64_t{pci_read(f, static_cast<std::uint8_t>(offset + 4))} << 32;
  }
  return PhysAddr(start);
}

std::uint32_t pci_interrupt_line(PciFunction f) {
  const std::uint32_t word = pci_read(f, kInterrupt);
  const bool has_pin = (word >> 8 & 0xff) != 0;
  return has_pin ? word & 0xff : 0xff;
}

}  // namespace vc::kernel
