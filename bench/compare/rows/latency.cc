// Latency of single calls: quantiles and the worst case, fresh and while memory is fragmented.
//
// The machine interrupts a program whenever it likes, so a single figure says nothing about the
// peer. The list of calls is fixed (call_script.h): it is done several times, and of the times
// of each call the least counts. What remains is what the peer does in that call each time.
#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "bench/compare/measure.h"
#include "bench/compare/row.h"
#include "bench/compare/rows/call_script.h"
#include "bench/compare/rows/latency_clock.h"
#include "bench/compare/rows/replay_memory.h"
#include "vcompound/base/random.h"

namespace vc::compare {

namespace {

constexpr std::uint64_t kBudget = std::uint64_t{1} << 30;
constexpr std::size_t kBlock = std::size_t{32} << 10;  ///< what memory is fragmented with
constexpr std::size_t kPage = 4096;
constexpr const char* kMetric = "allocate_worst";

std::uint64_t budget_of(const Run& run) { return run.quick ? kBudget / 16 : kBudget; }

/// The two ways to time an allocation: the bare call, or until each page was written once.
enum class Until : bool { returned, usable };

/// In the place of a call's time: it was refused, or there was nothing to free.
constexpr double kNotTimed = -1;

/// The times of one kind of call, each the least of all passes, by the order of calls.
class Times {
 public:
  void start_pass() { at_ = 0; }
  void add(double ns) {
    if (at_ == least_.size()) least_.push_back(ns);
    least_[at_] = std::min(least_[at_], ns);
    worst_of_pass_ = std::max(worst_of_pass_, ns);
    ++at_;
  }
  void end_pass() {
    if (at_ == 0) return;
    worst_raw_ = std::max(worst_raw_, worst_of_pass_);
    least_worst_ = std::min(least_worst_, worst_of_pass_);
    worst_of_pass_ = 0;
  }
  const std::vector<double>& least() const { return least_; }
  /// Those of the calls that were timed in each pass, in increasing order.
  std::vector<double> sorted() const {
    std::vector<double> timed = least_;
    std::erase(timed, kNotTimed);
    std::sort(timed.begin(), timed.end());
    return timed;
  }
  double worst_raw() const { return worst_raw_; }
  double least_worst() const { return least_worst_; }

 private:
  std::vector<double> least_;
  std::size_t at_ = 0;
  double worst_of_pass_ = 0;
  double worst_raw_ = 0;
  double least_worst_ = std::numeric_limits<double>::infinity();
};

double quantile(const std::vector<double>& sorted, double q) {
  const auto at = static_cast<std::size_t>(q * static_cast<double>(sorted.size()));
  return sorted[std::min(sorted.size() - 1, at)];
}

/// A quantile means something if a few calls lie beyond it.
constexpr std::size_t kEnoughForP999 = 1000;

void report(const Run& run, const Case& where, const std::string& name, const Times& times) {
  const std::vector<double> sorted = times.sorted();
  if (sorted.empty()) {
    run.out.cannot(where, (name + "_worst").c_str(), "every call was refused");
    return;
  }
  const auto tell = [&](const char* suffix, double ns) {
    run.out.figure(where, (name + suffix).c_str(), "ns", ns);
  };
  tell("_p50", quantile(sorted, 0.5));
  tell("_p99", quantile(sorted, 0.99));
  if (sorted.size() >= kEnoughForP999) tell("_p999", quantile(sorted, 0.999));
  tell("_worst", sorted.back());
  tell("_worst_pass", times.least_worst());
  tell("_worst_raw", times.worst_raw());
}

void touch(void* memory, std::size_t size) {
  auto* bytes = static_cast<volatile char*>(memory);
  for (std::size_t at = 0; at < size; at += kPage) bytes[at] = 1;
}

/// One case: a list of calls, done over and over.
template <class Calls>
class Trial {
 public:
  Trial(const Run& run, const Peer& peer, const Calls& calls, const CallClock& clock, Case where,
        const ScriptOptions& options)
      : run_(run),
        peer_(peer),
        arena_(peer.arena),
        calls_(calls),
        clock_(clock),
        where_(std::move(where)),
        script_(make_script(options)),
        pointers_(script_.objects),
        contiguous_(script_.objects, true) {}

