#include "kernel/memory/kernel_tables.h"

#include "kernel/arch/machine.h"
#include "kernel/boot/boot_info.h"
#include "kernel/memory/memory.h"
#include "kernel/memory/protect.h"
#include "kernel/memory/static_place.h"
#include "kernel/memory/table_reserve.h"
#include "vcompound/base/assert.h"
#include "vcompound/base/lock.h"
#include "vcompound/platform/x86_64/broadcast.h"
#include "vcompound/platform/x86_64/cpu.h"
#include "vcompound/platform/x86_64/x86_64_platform.h"

namespace vc::kernel {

namespace {

using KernelTable = PageTable<DirectMemory>;

/// Made when the root is known.
constinit StaticPlace<KernelTable> place;
constinit Pfn root = kNoPfn;

constexpr std::uint32_t kMaxDevices = 32;
constinit DeviceMapping devices[kMaxDevices];
constinit std::uint32_t device_count = 0;
constinit VirtAddr next_device = kDevices + Bytes(4096);

constexpr PageFlags kReadOnly = PageFlags::none();
constexpr PageFlags kReadWrite = PageFlags::writable();

KernelTable& table() { return place.object; }

VirtAddr direct(Pfn frame) { return kernel::direct(PhysAddr(frame.value << 12)); }

void must_map(VirtAddr address, PfnRange run, PageFlags flags, LeafSize largest) {
  if (run.empty()) return;
  const PlatformStatus status = table().map(address, run, flags, largest);
  VC_ASSERT(status.ok(), "no frames for the kernel's own page tables");
}

LeafSize largest_leaf() {
  const bool told = x86::cpuid(0x8000'0000).a >= 0x8000'0001;
  constexpr std::uint32_t kGigabytePages = 1U << 26;
  const bool has = told && (x86::cpuid(0x8000'0001).d & kGigabytePages) != 0;
  return has ? LeafSize::gib1 : LeafSize::mib2;
}

/// The part of `run` inside [first, end).
PfnRange part_of(PfnRange run, Pfn first, Pfn end) {
  const Pfn from = run.first > first ? run.first : first;
  const Pfn to = run.end() < end ? run.end() : end;
  return from < to ? PfnRange{from, to - from} : PfnRange{};
}

/// The direct map of one range of RAM, with the frames of text and rodata read-only.
void map_direct(PfnRange run, LeafSize largest) {
  const PfnRange constant = image_frames(text_start, rodata_end);
  const auto map_part = [&](Pfn first, Pfn end, PageFlags flags) {
    const PfnRange part = part_of(run, first, end);
    must_map(direct(part.first), part, flags, largest);
  };
  map_part(Pfn(0), constant.first, kReadWrite);
  map_part(constant.first, constant.end(), kReadOnly);
  map_part(constant.end(), kFrameLimit, kReadWrite);
}

void map_image() {
  const auto map_part = [](const char* start, const char* end, PageFlags flags) {
    must_map(VirtAddr(reinterpret_cast<std::uintptr_t>(start)), image_frames(start, end),
             flags | PageFlags::global(), LeafSize::kib4);
  };
  map_part(text_start, text_end, PageFlags::executable());
  map_part(rodata_start, rodata_end, kReadOnly);
  map_part(data_start, image_end, kReadWrite);
}

void flush_page(void* page) { x86::invlpg(*static_cast<const VirtAddr*>(page)); }

/// Every CPU drops what it knows of some pages. Before there are other CPUs, none is asked.
void shoot_down(VirtRange pages) {
  const x86::StayHere here;
  for (VirtAddr page = pages.start; page < pages.end(); page += Bytes(4096)) {
    flush_page(&page);
    if (cpu_count() > 1) x86::broadcast(&flush_page, &page);
  }
}

}  // namespace

PageCount kernel_tables_needed(const MemoryMap& ram) {
  const std::uint64_t image = image_frames(image_start, image_end).count.value;
  const std::uint64_t edges = 4 * std::uint64_t{ram.count};  // a level 1 and 2 at both ends
  const std::uint64_t gigabytes = (ram.pages().value >> 18) + 2 * std::uint64_t{ram.count};
  constexpr std::uint64_t kUpper = 16;  // levels 3 and 4, borders of the image
  return PageCount(edges + gigabytes + 2 * (image / 512 + 2) + kUpper);
}

void enable_protections() {
  constexpr std::uint32_t kEfer = 0xc000'0080;
  constexpr std::uint64_t kNoExecuteEnable = 1U << 11;
  constexpr std::uint64_t kWriteProtect = 1U << 16;
  constexpr std::uint64_t kGlobalPages = 1U << 7;
  x86::write_msr(kEfer, x86::read_msr(kEfer) | kNoExecuteEnable);
  std::uint64_t word;
  asm volatile("mov %%cr0, %0" : "=r"(word));
  asm volatile("mov %0, %%cr0" ::"r"(word | kWriteProtect) : "memory");
  asm volatile("mov %%cr4, %0" : "=r"(word));
  asm volatile("mov %0, %%cr4" ::"r"(word | kGlobalPages) : "memory");
}

void build_kernel_tables(const MemoryMap& ram) {
  {
    Guard guard(kernel_tables_lock);
    root = table_reserve().allocate();
    VC_ASSERT(root != kNoPfn, "no frame for the top-level page table");
    new (&place.object) KernelTable({kDirectMap}, root, table_reserve());
    const LeafSize largest = largest_leaf();
    for (const PfnRange& range : ram) map_direct(range, largest);
    map_image();
  }
  enable_protections();
  x86::write_cr3(root_table().value);
}

PhysAddr root_table() { return PhysAddr(root.value << 12); }

Translation translate(VirtAddr address) {
  Guard guard(kernel_tables_lock);
  return table().translate(VirtAddr(align_down(address.value, 4096)));
}

// ---- later changes ------------------------------------------------------------------------------

PlatformStatus protect_direct(VirtRange pages, Access access) {
  PlatformStatus status;
  {
    Guard guard(kernel_tables_lock);
    const PfnRange run{Pfn((pages.start - kDirectMap).value >> 12),
                       PageCount(pages.size.value >> 12)};
    status = access == Access::none ? table().unmap(pages)
                                    : table().map(pages.start, run, kReadWrite, LeafSize::kib4);
  }
  // A page that was not mapped is in no TLB: putting it back needs no shootdown.
  if (status.ok() && access == Access::none) shoot_down(pages);
  return status;
}

bool map_firmware(PhysAddr start, Bytes size) {
  if (size.value == 0 || start.value + size.value < start.value) return false;
  const Pfn first(start.value >> 12);
  const Pfn end(((start.value + size.value - 1) >> 12) + 1);
  if (end > kFrameLimit) return false;
  Guard guard(kernel_tables_lock);
  for (Pfn frame = first; frame < end; frame += PageCount(1)) {
    if (table().translate(direct(frame)).exists()) continue;
    const PfnRange run{frame, PageCount(1)};
    if (!table().map(direct(frame), run, kReadOnly, LeafSize::kib4).ok()) return false;
  }
  return true;
}

VirtAddr map_device(PhysAddr start, Bytes size, const char* name) {
  const std::uint64_t offset = start.value % 4096;
  const PfnRange run{Pfn(start.value >> 12), FrameSize(12).pages_for(size + Bytes(offset))};
  Guard guard(kernel_tables_lock);
  VC_ASSERT(device_count < kMaxDevices, "more than 32 device mappings");
  const VirtAddr address = next_device;
  must_map(address, run, kReadWrite | PageFlags::uncached(), LeafSize::kib4);
  const Bytes mapped = FrameSize(12).bytes(run.count);
  next_device += mapped + Bytes(4096);  // a guard page behind each
  devices[device_count++] = {{address, mapped}, PhysAddr(start.value - offset), name};
  return address + Bytes(offset);
}

const DeviceMapping* device_mapping(std::uint32_t number) {
  return number < device_count ? &devices[number] : nullptr;
}

}  // namespace vc::kernel
