// compare.json.
#include <nlohmann/json.hpp>

#include "bench/compare/report/output.h"
#include "bench/compare/report/statistics.h"

namespace vc::compare {

namespace {

using nlohmann::ordered_json;

ordered_json figure_of(const CaseName& one, const std::string& peer, const std::string& metric,
                       const Cell& cell) {
  ordered_json figure = {{"case", one.name}, {"at", one.at}, {"peer", peer}, {"metric", metric}};
  if (const auto summary = summarise(cell.values)) {
    figure["unit"] = cell.unit;
    figure["median"] = summary->median;
    figure["least"] = summary->least;
    figure["greatest"] = summary->greatest;
    figure["spread"] = summary->spread;
    figure["values"] = cell.values;
  }
  if (!cell.reasons.empty()) figure["cannot"] = cell.reasons;
  return figure;
}

ordered_json row_json(const Row& row) {
  ordered_json all = {{"row", row.name}, {"title", row.title}, {"what", row.what}};
  all["command"] = "compare_worker --row " + row.name + " --peer PEER --seed REPETITION";
  all["peers"] = row.peers;
  all["figures"] = ordered_json::array();
  for (const CaseName& one : row.cases) {
    for (const std::string& metric : row.metrics) {
      for (const std::string& peer : row.peers) {
        const Cell* cell = row.find(one.name, peer, metric);
        if (cell != nullptr) all["figures"].push_back(figure_of(one, peer, metric, *cell));
      }
    }
  }
  if (!row.failures.empty()) all["failures"] = row.failures;
  return all;
}

}  // namespace

ordered_json to_json(const Results& results, const std::vector<GoalResult>& goals) {
  const GoalCount counted = count(goals);
  ordered_json all = {{"facts", results.facts}, {"peers", results.peer_facts}};
  all["spread"] = "(75th percentile - 25th percentile) / median";
  all["goals_met"] = counted.met;
  all["goals"] = ordered_json::array();
  for (const GoalResult& goal : goals) {
    all["goals"].push_back({{"row", goal.row},
                            {"case", goal.case_name},
                            {"metric", goal.metric},
                            {"goal", goal.goal},
                            {"figure", goal.figure},
                            {"verdict", to_text(goal.verdict)}});
  }
  all["goals_counted"] = counted.of;
  all["rows"] = ordered_json::array();
  for (const Row& row : results.rows) all["rows"].push_back(row_json(row));
  return all;
}

}  // namespace vc::compare
