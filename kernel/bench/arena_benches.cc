// Mapped compounds without a cache: every allocation finds frames and maps them, every free leads
// to a purge sooner or later.
#include "kernel/bench/bench_arena.h"
#include "kernel/bench/benches.h"
#include "kernel/bench/meter.h"

namespace vc::kernel {

namespace {

constexpr FrameSize kFrame(12);
constexpr CallSite kSite{"kernel/bench", 1};

VirtAddr allocate_mapped(X86Arena& arena, std::uint64_t pages) {
  const auto got = arena.allocator.allocate(
      {.size = kFrame.bytes(PageCount(pages)), .contiguity = Contiguity::never}, kSite);
  VC_ASSERT(got.ok() && got->kind == Kind::mapped, "a bench got no mapped compound");
  return got->address;
}

void free_mapped(X86Arena& arena, VirtAddr address) {
  const Misuse misuse = arena.allocator.free(address);
  VC_ASSERT(misuse == Misuse::none, "a bench cannot free");
}

/// Many pairs in one count, and the purge of what they leave pending.
void print_pairs(const char* name, X86Arena& arena, std::uint64_t pages) {
  std::uint64_t count = 131072 / (pages + 1);
  if (count < 101) count = 101;
  for (int i = 0; i < 8; ++i) free_mapped(arena, allocate_mapped(arena, pages));
  arena.allocator.reclaim();
  const Cost cost = measure(arena.platform, [&] {
    for (std::uint64_t i = 0; i < count; ++i) free_mapped(arena, allocate_mapped(arena, pages));
    arena.allocator.reclaim();
  });
  print_row(name, pages, cost, count);
}

/// The halves of a pair of which nothing was purged yet.
void print_single(const char* name, X86Arena& arena, std::uint64_t pages) {
  Least allocating;
  Least freeing;
  for (int i = 0; i < 17; ++i) {
    arena.allocator.reclaim();
    VirtAddr address;
    allocating.add(measure(arena.platform, [&] { address = allocate_mapped(arena, pages); }));
    freeing.add(measure(arena.platform, [&] { free_mapped(arena, address); }));
  }
  char buffer[64];
  TextWriter text(buffer, sizeof buffer);
  text.text(name).text(".allocate");
  print_row(text.c_str(), pages, allocating.cost());
  TextWriter again(buffer, sizeof buffer);
  again.text(name).text(".free");
  print_row(again.c_str(), pages, freeing.cost());
}

void run_pair(const char* name, std::uint64_t pages) {
  BenchArena arena;
  print_pairs(name, *arena, pages);
}

void run_single(const char* name, std::uint64_t pages) {
  BenchArena arena;
  print_single(name, *arena, pages);
}

void run_fragmented_pair(const char* name, std::uint64_t pages) {
  BenchArena arena;
  arena.fragment();
  print_pairs(name, *arena, pages);
}

void run_fragmented_single(const char* name, std::uint64_t pages) {
  BenchArena arena;
  arena.fragment();
  print_single(name, *arena, pages);
}

constexpr Bench kBenches[] = {{"mapped.pair", &run_pair, 2},
                              {"mapped.single", &run_single, 2},
                              {"fragmented.mapped.pair", &run_fragmented_pair, 2},
                              {"fragmented.mapped.single", &run_fragmented_single, 2}};

}  // namespace

Benches arena_benches() { return {kBenches, sizeof kBenches / sizeof kBenches[0]}; }

}  // namespace vc::kernel
