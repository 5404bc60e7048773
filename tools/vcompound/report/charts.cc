// charts.cc — what the pictures share: legends, axes, colours.
#include "tools/vcompound/report/charts.h"

namespace vc::tool {
namespace {

constexpr double kKeyWidth = 26;
constexpr double kKeyHeight = 12;

std::string key_picture(const Key& key) {
  Svg svg(kKeyWidth, kKeyHeight, key.name);
  const double middle = kKeyHeight / 2;
  if (key.shape == KeyShape::kBox) {
    svg.rect(7, 0.5, 11, 11, key.css_class + " box");
    return svg.str();
  }
  if (key.shape != KeyShape::kMarker) {
    const char* dash = key.shape == KeyShape::kDashed ? " curve dashed" : " curve";
    svg.line(1, middle, kKeyWidth - 1, middle, key.css_class + dash);
  }
  if (key.shape == KeyShape::kMarker || key.shape == KeyShape::kLine) {
    svg.marker(kKeyWidth / 2, middle, key.marker, key.css_class + " dot", "");
  }
  return svg.str();
}

}  // namespace

std::string legend_html(const std::vector<Key>& keys) {
  if (keys.empty()) return "";
  std::string out = "<ul class=\"legend\">";
  for (const Key& key : keys) {
    out += "<li>" + key_picture(key) + "<span>" + escape_html(key.name) + "</span></li>";
  }
  return out + "</ul>\n";
}

std::string series_class(SeriesColour colour, std::size_t position) {
  switch (colour) {
    case SeriesColour::kVcompound: return "s0";
    case SeriesColour::kContiguous: return "s1";
    case SeriesColour::kAlwaysMap: return "s3";
    case SeriesColour::kReference: return "s7";
    default: break;
  }
  // The first series is what a picture is about: its colour does not come again.
  return "s" + std::to_string(position == 0 ? 0 : 1 + (position - 1) % 7);
}

void draw_y_axis(Svg& svg, const PlotArea& area, const Axis& axis, const AxisFrame& frame) {
  for (const Tick& tick : frame.ticks) {
    const double y = area.y(frame, tick.value);
    svg.line(area.left, y, area.right(), y, tick.value == frame.lo ? "axis" : "grid");
    svg.text(area.left - 8, y + 4.5, "end", "tick", tick.label);
  }
  svg.text(2, area.top - 14, "start", "name", axis.label);
}

void draw_x_axis(Svg& svg, const PlotArea& area, const Axis& axis, const AxisFrame& frame,
                 AxisName name) {
  svg.line(area.left, area.bottom(), area.right(), area.bottom(), "axis");
  for (const Tick& tick : frame.ticks) {
    const double x = area.x(frame, tick.value);
    svg.line(x, area.bottom(), x, area.bottom() + 5, "axis");
    if (name == AxisName::kShown) svg.text(x, area.bottom() + 20, "middle", "tick", tick.label);
  }
  if (name == AxisName::kShown) {
    svg.text(area.left + area.width / 2, area.bottom() + 42, "middle", "name", axis.label);
  }
}

}  // namespace vc::tool
