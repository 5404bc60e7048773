#include "kernel/memory/bring_up.h"

#include "kernel/arch/machine.h"
#include "kernel/console/console.h"
#include "kernel/memory/forced_sites.h"
#include "kernel/memory/kernel_tables.h"
#include "kernel/memory/memory.h"
#include "kernel/memory/table_reserve.h"
#include "kernel/parameters.h"
#include "vcompound/base/assert.h"
#include "vcompound/platform/x86_64/cpu.h"

namespace vc::kernel {

constinit StaticPlace<X86Arena> arena_place;

namespace {

constexpr FrameSize kFrame(12);
constexpr PfnRange kFirstMib{Pfn(0), PageCount(256)};
/// A kernel without this much is not worth starting.
constexpr Bytes kLeastMemory{8U << 20};

/// A larger range is not made of tables.
constexpr PageCount kMostFirmware{16384};

constexpr Bytes kSmallestWindow{64U << 20};
constexpr Bytes kLargestWindow{8ULL << 40};

constinit BootMemory found;
/// What the firmware keeps for its tables; read before the final tables hide it.
constinit MemoryMap firmware;

/// The entries of the loader, or those that the boot parameter gives instead.
MemoryMap read_map(const BootInfo& info) {
  static constinit FirmwareRange given[128] = {};
  const char* text = parameters().memory_map;
  if (text == nullptr) return read_memory_map(info.ranges, info.range_count);
  const MemoryMapText read = parse_memory_map(text, given, sizeof given / sizeof given[0]);
  if (read.error != nullptr)
    panic_with("memmap= is no memory map, from here on", read.error, nullptr);
  return read_memory_map(given, read.count);
}

/// The first frame that this processor cannot address.
Pfn physical_limit() {
  const bool told = x86::cpuid(0x8000'0000).a >= 0x8000'0008;
  const std::uint32_t bits = told ? x86::cpuid(0x8000'0008).a & 0xff : 36;
  return bits >= 44 ? kFrameLimit : Pfn(std::uint64_t{1} << (bits - 12));
}

/// Finds out which RAM there is and what of it is free.
void find_memory(const BootInfo& info) {
  firmware = read_firmware_memory(info.ranges, info.range_count);
  found.ram = read_map(info);
  const Pfn limit = physical_limit();
  found.ram.remove({limit, kFrameLimit - limit});
  const PageCount dropped = drop_outliers(found.ram);
  if (parameters().memory_limit.value != 0) {
    found.ram.limit(kFrame.whole_pages(parameters().memory_limit));
  }
  found.usable = found.ram;
  found.usable.remove(kFirstMib);
  found.usable.remove(image_frames(image_start, image_end));
  Line line;
  line.text("memory map: ").size(kFrame.bytes(found.ram.pages())).text(" RAM in ");
  line.number(found.ram.count).text(" ranges, ").size(kFrame.bytes(found.usable.pages()));
  line.text(" usable");
  if (found.ram.ignored != 0) line.text(", ").number(found.ram.ignored).text(" entries ignored");
  if (dropped.value != 0) line.text(", too far away: ").size(kFrame.bytes(dropped));
}

void require_memory() {
  if (kFrame.bytes(found.usable.pages()) >= kLeastMemory) return;
  static constinit char buffer[160];
  TextWriter text(buffer, sizeof buffer);
  text.text("the memory map names ").size(kFrame.bytes(found.usable.pages()));
  text.text(" of RAM that can be used, and the kernel needs ").size(kLeastMemory);
  panic_with("no memory to work with", text.c_str(), nullptr);
}

/// Frames from anywhere, the highest there are; a panic that says for what if there are none.
PfnRange cut(PageCount pages, const char* what) {
  const PfnRange run = found.usable.take_highest(pages);
  if (run.empty()) panic_with("no adjacent frames at boot", what, nullptr);
  return run;
}

/// Keeps back what hot_add= asks for: the end of the longest range, whole units of 2 MiB.
void withhold() {
  const PageCount pages = kFrame.whole_pages(parameters().hot_add);
  if (pages.value == 0) return;
  const PfnRange longest = found.usable.longest();
  const Pfn end(align_down(longest.end().value, 512));
  if (longest.count.value / 2 < pages.value) {
    panic_with("hot_add= asks for more than half of the longest range of RAM", nullptr, nullptr);
  }
  found.withheld = {end - pages, pages};
  found.usable.remove(found.withheld);
}

void build_tables() {
  const PageCount needed = kernel_tables_needed(found.ram);
  const Pfn mapped(kBootMapped.value >> 12);
  const PfnRange low = found.usable.take_lowest(needed, mapped);
  if (low.empty()) panic_with("no adjacent frames below 1 GiB", "page tables", nullptr);
  table_reserve().add(low);
  build_kernel_tables(found.ram);
  const PageCount per_huge_page(found.ram.pages().value / 512 + 16);
  table_reserve().add(cut(per_huge_page, "the reserve of page tables"));
}

/// The ACPI tables are in none of our RAM.
void reach_firmware() {
  for (const PfnRange& range : firmware) {
    if (range.count > kMostFirmware) continue;
    map_firmware(PhysAddr(range.first.value << 12), kFrame.bytes(range.count));
  }
}

// ---- the arena ----------------------------------------------------------------------------------

/// Four pages of addresses for each page of RAM. A compound never has more frames than there is
/// RAM; but each area has a guard page, which doubles areas of one page, an area with huge pages
/// starts at a multiple of 2 MiB, and what is freed keeps its addresses until the next shootdown.
/// More would cost memory: the core keeps four bytes for each page of the window, so a factor of
/// four is sixteen bytes, 0.4 %, for each frame.
VirtRange window_for(PageCount ram) {
  Bytes size = kFrame.bytes(ram * 4);
  if (size < kSmallestWindow) size = kSmallestWindow;
  if (size > kLargestWindow) size = kLargestWindow;
  return {kVmap, Bytes(align_up(size.value, 2U << 20))};
}

/// The tables that the core asks for when it is opened. It is opened twice: the first time is told
/// that there is no memory, to find out the sizes; the second time gets it.
struct CoreTables {
  static constexpr std::uint32_t kMax = 8;

  Bytes sizes[kMax] = {};
  PfnRange frames[kMax] = {};
  std::uint32_t asked = 0;

  static void* measure(void* self, Bytes size) {
    auto& tables = *static_cast<CoreTables*>(self);
    VC_ASSERT(tables.asked < kMax, "the core has more than eight tables");
    tables.sizes[tables.asked++] = size;
    return nullptr;
  }
  static void* hand_out(void* self, Bytes size) {
    auto& tables = *static_cast<CoreTables*>(self);
    const std::uint32_t i = tables.asked++;
    if (i >= kMax || size > kFrame.bytes(tables.frames[i].count)) return nullptr;
    return pointer<void>(direct(PhysAddr(tables.frames[i].first.value << 12)));
  }
};
constinit CoreTables core_tables;

X86Options options_for_arena() {
  X86Options options;
  options.node_count = found.zones.count;
  for (std::uint32_t i = 0; i < found.zones.count; ++i) {
    options.nodes[i] = found.zones.zones[i].frames;
  }
  options.present = found.usable.ranges;
  options.present_count = found.usable.count;
  options.direct_map = {kDirectMap,
                        kFrame.bytes(found.ram.ranges[found.ram.count - 1].end() - Pfn(0))};
  options.vmap = window_for(found.ram.pages());
  options.root = root_table();
  options.tables = &table_reserve();
  options.metadata_context = &core_tables;
  return options;
}

void plan() {
  found.zones = plan_zones(found.usable, [](Pfn frame) { return numa_node_of(frame); });
}

/// Cuts memory for each table that the core will want, and clears it.
void cut_core_tables() {
  X86Options options = options_for_arena();
  options.metadata = &CoreTables::measure;
  new (&arena_place.object) X86Arena(options);
  for (std::uint32_t i = 0; i < core_tables.asked; ++i) {
    const PageCount pages = kFrame.pages_for(core_tables.sizes[i]);
    const PfnRange run = cut(pages, "the tables of the core");
    core_tables.frames[i] = run;
    found.core_tables += pages;
    arena().platform.zero({direct(PhysAddr(run.first.value << 12)), kFrame.bytes(pages)});
  }
  core_tables.asked = 0;
}

void open_arena() {
  plan();
  cut_core_tables();
  plan();  // what was cut may have been the end of a zone
  X86Options options = options_for_arena();
  options.metadata = &CoreTables::hand_out;
  new (&arena_place.object) X86Arena(options);
  const PlatformStatus status = arena().opened;
  if (!status.ok()) panic_with("the arena could not be opened", status.detail, nullptr);
  table_reserve().lend_from_arena();
}

void print_summary() {
  Line line;
  line.text("memory: ").size(kFrame.bytes(found.usable.pages())).text(" in ");
  line.number(found.zones.count).text(" zones, tables of the core ");
  line.size(kFrame.bytes(found.core_tables)).text(", reserve of page tables ");
  line.size(kFrame.bytes(table_reserve().total())).text(", window ");
  line.size(arena().allocator.vmap_range().size);
  if (!found.withheld.empty()) {
    line.text(", withheld ").size(kFrame.bytes(found.withheld.count));
  }
}

}  // namespace

const BootMemory& boot_memory() { return found; }
PfnRange withheld_memory() { return found.withheld; }

void open_memory(const BootInfo& info) {
  find_memory(info);
  require_memory();
  withhold();
  build_tables();
  reach_firmware();
  read_firmware_tables(info.rsdp);
  open_arena();
  install_test_settings();
  print_summary();
}

}  // namespace vc::kernel
