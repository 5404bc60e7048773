// html.cc — the part of a report that shows a result of `availability`, made from its JSON.
#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "tools/vcompound/availability/result.h"
#include "tools/vcompound/common/exit_code.h"
#include "tools/vcompound/common/sizes.h"

namespace vc::tool {
namespace {

using nlohmann::json;

std::string percent_text(const json& value, int decimals = 1) {
  return value.is_number() ? format_percent(value.get<double>() / 100, decimals) : "-";
}

std::string microseconds_text(const json& value) {
  return format_seconds(value.get<double>() * 1e-6);
}

Series curve(const json& rows, const char* key, std::string name, CurveStyle style) {
  Series series{std::move(name), {}, style};
  for (const json& row : rows) {
    const json& value = row.at(key);
    if (value.is_number()) {
      series.points.push_back({row.at("size").get<double>(), value.get<double>()});
    }
  }
  std::sort(series.points.begin(), series.points.end(),
            [](const Point& a, const Point& b) { return a.x < b.x; });
  return series;
}

void add_curves(Report& report, const json& rows) {
  LineChart chart;
  chart.title = "Availability by piece size";
  chart.caption =
      "Share of the free memory that was handed out in pieces of one size. Contiguous only falls "
      "as "
      "pieces outgrow the free runs; a compound is made of several runs when no single one is long "
      "enough.";
  chart.x = {.label = "piece size", .unit = AxisUnit::kBytes, .scale = AxisScale::kLog2};
  chart.y = {.label = "availability", .unit = AxisUnit::kPercent, .least = 0, .most = 100};
  chart.series = {curve(rows, "vcompound_percent", "vcompound", CurveStyle::kLine),
                  curve(rows, "contiguous_percent", "contiguous only", CurveStyle::kLine),
                  curve(rows, "model_percent", "model F^(S/M)", CurveStyle::kDashed)};
  Series published = curve(rows, "published_percent", "published", CurveStyle::kMarkers);
  if (!published.points.empty()) chart.series.push_back(std::move(published));
  report.add_curves(chart);
}

void add_times(Report& report, const json& rows) {
  LineChart chart;
  chart.title = "Time of one allocation";
  chart.caption = "Making a mapped compound costs one system call per run.";
  chart.x = {.label = "piece size", .unit = AxisUnit::kBytes, .scale = AxisScale::kLog2};
  chart.y = {.label = "time", .unit = AxisUnit::kMicroseconds, .scale = AxisScale::kLog2};
  chart.series = {
      curve(rows, "alloc_us_median", "vcompound, median", CurveStyle::kLine),
      curve(rows, "alloc_us_p99", "vcompound, 99 %", CurveStyle::kDashed),
      curve(rows, "contiguous_alloc_us_median", "contiguous only, median", CurveStyle::kLine)};
  report.add_curves(chart);
}

void add_rows(Report& report, const json& rows) {
  std::vector<std::vector<std::string>> lines;
  for (const json& row : rows) {
    lines.push_back(
        {format_bytes(row.at("size")), percent_text(row.at("published_percent")),
         percent_text(row.at("model_percent")), percent_text(row.at("contiguous_percent")),
         percent_text(row.at("vcompound_percent")), format_count(row.at("runs_median")),
         format_count(row.at("mappings_peak")), microseconds_text(row.at("alloc_us_median")),
         microseconds_text(row.at("alloc_us_p99")), percent_text(row.at("huge_percent"))});
  }
  report.add_table(
      {{"piece"},
       {"published"},
       {"model"},
       {"contiguous only"},
       {"vcompound"},
       {"runs each"},
       {"mappings"},
       {"median"},
       {"p99"},
       {"huge"}},
      lines,
      "A percentage is the number of pieces handed out of those that free memory "
      "holds, floor(free / piece). Columns from “runs each” on are of vcompound; huge: "
      "share of the bytes on huge pages, as the kernel tells.");
  for (const json& row : rows) {
    const std::string size = format_bytes(row.at("size"));
    const bool limited = row.at("vcompound_pieces") != row.at("pieces_possible");
    if (row.at("fault").is_string()) {
      report.add_text("Found at " + size + ": " + row.at("fault").get<std::string>());
    } else if (limited) {
      report.add_text(size + ": stopped by the limit “" + row.at("stopped_by").get<std::string>() +
                      "”.");
    }
  }
}

/// The share that two hexadecimal digits tell.
double share_at(const std::string& digits, std::size_t at) {
  unsigned value = 0;
  const char* const end = digits.data() + at + 2;
  const auto [stop, error] = std::from_chars(digits.data() + at, end, value, 16);
  if (error != std::errc{} || stop != end) throw std::invalid_argument("a map has a wrong digit");
  return value / 255.0;
}

void add_map(Report& report, const json& result, const json& map, std::string title,
             std::string caption) {
  const std::string contiguous = map.at("contiguous");
  const std::string mapped = map.at("mapped");
  if (contiguous.size() != mapped.size()) throw std::invalid_argument("a map is not whole");
  if (contiguous.empty()) return;
  ArenaMap picture{std::move(title), std::move(caption), result.at("budget"), {}};
  for (std::size_t i = 0; i + 1 < contiguous.size(); i += 2) {
    ArenaCell cell;
    const double in_runs = share_at(contiguous, i);
    const double in_maps = std::min(1 - in_runs, share_at(mapped, i));
    cell.share[static_cast<std::size_t>(FrameUse::kContiguous)] = in_runs;
    cell.share[static_cast<std::size_t>(FrameUse::kMapped)] = in_maps;
    cell.share[static_cast<std::size_t>(FrameUse::kFree)] = 1 - in_runs - in_maps;
    picture.cells.push_back(cell);
  }
  report.add_arena_map(picture);
}

void add_maps(Report& report, const json& result) {
  const json& maps = result.at("maps");
  const std::string size = format_bytes(maps.at("size"));
  add_map(report, result, maps.at("before"), "The arena before",
          "Blocks in use are left all over the arena; everything else is free.");
  add_map(report, result, maps.at("contiguous_only"), "After contiguous-only pieces of " + size,
          "What is still free here is free memory that cannot be handed out in this size.");
  add_map(report, result, maps.at("vcompound"), "After vcompound pieces of " + size,
          "The same state; pieces that found no run are mapped from several.");
}

void add_head(Report& report, const json& result) {
  const json& rows = result.at("rows");
  report.add_heading("Availability");
  std::string text = format_bytes(result.at("budget")) + " were filled with blocks of " +
                     format_bytes(result.at("block")) + ", and " +
                     format_percent(result.at("freed")) +
                     " of them freed at random: " + format_bytes(result.at("free_bytes")) +
                     " are free, in " + format_count(result.at("free_runs")) +
                     " runs, the longest of " + format_bytes(result.at("largest_run")) +
                     ". Then pieces were handed out until one was refused, contiguous only and by "
                     "vcompound, from the same state. Every byte was written and read again.";
  if (result.at("scaled_down").get<bool>()) {
    text += " The arena was scaled down from " + format_bytes(result.at("budget_asked")) +
            ", because the machine had no more memory to give.";
  }
  report.add_text(text);
  const json* shown = nullptr;
  for (const json& row : rows) {
    const bool is_map_size = row.at("size") == result.at("maps").at("size");
    if (is_map_size) shown = &row;
  }
  if (shown == nullptr) return;
  const std::string note = "in pieces of " + format_bytes(shown->at("size"));
  report.add_figures(
      {{percent_text(shown->at("contiguous_percent")), "of free memory, contiguous only", note},
       {percent_text(shown->at("vcompound_percent")), "of free memory, vcompound", note},
       {microseconds_text(shown->at("alloc_us_median")), "median time of an allocation", note}});
}

}  // namespace

void add_availability(Report& report, const json& result, const std::string& source) {
  try {
    report.add_fact("Machine", result.at("machine"));
    report.add_fact("Arena", format_bytes(result.at("budget")));
    add_head(report, result);
    add_curves(report, result.at("rows"));
    add_rows(report, result.at("rows"));
    add_times(report, result.at("rows"));
    add_maps(report, result);
  } catch (const std::exception& error) {
    throw ToolError(ExitCode::kUsage,
                    source + " is not a result of 'vcompound availability --json': " + error.what(),
                    "Write it again with this version of the program.");
  }
}

}  // namespace vc::tool
