// The pair: allocate and free at once, warm; nobody touches the memory. By bare pointers; with
// another size each time, which a cache of what was freed last does not serve; and by what a C++
// program holds: an owning handle.
#include <memory>

#include "bench/compare/measure.h"
#include "bench/compare/row.h"

namespace vc::compare {

namespace {

constexpr std::uint64_t kSmallest = 4096;
constexpr std::uint64_t kLargest = std::uint64_t{1} << 30;
constexpr const char* kMetric = "time";
constexpr int kCounted = 64;

/// Measures pair(), which does that many pairs and says whether the memory was granted.
template <class Pair>
void measure(const Run& run, std::uint64_t size, int pairs, Pair&& pair) {
  const Case where = size_case(size);
  if (!pair()) {
    run.out.cannot(where, kMetric, "refused");
    return;
  }
  const double time = time_per_call(pair, run.quick ? 100'000 : 10'000'000);
  run.out.figure(where, kMetric, "ns", time / pairs);
  EventCounter events;
  for (int i = 0; i < kCounted; ++i) pair();
  report_events(run.out, where, events.stop(), kCounted * pairs);
}

/// Opens the peer and calls measure_size(calls, size) for each size.
template <class MeasureSize>
void for_each_size(const Run& run, MeasureSize&& measure_size) {
  Peer peer;
  if (!open_or_say(run, {}, size_case(kSmallest), kMetric, peer)) return;
  for (std::uint64_t size = kSmallest; size <= kLargest; size *= 2) {
    if (run.quick && size > 1 << 20) break;
    with_calls(peer, [&](const auto& calls) { measure_size(calls, size); });
  }
}

/// In the loop itself for every peer, whatever the compiler would think of its size.
#define VC_IN_LOOP __attribute__((always_inline))

template <class Calls>
VC_IN_LOOP inline bool pair_by_pointer(const Calls& calls, std::uint64_t size) {
  void* p = calls.allocate(size);
  use(p);
  calls.free(p);
  return p != nullptr;
}

void run_pairs(const Run& run) {
  for_each_size(run, [&run](const auto& calls, std::uint64_t size) {
    measure(run, size, 1, [&calls, size]() VC_IN_LOOP { return pair_by_pointer(calls, size); });
  });
}

void run_two_sizes(const Run& run) {
  for_each_size(run, [&run](const auto& calls, std::uint64_t size) {
    measure(run, size, 2, [&calls, size]() VC_IN_LOOP {
      return pair_by_pointer(calls, size) && pair_by_pointer(calls, size / 2 * 3);
    });
  });
}

/// The deleter of a peer's handle.
struct FreeBy {
  void (*free_)(void*);
  void operator()(void* p) const { free_(p); }
};

// The handles are not const, as in most programs: GCC keeps a const object in memory.

VC_IN_LOOP inline bool pair_by_handle(const PeerCalls& calls, std::uint64_t size) {
  std::unique_ptr<void, FreeBy> handle(calls.allocate(size), FreeBy{calls.free_});
  use(handle.get());
  return handle != nullptr;
}

VC_IN_LOOP inline bool pair_by_handle(const ArenaCalls& calls, std::uint64_t size) {
  Result<Compound> handle = calls.arena.allocate(bytes(size));
  if (!handle) return false;
  use(handle->data());
  return true;
}

void run_handles(const Run& run) {
  for_each_size(run, [&run](const auto& calls, std::uint64_t size) {
    measure(run, size, 1, [&calls, size]() VC_IN_LOOP { return pair_by_handle(calls, size); });
  });
}

const std::vector<std::string> kPeers = {"vcompound",          "glibc",    "mimalloc",
                                         "jemalloc",           "tcmalloc", "libhugetlbfs",
                                         "boost_interprocess", "dpdk",     "mmap"};

const RowRegistration pointers{
    "pair",
    {.title = "Allocate and free",
     .what =
         "One call after the other, warm, the memory is not touched: the price of the two calls.",
     .peers = kPeers,
     .repetitions = 5,
     .run = run_pairs}};

const RowRegistration two_sizes{
    "pair_two_sizes",
    {.title = "Allocate and free, two sizes in turn",
     .what = "The same with that size and one and a half times that size in turn, per pair. "
             "vcompound keeps one compound in front of its caches, which fits every second time.",
     .peers = kPeers,
     .repetitions = 3,
     .run = run_two_sizes}};

const RowRegistration handles{
    "pair_handle",
    {.title = "Allocate and free, by an owning handle",
     .what = "The same as C++ programs write it: vcompound's Compound, allocated with its result "
             "and destroyed at once; for a peer, a std::unique_ptr whose deleter calls its free.",
     .peers = kPeers,
     .repetitions = 3,
     .run = run_handles}};

}  // namespace

}  // namespace vc::compare
