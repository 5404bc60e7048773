// The platform alone: page tables and shootdowns.
//
//   map.frames   every page a run of its own: what Linux's vmap() of a list of pages does
//   map.blocks   runs of 32 KiB, as in fragmented memory
//   map.run      one run; 2 MiB leaves where it is long enough
//
// The tables exist already; what their first use costs shows in the column `tables` of a first map.
#include "kernel/bench/bench_arena.h"
#include "kernel/bench/benches.h"
#include "kernel/bench/meter.h"

namespace vc::kernel {

namespace {

constexpr FrameSize kFrame(12);

/// Maps `pages` frames in runs of `run` pages; the runs are in reverse order, so no two join.
void map_runs(X86Platform& platform, VirtAddr address, Pfn first, std::uint64_t pages,
              std::uint64_t run) {
  X86Platform::Mapping mapping(platform, address);
  for (std::uint64_t left = pages; left != 0; left -= run) {
    const PlatformStatus status = mapping.add({first + PageCount(left - run), PageCount(run)});
    VC_ASSERT(status.ok(), "a bench cannot map");
  }
}

struct MapCosts {
  Least map;
  Least unmap;
  Least shootdown;
};

MapCosts measure_maps(std::uint64_t pages, std::uint64_t run) {
  BenchArena arena;
  X86Platform& platform = arena->platform;
  const VirtRange range{arena.window().start, kFrame.bytes(PageCount(pages))};
  const Pfn first = platform.node_frames(0).first;
  MapCosts costs;
  for (int i = 0; i < 9; ++i) {
    const Cost map = measure(platform, [&] { map_runs(platform, range.start, first, pages, run); });
    Unmapped stale{VirtRange{}};
    const Cost unmap = measure(platform, [&] { stale.absorb(platform.unmap(range)); });
    const Cost shootdown = measure(platform, [&] {
      [[maybe_unused]] const Invalidated proof = platform.shootdown(static_cast<Unmapped&&>(stale));
    });
    if (i == 0) continue;  // it made the tables
    costs.map.add(map);
    costs.unmap.add(unmap);
    costs.shootdown.add(shootdown);
  }
  return costs;
}

void run_map_frames(const char* name, std::uint64_t pages) {
  print_row(name, pages, measure_maps(pages, 1).map.cost());
}
void run_map_blocks(const char* name, std::uint64_t pages) {
  print_row(name, pages, measure_maps(pages, pages < 8 ? pages : 8).map.cost());
}
void run_map_run(const char* name, std::uint64_t pages) {
  print_row(name, pages, measure_maps(pages, pages).map.cost());
}
void run_unmap_frames(const char* name, std::uint64_t pages) {
  print_row(name, pages, measure_maps(pages, 1).unmap.cost());
}
void run_unmap_run(const char* name, std::uint64_t pages) {
  print_row(name, pages, measure_maps(pages, pages).unmap.cost());
}
void run_shootdown(const char* name, std::uint64_t pages) {
  print_row(name, pages, measure_maps(pages, 1).shootdown.cost());
}

constexpr Bench kBenches[] = {
    {"map.frames", &run_map_frames, 1}, {"map.blocks", &run_map_blocks, 1},
    {"map.run", &run_map_run, 1},       {"unmap.frames", &run_unmap_frames, 1},
    {"unmap.run", &run_unmap_run, 1},   {"shootdown", &run_shootdown, 1}};

}  // namespace

Benches platform_benches() { return {kBenches, sizeof kBenches / sizeof kBenches[0]}; }

}  // namespace vc::kernel
