// bar_chart.cc — groups of bars side by side.
#include <algorithm>
#include <cmath>

#include "tools/vcompound/report/charts.h"

namespace vc::tool {
namespace {

constexpr double kWidth = 760;
constexpr double kHeight = 360;
constexpr PlotArea kArea{74, 34, kWidth - 74 - 20, kHeight - 34 - 50};
constexpr double kGroupShare = 0.76;  ///< the part of a group's width that bars take
constexpr double kWidestBar = 72;
constexpr double kLabelWidth = 40;       ///< narrower bars get none either
constexpr std::size_t kMostLabels = 24;  ///< more bars than this get no figures above them

double value_of(const BarSeries& series, std::size_t group) {
  return group < series.values.size() ? series.values[group] : std::nan("");
}

void draw_bar(Svg& svg, const BarChart& chart, const AxisFrame& axis, std::size_t group,
              std::size_t index) {
  const double value = value_of(chart.series[index], group);
  if (!axis.shows(value)) return;
  const double group_width = kArea.width / static_cast<double>(chart.groups.size());
  const auto bars = static_cast<double>(chart.series.size());
  const double bar_width = std::min(group_width * kGroupShare / bars, kWidestBar);
  const double middle = kArea.left + group_width * (static_cast<double>(group) + 0.5);
  const double x = middle + bar_width * (static_cast<double>(index) - bars / 2);
  const double y = kArea.y(axis, value);
  const std::string label = axis_value(chart.y.unit, value);
  svg.rect(x + 0.75, y, std::max(bar_width - 1.5, 0.5), kArea.bottom() - y,
           series_class(chart.series[index].colour, index) + " bar",
           chart.series[index].name + ", " + chart.groups[group] + ": " + label);
  const bool room =
      chart.groups.size() * chart.series.size() <= kMostLabels && bar_width >= kLabelWidth;
  if (room) svg.text(x + bar_width / 2, y - 5, "middle", "figure", label);
}

}  // namespace

Picture draw_bars(const BarChart& chart) {
  ValueRange ys;
  if (chart.y.scale == AxisScale::kLinear) ys.add(0);
  std::vector<Key> keys;
  for (const BarSeries& series : chart.series) {
    for (const double value : series.values) {
      if (chart.y.scale == AxisScale::kLinear || value > 0) ys.add(value);
    }
    keys.push_back({series.name, KeyShape::kBox, series_class(series.colour, keys.size())});
  }
  const AxisFrame axis = make_axis(chart.y, ys, 6);
  Svg svg(kWidth, kHeight, chart.title);
  draw_y_axis(svg, kArea, chart.y, axis);
  svg.line(kArea.left, kArea.bottom(), kArea.right(), kArea.bottom(), "axis");
  for (std::size_t group = 0; group < chart.groups.size(); ++group) {
    const double width = kArea.width / static_cast<double>(chart.groups.size());
    svg.text(kArea.left + width * (static_cast<double>(group) + 0.5), kArea.bottom() + 20, "middle",
             "tick", chart.groups[group]);
    for (std::size_t index = 0; index < chart.series.size(); ++index) {
      draw_bar(svg, chart, axis, group, index);
    }
  }
  svg.text(kArea.left + kArea.width / 2, kArea.bottom() + 42, "middle", "name", chart.x_label);
  return {svg.str(), kWidth, kHeight, std::move(keys)};
}

std::string render_bars(const BarChart& chart) { return picture_html(draw_bars(chart)); }

}  // namespace vc::tool
