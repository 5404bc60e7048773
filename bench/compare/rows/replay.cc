// The row of recorded programs: each trace in the smallest budget in which the peer serves it.
#include <algorithm>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <vector>

#include "bench/compare/measure.h"
#include "bench/compare/row.h"
#include "bench/compare/rows/replay_steps.h"
#include "bench/compare/rows/replay_trial.h"

namespace vc::compare {

namespace {

/// In the order of their places on the axis, 1 to 6.
constexpr const char* kTraces[] = {"compiler", "imagemagick", "numpy",
                                   "postgres", "redis",       "sqlite"};
constexpr std::size_t kQuickTrace = 1;
/// Peers that take from the system what they want.
constexpr const char* kUnlimited[] = {"glibc", "mimalloc", "jemalloc", "tcmalloc"};
/// Budgets that are tried before the bisection, as multiples of the peak.
constexpr double kGrowth[] = {1, 1.05, 1.1, 1.2, 1.5, 2, 3, 4, 6, 8};
/// The search for one trace's budget ends after so many nanoseconds, whatever it has found.
constexpr std::uint64_t kLongestSearch = 5'000'000'000;
/// As a multiple of the peak: what the machine is made ready for.
constexpr double kWarm = 1.5;
/// The budget of the metrics with room: a quarter more than the peak.
constexpr double kRoomy = 1.25;
constexpr int kMeasured = 3;
constexpr int kRaises = 5;

bool is_unlimited(const std::string& peer) {
  return std::find(std::begin(kUnlimited), std::end(kUnlimited), peer) != std::end(kUnlimited);
}

double median_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// One trace and one peer.
class ReplayCase {
 public:
  ReplayCase(const Run& run, const Case& where, const ReplaySteps& steps)
      : run_(run), where_(where), steps_(steps) {}

  void without_budget() {
    cannot(kBudget, kNoBudget);
    cannot(kWithRoom, kNoBudget);
    const Measured got = measure(0);
    if (!got.failure.empty()) {
      cannot(kMeasures, got.failure);
      return cannot({"peak_memory"}, got.failure);
    }
    tell(got);
    run_.out.figure(where_, "peak_memory", "bytes", static_cast<double>(got.checked.held));
  }

  void with_budget() {
    const std::optional<std::uint64_t> found = find_smallest();
    if (!found) return give_up(reason_);
    std::uint64_t budget = *found;
    Measured got = measure(budget);
    // Where a peer's memory lies differs from process to process, so luck may have helped it.
    for (int raise = 0; raise < kRaises && !got.failure.empty() && !got.overwritten; ++raise) {
      budget += tolerance();
      got = measure(budget);
    }
    if (!got.failure.empty()) return give_up(got.failure);
    if (cut_short_) run_.out.fact("search_cut_short", where_.name + ": its budget is a bound");
    const auto bytes = static_cast<double>(budget);
    run_.out.figure(where_, "budget", "bytes", bytes);
    run_.out.figure(where_, "budget_over_peak", "ratio",
                    bytes / static_cast<double>(steps_.peak_frames));
    tell(got);
    with_room(budget);
  }

 private:
  static constexpr const char* kNoBudget = "has no fixed budget";
  static constexpr std::initializer_list<const char*> kBudget = {"budget", "budget_over_peak"};
  static constexpr std::initializer_list<const char*> kMeasures = {"time", "whole_time", "calls",
                                                                   "pss", "metadata"};
  static constexpr std::initializer_list<const char*> kWithRoom = {"roomy_time", "roomy_calls"};

  struct Measured {
    double touched_ns = 0;
    double whole_ns = 0;
    double calls_ns = 0;
    ReplayOutcome checked{};
    bool overwritten = false;
    std::string failure{};
  };

  /// One percent of the peak, at least two frames.
  std::uint64_t tolerance() const {
    return std::max(2 * kReplayFrame, whole_frames(steps_.peak_frames / 100));
  }

  bool serves(std::uint64_t budget) {
    const ReplayOutcome outcome = replay_once(run_.peer, steps_, budget, Contents::kNone);
    if (outcome.served == Served::kYes) return true;
    reason_ = why_not(outcome);
    return false;
  }

  std::uint64_t times_peak(double factor) const {
    return whole_frames(
        static_cast<std::uint64_t>(static_cast<double>(steps_.peak_frames) * factor));
  }

  /// Grows from the peak until a budget serves, then halves the last step. A block of a peer that
  /// packs closer than whole frames may even fit below.
  std::optional<std::uint64_t> find_smallest() {
    start_ = nanoseconds(CLOCK_MONOTONIC);
    std::uint64_t no = whole_frames(steps_.peak_bytes) - kReplayFrame;
    for (const double factor : kGrowth) {
      const std::uint64_t budget = times_peak(factor);
      if (serves(budget)) return bisect(no, budget);
      no = budget;
      if (!is_late()) continue;
      reason_ += "; the search for a budget ended after 5 s";
      break;
    }
    return std::nullopt;
  }

  bool is_late() {
    cut_short_ = nanoseconds(CLOCK_MONOTONIC) - start_ > kLongestSearch;
    return cut_short_;
  }

  /// A peer that is very slow gets the smallest budget that was found in time.
  std::uint64_t bisect(std::uint64_t no, std::uint64_t yes) {
    while (yes - no > tolerance() && !is_late()) {
      const std::uint64_t middle = whole_frames(no + (yes - no) / 2);
      (serves(middle) ? yes : no) = middle;
    }
    return yes;
  }

