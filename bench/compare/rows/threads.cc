// Threads: pairs on 1, 2 and 4 threads at once; and blocks that one thread allocates and another
// frees.
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "bench/compare/measure.h"
#include "bench/compare/row.h"

namespace vc::compare {

namespace {

constexpr std::uint64_t kMillisecond = 1'000'000;

/// Warms caches, and processors that were idle: those of a virtual machine need a while.
constexpr std::uint64_t kWarmUp = 100 * kMillisecond;

/// Waits for another thread: at first busily, then it gives up the processor, which the other may
/// need. Counts what it gave up, as each time is a system call.
class Waiter {
 public:
  void wait() {
    if (++tries_ % kBusy != 0) return;
    ++yields_;
    std::this_thread::yield();
  }
  std::uint64_t yields() const { return yields_; }

 private:
  static constexpr std::uint64_t kBusy = 64;
  std::uint64_t tries_ = 0;
  std::uint64_t yields_ = 0;
};

/// Events without the yields of our own waiting.
Events without_yields(Events events, std::uint64_t yields) {
  if (events.system_calls) {
    *events.system_calls = std::max(0.0, *events.system_calls - static_cast<double>(yields));
  }
  return events;
}

// Pairs on several threads

constexpr unsigned kThreadCounts[] = {1, 2, 4};
constexpr std::size_t kCounts = std::size(kThreadCounts);
constexpr unsigned kMostThreads = 4;
constexpr unsigned kBatch = 64;  // pairs between two looks at the clock; one if they are slow
constexpr std::uint64_t kSlowBatch = 10'000;  // nanoseconds per pair

/// Says that all threads start.
struct Signal {
  std::atomic<unsigned> ready{0};
  std::atomic<std::uint64_t> start{0};
};

/// The processors that this process may use.
std::vector<std::size_t> usable_processors() {
  std::vector<std::size_t> all;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return all;
  for (std::size_t i = 0; i < CPU_SETSIZE; ++i) {
    if (CPU_ISSET(i, &set)) all.push_back(i);
  }
  return all;
}

/// Keeps the calling thread on one of them. New threads may stay on one processor together for a
/// good part of a round; that would be the scheduler's figure.
void stay_on(const std::vector<std::size_t>& processors, std::size_t index) {
  if (processors.empty()) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processors[index % processors.size()], &set);
  pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

/// What a thread did, in a cache line of its own.
struct alignas(64) Share {
  std::uint64_t pairs = 0;
  std::uint64_t elapsed = 1;
  std::uint64_t yields = 0;
  bool refused = false;
};

template <class Calls>
void do_pairs(const Calls& calls, std::uint64_t size, std::uint64_t length, Signal& signal,
              Share& share) {
  Waiter waiter;
  signal.ready.fetch_add(1);
  while (signal.start.load(std::memory_order_acquire) == 0) waiter.wait();
  const std::uint64_t start = signal.start.load(std::memory_order_acquire);
  std::uint64_t now = start;
  std::uint64_t pairs = 0;
  unsigned batch = 1;
  do {
    for (unsigned i = 0; i < batch; ++i) {
      void* p = calls.allocate(size);
      use(p);
      if (p == nullptr) share.refused = true;
      calls.free(p);
    }
    pairs += batch;
    const std::uint64_t before = now;
    now = nanoseconds(CLOCK_MONOTONIC);
    batch = now - before > kSlowBatch * batch ? 1 : kBatch;
  } while (now - start < length);
  share.pairs = pairs;
  share.elapsed = now - start;
  share.yields = waiter.yields();
}

/// What `count` threads did together.
struct Together {
  double rate = 0;  ///< pairs per second
  double pairs = 0;
  std::uint64_t yields = 0;
  bool refused = false;
};

/// `count` threads do pairs for `length` nanoseconds from a common start, each on a processor of
/// its own as long as there are some, from number `first` on. A thread that got no processor for a
/// while has done less: that belongs to the total.
template <class Calls>
Together pairs_on(const Calls& calls, std::uint64_t size, unsigned count, std::uint64_t length,
                  std::size_t first) {
  const std::vector<std::size_t> processors = usable_processors();
  Signal signal;
  std::array<Share, kMostThreads> shares{};
  std::array<std::thread, kMostThreads> threads;
  for (unsigned i = 0; i < count; ++i) {
    threads[i] = std::thread([&, i] {
      stay_on(processors, first + i);
      do_pairs(calls, size, length, signal, shares[i]);
    });
  }
  Waiter waiter;
  while (signal.ready.load() != count) waiter.wait();
  signal.start.store(nanoseconds(CLOCK_MONOTONIC), std::memory_order_release);
  Together all;
  for (unsigned i = 0; i < count; ++i) {
    threads[i].join();
    all.rate += static_cast<double>(shares[i].pairs) * 1e9 / static_cast<double>(shares[i].elapsed);
    all.pairs += static_cast<double>(shares[i].pairs);
    all.yields += shares[i].yields;
    all.refused |= shares[i].refused;
  }
  all.yields += waiter.yields();
  return all;
}

constexpr std::size_t kRounds = 9;

double median(std::array<double, kRounds> values) {
  std::sort(values.begin(), values.end());
  return values[kRounds / 2];
}

Case thread_case(std::uint64_t size, unsigned count) {
  const Case by_size = size_case(size);
  return {by_size.name + (count == 1 ? ", 1 thread" : ", " + std::to_string(count) + " threads"),
          by_size.at + count};
}

/// Rounds of 1, 2 and 4 threads, so that a slow moment of the machine hits all three alike. What
/// several threads do is divided by what one did in the same round, which is on another processor
/// each time.
template <class Calls>
void measure_pairs(const Run& run, const Calls& calls, std::uint64_t size) {
  const std::uint64_t length = (run.quick ? 1 : 10) * kMillisecond;
  std::array<std::array<double, kRounds>, kCounts> rates{};
  std::array<std::array<double, kRounds>, kCounts> scalings{};
  bool refused = pairs_on(calls, size, kMostThreads, kWarmUp, 0).refused;
  for (std::size_t round = 0; round < kRounds; ++round) {
    for (std::size_t i = 0; i < kCounts; ++i) {
      const Together all = pairs_on(calls, size, kThreadCounts[i], length, round);
      rates[i][round] = all.rate;
      scalings[i][round] = all.rate / rates[0][round];
      refused |= all.refused;
    }
  }
  for (std::size_t i = 0; i < kCounts; ++i) {
    const Case where = thread_case(size, kThreadCounts[i]);
    if (refused) {
      run.out.cannot(where, "rate", "refused");
      continue;
    }
    run.out.figure(where, "rate", "per_second", median(rates[i]));
    run.out.figure(where, "scaling", "ratio", median(scalings[i]));
    EventCounter counter;
    const Together all = pairs_on(calls, size, kThreadCounts[i], length, 0);
    report_events(run.out, where, without_yields(counter.stop(), all.yields), all.pairs);
  }
}

void run_pairs(const Run& run) {
  Peer peer;
  if (!open_or_say(run, {}, thread_case(4096, 1), "rate", peer)) return;
  for (const std::uint64_t kib : {4U, 64U, 1024U, 16384U}) {
    with_calls(peer, [&](const auto& calls) { measure_pairs(run, calls, kib << 10); });
  }
}

// Frees on another thread

constexpr std::size_t kRing = 256;
constexpr std::uint64_t kMostInFlight = 256 << 20;  // bytes: 16 MiB blocks are 16 at most
constexpr std::uint64_t kPatience = 2'000 * kMillisecond;

/// How many blocks of a size may be in the ring.
std::size_t ring_length(std::uint64_t size) { return std::min(kRing, kMostInFlight / size); }

/// Pointers from one producer to one consumer, in order, without locks. Each side looks at the
/// other's count only when it must, so that what the ring costs is not most of what is measured.
class Ring {
 public:
  explicit Ring(std::size_t length) : length_(length) {}
  bool push(void* p) {
    const std::size_t at = pushed_.load(std::memory_order_relaxed);
    if (at - popped_seen_ == length_) {
      popped_seen_ = popped_.load(std::memory_order_acquire);
      if (at - popped_seen_ == length_) return false;
    }
    slots_[at % kRing] = p;
    pushed_.store(at + 1, std::memory_order_release);
    return true;
  }
  bool pop(void*& p) {
    const std::size_t at = popped_.load(std::memory_order_relaxed);
    if (at == pushed_seen_) {
      pushed_seen_ = pushed_.load(std::memory_order_acquire);
      if (at == pushed_seen_) return false;
    }
    p = slots_[at % kRing];
    popped_.store(at + 1, std::memory_order_release);
    return true;
  }

