// The pair: allocate and free at once, warm; nobody touches the memory.
#include "bench/compare/measure.h"
#include "bench/compare/row.h"

namespace vc::compare {

namespace {

constexpr std::uint64_t kSmallest = 4096;
constexpr std::uint64_t kLargest = std::uint64_t{1} << 30;
constexpr const char* kMetric = "time";

template <class Calls>
void measure(const Run& run, const Calls& calls, std::uint64_t size) {
  const Case where = size_case(size);
  void* warm = calls.allocate(size);
  if (warm == nullptr) {
    run.out.cannot(where, kMetric, "refused");
    return;
  }
  calls.free(warm);
  const auto pair = [&calls, size] {
    void* p = calls.allocate(size);
    use(p);
    calls.free(p);
  };
  run.out.figure(where, kMetric, "ns", time_per_call(pair, run.quick ? 100'000 : 20'000'000));
  constexpr int kCounted = 64;
  EventCounter events;
  for (int i = 0; i < kCounted; ++i) pair();
  report_events(run.out, where, events.stop(), kCounted);
}

void run_pairs(const Run& run) {
  Peer peer;
  if (!open_or_say(run, {}, size_case(kSmallest), kMetric, peer)) return;
  for (std::uint64_t size = kSmallest; size <= kLargest; size *= 2) {
    if (run.quick && size > 1 << 20) break;
    with_calls(peer, [&](const auto& calls) { measure(run, calls, size); });
  }
}

const RowRegistration registration{
    "pair",
    {.title = "Allocate and free",
     .what =
         "One call after the other, warm, the memory is not touched: the price of the two calls.",
     .peers = {"vcompound", "glibc", "mimalloc", "jemalloc", "tcmalloc", "libhugetlbfs",
               "boost_interprocess", "dpdk", "mmap"},
     .repetitions = 7,
     .run = run_pairs}};

}  // namespace

}  // namespace vc::compare
