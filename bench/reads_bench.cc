// Random reads: does a mapped compound read as fast as a contiguous one?
//
// Both hold the same random cycle through all their cache lines; each read depends on the one
// before, so nothing but the latency of memory and of address translation is seen. Both come from
// one arena. "mapped_64k" shows what 4 KiB entries cost, for information.
#include <algorithm>
#include <numeric>
#include <vector>

#include "bench/fragments.h"
#include "bench/harness.h"
#include "vcompound/base/random.h"

namespace vc::bench {

namespace {

constexpr std::size_t kSize = std::size_t{256} << 20;
constexpr std::size_t kLine = 64;
constexpr std::size_t kLines = kSize / kLine;
constexpr int kReads = 1 << 16;  // per iteration

/// Writes one random cycle through all lines (Sattolo's shuffle): each line names the next.
void write_cycle(void* memory) {
  std::vector<std::uint32_t> order(kLines);
  std::iota(order.begin(), order.end(), 0U);
  Random random(1);
  for (std::size_t i = kLines - 1; i > 0; --i) std::swap(order[i], order[random.below(i)]);
  auto* bytes = static_cast<char*>(memory);
  for (std::size_t i = 0; i < kLines; ++i) {
    *reinterpret_cast<std::uint32_t*>(bytes + order[i] * kLine) = order[(i + 1) % kLines];
  }
}

/// An arena with a contiguous compound in one half and a mapped one in the fragmented other half.
struct Subject {
  Fragments fragments;
  void* contiguous = nullptr;
  void* mapped = nullptr;
  double huge_share_contiguous = 0;
  double huge_share_mapped = 0;
};

double huge_share(const Arena& arena, const void* p) {
  Result<Verification> v = arena.verify(p);
  return v ? static_cast<double>(v->huge.value) / static_cast<double>(kSize) : 0;
}

Subject make_subject(Bytes run) {
  Result<Arena> arena = Arena::create({.budget = bytes(3 * kSize), .warn_above = gib(1024)});
  if (!arena) return {.fragments = make_fragments({}, run)};  // ends the program with the reason
  Subject s{.fragments = {.arena = std::move(arena).value(), .held = {}}};
  Arena& a = s.fragments.arena;
  s.contiguous = a.try_allocate(bytes(kSize));
  s.fragments.held = fragment(a, run);
  s.mapped = a.try_allocate(bytes(kSize));
  for (void* p : {s.contiguous, s.mapped}) {
    if (p != nullptr) write_cycle(p);
  }
  s.huge_share_contiguous = huge_share(a, s.contiguous);
  s.huge_share_mapped = huge_share(a, s.mapped);
  return s;
}

Subject& subject_2m() {
  static Subject subject = make_subject(mib(2));
  return subject;
}

Subject& subject_64k() {
  static Subject subject = make_subject(kib(64));
  return subject;
}

void reads(benchmark::State& state, Subject& (*subject)(), Kind kind) {
  const Subject& s = subject();
  const void* memory = kind == Kind::mapped ? s.mapped : s.contiguous;
  if (memory == nullptr || s.fragments.arena.kind_of(memory) != kind) {
    state.SkipWithError("the compound is not of the kind it should be");
    return;
  }
  const char* bytes = static_cast<const char*>(memory);
  static std::uint32_t start = 0;  // each run goes on elsewhere: nothing stays in the caches
  std::uint32_t at = start = static_cast<std::uint32_t>(mix64(start) % kLines);
  for (auto _ : state) {
    for (int i = 0; i < kReads; ++i) {
      at = *reinterpret_cast<const std::uint32_t*>(bytes + std::size_t{at} * kLine);
    }
    benchmark::DoNotOptimize(at);
  }
  state.SetItemsProcessed(state.iterations() * kReads);
  state.counters["huge_share"] =
      kind == Kind::mapped ? s.huge_share_mapped : s.huge_share_contiguous;
}

}  // namespace

void register_benchmarks() {
  const auto add = [](const char* who, Subject& (*subject)(), Kind kind) {
    benchmark::RegisterBenchmark(name_of_run("reads", who, kSize).c_str(), reads, subject, kind)
        ->MinTime(0.1)
        ->Repetitions(15);
  };
  add("contiguous", subject_2m, Kind::contiguous);
  add("mapped_2m", subject_2m, Kind::mapped);
  add("mapped_64k", subject_64k, Kind::mapped);
}

}  // namespace vc::bench