 private:
  std::size_t length_;
  alignas(64) std::atomic<std::size_t> pushed_{0};
  std::size_t popped_seen_ = 0;  ///< by the producer
  alignas(64) std::atomic<std::size_t> popped_{0};
  std::size_t pushed_seen_ = 0;  ///< by the consumer
  alignas(64) std::array<void*, kRing> slots_{};
};

struct Transfer {
  double blocks = 0;
  std::vector<double> windows{};  ///< nanoseconds per block, of each window
  std::uint64_t yields = 0;
  bool refused = false;

  /// The window at the lower quartile: those in which a thread had to wait for a processor, several
  /// milliseconds each time, are left out.
  double time_per_block() {
    const auto quartile = windows.begin() + static_cast<std::ptrdiff_t>(windows.size() / 4);
    std::nth_element(windows.begin(), quartile, windows.end());
    return *quartile;
  }
};

/// Frees what comes through the ring, up to a nullptr.
template <class Calls>
std::uint64_t consume(const Calls& calls, Ring& ring) {
  Waiter waiter;
  for (;;) {
    void* p = nullptr;
    while (!ring.pop(p)) waiter.wait();
    if (p == nullptr) return waiter.yields();
    calls.free(p);
  }
}

/// Allocates; while everything is in the ring, waits for the consumer. nullptr: refused for good.
template <class Calls>
void* produce(const Calls& calls, std::uint64_t size, Waiter& waiter) {
  void* p = calls.allocate(size);
  if (p != nullptr) return p;
  const std::uint64_t first = nanoseconds(CLOCK_MONOTONIC);
  while (nanoseconds(CLOCK_MONOTONIC) - first < kPatience) {
    waiter.wait();
    p = calls.allocate(size);
    if (p != nullptr) return p;
  }
  return nullptr;
}

/// Sends blocks for 2 ms, and as a rule at least as many as fill the ring four times, so that the
/// producer's pace is the consumer's as well.
template <class Calls>
void send_window(const Calls& calls, std::uint64_t size, Ring& ring, Waiter& waiter,
                 Transfer& all) {
  const std::uint64_t start = nanoseconds(CLOCK_MONOTONIC);
  const double least = 4 * static_cast<double>(ring_length(size));
  std::uint64_t spent = 0;
  double blocks = 0;
  while ((blocks < least && spent < 50 * kMillisecond) || spent < 2 * kMillisecond) {
    const unsigned batch = static_cast<double>(spent) > 50'000 * blocks ? 1 : kBatch;
    for (unsigned i = 0; i < batch; ++i) {
      void* p = produce(calls, size, waiter);
      all.refused = p == nullptr;
      if (all.refused) return;
      while (!ring.push(p)) waiter.wait();
    }
    blocks += batch;
    spent = nanoseconds(CLOCK_MONOTONIC) - start;
  }
  all.blocks += blocks;
  all.windows.push_back(static_cast<double>(spent) / blocks);
}

/// Sends windows until they are no longer getting faster: both threads then have in their caches
/// what they keep, and the memory for it was taken from the system. That goes on in steps (a full
/// cache, then the next store), with windows between that are fast enough to look like the end.
template <class Calls>
void settle(const Calls& calls, std::uint64_t size, Ring& ring, Waiter& waiter, Transfer& all) {
  constexpr std::uint64_t kLongest = 500 * kMillisecond;
  constexpr std::size_t kLeast = 32;
  const std::uint64_t start = nanoseconds(CLOCK_MONOTONIC);
  bool faster = true;
  while (!all.refused && (all.windows.size() < kLeast || faster)) {
    send_window(calls, size, ring, waiter, all);
    const std::size_t sent = all.windows.size();
    faster = sent >= 2 && all.windows[sent - 1] < 0.8 * all.windows[sent - 2];
    if (nanoseconds(CLOCK_MONOTONIC) - start > kLongest) break;
  }
  all.windows.clear();
}

/// Blocks go from a thread to another, each on a processor of its own, until things have settled,
/// then for `length` nanoseconds, one window at the least.
template <class Calls>
Transfer transfer(const Calls& calls, std::uint64_t size, std::uint64_t length,
                  const std::vector<std::size_t>& processors) {
  const auto ring = std::make_unique<Ring>(ring_length(size));
  Transfer all;
  std::uint64_t consumer_yields = 0;
  stay_on(processors, 0);
  std::thread consumer([&] {
    stay_on(processors, 1);
    consumer_yields = consume(calls, *ring);
  });
  Waiter waiter;
  settle(calls, size, *ring, waiter, all);
  const std::uint64_t start = nanoseconds(CLOCK_MONOTONIC);
  while (!all.refused && (all.windows.empty() || nanoseconds(CLOCK_MONOTONIC) - start < length)) {
    send_window(calls, size, *ring, waiter, all);
  }
  while (!ring->push(nullptr)) waiter.wait();
  consumer.join();
  all.yields = consumer_yields + waiter.yields();
  return all;
}

/// As many blocks as can be in flight, and those that the caches of two threads may keep, allocated
/// and freed: who takes memory from the system when it is first handed out does so here.
template <class Calls>
bool warm(const Calls& calls, std::uint64_t size) {
  constexpr std::size_t kKept = 32;
  std::vector<void*> blocks(ring_length(size) + kKept);
  bool granted = true;
  for (void*& p : blocks) granted &= (p = calls.allocate(size)) != nullptr;
  for (void* p : blocks) calls.free(p);
  return granted;
}

template <class Calls>
void measure_transfer(const Run& run, const Calls& calls, std::uint64_t size,
                      const std::vector<std::size_t>& processors) {
  const Case where = size_case(size);
  const std::uint64_t length = (run.quick ? 1 : 40) * kMillisecond;
  if (!warm(calls, size)) return run.out.cannot(where, "time", "refused");
  Transfer all = transfer(calls, size, length, processors);
  if (all.refused) return run.out.cannot(where, "time", "refused");
  run.out.figure(where, "time", "ns", all.time_per_block());
  EventCounter counter;
  const Transfer counted = transfer(calls, size, length / 4, processors);
  const Events events = without_yields(counter.stop(), counted.yields);
  report_events(run.out, where, events, counted.blocks);
}

void run_transfers(const Run& run) {
  Peer peer;
  if (!open_or_say(run, {}, size_case(4096), "time", peer)) return;
  const std::vector<std::size_t> processors = usable_processors();  // before we stay on one
  with_calls(peer, [&](const auto& calls) {
    transfer(calls, 4096, kWarmUp, processors);
    for (std::uint64_t size = 4096; size <= 16 << 20; size *= 4) {
      measure_transfer(run, calls, size, processors);
    }
  });
}

const std::vector<std::string> kPeers = {"vcompound",          "glibc",    "mimalloc",
                                         "jemalloc",           "tcmalloc", "libhugetlbfs",
                                         "boost_interprocess", "dpdk",     "mmap"};

const RowRegistration threads{
    "threads",
    {.title = "Pairs on 1, 2 and 4 threads",
     .what = "Every thread allocates and frees in a loop, each for itself, and stays on one "
             "processor, on one of its own while there are enough; the total of all threads "
             "per second of wall time, and that total divided by what one thread does in the same "
             "round, for 10 ms each. Medians of nine rounds. With fewer processors than threads, "
             "the scaling ends at their number.",
     .peers = kPeers,
     .repetitions = 5,
     .run = run_pairs}};

const RowRegistration remote_free{
    "remote_free",
    {.title = "Allocated on one thread, freed on another",
     .what = "One thread allocates and sends the pointers through a ring of 256, without locks, to "
             "another that frees them (at most 256 MiB on the way), each on a processor of its own "
             "if there are two; nobody touches the memory. It is the steady state that counts: as "
             "many blocks, and 32 more for what caches of threads keep, were allocated and freed "
             "before, and the clock starts when windows of 2 ms no longer get faster. Wall time "
             "per block, the lower quartile of such windows. A thread that waits spins for a "
             "moment, then yields its processor; its yields are not counted among the system "
             "calls.",
     .peers = kPeers,
     .repetitions = 5,
     .run = run_transfers}};

}  // namespace

}  // namespace vc::compare
