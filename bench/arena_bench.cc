// What an arena costs besides the memory it hands out: its tables, and its creation.
//
//   metadata  resident bytes of the tables after every frame was handed out, wholly contiguous, and
//             wholly in mapped compounds of 8 MiB made of 64 KiB runs
//   create    an arena of 1 TiB of address space: time, and how much more of the process is
//   resident
#include <unistd.h>

#include <chrono>
#include <fstream>

#include "bench/fragments.h"
#include "bench/harness.h"

namespace vc::bench {

namespace {

constexpr std::size_t kBudget = std::size_t{2} << 30;
constexpr std::size_t kTebibyte = std::size_t{1} << 40;

double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  statm >> size >> resident;
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

void report_tables(benchmark::State& state, const Arena& arena) {
  state.counters["metadata_bytes"] = static_cast<double>(arena.metadata_resident().value);
  state.counters["budget_bytes"] = static_cast<double>(kBudget);
  state.counters["free_bytes"] =
      static_cast<double>(arena.frame_size().bytes(arena.stats().available()).value);
}

void metadata_contiguous(benchmark::State& state, std::size_t block) {
  for (auto _ : state) {
    Result<Arena> arena = Arena::create({.budget = bytes(kBudget)});
    if (!arena) return state.SkipWithError(to_string(arena.error()).c_str());
    while (arena->try_allocate(bytes(block)) != nullptr) {}
    report_tables(state, *arena);
  }
}

/// Fills the arena so that everything which is mapped is made of runs of 64 KiB: all blocks are
/// freed in the end, the odd ones first, each half being turned into mapped compounds at once.
void metadata_mapped(benchmark::State& state) {
  for (auto _ : state) {
    Fragments f = make_fragments({.budget = bytes(kBudget), .warn_above = gib(1024)}, kib(64));
    const Request mapped{.size = mib(8), .contiguity = Contiguity::never};
    while (f.arena.try_allocate(mapped) != nullptr) {}
    for (void* p : f.held) f.arena.free(p);
    f.arena.reclaim();
    while (f.arena.try_allocate(mapped) != nullptr) {}
    const Stats stats = f.arena.stats();
    report_tables(state, f.arena);
    state.counters["mappings"] = static_cast<double>(stats.mappings_used);
  }
}

void create(benchmark::State& state) {
  double grown = 0;
  for (auto _ : state) {
    const double before = resident_bytes();
    const auto start = std::chrono::steady_clock::now();
    Result<Arena> arena =
        Arena::create({.budget = bytes(kTebibyte), .overcommit = Overcommit::yes});
    const auto end = std::chrono::steady_clock::now();
    if (!arena) return state.SkipWithError(to_string(arena.error()).c_str());
    grown = std::max(grown, resident_bytes() - before);
    state.SetIterationTime(std::chrono::duration<double>(end - start).count());
  }
  state.counters["resident_bytes"] = grown;
}

}  // namespace

void register_benchmarks() {
  for (const std::size_t block : {std::size_t{4096}, std::size_t{8} << 20, kBudget}) {
    benchmark::RegisterBenchmark(name_of_run("metadata", "contiguous", block).c_str(),
                                 metadata_contiguous, block)
        ->Iterations(1)
        ->Repetitions(1);
  }
  benchmark::RegisterBenchmark(name_of_run("metadata", "mapped", 8 << 20).c_str(), metadata_mapped)
      ->Iterations(1)
      ->Repetitions(1);
  benchmark::RegisterBenchmark(name_of_run("create", "ours", kTebibyte).c_str(), create)
      ->UseManualTime()
      ->Iterations(1);
}

}  // namespace vc::bench
