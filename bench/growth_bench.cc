// Does an operation cost more in a larger arena? The core alone, on the fake platform: 1 GiB
// against 1 TiB.
//
// Both arenas are first broken up in the same way: 1000 single frames stay allocated, evenly
// spread, so that the free memory is in as many pieces and the structures are as deep as they get.
// Then:
//   grow_zone    256 live compounds of 2 to 64 pages, one at random replaced; no cache, so that
//   each
//                operation goes through the zone
//   grow_mapped  the same with mapped compounds (the modelled page table is part of the cost)
//   grow_pair    allocate and free at once, served by the cache
#include <memory>
#include <vector>

#include "bench/harness.h"
#include "vcompound/base/random.h"
#include "vcompound/instance/fake_arena.h"

namespace vc::bench {

namespace {

constexpr std::size_t kGibibyte = std::size_t{1} << 30;
constexpr std::size_t kTebibyte = std::size_t{1} << 40;
constexpr std::uint64_t kPieces = 1000;
enum class Cache : bool { no, yes };

/// Allocates 1024 pieces of an equal share each; in the end one frame of each share stays.
void break_up(FakeArena& arena, Bytes budget) {
  auto& a = arena.allocator;
  const Bytes share = bytes(budget.value / 1024);
  std::vector<VirtAddr> pieces;
  for (std::uint64_t i = 0; i < kPieces; ++i) {
    const Request frame{.size = kib(4), .alignment = share};
    Result<Allocation> piece = a.allocate(frame, CallSite::here());
    if (piece) pieces.push_back(piece->address);
  }
  VC_ASSERT(pieces.size() == kPieces, "the arena has room for a frame in each share");
}

FakeArena& arena_of(std::size_t budget, Cache cache) {
  static std::unique_ptr<FakeArena> arenas[2][2];
  std::unique_ptr<FakeArena>& arena =
      arenas[budget == kTebibyte ? 1 : 0][cache == Cache::yes ? 1 : 0];
  if (arena == nullptr) {
    FakeOptions options;
    const PageCount frames(budget / 4096);
    options.nodes = {frames};
    options.vmap_pages = frames;
    AllocatorOptions settings;
    settings.slot_cache = PageCount(cache == Cache::yes ? 4096 : 1);
    settings.pending_limit = PageCount(4096);
    arena = std::make_unique<FakeArena>(options, settings);
    VC_ASSERT(arena->opened.ok(), "the fake arena opens");
    break_up(*arena, bytes(budget));
  }
  FakePlatform::set_cpu(0);
  return *arena;
}

void replace(benchmark::State& state, std::size_t budget, Contiguity contiguity) {
  auto& a = arena_of(budget, Cache::no).allocator;
  Random random(7);
  const auto some = [&] {
    const Request request{.size = kib(4 * (2 + random.below(63))), .contiguity = contiguity};
    Result<Allocation> made = a.allocate(request, CallSite::here());
    if (!made) state.SkipWithError("refused");
    return made ? made->address : VirtAddr(0);
  };
  std::vector<VirtAddr> live(256);
  for (VirtAddr& p : live) p = some();
  for (auto _ : state) {
    VirtAddr& chosen = live[random.below(live.size())];
    a.free(chosen);
    chosen = some();
    if (chosen == VirtAddr(0)) break;
  }
  for (const VirtAddr p : live) {
    if (p != VirtAddr(0)) a.free(p);
  }
  a.reclaim();
}

void pair(benchmark::State& state, std::size_t budget) {
  auto& a = arena_of(budget, Cache::yes).allocator;
  for (auto _ : state) {
    Result<Allocation> made = a.allocate({.size = kib(64)}, CallSite::here());
    if (!made) return state.SkipWithError("refused");
    benchmark::DoNotOptimize(made->address);
    a.free(made->address);
  }
}

}  // namespace

void register_benchmarks() {
  for (const std::size_t budget : {kGibibyte, kTebibyte}) {
    const auto name = [&](const char* what) {
      return name_of_run(what, "ours", budget);
    };
    benchmark::RegisterBenchmark(name("grow_zone").c_str(), replace, budget, Contiguity::required)
        ->MinTime(0.1);
    benchmark::RegisterBenchmark(name("grow_mapped").c_str(), replace, budget, Contiguity::never)
        ->MinTime(0.1);
    benchmark::RegisterBenchmark(name("grow_pair").c_str(), pair, budget)->MinTime(0.05);
  }
}

}  // namespace vc::bench
