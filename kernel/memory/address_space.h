// Where everything is in the kernel's half of the addresses; docs/address-space.md has the map.
//
// Each range has top-level entries of its own (512 GiB each), so that no two of them share a table
// below the root.
#pragma once

#include "vcompound/base/units.h"

namespace vc::kernel {

/// All of physical memory, from physical address 0 on.
inline constexpr VirtAddr kDirectMap{0xffff'8000'0000'0000};
/// The window of mapped compounds of the kernel's arena.
inline constexpr VirtAddr kVmap{0xffff'c000'0000'0000};
/// The windows of further arenas: hot-added memory, tests.
inline constexpr VirtAddr kFurtherVmaps{0xffff'c800'0000'0000};
/// Registers of devices.
inline constexpr VirtAddr kDevices{0xffff'd000'0000'0000};
/// The image is linked 2 MiB above this; it is also the difference between an address of the image
/// and its physical address.
inline constexpr VirtAddr kImageBase{0xffff'ffff'8000'0000};

/// The entry of the table at `level` (4 is the root) that leads to an address.
constexpr std::uint64_t table_index(VirtAddr address, std::uint32_t level) {
  return address.value >> (12 + 9 * (level - 1)) & 511;
}
static_assert(table_index(kDirectMap, 4) == 256 && table_index(kVmap, 4) == 384);
static_assert(table_index(kFurtherVmaps, 4) == 400 && table_index(kDevices, 4) == 416);
static_assert(table_index(kImageBase, 4) == 511 && table_index(kImageBase, 3) == 510);

}  // namespace vc::kernel
