// Bringing memory up: from what the firmware says to an arena. Called once, on the boot CPU, with
// interrupts off.
//
//      1  the memory map is read: RAM, and nothing that is anything else
//      2  frames below 1 GiB become page tables; the kernel's own tables are built and loaded
//      3  the ACPI tables are read, now that all memory can be reached: NUMA nodes
//      4  the rest of the reserve of page tables is cut, then the tables of the core
//      5  what is left becomes zones, and the arena is opened
//
// Frames never given to the arena: the first MiB (firmware data, and the page where other CPUs
// start), the image, the reserve of page tables, the tables of the core, withheld memory.
#pragma once

#include "kernel/boot/boot_info.h"
#include "kernel/memory/memory_map.h"
#include "kernel/memory/zone_plan.h"

namespace vc::kernel {

/// See the head of this file. Panics in words if the machine has no memory to work with.
void open_memory(const BootInfo& info);

/// What boot has found, for listings and tests.
struct BootMemory {
  MemoryMap ram;          ///< all of it, as far as it is used at all
  MemoryMap usable;       ///< what the arena got
  ZonePlan zones;         ///< the arena's nodes
  PfnRange withheld{};    ///< for hot_add=
  PageCount core_tables;  ///< frames of the core's tables
};
const BootMemory& boot_memory();

}  // namespace vc::kernel
