// The mapped fallback: 8 MiB from an arena that has no free run longer than 64 KiB (2 MiB), against
// fresh anonymous memory. Each iteration allocates, writes every page, and frees.
//
//   mapped_64k, mapped_2m   who:
//     cold      the caches are emptied after each free (Arena::reclaim inside the clock), so that
//               each iteration maps, faults nothing, unmaps, and shoots down
//     steady    no thread cache at all: each iteration maps; what was freed is unmapped in batches,
//               as the arena does by itself
//     reused    default options: a freed compound of this size is used again
//   fresh         who:
//     pages_4k  mmap, write, munmap of anonymous memory in 4 KiB pages (the peer of the goals)
//     huge      the same in 2 MiB pages, for information
#include <sys/mman.h>

#include "bench/fragments.h"
#include "bench/harness.h"

namespace vc::bench {

namespace {

constexpr std::size_t kSize = std::size_t{8} << 20;
constexpr std::size_t kAlignment = std::size_t{2} << 20;
enum class After : bool { nothing, reclaim };

/// One arena per case, made at its first use and kept: a new one would have cold memory.
Arena& arena_of(std::size_t run, Bytes thread_cache) {
  struct Case {
    std::size_t run;
    Bytes thread_cache;
    Fragments fragments;
  };
  static std::vector<Case> cases;
  for (Case& c : cases) {
    if (c.run == run && c.thread_cache == thread_cache) return c.fragments.arena;
  }
  const ArenaOptions options{
      .budget = mib(128), .thread_cache = thread_cache, .warn_above = gib(1024)};
  cases.push_back({run, thread_cache, make_fragments(options, bytes(run))});
  return cases.back().fragments.arena;
}

void mapped(benchmark::State& state, std::size_t run, Bytes thread_cache, After after) {
  Arena& arena = arena_of(run, thread_cache);
  const auto once = [&] {
    void* p = arena.try_allocate(bytes(kSize));
    if (p == nullptr || arena.kind_of(p) != Kind::mapped) return false;
    touch_pages(p, kSize);
    arena.free(p);
    if (after == After::reclaim) arena.reclaim();
    return true;
  };
  once();  // so that "reused" starts with something to use again
  const Stats before = arena.stats();
  for (auto _ : state) {
    if (!once()) {
      state.SkipWithError("not served by a mapped compound");
      break;
    }
  }
  const Stats now = arena.stats();
  const auto n = static_cast<double>(state.iterations());
  state.counters["maps_per_op"] = static_cast<double>(now.maps - before.maps) / n;
  state.counters["unmaps_per_op"] = static_cast<double>(now.unmaps - before.unmaps) / n;
  state.counters["shootdowns_per_op"] = static_cast<double>(now.shootdowns - before.shootdowns) / n;
  arena.reclaim();
}

/// Fresh memory that starts at a multiple of 2 MiB, so that huge pages fit if they are wanted.
void fresh(benchmark::State& state, int advice) {
  for (auto _ : state) {
    const std::size_t length = kSize + kAlignment;
    void* all = mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED) {
      state.SkipWithError("mmap");
      break;
    }
    const auto start = reinterpret_cast<std::uintptr_t>(all);
    void* p = reinterpret_cast<void*>(align_up(start, kAlignment));
    madvise(p, kSize, advice);
    touch_pages(p, kSize);
    munmap(all, length);
  }
}

void register_case(const char* name, std::size_t run) {
  const auto add = [&](const char* who, Bytes thread_cache, After after) {
    benchmark::RegisterBenchmark(name_of_run(name, who, kSize).c_str(), mapped, run, thread_cache,
                                 after)
        ->MinTime(0.1);
  };
  add("cold", Bytes{}, After::reclaim);
  add("steady", kib(4), After::nothing);
  add("reused", Bytes{}, After::nothing);
}

}  // namespace

void register_benchmarks() {
  register_case("mapped_64k", std::size_t{64} << 10);
  register_case("mapped_2m", std::size_t{2} << 20);
  const auto add = [](const char* who, int advice) {
    benchmark::RegisterBenchmark(name_of_run("fresh", who, kSize).c_str(), fresh, advice)
        ->MinTime(0.1);
  };
  add("pages_4k", MADV_NOHUGEPAGE);
  add("huge", MADV_HUGEPAGE);
}

}  // namespace vc::bench
