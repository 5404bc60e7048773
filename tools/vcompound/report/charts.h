// charts.h — the pictures of a report, each as HTML text: a legend and an SVG.
#pragma once

#include <string>

#include "tools/vcompound/report/axis.h"
#include "tools/vcompound/report/report.h"
#include "tools/vcompound/report/svg.h"

namespace vc::tool {

/// The rectangle of a picture in which the data are drawn, in SVG units.
struct PlotArea {
  double left;
  double top;
  double width;
  double height;

  [[nodiscard]] double x(const AxisFrame& axis, double value) const {
    return left + axis.place(value) * width;
  }
  [[nodiscard]] double y(const AxisFrame& axis, double value) const {
    return top + (1 - axis.place(value)) * height;
  }
  [[nodiscard]] double right() const { return left + width; }
  [[nodiscard]] double bottom() const { return top + height; }
};

/// How a legend shows its entry.
enum class KeyShape { kLine, kDashed, kMarker, kPlainLine, kBox };

/// One entry of a legend; `colour` counts series from 0, or names a CSS class when kBox.
struct Key {
  std::string name;
  KeyShape shape;
  std::string css_class;
  std::size_t marker = 0;
};

/// The legend as a list that wraps on narrow screens; nothing for fewer than one entry.
std::string legend_html(const std::vector<Key>& keys);

/// The CSS class of a series' colour: "s0" … "s7", by its position when none is fixed.
std::string series_class(SeriesColour colour, std::size_t position);

/// Horizontal grid lines with labels at the left, and the axis' name above.
void draw_y_axis(Svg& svg, const PlotArea& area, const Axis& axis, const AxisFrame& frame);
/// Ticks with labels below the area, and the axis' name below them when `name` is kShown.
enum class AxisName { kShown, kHidden };
void draw_x_axis(Svg& svg, const PlotArea& area, const Axis& axis, const AxisFrame& frame,
                 AxisName name);

/// A picture before it is put somewhere: the SVG, its size, and what its legend holds.
struct Picture {
  std::string svg;
  double width;
  double height;
  std::vector<Key> keys;
};

Picture draw_curves(const LineChart& chart);
Picture draw_bars(const BarChart& chart);

/// Legend and SVG, as parts of a page.
std::string picture_html(const Picture& picture);

/// The picture as an SVG file of its own: title, legend and style sheet are inside.
std::string standalone_svg(std::string_view title, const Picture& picture);

std::string render_curves(const LineChart& chart);
std::string render_bars(const BarChart& chart);
std::string render_time_line(const TimeLine& line);
std::string render_arena_map(const ArenaMap& map);

/// The style sheet of the page.
std::string_view style_sheet();

}  // namespace vc::tool
