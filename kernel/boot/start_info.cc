// Reading what the loader left in memory.
#include "kernel/boot/boot_info.h"
#include "vcompound/base/assert.h"

namespace vc::kernel {

namespace {

/// The PVH boot ABI's start info, version 1.
struct StartInfo {
  std::uint32_t magic;
  std::uint32_t version;
  std::uint32_t flags;
  std::uint32_t module_count;
  std::uint64_t modules;
  std::uint64_t command_line;
  std::uint64_t rsdp;
  std::uint64_t memory_map;  ///< from version 1 on
  std::uint32_t memory_map_count;
  std::uint32_t reserved;
};
static_assert(sizeof(StartInfo) == 56);

constexpr std::uint32_t kMagic = 0x336e'c578;

constinit char command_line[2048];

template <class T>
T* at(std::uint64_t physical) {
  VC_ASSERT(physical < kBootMapped.value, "the loader put its data above 1 GiB");
  return reinterpret_cast<T*>(kDirectMap.value + physical);
}

void copy_command_line(std::uint64_t physical) {
  if (physical == 0) return;
  const char* from = at<const char>(physical);
  std::size_t length = 0;
  for (; from[length] != '\0'; ++length) {
    VC_ASSERT(length + 1 < sizeof command_line, "the command line is longer than 2047 bytes");
    command_line[length] = from[length];
  }
}

}  // namespace

BootInfo read_start_info(PhysAddr start_info) {
  const StartInfo& info = *at<const StartInfo>(start_info.value);
  VC_ASSERT(info.magic == kMagic, "not booted by PVH: the start info's magic number is wrong");
  VC_ASSERT(info.version >= 1, "the start info has no memory map; the loader is too old");
  copy_command_line(info.command_line);
  return {.ranges = at<const FirmwareRange>(info.memory_map),
          .range_count = info.memory_map_count,
          .rsdp = PhysAddr(info.rsdp),
          .command_line = command_line};
}

}  // namespace vc::kernel
