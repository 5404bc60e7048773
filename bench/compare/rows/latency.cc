// Latency of single calls: quantiles and the worst case, fresh and while memory is fragmented.
//
// The machine interrupts a program whenever it likes, so a single figure says nothing about the
// peer. So the whole program, the same calls in the same order, is run several times, and of the
// times of each call the least counts: what remains is what the peer does in that call each time.
// Three runs are too few for that where a call takes some hundred nanoseconds: of the forty slowest
// calls of such a measurement a dozen were the same in the next one, and with nine runs the mean of
// all contiguous calls was a quarter less.
// Each run is a process of its own. To do the same calls again in one process would ask another
// question: a peer that keeps what it freed would find just what it needs.
#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "bench/compare/child.h"
#include "bench/compare/measure.h"
#include "bench/compare/row.h"
#include "bench/compare/rows/call_script.h"
#include "bench/compare/rows/latency_clock.h"
#include "bench/compare/rows/latency_times.h"
#include "bench/compare/rows/replay_memory.h"
#include "vcompound/base/random.h"

namespace vc::compare {

namespace {

constexpr std::uint64_t kBudget = std::uint64_t{1} << 30;
constexpr std::size_t kBlock = std::size_t{32} << 10;  ///< what memory is fragmented with
constexpr std::size_t kPage = 4096;
constexpr const char* kMetric = "allocate_worst";

std::uint64_t budget_of(const Run& run) { return run.quick ? kBudget / 16 : kBudget; }

// ---- one run of the program: in a child ---------------------------------------------------------

void touch(void* memory, std::size_t size) {
  auto* bytes = static_cast<volatile char*>(memory);
  for (std::size_t at = 0; at < size; at += kPage) bytes[at] = 1;
}

/// What a pass over a list of calls is for.
enum class Pass : std::uint8_t {
  kWarmUp,  ///< brings the memory in; nothing counts
  kUsable,  ///< an allocation is timed until each of its pages was written once
  kBare     ///< the calls alone are timed
};

/// One case: three lists of calls, drawn in the same way, one for each pass.
template <class Calls>
class Trial {
 public:
  Trial(const Peer& peer, const Calls& calls, const CallClock& clock, const ScriptOptions& options,
        ListTimes& times)
      : peer_(peer), calls_(calls), clock_(clock), options_(options), times_(times) {}

  /// `before`: what the process held before the peer was opened, if it is to be told what the peer
  /// holds of the budget while the list is done.
  void measure(const HeldMemory* before) {
    pass<Pass::kWarmUp>(nullptr);
    pass<Pass::kUsable>(before);
    EventCounter events;
    pass<Pass::kBare>(nullptr);
    times_.events = events.stop();
  }

 private:
  /// Every call of the list once.
  template <Pass kPass>
  void pass(const HeldMemory* before) {
    ++options_.seed;
    const Script script = make_script(options_);
    pointers_.assign(script.objects, nullptr);
    frees_ = 0;
    for (std::size_t i = 0; i < script.steps.size(); ++i) {
      const Step& step = script.steps[i];
      if (i == script.last_free && before != nullptr) times_.held = held_by(peer_, *before);
      if (step.size != 0) {
        allocate<kPass>(step);
      } else {
        free<kPass>(step.object);
      }
    }
    times_.calls = script.steps.size();
    times_.tells_contiguous = peer_.arena != nullptr;
  }

  template <Pass kPass>
  void allocate(const Step& step) {
    const std::uint64_t start = CallClock::now();
    void* p = calls_.allocate(step.size);
    if (kPass != Pass::kBare && p != nullptr) touch(p, step.size);
    const double ns = clock_.between(start, CallClock::now());
    use(p);
    pointers_[step.object] = p;
    if (kPass == Pass::kWarmUp) return;
    if (p == nullptr) ++times_.refused;
    const Timed kind = kPass == Pass::kUsable ? Timed::usable : Timed::allocate;
    times_.of(kind)[step.object] = p == nullptr ? kNotTimed : ns;
    if (kPass == Pass::kUsable || peer_.arena == nullptr) return;
    times_.contiguous[step.object] = p != nullptr && peer_.arena->kind_of(p) == Kind::contiguous;
  }

  template <Pass kPass>
  void free(std::uint32_t object) {
    void* p = pointers_[object];
    const std::uint64_t start = CallClock::now();
    if (p != nullptr) calls_.free(p);
    const double ns = clock_.between(start, CallClock::now());
    if (kPass == Pass::kBare) times_.of(Timed::free)[frees_++] = p == nullptr ? kNotTimed : ns;
  }

