// What an address means. For panics: reads, takes no lock, believes nothing.
#include "kernel/boot/boot_info.h"
#include "kernel/memory/kernel_tables.h"
#include "kernel/memory/memory.h"

namespace vc::kernel {

namespace {

VirtAddr address_of(const char* symbol) {
  return VirtAddr(reinterpret_cast<std::uintptr_t>(symbol));
}

const char* in_image(VirtAddr address) {
  if (address < address_of(text_end)) return "the kernel's text";
  if (address < address_of(rodata_end)) return "the kernel's constants";
  return "the kernel's data";
}

const char* in_window(VirtAddr address) {
  Allocation found;
  if (arena().allocator.find(address, found) == Misuse::none) return "a mapped compound";
  const VirtAddr next(align_down(address.value, 4096) + 4096);
  if (arena().allocator.find(next, found) == Misuse::none && found.address == next) {
    return "the guard page in front of a mapped compound";
  }
  return "the vmap window, where nothing is in use";
}

const char* in_direct_map(VirtAddr address) {
  Allocation found;
  if (arena().allocator.find(address, found) == Misuse::none) return "a contiguous compound";
  return "the direct map, in no compound in use";
}

const char* in_devices(VirtAddr address) {
  for (std::uint32_t i = 0; const DeviceMapping* device = device_mapping(i); ++i) {
    if (device->range.contains(address)) return device->name;
  }
  return "the window of devices, where none is";
}

}  // namespace

const char* what_is_at(VirtAddr address) {
  if (address.value < 4096) return "the null page";
  if (address.value >> 47 == 0) return "the lower half, which is not used";
  if (address.value >> 47 != 0x1'ffff) return "no canonical address";
  if (address >= address_of(image_start) && address < address_of(image_end)) {
    return in_image(address);
  }
  if (root_table().value == kNoPfn.value << 12) return "an address before memory was brought up";
  if (table_index(address, 4) == table_index(kDevices, 4)) return in_devices(address);
  if (arena().opened.ok() && arena().allocator.vmap_range().contains(address)) {
    return in_window(address);
  }
  if (arena().allocator.direct_map().contains(address)) return in_direct_map(address);
  return "nowhere";
}

}  // namespace vc::kernel
