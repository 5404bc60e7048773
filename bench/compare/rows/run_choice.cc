// Which free runs should mapped memory be made of? The three choices under long loads, by
// simulation: "peers" are the choices, and nothing is timed.
#include <memory>
#include <string>

#include "bench/compare/row.h"
#include "bench/compare/simulation/load.h"
#include "bench/compare/simulation/replayed.h"

namespace vc::compare {

namespace {

constexpr int kPoints = 12;            // along each run
constexpr int kTurnoversAPoint = 3;    // the whole memory is allocated that often
constexpr PageCount kFrames{1 << 19};  // 2 GiB

constexpr const char* kChoices[] = {"longest_first", "smallest_sufficient", "smallest_first"};

/// Without caches the zones see what a load does: no cache keeps a block, and no area waits for its
/// shootdown.
AllocatorOptions options_of(RunChoice choice, Caches caches) {
  if (caches == Caches::on) return {.run_choice = choice};
  return {.slot_cache = PageCount(1), .pending_limit = PageCount(1), .run_choice = choice};
}

double percent(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 100 : 100 * static_cast<double>(part) / static_cast<double>(whole);
}

double ratio(std::uint64_t a, std::uint64_t b) {
  return b == 0 ? 0 : static_cast<double>(a) / static_cast<double>(b);
}

/// A point along a run: what changes over time.
void report_point(Sink& out, const Case& where, const Tally& tally, const Moment& moment) {
  out.figure(where, "contiguous", "percent", percent(tally.contiguous, tally.joined));
  out.figure(where, "required", "percent", percent(tally.granted, tally.required));
  out.figure(where, "available_64k", "percent", 100 * moment.available[0]);
  out.figure(where, "available_1m", "percent", 100 * moment.available[1]);
  out.figure(where, "maps", "count", ratio(tally.maps, tally.asked));
}

void report(Sink& out, const Case& where, const Tally& tally, const Moment& moment) {
  report_point(out, where, tally, moment);
  static constexpr const char* kBySize[] = {"contiguous_to_64k", "contiguous_to_2m",
                                            "contiguous_above_2m"};
  for (std::size_t i = 0; i < std::size(kBySize); ++i) {
    const SizeTally& like = tally.by_size[i];
    if (like.joined == 0) continue;
    out.figure(where, kBySize[i], "percent", percent(like.contiguous, like.joined));
  }
  out.figure(where, "available_2m", "percent", 100 * moment.available[2]);
  out.figure(where, "available_8m", "percent", 100 * moment.available[3]);
  if (tally.mapped != 0) {
    out.figure(where, "runs", "count", ratio(tally.maps, tally.mapped));
    out.figure(where, "most_runs", "count", static_cast<double>(tally.most_runs));
  }
  out.figure(where, "mappings", "count", moment.mappings);
  if (moment.mappings != 0) out.figure(where, "huge", "percent", 100 * moment.huge);
  out.figure(where, "refused", "count", static_cast<double>(tally.refused));
}

/// The second half of a run, when the beginning is forgotten.
class SecondHalf {
 public:
  void add(int point, const Tally& tally, const Moment& moment) {
    if (point < kPoints / 2) return;
    tally_ += tally;
    constexpr double kPart = 2.0 / kPoints;
    for (std::size_t i = 0; i < kPieces.size(); ++i) {
      moment_.available[i] += moment.available[i] * kPart;
    }
    moment_.mappings += moment.mappings * kPart;
    moment_.huge += moment.huge * kPart;
  }
  const Tally& tally() const { return tally_; }
  const Moment& moment() const { return moment_; }

