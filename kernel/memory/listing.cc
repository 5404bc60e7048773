#include "kernel/memory/listing.h"

#include "kernel/boot/boot_info.h"
#include "kernel/console/console.h"
#include "kernel/memory/bring_up.h"
#include "kernel/memory/memory.h"
#include "kernel/memory/table_reserve.h"

namespace vc::kernel {

namespace listing {

bool can_list(LineSink& sink, const char* what) {
  if (arena().platform.may_block()) return true;
  SinkLine(sink).text(what).text(": not listed where blocking is forbidden");
  return false;
}

void padded(TextWriter& out, std::uint64_t value, std::uint32_t width) {
  std::uint32_t digits = 1;
  for (std::uint64_t v = value; v >= 10; v /= 10) ++digits;
  for (; digits < width; ++digits) out.character(' ');
  out.number(value);
}

}  // namespace listing

namespace {

using listing::SinkLine;

constexpr FrameSize kFrame(12);

Bytes size_of(PageCount pages) { return kFrame.bytes(pages); }

class Console final : public LineSink {
 public:
  void line(const char* text) override { Line().text(text); }
};

/// "Node 0, zone   Normal"
void write_zone(TextWriter& out, const PlannedZone& zone) {
  out.text("Node ").number(zone.numa).text(", zone ");
  const char* name = name_of(zone.kind);
  for (std::size_t n = __builtin_strlen(name); n < 8; ++n) out.character(' ');
  out.text(name);
}

struct BlockCounts {
  std::uint64_t of[ZonePlan::kMaxZones][kOrderCount] = {};
};

/// Counts the blocks of a run of free frames. A zone coalesces all it can, so a run consists of the
/// largest aligned blocks that fit into it.
void count_blocks(std::uint64_t* counts, PfnRange run) {
  while (!run.empty()) {
    std::uint32_t order = floor_log2(run.count.value);
    if (run.first.value != 0) {
      const auto aligned = static_cast<std::uint32_t>(__builtin_ctzll(run.first.value));
      if (aligned < order) order = aligned;
    }
    if (order > kMaxOrder.value) order = kMaxOrder.value;
    ++counts[order];
    run = {run.first + Order(order).pages(), run.count - Order(order).pages()};
  }
}

void list_totals(LineSink& sink, const Stats& s) {
  {
    SinkLine line(sink);
    line.text("memory: total ").size(size_of(s.total_pages));
    line.text(", free ").size(size_of(s.free_pages));
    line.text(", cached ").size(size_of(s.cached_pages));
    line.text(", pending ").size(size_of(s.pending_pages));
    line.text(", deferred ").size(size_of(s.deferred_pages));
    line.text(", live ").size(size_of(s.live_pages()));
  }
  SinkLine line(sink);
  line.text("memory: longest free run ").size(size_of(s.largest_run));
  line.text(", longest free range of addresses ").size(size_of(s.largest_gap));
  line.text(", mappings ").number(s.mappings_used);
}

void list_zones(LineSink& sink) {
  const ZonePlan& plan = boot_memory().zones;
  for (std::uint32_t i = 0; i < plan.count; ++i) {
    SinkLine line(sink);
    write_zone(line, plan.zones[i]);
    line.text(": free ").size(size_of(arena().allocator.free_pages(i)));
    line.text(" of ").size(size_of(arena().allocator.total_pages(i)));
  }
}

/// What the arena never got, or lent.
void list_tables(LineSink& sink) {
  const TableReserve& tables = table_reserve();
  SinkLine line(sink);
  line.text("tables: ").number((tables.total() - tables.unused()).value);
  line.text(" of ").number(tables.total().value).text(" reserved frames in use, ");
  line.number(tables.borrowed().value).text(" borrowed; core ");
  line.size(size_of(boot_memory().core_tables)).text(", image ");
  line.size(Bytes(static_cast<std::uint64_t>(image_end - image_start)));
}

}  // namespace

void list_buddyinfo(LineSink& sink) {
  if (!listing::can_list(sink, "buddyinfo")) return;
  BlockCounts counts;
  arena().allocator.for_each_free_run(
      [&](std::uint32_t node, PfnRange run) { count_blocks(counts.of[node], run); });
  const ZonePlan& plan = boot_memory().zones;
  for (std::uint32_t i = 0; i < plan.count; ++i) {
    SinkLine line(sink);
    write_zone(line, plan.zones[i]);
    for (const std::uint64_t count : counts.of[i]) {
      line.character(' ');
      listing::padded(line, count, 6);
    }
  }
}

void list_memory_table(LineSink& sink) {
  if (!listing::can_list(sink, "memory")) return;
  list_totals(sink, arena().allocator.stats());
  list_zones(sink);
  list_tables(sink);
}

void print_buddyinfo() {
  Console console;
  list_buddyinfo(console);
}
void print_vmallocinfo() {
  Console console;
  list_vmallocinfo(console);
}
void print_memory_table() {
  Console console;
  list_memory_table(console);
}

}  // namespace vc::kernel
