// line_chart.cc — curves over a common x axis.
#include "tools/vcompound/report/charts.h"

namespace vc::tool {
namespace {

constexpr double kWidth = 760;
constexpr double kHeight = 390;
constexpr PlotArea kArea{74, 34, kWidth - 74 - 26, kHeight - 34 - 50};

/// After eight series seven colours come again (series_class), each time with the next of the four
/// markers: together they tell 29 apart.
std::size_t marker_of(std::size_t index) {
  return index == 0 ? 0 : 1 + (index - 1) % 7 + (index - 1) / 7;
}

Key key_of(const Series& series, std::size_t index) {
  KeyShape shape = KeyShape::kLine;
  if (series.style == CurveStyle::kDashed) shape = KeyShape::kDashed;
  if (series.style == CurveStyle::kMarkers) shape = KeyShape::kMarker;
  return {series.name, shape, series_class(series.colour, index), marker_of(index)};
}

void draw_series(Svg& svg, const LineChart& chart, std::size_t index, const AxisFrame& x_axis,
                 const AxisFrame& y_axis) {
  const Series& series = chart.series[index];
  const bool line = series.style != CurveStyle::kMarkers;
  const bool markers = series.style != CurveStyle::kDashed;
  const std::string colour = series_class(series.colour, index);
  std::string d;
  for (const Point& point : series.points) {
    if (!x_axis.shows(point.x) || !y_axis.shows(point.y)) continue;
    d += (d.empty() ? "M" : "L") + coordinate(kArea.x(x_axis, point.x)) + " " +
         coordinate(kArea.y(y_axis, point.y));
  }
  const bool dashed = series.style == CurveStyle::kDashed;
  if (line) svg.path(d, colour + (dashed ? " curve dashed" : " curve"));
  if (!markers) return;
  for (const Point& point : series.points) {
    if (!x_axis.shows(point.x) || !y_axis.shows(point.y)) continue;
    svg.marker(kArea.x(x_axis, point.x), kArea.y(y_axis, point.y), marker_of(index),
               colour + " dot",
               series.name + ", " + axis_value(chart.x.unit, point.x) + ": " +
                   axis_value(chart.y.unit, point.y));
  }
}

}  // namespace

Picture draw_curves(const LineChart& chart) {
  ValueRange xs;
  ValueRange ys;
  std::vector<Key> keys;
  for (const Series& series : chart.series) {
    for (const Point& point : series.points) {
      if (chart.x.scale == AxisScale::kLinear || point.x > 0) xs.add(point.x);
      if (chart.y.scale == AxisScale::kLinear || point.y > 0) ys.add(point.y);
    }
    keys.push_back(key_of(series, keys.size()));
  }
  const AxisFrame x_axis = make_axis(chart.x, xs, chart.x.scale == AxisScale::kLog2 ? 12 : 8);
  const AxisFrame y_axis = make_axis(chart.y, ys, 6);
  Svg svg(kWidth, kHeight, chart.title);
  draw_y_axis(svg, kArea, chart.y, y_axis);
  draw_x_axis(svg, kArea, chart.x, x_axis, AxisName::kShown);
  for (std::size_t i = 0; i < chart.series.size(); ++i) {
    draw_series(svg, chart, i, x_axis, y_axis);
  }
  return {svg.str(), kWidth, kHeight, std::move(keys)};
}

std::string render_curves(const LineChart& chart) { return picture_html(draw_curves(chart)); }

}  // namespace vc::tool