 private:
  Tally tally_;
  Moment moment_;
};

/// Summaries stand behind the points on the axis.
double place_of_summary(std::size_t index) { return kPoints + static_cast<double>(index); }

void simulate(const Run& run, RunChoice choice, std::size_t index) {
  const LoadShape& shape = synthetic_loads()[index];
  const PageCount frames = run.quick ? PageCount(kFrames.value / 16) : kFrames;
  SimulatedArena arena(frames, options_of(choice, shape.caches));
  Load load(shape, arena, frames, run.seed);
  const double all = static_cast<double>(frames.value) * kTurnoversAPoint * kPoints;
  SecondHalf second_half;
  for (int point = 0; point < kPoints; ++point) {
    const PageCount end = frames * static_cast<std::uint64_t>(kTurnoversAPoint * (point + 1));
    while (arena.turned_over() < end) {
      load.step(static_cast<double>(arena.turned_over().value) / all);
    }
    const Tally tally = arena.take_tally();
    const Moment moment = arena.moment();
    const std::string name = std::string(shape.name) + ", t=" + std::to_string(point);
    report_point(run.out, {name, static_cast<double>(point)}, tally, moment);
    second_half.add(point, tally, moment);
  }
  report(run.out, {shape.name, place_of_summary(index)}, second_half.tally(), second_half.moment());
}

// ---- recorded loads -----------------------------------------------------------------------------

constexpr const char* kTraces[] = {"compiler", "imagemagick", "numpy",
                                   "postgres", "redis",       "sqlite"};
constexpr std::uint64_t kBudgets[] = {102, 110, 130};  // percent of the peak
constexpr std::size_t kPasses = 6;
constexpr PageCount kProbe{256};  // a device buffer of 1 MiB, now and then

/// Where there is room for it in any case: then a refusal is for want of contiguity.
void probe_at_times(SimulatedArena& arena, Random& random) {
  constexpr std::uint64_t kEvery = 32;
  if (random.below(kEvery) == 0 && arena.free_pages() >= kProbe * 4) arena.probe(kProbe);
}

void replay(const Run& run, RunChoice choice, const Trace& trace, std::uint64_t budget,
            const Case& where) {
  ReplayedLoad load(trace);
  SimulatedArena arena(PageCount(load.peak().value * budget / 100),
                       options_of(choice, Caches::off));
  Random random(mix64(run.seed));
  const std::size_t steps = load.length() * (run.quick ? 1 : kPasses);
  SecondHalf second_half;
  for (int point = 0; point < kPoints; ++point) {
    for (std::size_t i = 0; i < steps / kPoints; ++i) {
      load.step(arena);
      probe_at_times(arena, random);
    }
    second_half.add(point, arena.take_tally(), arena.moment());
  }
  report(run.out, where, second_half.tally(), second_half.moment());
}

void replay_all(const Run& run, RunChoice choice) {
  std::size_t place = synthetic_loads().size();
  for (const char* name : kTraces) {
    TraceError error;
    const auto trace =
        load_trace(VC_COMPARE_TRACES "/" + std::string(name) + ".csv.zst", {}, error);
    for (const std::uint64_t budget : kBudgets) {
      const Case where{std::string(name) + ", " + std::to_string(budget) + " % of the peak",
                       place_of_summary(place++)};
      if (trace) {
        replay(run, choice, *trace, budget, where);
      } else {
        run.out.cannot(where, "contiguous", error.message);
      }
    }
  }
}

void run_choices(const Run& run) {
  for (std::size_t i = 0; i < std::size(kChoices); ++i) {
    if (run.peer != kChoices[i]) continue;
    const auto choice = static_cast<RunChoice>(i);
    for (std::size_t load = 0; load < synthetic_loads().size(); ++load) {
      simulate(run, choice, load);
    }
    replay_all(run, choice);
    return;
  }
  run.out.cannot({"churn 70 %", 0}, "contiguous", "no such choice of runs");
}

const RowRegistration registration{
    "run_choice",
    {.title = "Which free runs for mapped memory",
     .what = "Long loads on a simulated arena of 2 GiB, one choice of runs against the others. "
             "Points t=0 to 11 along each run show what changes over time; the case "
             "without t is the run's second half, with everything. `required` "
             "is the success of requests for contiguous memory; `available` the share of the free "
             "memory that can be handed out in such pieces; `runs` the map operations for a mapped "
             "compound, `maps` those for any request.",
     .peers = {std::begin(kChoices), std::end(kChoices)},
     .repetitions = 3,
     .run = run_choices}};

}  // namespace

}  // namespace vc::compare