  /// The same work in the same memory for all, where the smallest budgets differ.
  void with_room(std::uint64_t smallest) {
    const std::uint64_t budget = times_peak(kRoomy);
    Measured got;
    if (budget < smallest) {
      got.failure = "its smallest budget is larger";
    } else {
      measure_times(budget, 1, got);
    }
    if (!got.failure.empty()) return cannot(kWithRoom, got.failure);
    run_.out.figure(where_, "roomy_time", "ns", got.touched_ns);
    run_.out.figure(where_, "roomy_calls", "ns", got.calls_ns);
  }

  Measured measure(std::uint64_t budget) {
    Measured got;
    // What searches long replays long as well.
    measure_times(budget, run_.quick || cut_short_ ? 1 : kMeasured, got);
    if (!got.failure.empty()) return got;
    got.checked = replay_once(run_.peer, steps_, budget, Contents::kChecked);
    note_failure(got.checked, got);
    return got;
  }

  void measure_times(std::uint64_t budget, int times, Measured& got) {
    if (!warm_) warm_up_machine(times_peak(kWarm));
    warm_ = true;
    got.touched_ns = median_time(budget, Contents::kTouched, times, got);
    if (got.failure.empty()) got.calls_ns = median_time(budget, Contents::kNone, times, got);
  }

  double median_time(std::uint64_t budget, Contents contents, int times, Measured& got) {
    std::vector<double> values;
    std::vector<double> whole;
    for (int i = 0; i < times; ++i) {
      const ReplayOutcome outcome = replay_once(run_.peer, steps_, budget, contents);
      note_failure(outcome, got);
      if (!got.failure.empty()) return 0;
      values.push_back(outcome.ns_per_step);
      const auto count = static_cast<double>(steps_.all.size());
      whole.push_back(outcome.ns_per_step + outcome.open_ns / count);
    }
    if (contents == Contents::kTouched) got.whole_ns = median_of(whole);
    return median_of(values);
  }

  static void note_failure(const ReplayOutcome& outcome, Measured& got) {
    got.failure = why_not(outcome);
    got.overwritten = outcome.served == Served::kOverwritten;
  }

  void tell(const Measured& got) {
    run_.out.fact("version", got.checked.version);
    run_.out.figure(where_, "time", "ns", got.touched_ns);
    run_.out.figure(where_, "whole_time", "ns", got.whole_ns);
    run_.out.figure(where_, "calls", "ns", got.calls_ns);
    run_.out.figure(where_, "pss", "bytes", static_cast<double>(got.checked.held));
    if (got.checked.tells_metadata) {
      run_.out.figure(where_, "metadata", "bytes", static_cast<double>(got.checked.metadata));
    } else {
      run_.out.cannot(
          where_, "metadata",
          "the peer does not tell the size of its tables, or has none inside its budget");
    }
  }

  void cannot(std::initializer_list<const char*> metrics, const std::string& reason) {
    for (const char* metric : metrics) run_.out.cannot(where_, metric, reason);
  }

  void give_up(const std::string& reason) {
    cannot(kBudget, reason);
    cannot(kMeasures, reason);
    cannot(kWithRoom, reason);
  }

  const Run& run_;
  const Case& where_;
  const ReplaySteps& steps_;
  std::string reason_;
  std::uint64_t start_ = 0;  ///< of the search
  bool cut_short_ = false;   ///< the search, because it took too long
  bool warm_ = false;        ///< the machine, for this trace
};

void run_trace(const Run& run, std::size_t index) {
  const Case where{kTraces[index], static_cast<double>(index + 1)};
  const ReplaySteps steps = load_replay_steps(where.name);
  if (!steps.error.empty()) return run.out.cannot(where, "budget", steps.error);
  ReplayCase replay(run, where, steps);
  if (is_unlimited(run.peer)) return replay.without_budget();
  replay.with_budget();
}

void run_replays(const Run& run) {
  if (run.quick) return run_trace(run, kQuickTrace);
  for (std::size_t i = 0; i < std::size(kTraces); ++i) run_trace(run, i);
}

const RowRegistration registration{
    "replay",
    {.title = "Recorded programs in the tightest budget",
     .what =
         "Six recorded traces (blocks of 16 KiB and more), replayed by one thread, each replay in "
         "a new process. budget: the smallest in which every allocation is served, found by "
         "growing from the peak of live bytes to at most 8 times that, then by bisection to 1 % "
         "of it, for 5 s at the most; budget_over_peak: divided by the peak with every block in "
         "whole 4 KiB frames. At "
         "that budget, medians of 3 (one where the search was cut short): time, processor time per "
         "step with a word of every page "
         "written at a block's birth; whole_time, the same with the opening of the peer, in which "
         "peers with a budget may put memory behind all of it; calls, time without touching "
         "memory. pss: the most memory the peer held in a replay whose words are checked when a "
         "block dies. roomy_time and roomy_calls: time and calls with 1.25 times the peak, the "
         "same memory for all. The budget is all the memory a peer may use for blocks. Tables "
         "(metadata): vcompound's are outside of the budget and inside of pss; those of the other "
         "peers with a budget are inside of both. Peers without a budget show peak_memory, the "
         "pss they needed.",
     .peers = {"vcompound", "vcompound_contiguous", "mimalloc_budget", "jemalloc_budget",
               "boost_interprocess", "dpdk", "buddy", "glibc", "mimalloc", "jemalloc", "tcmalloc"},
     .repetitions = 1,
     .run = run_replays}};

}  // namespace

}  // namespace vc::compare
