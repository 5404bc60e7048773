// The kernel's own page tables, built once at boot: direct map, image, devices.
//
//      direct map   RAM and nothing else; writable, never executable; 1 GiB and 2 MiB leaves
//      image        text: read, execute     rodata: read     data, bss: read, write
//      devices      one mapping after the other, uncached, for ever
//
// W^X holds for frames, not only for addresses: the frames of text and rodata are read-only in the
// direct map as well, so that no alias writes what can be executed.
//
//      frames of the image    |  text  | rodata |   data, bss   |
//      at their own address   |  r x   |  r     |   r w         |
//      in the direct map      |  r     |  r     |   r w         |
//
// What is no RAM is not in the direct map (a device must not be read by guesses of a processor);
// tables of the firmware are put there one by one, to be read only.
#pragma once

#include "kernel/memory/memory_map.h"
#include "vcompound/base/units.h"
#include "vcompound/platform/x86_64/page_table.h"

namespace vc::kernel {

/// The frames that build_kernel_tables() will need at most, for RAM as in `ram`.
PageCount kernel_tables_needed(const MemoryMap& ram);
/// Builds the tables from frames of table_reserve(), which must be mapped by the boot tables, and
/// loads them: from here on the direct map covers `ram`, and there is no identity map. Panics if it
/// cannot.
void build_kernel_tables(const MemoryMap& ram);

/// Switches on what the tables rely on: no-execute, write protection of the kernel against itself,
/// global pages. For the calling CPU; before root_table() (memory.h) is loaded. (The trampoline
/// gives the other CPUs the same control registers.)
void enable_protections();

/// Makes memory of the firmware readable at its place in the direct map, if it is not yet. False if
/// there is no room for it. The caller knows that this is no device.
bool map_firmware(PhysAddr start, Bytes size);

/// Where an address leads, by the kernel's tables.
Translation translate(VirtAddr address);

/// A mapping made by map_device().
struct DeviceMapping {
  VirtRange range{};
  PhysAddr physical{};
  const char* name = nullptr;
};
/// Mappings of devices, in order of addresses; nullptr behind the last.
const DeviceMapping* device_mapping(std::uint32_t number);

}  // namespace vc::kernel
