// The brief tables of a row, for the Markdown page: its main metrics only, cases down, peers
// across. The page in HTML and compare.json have everything.
#include <algorithm>
#include <array>

#include "bench/compare/report/sections.h"
#include "tools/vcompound/common/sizes.h"

namespace vc::compare {

namespace {

/// What a row is about.
struct Main {
  const char* row;
  std::array<const char*, 4> metrics;
};
constexpr std::array kMain = {
    Main{"availability", {"availability"}},
    Main{"latency", {"allocate_worst", "usable_worst", "allocate_p99", "contiguous_p999"}},
    Main{"threads", {"rate", "scaling"}},
    Main{"replay", {"budget_over_peak", "time"}},
    Main{"huge_pages", {"huge_share", "resident_per_live"}},
    Main{"reads", {"read"}},
    Main{"run_choice", {"contiguous"}},
};
/// Of more sizes than that, every second one is told.
constexpr std::size_t kMostSizes = 8;

/// A row that is not in the table: what it tells first.
std::vector<std::string> main_metrics(const Row& row) {
  const std::vector<std::string> plain = plain_metrics(row);
  const auto known = std::find_if(kMain.begin(), kMain.end(),
                                  [&](const Main& one) { return row.name == one.row; });
  if (known == kMain.end()) return {plain.begin(), plain.begin() + (plain.empty() ? 0 : 1)};
  std::vector<std::string> chosen;
  for (const char* metric : known->metrics) {
    if (metric == nullptr) break;
    if (std::find(plain.begin(), plain.end(), metric) != plain.end()) chosen.emplace_back(metric);
  }
  return chosen;
}

bool is_size(const CaseName& one) {
  const auto bytes = tool::parse_bytes(one.label).value;
  return bytes && static_cast<double>(*bytes) == one.at;
}

/// The cases of a group that are told, with their whole names. Sizes: the first, then every second
/// one; moments along a run: none.
void add_cases(const Row& row, const std::string& group, std::vector<CaseName>& told) {
  const auto in_group = [&](const CaseName& one) {
    return one.group == group && is_size(one);
  };
  const auto sizes =
      static_cast<std::size_t>(std::count_if(row.cases.begin(), row.cases.end(), in_group));
  std::size_t place = 0;
  for (const CaseName& one : row.cases) {
    if (one.group != group || is_moment(one)) continue;
    if (is_size(one) && sizes > kMostSizes && place++ % 2 != 0) continue;
    told.push_back(one);
    told.back().label = one.name;
  }
}

}  // namespace

std::vector<Table> brief_tables(const Judged& all) {
  std::vector<CaseName> told;
  for (const std::string& group : all.row.groups()) add_cases(all.row, group, told);
  std::vector<Table> tables;
  for (const std::string& metric : main_metrics(all.row)) {
    Table table = metric_table(all, told, metric, "");
    if (!table.rows.empty()) tables.push_back(std::move(table));
  }
  return tables;
}

}  // namespace vc::compare