  const Peer& peer_;
  const Calls& calls_;
  const CallClock& clock_;
  ScriptOptions options_;
  ListTimes& times_;
  std::vector<void*> pointers_;
  std::size_t frees_ = 0;
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
  int runs;  ///< of the program; of calls of some hundred nanoseconds more are disturbed
};

constexpr SizeRange kRanges[] = {
    {"fresh, <=1 MiB", "fragmented, <=1 MiB", std::size_t{1} << 20, 4000, 9},
    {"fresh, <=64 MiB", "fragmented, <=64 MiB", std::size_t{64} << 20, 400, 3}};

/// What a child measures.
struct ProgramTimes {
  bool opened = false;
  ListTimes fresh;
  ListTimes fragmented;
};

std::uint32_t allocations_of(const Run& run, const SizeRange& range) {
  return run.quick ? 100 : range.allocations;
}

template <class Calls>
void run_program(const Run& run, const SizeRange& range, const Peer& peer, const Calls& calls,
                 const HeldMemory& before, ProgramTimes& times) {
  const CallClock clock;
  const std::uint64_t budget = budget_of(run);
  ScriptOptions options{.largest = run.quick ? range.largest / 16 : range.largest,
                        .most_live = budget / 2,
                        .allocations = allocations_of(run, range)};
  Trial<Calls>(peer, calls, clock, options, times.fresh).measure(nullptr);
  fragment(calls, budget);
  options.most_live = budget / 10 * 4;  // half of it is free; the lists are to use 80 % of that
  Trial<Calls>(peer, calls, clock, options, times.fragmented).measure(&before);
}

void open_and_run(const Run& run, const SizeRange& range, ProgramTimes& times) {
  const HeldMemory before = held_memory();
  Peer peer;
  const std::uint64_t limit = is_unlimited(run.peer) ? 0 : budget_of(run);
  times.opened = open_or_say(run, {.budget = limit}, {kRanges[0].fresh, 0}, kMetric, peer);
  if (!times.opened) return;
  with_calls(peer, [&](const auto& calls) { run_program(run, range, peer, calls, before, times); });
}

// ---- all runs: in the parent --------------------------------------------------------------------

double mean(const std::vector<double>& all) {
  return std::accumulate(all.begin(), all.end(), 0.0) / static_cast<double>(all.size());
}

double quantile(const std::vector<double>& sorted, double q) {
  const auto at = static_cast<std::size_t>(q * static_cast<double>(sorted.size()));
  return sorted[std::min(sorted.size() - 1, at)];
}

/// A quantile means something if a few calls lie beyond it.
constexpr std::size_t kEnoughForP999 = 1000;

/// Tells of one list of calls.
class Report {
 public:
  Report(const Run& run, Case where, const LeastTimes& times)
      : run_(run), where_(std::move(where)), times_(times) {}

  void tell() const {
    tell_times("allocate", Timed::allocate);
    tell_times("free", Timed::free);
    tell_times("usable", Timed::usable);
    figure("refused", "percent", times_.refused_percent());
    if (times_.held()) {
      const double held = static_cast<double>(*times_.held());
      figure("held", "percent", 100 * held / static_cast<double>(budget_of(run_)));
    }
    if (times_.tells_contiguous()) tell_contiguous();
    report_events(run_.out, where_, times_.events(), times_.calls());
  }

 private:
  void figure(const std::string& metric, const char* unit, double value) const {
    run_.out.figure(where_, metric.c_str(), unit, value);
  }

  void tell_times(const std::string& name, Timed kind) const {
    const std::vector<double> sorted = times_.sorted(kind);
    if (sorted.empty()) {
      run_.out.cannot(where_, (name + "_worst").c_str(), "every call was refused");
      return;
    }
    figure(name + "_mean", "ns", mean(sorted));
    figure(name + "_p50", "ns", quantile(sorted, 0.5));
    figure(name + "_p99", "ns", quantile(sorted, 0.99));
    if (sorted.size() >= kEnoughForP999) figure(name + "_p999", "ns", quantile(sorted, 0.999));
    figure(name + "_worst", "ns", sorted.back());
    figure(name + "_worst_run", "ns", times_.worst_run(kind));
    figure(name + "_worst_raw", "ns", times_.worst_raw(kind));
  }

  /// How much was contiguous, and what allocating that took.
  void tell_contiguous() const {
    const std::vector<double> sorted = times_.sorted_contiguous();
    figure("contiguous", "percent", times_.contiguous_percent());
    if (sorted.empty()) return;
    if (sorted.size() >= kEnoughForP999) figure("contiguous_p999", "ns", quantile(sorted, 0.999));
    figure("contiguous_worst", "ns", sorted.back());
  }

  const Run& run_;
  const Case where_;
  const LeastTimes& times_;
};

/// False if the peer cannot be opened.
bool measure_range(const Run& run, std::size_t index) {
  const SizeRange& range = kRanges[index];
  LeastTimes fresh(allocations_of(run, range));
  LeastTimes fragmented(allocations_of(run, range));
  for (int i = 0; i < (run.quick ? 1 : range.runs); ++i) {
    SharedWithChild<ProgramTimes> times;
    in_child_or_end([&] { open_and_run(run, range, *times); });
    if (!times->opened) return false;
    fresh.add(times->fresh);
    fragmented.add(times->fragmented);
  }
  const auto at = static_cast<double>(index);
  Report(run, {range.fresh, at}, fresh).tell();
  Report(run, {range.fragmented, at + static_cast<double>(std::size(kRanges))}, fragmented).tell();
  return true;
}

void run_latency(const Run& run) {
  for (std::size_t i = 0; i < std::size(kRanges); ++i) {
    if (!measure_range(run, i)) return;
  }
}

const RowRegistration registration{
    "latency",
    {.title = "Single calls",
     .what =
         "Sizes drawn with equal chances for each power of two, live objects replaced at random; "
         "at most half of 1 GiB is live. Fragmented: 32 KiB blocks fill the budget first, half of "
         "them are freed at random, and 80 % of what is free is used. Each single call is timed by "
         "the processor's counter: allocate, free, and usable, which is allocate until each page "
         "was written once. Three lists of calls are done, drawn in the same way: the first brings "
         "the memory in and is not timed, in the second usable is timed, in the third allocate and "
         "free. That program is run nine times for sizes up to 1 MiB, three times for larger ones, "
         "each time in a new process, and of the times of each call the least counts, so that what "
         "remains is the peer's and not the machine's. "
         "mean, worst: the mean and the greatest of these least times. worst_run: "
         "each run has a worst call, this is the least of them, wherever in the list it was. "
         "worst_raw: the greatest time of all, interrupts included. "
         "glibc, mimalloc, jemalloc and tcmalloc have no limit; a call "
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
