// The mapped areas, in the order of their addresses, in the style of /proc/vmallocinfo:
//
//     0xffffc00000001000-0xffffc00000005000    16384 kernel/net/ring.cc:88 pages=4 runs=2 vcompound
//     N0=4 0xffffd00000001000-0xffffd00000002000     4096 local apic phys=0xfee00000 ioremap
//
// The size is that of the memory; a guard page lies in front of each area and is not counted.
#include "kernel/memory/bring_up.h"
#include "kernel/memory/kernel_tables.h"
#include "kernel/memory/listing.h"
#include "kernel/memory/memory.h"

namespace vc::kernel {

namespace {

using listing::SinkLine;

/// Areas are found in the order of their head frames, and there is no memory to sort them in. So
/// each pass over all compounds finds the few lowest areas above those listed already.
class Batch {
 public:
  struct Area {
    CompoundInfo info;
    std::uint32_t pages[ZonePlan::kMaxZones];  ///< on each node of the core
  };

  /// Finds the next areas above an address.
  void find(VirtAddr above) {
    count_ = 0;
    arena().allocator.for_each_compound([&](const CompoundInfo& info) {
      if (info.what.kind == Kind::mapped && info.what.address > above) offer(info);
    });
  }
  const Area* begin() const { return areas_; }
  const Area* end() const { return areas_ + count_; }
  /// Could there be more?
  bool full() const { return count_ == kRoom; }

 private:
  static constexpr std::uint32_t kRoom = 12;

  /// Keeps an area if it is among the lowest.
  void offer(const CompoundInfo& info) {
    std::uint32_t at = count_;
    while (at != 0 && areas_[at - 1].info.what.address > info.what.address) --at;
    if (at == kRoom) return;
    if (count_ != kRoom) ++count_;
    for (std::uint32_t i = count_ - 1; i > at; --i) areas_[i] = areas_[i - 1];
    areas_[at] = {info, {}};
    arena().allocator.for_each_extent(info.what.head, [&](PfnRange run) {
      const std::uint32_t node = arena().allocator.node_of(run.first);
      areas_[at].pages[node] += static_cast<std::uint32_t>(run.count.value);
    });
  }

  Area areas_[kRoom];
  std::uint32_t count_ = 0;
};

void write_address(TextWriter& out, VirtAddr address) {
  out.text("0x");
  for (int shift = 60; shift >= 0; shift -= 4) {
    out.character("0123456789abcdef"[address.value >> shift & 15]);
  }
}

void write_range(TextWriter& out, VirtRange range) {
  write_address(out, range.start);
  out.character('-');
  write_address(out, range.end());
  out.character(' ');
  listing::padded(out, range.size.value, 8);
  out.character(' ');
}

void write_caller(TextWriter& out, CallSite site) {
  if (site.file != nullptr) {
    out.text(site.file).character(':').number(site.where);
  } else if (site.where != 0) {
    out.hex(site.where);
  } else {
    out.text("unknown");  // freed, or the table of sites was full
  }
}

/// Zones of one NUMA node together.
void write_pages_per_node(TextWriter& out, const std::uint32_t* pages) {
  const ZonePlan& plan = boot_memory().zones;
  for (std::uint32_t numa = 0; numa < ZonePlan::kMaxZones; ++numa) {
    std::uint64_t sum = 0;
    for (std::uint32_t i = 0; i < plan.count; ++i) {
      if (plan.zones[i].numa == numa) sum += pages[i];
    }
    if (sum != 0) out.text(" N").number(numa).character('=').number(sum);
  }
}

void list_area(LineSink& sink, const Batch::Area& area, const CallSites& sites) {
  const Allocation& what = area.info.what;
  SinkLine line(sink);
  write_range(line, {what.address, FrameSize(12).bytes(what.pages)});
  write_caller(line, area.info.site == 0 ? CallSite{} : sites[area.info.site].site);
  line.text(" pages=").number(what.pages.value).text(" runs=").number(area.info.runs);
  line.text(" vcompound");
  if (area.info.state != FrameState::head) {
    line.text(" (").text(name_of(area.info.state)).character(')');
  }
  write_pages_per_node(line, area.pages);
}

void list_devices(LineSink& sink) {
  for (std::uint32_t i = 0; const DeviceMapping* device = device_mapping(i); ++i) {
    SinkLine line(sink);
    write_range(line, device->range);
    line.text(device->name).text(" phys=").hex(device->physical.value).text(" ioremap");
  }
}

}  // namespace

void list_vmallocinfo(LineSink& sink) {
  if (!listing::can_list(sink, "vmallocinfo")) return;
  const CallSites& sites = arena().allocator.call_sites();
  Batch batch;
  VirtAddr above{};
  do {
    batch.find(above);
    for (const Batch::Area& area : batch) {
      list_area(sink, area, sites);
      above = area.info.what.address;
    }
  } while (batch.full());
  list_devices(sink);
}

}  // namespace vc::kernel
