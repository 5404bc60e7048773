// What the boot loader tells, and where the image lies.
#pragma once

#include "kernel/memory/address_space.h"
#include "kernel/memory/memory_map.h"
#include "vcompound/base/units.h"

namespace vc::kernel {

/// What the kernel learned from its loader. Pointers are into the boot's direct map.
struct BootInfo {
  const FirmwareRange* ranges = nullptr;
  std::uint32_t range_count = 0;
  PhysAddr rsdp{};               ///< 0: not told
  char* command_line = nullptr;  ///< never null after read_start_info(); writable
};

/// Reads the PVH start info at a physical address below 1 GiB. Panics on a wrong magic number. The
/// command line is copied, the memory map is not.
BootInfo read_start_info(PhysAddr start_info);

/// What the boot tables map.
inline constexpr Bytes kBootMapped{1ULL << 30};

}  // namespace vc::kernel

/// Borders of the image (boot/linker.ld); only their addresses mean something.
extern "C" {
extern char image_start[], image_end[];
extern char text_start[], text_end[];
extern char rodata_start[], rodata_end[];
extern char data_start[];
}

namespace vc::kernel {

/// The frames of the image between two of these borders.
inline PfnRange image_frames(const char* start, const char* end) {
  const auto frame = [](const char* border) {
    return Pfn((reinterpret_cast<std::uintptr_t>(border) - kImageBase.value) >> 12);
  };
  return {frame(start), frame(end) - frame(start)};
}

}  // namespace vc::kernel