  /// `before`: what the process held before the peer was opened, if it is to be told what the peer
  /// holds of the budget while the list is done.
  void measure(int most_passes, const HeldMemory* before) {
    int passes = repeat(most_passes, [&] { pass<Until::usable>(); });
    EventCounter events;
    const int bare_passes = repeat(most_passes, [&] { pass<Until::returned>(); });
    const Events counted = events.stop();
    passes += bare_passes;
    if (before != nullptr) {
      before_ = before;
      pass<Until::usable>();
      ++passes;
    }
    report_refusals(passes);
    report(run_, where_, "allocate", allocate_);
    report(run_, where_, "free", free_);
    report(run_, where_, "usable", usable_);
    if (arena_ != nullptr) report_kinds();
    const double calls = static_cast<double>(script_.steps.size()) * bare_passes;
    report_events(run_.out, where_, counted, calls);
  }

 private:
  /// Three times, and then as often as there is time for; returns how often.
  template <class Body>
  static int repeat(int most, Body&& body) {
    constexpr int kLeast = 3;
    constexpr std::uint64_t kEnough = 250'000'000;
    const std::uint64_t start = nanoseconds(CLOCK_MONOTONIC);
    int done = 0;
    while (done < most && (done < kLeast || nanoseconds(CLOCK_MONOTONIC) - start < kEnough)) {
      body();
      ++done;
    }
    return done;
  }

  /// Every call of the list once.
  template <Until until>
  void pass() {
    for (Times* times : {&allocate_, &free_, &usable_}) times->start_pass();
    for (std::size_t i = 0; i < script_.steps.size(); ++i) {
      const Step& step = script_.steps[i];
      if (i == script_.last_free && before_ != nullptr) report_held();
      if (step.size != 0) {
        allocate<until>(step);
      } else {
        free<until>(step.object);
      }
    }
    for (Times* times : {&allocate_, &free_, &usable_}) times->end_pass();
  }

  template <Until until>
  void allocate(const Step& step) {
    const std::uint64_t start = CallClock::now();
    void* p = calls_.allocate(step.size);
    if (until == Until::usable && p != nullptr) touch(p, step.size);
    const double ns = clock_.between(start, CallClock::now());
    use(p);
    pointers_[step.object] = p;
    // A refused call keeps its place in the order, or the passes would not match.
    refused_ += p == nullptr ? 1 : 0;
    (until == Until::usable ? usable_ : allocate_).add(p == nullptr ? kNotTimed : ns);
    if (until == Until::usable || arena_ == nullptr) return;
    if (p == nullptr || arena_->kind_of(p) != Kind::contiguous) contiguous_[step.object] = false;
  }

  template <Until until>
  void free(std::uint32_t object) {
    void* p = pointers_[object];
    const std::uint64_t start = CallClock::now();
    if (p != nullptr) calls_.free(p);
    const double ns = clock_.between(start, CallClock::now());
    if (until == Until::returned) free_.add(p == nullptr ? kNotTimed : ns);
  }

  void report_refusals(int passes) {
    const double all = static_cast<double>(script_.objects) * passes;
    run_.out.figure(where_, "refused", "percent", 100 * static_cast<double>(refused_) / all);
  }

  void report_held() {
    const double held = static_cast<double>(held_by(peer_, *before_));
    run_.out.figure(where_, "held", "percent", 100 * held / static_cast<double>(budget_of(run_)));
  }

  /// How much was contiguous, and what allocating that took.
  void report_kinds() {
    std::vector<double> times;
    for (std::size_t i = 0; i < contiguous_.size(); ++i) {
      if (contiguous_[i]) times.push_back(allocate_.least()[i]);
    }
    const double share = static_cast<double>(times.size()) / script_.objects;
    run_.out.figure(where_, "contiguous", "percent", 100 * share);
    if (times.empty()) return;
    std::sort(times.begin(), times.end());
    if (times.size() >= kEnoughForP999) {
      run_.out.figure(where_, "contiguous_p999", "ns", quantile(times, 0.999));
    }
    run_.out.figure(where_, "contiguous_worst", "ns", times.back());
  }

