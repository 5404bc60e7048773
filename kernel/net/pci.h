// PCI configuration space, through the ports 0xcf8 (which register) and 0xcfc (its value).
#pragma once

#include <cstdint>

#include "vcompound/base/units.h"

namespace vc::kernel {

/// A function of a device.
struct PciFunction {
  std::uint8_t bus = 0;
  std::uint8_t device = 0;    ///< below 32
  std::uint8_t function = 0;  ///< below 8
};

/// What has to be written to port 0xcf8 to reach a register; `offset` is a multiple of 4. Pure.
constexpr std::uint32_t pci_selector(PciFunction f, std::uint8_t offset) {
  return 0x8000'0000U | std::uint32_t{f.bus} << 16 | std::uint32_t{f.device} << 11 |
         std::uint32_t{f.function} << 8 | (offset & 0xfcU);
}

std::uint32_t pci_read(PciFunction f, std::uint8_t offset);
void pci_write(PciFunction f, std::uint8_t offset, std::uint32_t value);

/// Looks for a function by its identity; false if there is none. All buses: 8192 reads or more.
bool find_pci(std::uint16_t vendor, std::uint16_t device, PciFunction& found);
/// Lets a function answer to memory accesses and reach memory by itself (bus mastering).
void enable_pci_memory(PciFunction f);
/// The physical address of a memory register range, or 0 if it is not one or not assigned.
PhysAddr pci_memory_range(PciFunction f, std::uint32_t number);
/// The interrupt line that the firmware assigned; 0xff if none.
std::uint32_t pci_interrupt_line(PciFunction f);

}  // namespace vc::kernel
