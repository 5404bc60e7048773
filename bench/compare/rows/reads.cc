// Reads: does mapped memory read as fast as contiguous memory, and what do huge pages give?
//
// The memory holds one random cycle through all its cache lines. Each read depends on the one
// before, so nothing but the latency of memory and of address translation is seen.
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "bench/compare/measure.h"
#include "bench/compare/row.h"
#include "bench/fragments.h"
#include "vcompound/base/random.h"
#include "vcompound/platform/linux/verify.h"

namespace vc::compare {

namespace {

constexpr std::size_t kLine = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr std::size_t kMiB = std::size_t{1} << 20;
constexpr const char* kMetric = "read";

/// One random cycle (Sattolo's shuffle) through `lines` lines: the lines in its order.
std::vector<std::uint32_t> draw_cycle(std::size_t lines, std::uint64_t seed) {
  std::vector<std::uint32_t> order(lines);
  std::iota(order.begin(), order.end(), 0U);
  Random random(seed);
  for (std::size_t i = lines - 1; i > 0; --i) std::swap(order[i], order[random.below(i)]);
  return order;
}

/// Each line names the next of the cycle.
void write_cycle(char* memory, const std::vector<std::uint32_t>& order) {
  std::uint32_t previous = order.back();
  for (const std::uint32_t line : order) {
    *reinterpret_cast<std::uint32_t*>(memory + std::size_t{previous} * kLine) = line;
    previous = line;
  }
}

/// Nanoseconds per read: the least of several stretches, each at another place of the cycle.
double time_reads(const char* memory, const Run& run, std::uint32_t& at) {
  const int stretches = run.quick ? 2 : 7;
  const int reads = run.quick ? 1 << 12 : 1 << 18;
  double best = std::numeric_limits<double>::infinity();
  for (int s = 0; s < stretches; ++s) {
    const std::uint64_t start = nanoseconds(CLOCK_THREAD_CPUTIME_ID);
    for (int i = 0; i < reads; ++i) {
      at = *reinterpret_cast<const std::uint32_t*>(memory + std::size_t{at} * kLine);
    }
    const std::uint64_t spent = nanoseconds(CLOCK_THREAD_CPUTIME_ID) - start;
    best = std::min(best, static_cast<double>(spent) / reads);
  }
  return best;
}

/// Writes, reads, and asks the kernel what is behind the memory.
void measure(const Run& run, const Case& where, void* memory, std::size_t size) {
  auto* bytes = static_cast<char*>(memory);
  write_cycle(bytes, draw_cycle(size / kLine, run.seed));
  std::uint32_t at = 0;
  run.out.figure(where, kMetric, "ns", time_reads(bytes, run, at));
  constexpr int kCounted = 1 << 16;
  EventCounter events;
  for (int i = 0; i < kCounted; ++i) {
    at = *reinterpret_cast<const std::uint32_t*>(bytes + std::size_t{at} * kLine);
  }
  report_events(run.out, where, events.stop(), kCounted);
  use(&at);
  const auto address = reinterpret_cast<std::uintptr_t>(memory);
  const std::uintptr_t inner = (address + 4095) / 4096 * 4096;
  const Bytes whole((address + size - inner) / 4096 * 4096);
  const MappedPages pages = mapped_pages({VirtAddr(inner), whole});
  if (pages.method == MappedPages::Method::none) {
    run.out.cannot(where, "huge_share", "this kernel does not tell what is mapped");
    return;
  }
  const double share = static_cast<double>(pages.huge.value) / static_cast<double>(whole.value);
  run.out.figure(where, "huge_share", "percent", 100 * share);
  run.out.figure(where, "size", "bytes", static_cast<double>(size));
}

// ---- vcompound ----------------------------------------------------------------------------------

/// A mapped compound is made of runs of that many bytes; 0: a contiguous one.
struct Shape {
  const char* name;
  std::size_t run;
  std::size_t size;
};

constexpr Shape kShapes[] = {
    {"contiguous", 0, 256 * kMiB},
    {"mapped from 2 MiB runs", kHugePage, 256 * kMiB},
    {"mapped from 64 KiB runs", std::size_t{64} << 10, 256 * kMiB},
    // A process may have 65,530 mappings by default, and each run is one.
    {"mapped from 4 KiB runs", 4096, 128 * kMiB},
};

/// Is it of the kind, and of the runs, that the case says?
bool has_shape(const Arena& arena, void* memory, const Shape& shape) {
  if (shape.run == 0) return arena.kind_of(memory) == Kind::contiguous;
  if (arena.kind_of(memory) != Kind::mapped) return false;
  const std::vector<Extent> runs = arena.extents(memory);
  return std::all_of(runs.begin(), runs.end(),
                     [&](const Extent& run) { return run.size == shape.run; });
}

void measure_shape(const Run& run, Arena& arena, const Shape& shape, double at) {
  const Case where{shape.name, at};
  const std::size_t size = run.quick ? shape.size / 64 : shape.size;
  const std::vector<void*> held =
      shape.run == 0 ? std::vector<void*>{} : bench::fragment(arena, bytes(shape.run));
  void* memory = arena.try_allocate(bytes(size));
  if (memory == nullptr) {
    run.out.cannot(where, kMetric, to_string(Arena::last_error()));
  } else if (!has_shape(arena, memory, shape)) {
    run.out.cannot(where, kMetric, "the compound is not made of such runs");
  } else {
    measure(run, where, memory, size);
  }
  arena.free(memory);
  for (void* p : held) arena.free(p);
  arena.reclaim();
}

void read_vcompound(const Run& run) {
  const std::uint64_t budget = (run.quick ? 16 : 640) * kMiB;
  Peer peer;
  if (!open_or_say(run, {.budget = budget}, {kShapes[0].name, 0}, kMetric, peer)) return;
  double at = 0;
  for (const Shape& shape : kShapes) measure_shape(run, *peer.arena, shape, at++);
}

// ---- peers --------------------------------------------------------------------------------------

void read_malloc(const Run& run, std::size_t size) {
  const Case where{"malloc", 4};
  Peer peer;
  if (!open_or_say(run, {}, where, kMetric, peer)) return;
  void* memory = peer.allocate(size);
  if (memory == nullptr) return run.out.cannot(where, kMetric, "refused");
  measure(run, where, memory, size);
  peer.free(memory);
}

/// Anonymous memory at a multiple of 2 MiB, with the wish for huge pages.
void read_anonymous(const Run& run, std::size_t size) {
  const Case where{"anonymous, huge pages", 5};
  const std::size_t all = size + kHugePage;
  void* got = mmap(nullptr, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (got == MAP_FAILED) return run.out.cannot(where, kMetric, "refused");
  const auto address = reinterpret_cast<std::uintptr_t>(got);
  const std::uintptr_t aligned = (address + kHugePage - 1) / kHugePage * kHugePage;
  void* memory = static_cast<char*>(got) + (aligned - address);
  if (madvise(memory, size, MADV_HUGEPAGE) != 0) {
    run.out.cannot(where, kMetric, "this kernel has no transparent huge pages");
  } else {
    measure(run, where, memory, size);
  }
  munmap(got, all);
}

void run_reads(const Run& run) {
  const std::size_t size = (run.quick ? 4 : 256) * kMiB;
  if (run.peer == "vcompound") return read_vcompound(run);
  if (run.peer == "mmap") return read_anonymous(run, size);
  read_malloc(run, size);
}

const RowRegistration registration{
    "reads",
    {.title = "Random reads",
     .what =
         "Dependent reads, one per cache line, in random order through 256 MiB (128 MiB where "
         "every "
         "page is a run of its own: a process may have 65,530 mappings by default). vcompound: a "
         "contiguous compound, and mapped ones of runs of 2 MiB, 64 KiB and 4 KiB, after the arena "
         "was fragmented so that no longer runs exist. malloc: glibc as it is. Anonymous: plain "
         "mmap with madvise(MADV_HUGEPAGE). huge_share: what the kernel says is mapped by huge "
         "pages. The least of 7 stretches.",
     .peers = {"vcompound", "glibc", "mmap"},
     .repetitions = 3,
     .run = run_reads}};

}  // namespace

}  // namespace vc::compare
