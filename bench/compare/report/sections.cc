// The tables of a row.
//
// A row with few metrics has a table for each group and metric, with a line for each case:
//
//   | random | vcompound | buddy | best peer | ours / best | goal |
//   | 1 MiB  |   100.0 % | 3.1 % |     buddy |       32.26 | met  |
//
// One with more metrics than cases has a table for each case, with a line for each metric.
#include "bench/compare/report/sections.h"

#include <algorithm>

#include "bench/compare/report/format.h"
#include "bench/compare/report/statistics.h"

namespace vc::compare {

namespace {

std::vector<CaseName> cases_of(const Row& row, const std::string& group) {
  std::vector<CaseName> all;
  for (const CaseName& one : row.cases) {
    if (one.group == group && !is_moment(one)) all.push_back(one);
  }
  return all;
}

/// The peers that have a figure for any of these.
std::vector<std::string> peers_with_figures(const Row& row, const std::vector<CaseName>& cases,
                                            const std::vector<std::string>& metrics) {
  std::vector<std::string> all;
  for (const std::string& peer : row.peers) {
    const bool any = std::any_of(cases.begin(), cases.end(), [&](const CaseName& one) {
      return std::any_of(metrics.begin(), metrics.end(), [&](const std::string& metric) {
        return summary_of(row, one.name, peer, metric).has_value();
      });
    });
    if (any) all.push_back(peer);
  }
  return all;
}

std::string cell_text(const Row& row, const std::string& case_name, const std::string& peer,
                      const std::string& metric) {
  const auto summary = summary_of(row, case_name, peer, metric);
  if (summary) {
    const std::string text = value_text(summary->median, unit_of(row, metric));
    // The spread is told where it could matter.
    if (summary->spread < 0.1) return text;
    return text + " ±" + std::to_string(static_cast<int>(summary->spread * 50 + 0.5)) + " %";
  }
  return row.find(case_name, peer, metric) == nullptr ? "" : "–";
}

/// Best peer, ratio and goal: the columns behind the peers.
void add_judgement(const Judged& all, const std::string& case_name, const std::string& metric,
                   std::vector<std::string>& cells) {
  const auto ours = summary_of(all.row, case_name, kOurs, metric);
  const auto best = best_peer(all.row, case_name, metric);
  const bool comparable = ours && best && best->summary.median != 0;
  cells.push_back(best ? best->peer : "");
  cells.push_back(comparable ? ratio_text(ours->median / best->summary.median) : "");
  const GoalResult* goal = find_goal(all.goals, all.row.name, case_name, metric);
  cells.push_back(goal == nullptr ? "" : goal->goal + ": " + to_text(goal->verdict));
}

std::vector<std::string> heads_of(const std::string& first, const std::vector<std::string>& peers) {
  std::vector<std::string> heads = {first};
  heads.insert(heads.end(), peers.begin(), peers.end());
  heads.insert(heads.end(), {"best peer", "ours / best", "goal"});
  return heads;
}

/// Takes columns away that are empty in every line.
void drop_empty_columns(Table& table) {
  for (std::size_t column = table.heads.size(); column-- > 1;) {
    const bool empty = std::all_of(table.rows.begin(), table.rows.end(),
                                   [&](const auto& cells) { return cells[column].empty(); });
    if (!empty) continue;
    const auto at = static_cast<std::ptrdiff_t>(column);
    table.heads.erase(table.heads.begin() + at);
    for (auto& cells : table.rows) cells.erase(cells.begin() + at);
  }
}

/// A line of the peers' figures for one metric of one case, unless there is none.
void add_line(Table& table, const Judged& all, const std::string& case_name,
              const std::string& metric, const std::string& label,
              const std::vector<std::string>& peers) {
  std::vector<std::string> cells = {label};
  for (const std::string& peer : peers) {
    cells.push_back(cell_text(all.row, case_name, peer, metric));
  }
  add_judgement(all, case_name, metric, cells);
  const bool told = std::any_of(cells.begin() + 1, cells.end(),
                                [](const std::string& cell) { return !cell.empty(); });
  if (told) table.rows.push_back(std::move(cells));
}

/// One case: a line for each metric.
Table table_of_case(const Judged& all, const CaseName& one,
                    const std::vector<std::string>& metrics) {
  const auto peers = peers_with_figures(all.row, {one}, metrics);
  Table table{.caption = one.name, .heads = heads_of("", peers)};
  for (const std::string& metric : metrics) {
    add_line(table, all, one.name, metric, metric_text(metric), peers);
  }
  drop_empty_columns(table);
  return table;
}

/// Tables without a line are none.
void add_table(std::vector<Table>& tables, Table table) {
  if (!table.rows.empty()) tables.push_back(std::move(table));
}

std::vector<Table> tables_of(const Judged& all, const std::vector<std::string>& metrics) {
  const std::vector<std::string> groups = all.row.groups();
  const auto told =
      static_cast<std::size_t>(std::count_if(all.row.cases.begin(), all.row.cases.end(),
                                             [](const CaseName& one) { return !is_moment(one); }));
  std::vector<Table> tables;
  if (groups.size() * metrics.size() <= std::max<std::size_t>(told, 4)) {
    for (const std::string& metric : metrics) {
      for (const std::string& group : groups) {
        add_table(tables, metric_table(all, cases_of(all.row, group), metric, group));
      }
    }
    return tables;
  }
  for (const CaseName& one : all.row.cases) {
    if (!is_moment(one)) add_table(tables, table_of_case(all, one, metrics));
  }
  return tables;
}

/// Counts of one event, without best and goal.
Table event_table(const Row& row, const std::string& metric) {
  const auto peers = peers_with_figures(row, row.cases, {metric});
  Table table{.caption = metric_text(metric) + " per operation", .heads = {""}};
  table.heads.insert(table.heads.end(), peers.begin(), peers.end());
  if (peers.empty()) return table;
  for (const CaseName& one : row.cases) {
    std::vector<std::string> cells = {one.name};
    for (const std::string& peer : peers) {
      const auto summary = summary_of(row, one.name, peer, metric);
      cells.push_back(summary ? value_text(summary->median, "count") : "");
    }
    table.rows.push_back(std::move(cells));
  }
  return table;
}

}  // namespace

bool is_moment(const CaseName& one) { return one.label.starts_with("t="); }

Table metric_table(const Judged& all, const std::vector<CaseName>& cases, const std::string& metric,
                   const std::string& group) {
  const auto peers = peers_with_figures(all.row, cases, {metric});
  Table table{.caption = group.empty() ? metric_text(metric) : group + ": " + metric_text(metric)};
  table.heads = heads_of("", peers);
  for (const CaseName& one : cases) {
    add_line(table, all, one.name, metric, one.label, peers);
  }
  drop_empty_columns(table);
  return table;
}

std::vector<std::string> plain_metrics(const Row& row) {
  std::vector<std::string> all;
  for (const std::string& metric : row.metrics) {
    if (!is_event(metric)) all.push_back(metric);
  }
  return all;
}

std::vector<Section> sections_of(const Results& results, const std::vector<GoalResult>& goals) {
  std::vector<Section> all;
  for (const Row& row : results.rows) {
    Section section{.row = row.name, .title = row.title, .what = row.what};
    section.drawings = drawings_of(row);
    section.tables = tables_of({row, goals}, plain_metrics(row));
    section.brief = brief_tables({row, goals});
    for (const std::string& metric : row.metrics) {
      if (is_event(metric)) add_table(section.events, event_table(row, metric));
    }
    section.notes = notes_of(row);
    all.push_back(std::move(section));
  }
  return all;
}

}  // namespace vc::compare
