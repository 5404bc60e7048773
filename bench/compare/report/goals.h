// The goals, in one table (goals.cc), and which of them the figures meet.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "bench/compare/report/results.h"

namespace vc::compare {

enum class Verdict {
  kMet,
  kMissed,
  kApart  ///< does not count: a limit that the row measured or named bound it, not the allocator
};

/// One goal in one case.
struct GoalResult {
  std::string row{};
  std::string case_name{};
  std::string metric{};
  std::string goal{};    ///< "<= 0.7 x best peer"
  std::string figure{};  ///< what was found: "0.52 (9.1 ns, glibc 17.5 ns)"
  Verdict verdict = Verdict::kMissed;
};

struct GoalCount {
  std::size_t met = 0;
  std::size_t of = 0;
};

/// Every goal of every row that was measured, case by case. A figure that is missing misses it.
std::vector<GoalResult> judge(const Results& results);

/// Those that count.
GoalCount count(const std::vector<GoalResult>& goals);

/// "met", "missed" or "apart".
const char* to_text(Verdict verdict);

/// The goal of a case, nullptr for none.
const GoalResult* find_goal(const std::vector<GoalResult>& goals, const std::string& row,
                            const std::string& case_name, const std::string& metric);

}  // namespace vc::compare
