// The pictures of a row: curves where the cases are sizes or moments, else bars.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "bench/compare/report/format.h"
#include "bench/compare/report/sections.h"
#include "bench/compare/report/statistics.h"
#include "tools/vcompound/common/sizes.h"

namespace vc::compare {

namespace {

/// The metrics that get a picture where a row has more than two.
struct Shown {
  const char* row;
  std::array<const char*, 3> metrics;
};
constexpr std::array kShown = {
    Shown{"latency", {"allocate_worst", "usable_worst", "allocate_p99"}},
    Shown{"run_choice", {"contiguous", "", ""}},
    Shown{"replay", {"budget_over_peak", "time", "pss"}},
    Shown{"availability", {"availability", "", ""}},
    Shown{"huge_pages", {"huge_share", "resident_per_live", ""}},
    Shown{"reads", {"read", "", ""}},
};

std::vector<std::string> metrics_to_show(const Row& row) {
  const std::vector<std::string> plain = plain_metrics(row);
  for (const Shown& shown : kShown) {
    if (row.name != shown.row) continue;
    std::vector<std::string> chosen;
    for (const std::string metric : shown.metrics) {
      if (std::find(plain.begin(), plain.end(), metric) != plain.end()) chosen.push_back(metric);
    }
    if (!chosen.empty()) return chosen;
  }
  return {plain.begin(),
          plain.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(plain.size(), 2))};
}

enum class Over { kSizes, kTime, kNothing };

/// What the cases of a group stand on.
Over axis_of(const std::vector<CaseName>& cases) {
  if (cases.size() < 3) return Over::kNothing;
  const auto is_size = [](const CaseName& one) {
    const auto bytes = tool::parse_bytes(one.label).value;
    return bytes && static_cast<double>(*bytes) == one.at;
  };
  if (std::all_of(cases.begin(), cases.end(), is_size)) return Over::kSizes;
  return std::all_of(cases.begin(), cases.end(), is_moment) ? Over::kTime : Over::kNothing;
}

/// The factor between a row's unit and that of the axis: microseconds.
double scale_of(const std::string& unit) {
  if (unit == "ns") return 1e-3;
  return unit == "ms" ? 1e3 : 1;
}

/// The y axis: logarithmic where the figures lie far apart, but not for shares.
tool::Axis y_axis_of(const std::string& metric, const std::string& unit,
                     const std::vector<double>& values) {
  tool::Axis axis{.label = metric_text(metric)};
  if (unit == "ns" || unit == "us" || unit == "ms") axis.unit = tool::AxisUnit::kMicroseconds;
  if (unit == "bytes") axis.unit = tool::AxisUnit::kBytes;
  if (unit == "percent") axis.unit = tool::AxisUnit::kPercent;
  double least = INFINITY;
  double most = 0;
  for (const double value : values) {
    if (value <= 0) continue;
    least = std::min(least, value);
    most = std::max(most, value);
  }
  const bool far_apart = most > 20 * least && unit != "percent";
  if (far_apart) axis.scale = unit == "bytes" ? tool::AxisScale::kLog2 : tool::AxisScale::kLog10;
  return axis;
}

tool::SeriesColour colour_of(const std::string& peer) {
  return peer == kOurs ? tool::SeriesColour::kVcompound : tool::SeriesColour::kByPosition;
}

std::vector<double> values_of(const Row& row, const std::vector<CaseName>& cases,
                              const std::string& peer, const std::string& metric) {
  const double scale = scale_of(unit_of(row, metric));
  std::vector<double> values;
  for (const CaseName& one : cases) {
    const auto summary = summary_of(row, one.name, peer, metric);
    values.push_back(summary ? summary->median * scale : std::nan(""));
  }
  return values;
}

bool any_finite(const std::vector<double>& values) {
  return std::any_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
}

tool::Axis x_axis_of(Over over) {
  if (over == Over::kTime) return {.label = "time"};
  return {.label = "size", .unit = tool::AxisUnit::kBytes, .scale = tool::AxisScale::kLog2};
}

/// One metric of some cases; an empty drawing when nobody has a figure.
Drawing draw(const Row& row, const std::vector<CaseName>& cases, const std::string& metric) {
  const Over over = axis_of(cases);
  Drawing drawing{.is_curves = over != Over::kNothing};
  std::vector<double> everything;
  for (const std::string& peer : row.peers) {
    if (is_variant(row, peer) && !is_ours(peer)) continue;  // the tables have them
    const std::vector<double> values = values_of(row, cases, peer, metric);
    if (!any_finite(values)) continue;
    everything.insert(everything.end(), values.begin(), values.end());
    drawing.bars.series.push_back({peer, values, colour_of(peer)});
    tool::Series curve{.name = peer, .points = {}, .colour = colour_of(peer)};
    for (std::size_t i = 0; i < cases.size(); ++i) {
      if (std::isfinite(values[i])) curve.points.push_back({cases[i].at, values[i]});
    }
    drawing.curves.series.push_back(std::move(curve));
  }
  const tool::Axis y = y_axis_of(metric, unit_of(row, metric), everything);
  drawing.curves.x = x_axis_of(over);
  drawing.curves.y = y;
  drawing.bars.y = y;
  for (const CaseName& one : cases) drawing.bars.groups.push_back(one.label);
  return drawing;
}

}  // namespace

std::vector<Drawing> drawings_of(const Row& row) {
  std::vector<Drawing> all;
  const std::vector<std::string> metrics = metrics_to_show(row);
  const std::vector<std::string> groups = row.groups();
  for (const std::string& metric : metrics) {
    for (const std::string& group : groups) {
      std::vector<CaseName> cases;
      std::copy_if(row.cases.begin(), row.cases.end(), std::back_inserter(cases),
                   [&](const CaseName& one) { return one.group == group; });
      Drawing drawing = draw(row, cases, metric);
      if (drawing.curves.series.empty()) continue;
      drawing.file = row.name;
      drawing.title = row.title;
      if (metrics.size() > 1) drawing.file += "-" + file_part(metric);
      if (metrics.size() > 1) drawing.title += ", " + metric_text(metric);
      if (!group.empty()) drawing.file += "-" + file_part(group);
      if (!group.empty()) drawing.title += ": " + group;
      drawing.file += ".svg";
      drawing.curves.title = drawing.title;
      drawing.bars.title = drawing.title;
      drawing.curves.caption =
          "Medians. Variants of a peer are in the tables only; a peer without a curve has no "
          "figure, and the notes say why.";
      drawing.bars.caption =
          "Medians. Variants of a peer are in the tables only; a peer without a bar has no figure, "
          "and the notes say why.";
      all.push_back(std::move(drawing));
    }
  }
  return all;
}

}  // namespace vc::compare
