// The table of goals, and the judgement. "Best peer" is that of best_peer(): peers in their default
// settings; variants of them (is_variant) do not count. Told apart are goals that even the floor of
// a row, which allocates nothing, does not reach, those that only peers reach which take more
// memory than the row grants, and those of a bare call that only peers reach which then take longer
// than we do until its memory can be used.
#include "bench/compare/report/goals.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "bench/compare/report/format.h"
#include "bench/compare/report/statistics.h"

namespace vc::compare {

namespace {

enum class Kind {
  kTimesBest,      ///< ours / best peer <= bound
  kBelowBest,      ///< ours / best peer < 1
  kAtMost,         ///< ours <= bound, in the unit of the row
  kAtLeast,        ///< ours >= bound
  kAvailable,      ///< ours, to one decimal, >= bound; apart where mappings were the limit
  kTimesReference  ///< ours / ours in the case `reference` <= bound
};

struct Goal {
  const char* row;
  const char* metric;
  const char* first;  ///< the case's name begins with this; "" for every case
  const char* last;   ///< and ends with this
  Kind kind;
  double bound;
  const char* text;
  const char* reference = "";
  const char* until = "";  ///< the metric of the same call until what it is for is done
};

constexpr const char* kBelow = "< 1 x best peer";
constexpr const char* kFiftieth = "<= 0.02 x best peer";
constexpr const char* kNotAbove = "<= best peer";

/// The first line that fits a case counts.
constexpr std::array kGoals = {
    Goal{"pair", "time", "", "", Kind::kTimesBest, 0.7, "<= 0.7 x best peer"},
    Goal{"replace", "time", "64 MiB", "", Kind::kTimesBest, 0.02, kFiftieth},
    Goal{"replace", "time", "", "", Kind::kBelowBest, 1, kBelow},
    Goal{"replace_same_line", "time", "64 MiB", "", Kind::kTimesBest, 0.02, kFiftieth},
    Goal{"replace_same_line", "time", "", "", Kind::kBelowBest, 1, kBelow},
    Goal{"replace_first_byte", "time", "64 MiB", "", Kind::kTimesBest, 0.02, kFiftieth},
    Goal{"replace_first_byte", "time", "", "", Kind::kBelowBest, 1, kBelow},
    Goal{"availability", "availability", "", "", Kind::kAvailable, 100.0, ">= 100.0 %"},
    Goal{"latency", "allocate_worst", "fragmented", "", Kind::kTimesBest, 1, kNotAbove, "",
         "usable_worst"},
    Goal{"latency", "usable_worst", "fragmented", "", Kind::kTimesBest, 1, kNotAbove},
    Goal{"latency", "contiguous_p999", "", "", Kind::kAtMost, 1000, "<= 1 us"},
    Goal{"threads", "scaling", "", "2 threads", Kind::kAtLeast, 1.8, ">= 1.8"},
    Goal{"reads", "read", "mapped from 2 MiB", "", Kind::kTimesReference, 1.03,
         "<= 1.03 x contiguous", "contiguous"},
};

bool fits(const Goal& goal, const CaseName& one) {
  return one.name.starts_with(goal.first) && one.name.ends_with(goal.last);
}

/// The goal of a row, metric and case: the first that fits.
const Goal* goal_of(const Row& row, const std::string& metric, const CaseName& one) {
  const auto* found = std::find_if(kGoals.begin(), kGoals.end(), [&](const Goal& goal) {
    return row.name == goal.row && metric == goal.metric && fits(goal, one);
  });
  return found == kGoals.end() ? nullptr : found;
}

Verdict verdict_if(bool met) { return met ? Verdict::kMet : Verdict::kMissed; }

bool is_within(const Goal& goal, double ratio) {
  const bool met = goal.kind == Kind::kBelowBest ? ratio < goal.bound : ratio <= goal.bound;
  return std::isfinite(ratio) && met;
}

/// Ours against something else, as a quotient.
void judge_ratio(const Goal& goal, const Summary& ours, const Summary& other,
                 const std::string& name, const std::string& unit, GoalResult& result) {
  const double ratio = ours.median / other.median;
  result.figure = ratio_text(ratio) + " (" + value_text(ours.median, unit) + ", " + name + " " +
                  value_text(other.median, unit) + ")";
  result.verdict = verdict_if(is_within(goal, ratio));
}

/// A goal that was missed does not count if what allocates nothing misses it as well.
void judge_floor(const Row& row, const Goal& goal, const Summary& best, const std::string& unit,
                 GoalResult& result) {
  const auto floor = summary_of(row, result.case_name, kFloor, result.metric);
  if (result.verdict != Verdict::kMissed || !floor) return;
  const double ratio = floor->median / best.median;
  if (!std::isfinite(ratio) || is_within(goal, ratio)) return;
  result.figure +=
      "; the writes alone: " + ratio_text(ratio) + " (" + value_text(floor->median, unit) + ")";
  result.verdict = Verdict::kApart;
}

/// The peers that take longer than we do until what the call is for is done.
std::vector<std::string> slower_until_done(const Row& row, const Goal& goal,
                                           const std::string& case_name, const Summary& ours) {
  std::vector<std::string> slower;
  for (const std::string& peer : row.peers) {
    const auto theirs = summary_of(row, case_name, peer, goal.until);
    if (theirs && theirs->median > ours.median) slower.push_back(peer);
  }
  return slower;
}

/// A bare call that was missed does not count if whoever is ahead only puts off what it is for.
void judge_put_off(const Row& row, const Goal& goal, const Summary& ours, const Best& best,
                   const std::string& unit, GoalResult& result) {
  const auto done = summary_of(row, result.case_name, kOurs, goal.until);
  const auto best_done = summary_of(row, result.case_name, best.peer, goal.until);
  if (result.verdict != Verdict::kMissed || !done || !best_done) return;
  const auto slower = slower_until_done(row, goal, result.case_name, *done);
  const auto ahead =
      best_peer(row, result.case_name, result.metric, Contest::kWithinBudget, slower);
  if (ahead && !is_within(goal, ours.median / ahead->summary.median)) return;
  result.figure += "; until it can be used: " + value_text(done->median, unit) + ", " + best.peer +
                   " " + value_text(best_done->median, unit);
  result.verdict = Verdict::kApart;
}

/// Against a peer that took more memory than the row grants, where none did without.
void judge_outside(const Row& row, const Goal& goal, const Summary& ours, const Best& outside,
                   const std::string& unit, GoalResult& result) {
  judge_ratio(goal, ours, outside.summary, outside.peer, unit, result);
  if (result.verdict != Verdict::kMissed) return;
  const auto held = summary_of(row, result.case_name, outside.peer, "held");
  result.figure += ", which held " + value_text(held->median, "percent") +
                   " of the budget; no peer serves it within";
  result.verdict = Verdict::kApart;
}

void judge_best(const Row& row, const Goal& goal, const Summary& ours, const std::string& unit,
                GoalResult& result) {
  const auto best = best_peer(row, result.case_name, result.metric);
  if (best) {
    judge_ratio(goal, ours, best->summary, best->peer, unit, result);
    judge_put_off(row, goal, ours, *best, unit, result);
    return judge_floor(row, goal, best->summary, unit, result);
  }
  const auto outside = best_peer(row, result.case_name, result.metric, Contest::kAll);
  if (outside) return judge_outside(row, goal, ours, *outside, unit, result);
  // A case that no peer can do is ours; a row in which no peer was measured proves nothing.
  const bool measured = std::any_of(row.cases.begin(), row.cases.end(), [&](const CaseName& one) {
    return best_peer(row, one.name, result.metric).has_value();
  });
  result.figure = value_text(ours.median, unit) +
                  (measured ? ", no peer has a figure" : ", no peer was measured");
  result.verdict = verdict_if(measured);
}

void judge_reference(const Row& row, const Goal& goal, const Summary& ours, const std::string& unit,
                     GoalResult& result) {
  const auto other = summary_of(row, goal.reference, kOurs, goal.metric);
  if (other) return judge_ratio(goal, ours, *other, goal.reference, unit, result);
  result.figure = std::string("no figure for ") + goal.reference;
}

void judge_available(const Row& row, const Goal& goal, const Summary& ours, GoalResult& result) {
  const auto limited = summary_of(row, result.case_name, kOurs, "limited_by_mappings");
  const bool met = std::round(ours.median * 10) / 10 >= goal.bound;
  result.figure = value_text(ours.median, "percent");
  result.verdict = verdict_if(met);
  if (met || !limited || limited->median != 1) return;
  result.figure += ", the limit of mappings of the system";
  result.verdict = Verdict::kApart;
}

std::string why_missing(const Row& row, const std::string& case_name, const std::string& metric) {
  const Cell* cell = row.find(case_name, kOurs, metric);
  if (cell != nullptr && !cell->reasons.empty()) return cell->reasons.begin()->first;
  const auto failed = row.failures.find(kOurs);
  if (failed != row.failures.end()) return failed->second.begin()->first;
  return "no figure of ours";
}

GoalResult judge_case(const Row& row, const Goal& goal, const CaseName& one) {
  GoalResult result{.row = row.name, .case_name = one.name, .metric = goal.metric};
  result.goal = goal.text;
  const std::string unit = unit_of(row, goal.metric);
  const auto ours = summary_of(row, one.name, kOurs, goal.metric);
  if (!ours) {
    result.figure = why_missing(row, one.name, goal.metric);
    return result;
  }
  switch (goal.kind) {
    case Kind::kTimesBest:
    case Kind::kBelowBest: judge_best(row, goal, *ours, unit, result); break;
    case Kind::kTimesReference: judge_reference(row, goal, *ours, unit, result); break;
    case Kind::kAvailable: judge_available(row, goal, *ours, result); break;
    case Kind::kAtMost:
      result.figure = value_text(ours->median, unit);
      result.verdict = verdict_if(ours->median <= goal.bound);
      break;
    case Kind::kAtLeast:
      result.figure = value_text(ours->median, unit);
      result.verdict = verdict_if(ours->median >= goal.bound);
      break;
  }
  return result;
}

/// Whether anybody said anything about a metric of a case: what nobody measured is no goal.
bool is_told(const Row& row, const std::string& case_name, const std::string& metric) {
  return std::any_of(row.peers.begin(), row.peers.end(), [&](const std::string& peer) {
    return row.find(case_name, peer, metric) != nullptr;
  });
}

/// Metrics of a row that have goals, each once.
std::vector<std::string> metrics_with_goals(const Row& row) {
  std::vector<std::string> all;
  for (const Goal& goal : kGoals) {
    const bool known = std::find(all.begin(), all.end(), goal.metric) != all.end();
    if (row.name == goal.row && !known) all.emplace_back(goal.metric);
  }
  return all;
}

}  // namespace

std::vector<GoalResult> judge(const Results& results) {
  std::vector<GoalResult> all;
  for (const Row& row : results.rows) {
    for (const std::string& metric : metrics_with_goals(row)) {
      const std::size_t before = all.size();
      for (const CaseName& one : row.cases) {
        const Goal* goal = goal_of(row, metric, one);
        if (goal != nullptr && is_told(row, one.name, metric)) {
          all.push_back(judge_case(row, *goal, one));
        }
      }
      if (all.size() != before) continue;
      // Not one case has it: the goal is not met, it only looks so.
      all.push_back({.row = row.name,
                     .case_name = "every case",
                     .metric = metric,
                     .goal = "a figure",
                     .figure = why_missing(row, "", metric)});
    }
  }
  return all;
}

GoalCount count(const std::vector<GoalResult>& goals) {
  GoalCount result;
  for (const GoalResult& goal : goals) {
    if (goal.verdict == Verdict::kApart) continue;
    ++result.of;
    if (goal.verdict == Verdict::kMet) ++result.met;
  }
  return result;
}

const char* to_text(Verdict verdict) {
  switch (verdict) {
    case Verdict::kMet: return "met";
    case Verdict::kMissed: return "missed";
    default: return "apart";
  }
}

const GoalResult* find_goal(const std::vector<GoalResult>& goals, const std::string& row,
                            const std::string& case_name, const std::string& metric) {
  const auto found = std::find_if(goals.begin(), goals.end(), [&](const GoalResult& goal) {
    return goal.row == row && goal.case_name == case_name && goal.metric == metric;
  });
  return found == goals.end() ? nullptr : &*found;
}

}  // namespace vc::compare
