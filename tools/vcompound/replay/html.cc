// html.cc — the part of a report that shows replayed traces.
#include <array>
#include <limits>

#include "tools/vcompound/common/sizes.h"
#include "tools/vcompound/replay/comparison.h"
#include "tools/vcompound/replay/figures.h"

namespace vc::tool {
namespace {

/// The order that gives a policy the colour that it has in the other pictures.
constexpr std::array<Policy, 3> kDrawn = {Policy::kPreferred, Policy::kContiguousOnly,
                                          Policy::kAlwaysMap};

const PolicyRow* row_of(const TraceComparison& comparison, Policy policy) {
  for (const PolicyRow& row : comparison.rows) {
    if (row.policy == policy) return &row;
  }
  return nullptr;
}

/// One value of every moment.
template <class Value>
Series series_of(const PlayResult& played, std::string name, const Value& value,
                 CurveStyle style = CurveStyle::kLine) {
  Series series{std::move(name), {}, style};
  for (const Moment& moment : played.moments) {
    series.points.push_back({static_cast<double>(moment.step), static_cast<double>(value(moment))});
  }
  return series;
}

std::vector<std::string> cells_of(const TraceComparison& comparison, const PolicyRow& row) {
  const PlayResult& played = row.played;
  return {std::string(name_of(row.policy)),
          format_count(played.refusals),
          tightest_text(row),
          ratio_text(comparison, row),
          contiguous_text(row),
          time_text(played.alloc_ns.median()),
          time_text(played.alloc_ns.quantile(0.99)),
          time_text(played.free_ns.median()),
          format_count(played.mappings_peak)};
}

std::vector<TableHead> heads() {
  return {
      {"policy", CellAlign::kText}, {"refusals"}, {"tightest budget"}, {"× peak"},  {"contiguous"},
      {"allocate, median"},         {"p99"},      {"free, median"},    {"mappings"}};
}

void add_table(Report& report, const TraceComparison& comparison) {
  std::vector<std::vector<std::string>> lines;
  for (const PolicyRow& row : comparison.rows) lines.push_back(cells_of(comparison, row));
  report.add_table(heads(), lines,
                   "Refusals are in an arena of " + format_bytes(comparison.budget) +
                       "; the tightest budget is the smallest with none.");
  for (const PolicyRow& row : comparison.rows) {
    const std::string& remark = row.fault.empty() ? row.note : row.fault;
    if (!remark.empty()) report.add_text(std::string(name_of(row.policy)) + ": " + remark + ".");
  }
}

/// Bytes and mappings over the events of one policy.
void add_time_line(Report& report, const TraceComparison& comparison, const PolicyRow& row) {
  const PlayResult& played = row.played;
  if (played.moments.empty()) return;
  const auto budget = static_cast<double>(comparison.budget);
  TimeLine line;
  line.title = comparison.name + " over its events, " + std::string(name_of(row.policy));
  line.caption =
      "Above: bytes in use, the part of them that is mapped, free bytes, and the longest "
      "free run. Below: mappings in use.";
  line.x = {.label = "events"};
  TimePanel bytes{{.label = "bytes", .unit = AxisUnit::kBytes, .least = 0}, {}};
  bytes.series = {
      series_of(played, "in use", [](const Moment& m) { return m.live; }),
      series_of(played, "of it mapped", [](const Moment& m) { return m.mapped; }),
      series_of(played, "free",
                [=](const Moment& m) { return budget - static_cast<double>(m.live); }),
      series_of(played, "longest free run", [](const Moment& m) { return m.largest_run; }),
      series_of(
          played, "budget", [=](const Moment&) { return budget; }, CurveStyle::kDashed)};
  TimePanel mappings{{.label = "mappings", .least = 0}, {}};
  mappings.series = {series_of(played, "mappings", [](const Moment& m) { return m.mappings; })};
  line.panels = {bytes, mappings};
  if (played.first_refusal) {
    line.events.push_back({static_cast<double>(played.first_refusal->step), "first refusal"});
  }
  report.add_time_line(line);
}

/// How much of free memory could be handed out contiguously at each moment, policy by policy.
void add_availability_line(Report& report, const TraceComparison& comparison) {
  TimeLine line;
  line.title = comparison.name + ": availability over its events";
  line.caption =
      "Share of the free memory that could be handed out contiguously in pieces of one "
      "size; left out while free memory holds not one. Where it is low, a contiguous-only "
      "allocator refuses; vcompound maps.";
  line.x = {.label = "events"};
  TimePanel small{{.label = "pieces of " + format_bytes(comparison.small_piece),
                   .unit = AxisUnit::kPercent,
                   .least = 0,
                   .most = 100},
                  {}};
  TimePanel large = small;
  large.y.label = "pieces of " + format_bytes(comparison.large_piece);
  for (const Policy policy : kDrawn) {
    const PolicyRow* const shown = row_of(comparison, policy);
    if (shown == nullptr || shown->played.moments.empty()) continue;
    const PolicyRow& row = *shown;
    const std::string name(name_of(policy));
    small.series.push_back(
        series_of(row.played, name, [](const Moment& m) { return 100 * m.availability_small; }));
    large.series.push_back(
        series_of(row.played, name, [](const Moment& m) { return 100 * m.availability_large; }));
  }
  if (small.series.empty()) return;
  const PolicyRow* const contiguous = row_of(comparison, Policy::kContiguousOnly);
  if (contiguous != nullptr && contiguous->played.first_refusal) {
    line.events.push_back({static_cast<double>(contiguous->played.first_refusal->step),
                           "first refusal of contiguous_only"});
  }
  line.panels = {small};
  if (comparison.large_piece != comparison.small_piece) line.panels.push_back(large);
  report.add_time_line(line);
}

void add_maps(Report& report, const TraceComparison& comparison) {
  for (const PolicyRow& row : comparison.rows) {
    if (row.played.peak_map.empty() || row.policy == Policy::kAlwaysMap) continue;
    report.add_arena_map(
        {comparison.name + ", the arena at the peak, " + std::string(name_of(row.policy)),
         "The moment at which the trace needs most memory.", comparison.budget,
         row.played.peak_map});
  }
}

std::string summary(const TraceComparison& comparison) {
  return format_count(comparison.counts.allocates) + " allocations of " +
         format_bytes(comparison.stats.smallest) + " to " + format_bytes(comparison.stats.largest) +
         " by " + format_count(comparison.stats.threads) +
         (comparison.stats.threads == 1 ? " thread" : " threads") + "; at the peak " +
         format_bytes(comparison.peak_live) +
         " of pages are live, which is what a perfect allocator needs. Replayed in recorded order "
         "by one thread; contents were written and checked.";
}

}  // namespace

void add_comparison(Report& report, const TraceComparison& comparison) {
  report.add_heading("Trace " + comparison.name);
  report.add_text(summary(comparison));
  add_table(report, comparison);
  const PolicyRow* shown = row_of(comparison, Policy::kPreferred);
  if (shown == nullptr) shown = &comparison.rows.front();
  add_time_line(report, comparison, *shown);
  add_availability_line(report, comparison);
  add_maps(report, comparison);
}

void add_overview(Report& report, const std::vector<TraceComparison>& comparisons) {
  report.add_heading("Recorded traces");
  report.add_text(
      "Allocations of real programs, replayed under three policies: contiguous_only refuses when "
      "no "
      "run is long enough, preferred maps then, always_map maps whatever it can.");
  BarChart chart;
  chart.title = "Smallest budget that serves a trace";
  chart.caption = "As a share of the peak of live pages: 100 % is what a perfect allocator needs.";
  chart.y = {.label = "% of the peak", .unit = AxisUnit::kCount, .least = 0};
  for (const TraceComparison& comparison : comparisons) chart.groups.push_back(comparison.name);
  bool any = false;
  for (const Policy policy : kDrawn) {
    BarSeries series{std::string(name_of(policy)), {}};
    for (const TraceComparison& comparison : comparisons) {
      const PolicyRow* row = row_of(comparison, policy);
      const bool known = row != nullptr && row->tightest;
      any = any || known;
      series.values.push_back(known ? 100 * static_cast<double>(row->tightest->bytes) /
                                          static_cast<double>(comparison.peak_live)
                                    : std::numeric_limits<double>::quiet_NaN());
    }
    chart.series.push_back(std::move(series));
  }
  if (any) report.add_bars(chart);
}

}  // namespace vc::tool