  const Run& run_;
  const Peer& peer_;
  Arena* arena_;
  const Calls& calls_;
  const CallClock& clock_;
  Case where_;
  Script script_;
  std::vector<void*> pointers_;
  std::vector<bool> contiguous_;  ///< in every pass, by object
  Times allocate_;
  Times free_;
  Times usable_;
  std::uint64_t refused_ = 0;
  const HeldMemory* before_ = nullptr;  ///< in the pass that looks at the memory
};

/// Fills `budget` bytes with small blocks and frees half of them, drawn at random.
template <class Calls>
void fragment(const Calls& calls, std::uint64_t budget) {
  std::vector<void*> blocks;
  for (std::uint64_t used = 0; used + kBlock <= budget; used += kBlock) {
    void* p = calls.allocate(kBlock);
    if (p == nullptr) break;
    touch(p, kBlock);
    blocks.push_back(p);
  }
  Random random(1);
  for (void* p : blocks) {
    if (random.below(2) == 0) calls.free(p);
  }
}

/// A range of sizes, and how it is measured.
struct SizeRange {
  const char* fresh;
  const char* fragmented;
  std::size_t largest;
  std::uint32_t allocations;
};

constexpr SizeRange kSmall{"fresh, <=1 MiB", "fragmented, <=1 MiB", std::size_t{1} << 20, 4000};
constexpr SizeRange kLarge{"fresh, <=64 MiB", "fragmented, <=64 MiB", std::size_t{64} << 20, 400};

template <class Calls>
void measure(const Run& run, const Peer& peer, const Calls& calls, const HeldMemory& before) {
  const CallClock clock;
  const std::uint64_t budget = budget_of(run);
  double at = 0;
  const auto trial = [&](const char* name, const SizeRange& range, std::uint64_t most_live,
                         const HeldMemory* held_before) {
    const ScriptOptions options{.largest = run.quick ? range.largest / 16 : range.largest,
                                .most_live = most_live,
                                .allocations = run.quick ? 100 : range.allocations};
    Trial<Calls>(run, peer, calls, clock, {name, at++}, options)
        .measure(run.quick ? 2 : 7, held_before);
  };
  for (const SizeRange& range : {kSmall, kLarge}) trial(range.fresh, range, budget / 2, nullptr);
  fragment(calls, budget);
  // Half of it is free; the list is to use 80 % of that.
  for (const SizeRange& range : {kSmall, kLarge}) {
    trial(range.fragmented, range, budget / 10 * 4, &before);
  }
}

void run_latency(const Run& run) {
  const HeldMemory before = held_memory();
  Peer peer;
  const std::uint64_t limit = is_unlimited(run.peer) ? 0 : budget_of(run);
  if (!open_or_say(run, {.budget = limit}, {kSmall.fresh, 0}, kMetric, peer)) return;
  with_calls(peer, [&](const auto& calls) { measure(run, peer, calls, before); });
}

const RowRegistration registration{
    "latency",
    {.title = "Single calls",
     .what =
         "Sizes drawn with equal chances for each power of two, live objects replaced at random; "
         "at most half of 1 GiB is live. Fragmented: 32 KiB blocks fill the budget first, half of "
         "them are freed at random, and 80 % of what is free is used. Each single call is timed by "
         "the processor's counter: allocate, free, and usable, which is allocate until each page "
         "was written once. The list of calls is always the same and is done several times (3 to "
         "7) in one process; of the times of each call the least counts, so that what remains is "
         "the peer's and not the machine's. worst: the greatest of these least times. worst_pass: "
         "each pass has a worst call, this is the least of them, wherever in the list it was. "
         "worst_raw: the greatest time of all, interrupts included. The first passes bring the "
         "memory in, so it is warm. glibc, mimalloc, jemalloc and tcmalloc have no limit; a call "
         "that a peer with a budget refuses is counted (refused) and not timed: who refuses what "
         "is hard has a short worst case. held: what the process holds at the end of the list, "
         "before everything is freed, in percent of 1 GiB; who holds more than that and a tenth "
         "does the calls outside the budget, and is not the best peer. "
         "Quantiles beyond 99 % are told where there are calls enough.",
     .peers = {"vcompound", "glibc", "mimalloc", "jemalloc", "tcmalloc", "mimalloc_budget",
               "jemalloc_budget", "boost_interprocess", "dpdk", "buddy"},
     .repetitions = 3,
     .run = run_latency}};

}  // namespace

}  // namespace vc::compare
