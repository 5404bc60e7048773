// time_line.cc — panels of step lines over a common time.
#include <algorithm>
#include <cmath>
#include <vector>

#include "tools/vcompound/common/text_table.h"
#include "tools/vcompound/report/charts.h"

namespace vc::tool {
namespace {

constexpr double kWidth = 760;
constexpr double kLeft = 74;
constexpr double kPlotWidth = kWidth - kLeft - 26;
constexpr double kPanelHeight = 150;
constexpr double kPanelGap = 46;
constexpr double kEventRow = 16;
constexpr std::size_t kMostEventRows = 3;
constexpr double kLetterWidth = 6.8;  ///< of event labels, about

/// One column of the picture: what the line does within its width.
struct ColumnRange {
  bool used = false;
  double first = 0;
  double least = 0;
  double most = 0;
  double last = 0;

  void add(double y) {
    if (!used) first = least = most = y;
    least = std::min(least, y);
    most = std::max(most, y);
    last = y;
    used = true;
  }
};

/// A step line as an SVG path, at most four corners for each column of one unit. Values that
/// change within a column are drawn as a vertical stroke from the lowest to the highest.
std::string step_path(const Series& series, const PlotArea& area, const AxisFrame& x_axis,
                      const AxisFrame& y_axis) {
  std::vector<ColumnRange> columns(static_cast<std::size_t>(area.width) + 1);
  for (const Point& point : series.points) {
    if (!x_axis.shows(point.x) || !y_axis.shows(point.y)) continue;
    columns[static_cast<std::size_t>(x_axis.place(point.x) * area.width)].add(
        area.y(y_axis, point.y));
  }
  std::string d;
  std::size_t last = 0;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const ColumnRange& column = columns[i];
    if (!column.used) continue;
    const std::string x = coordinate(area.left + static_cast<double>(i));
    d += d.empty() ? "M" + x + " " + coordinate(column.first)
                   : "H" + x + "V" + coordinate(column.first);
    if (column.least < column.most) {
      d += "V" + coordinate(column.least) + "V" + coordinate(column.most) + "V" +
           coordinate(column.last);
    }
    last = i;
  }
  if (!d.empty() && last + 1 < columns.size()) d += "H" + coordinate(area.right());
  return d;
}

/// The colours of all series of a picture: a name that comes again keeps its colour.
class Colours {
 public:
  std::string of(const Series& series) {
    const auto known = std::find(names_.begin(), names_.end(), series.name);
    const auto position = static_cast<std::size_t>(known - names_.begin());
    if (known == names_.end()) names_.push_back(series.name);
    return series_class(series.colour, position);
  }

 private:
  std::vector<std::string> names_;
};

void add_key(const Series& series, const std::string& colour, std::vector<Key>& keys) {
  const bool dashed = series.style == CurveStyle::kDashed;
  const Key key{series.name, dashed ? KeyShape::kDashed : KeyShape::kPlainLine, colour};
  const bool known = std::any_of(keys.begin(), keys.end(), [&](const Key& other) {
    return other.name == key.name && other.shape == key.shape && other.css_class == key.css_class;
  });
  if (!known) keys.push_back(key);
}

/// The ground under a line, down to the axis.
std::string ground_path(const std::string& line, const PlotArea& area) {
  const std::string start = line.substr(1, line.find(' ') - 1);
  return line + "V" + coordinate(area.bottom()) + "H" + start + "Z";
}

void draw_panel(Svg& svg, const TimePanel& panel, Colours& colours, const PlotArea& area,
                const AxisFrame& x_axis, std::vector<Key>& keys) {
  ValueRange ys;
  for (const Series& series : panel.series) {
    for (const Point& point : series.points) ys.add(point.y);
  }
  const AxisFrame y_axis = make_axis(panel.y, ys, 4);
  draw_y_axis(svg, area, panel.y, y_axis);
  for (std::size_t i = 0; i < panel.series.size(); ++i) {
    const Series& series = panel.series[i];
    const std::string colour = colours.of(series);
    const std::string d = step_path(series, area, x_axis, y_axis);
    // The ground under the first line shows an amount; a share is none.
    const bool grounded = i == 0 && !d.empty() && panel.y.unit != AxisUnit::kPercent;
    if (grounded) svg.path(ground_path(d, area), colour + " under");
    const bool dashed = series.style == CurveStyle::kDashed;
    svg.path(d, colour + (dashed ? " curve dashed" : " curve thin"));
    add_key(series, colour, keys);
  }
}

/// About how wide a label is, with the room around it.
double label_width(const std::string& label) {
  return static_cast<double>(display_width(label)) * kLetterWidth + 14;
}

/// Whether an event's label stands at the right of its line; at the left near the right edge.
bool label_at_right(double place, const std::string& label) {
  return place * kPlotWidth + label_width(label) < kPlotWidth;
}

/// Which row each event's label stands in; kMostEventRows for labels that find no room.
std::vector<std::size_t> event_rows(const TimeLine& line, const AxisFrame& x_axis) {
  std::vector<double> row_end(kMostEventRows, -1e9);
  std::vector<std::size_t> rows;
  for (const TimeEvent& event : line.events) {
    const double place = x_axis.place(event.x);
    const double width = label_width(event.label);
    const double start = place * kPlotWidth - (label_at_right(place, event.label) ? 0 : width);
    std::size_t row = 0;
    while (row < kMostEventRows && start < row_end[row]) ++row;
    if (row < kMostEventRows) row_end[row] = start + width;
    rows.push_back(row);
  }
  return rows;
}

void draw_events(Svg& svg, const TimeLine& line, const AxisFrame& x_axis,
                 const std::vector<std::size_t>& rows, double top, double bottom) {
  for (std::size_t i = 0; i < line.events.size(); ++i) {
    const TimeEvent& event = line.events[i];
    if (!x_axis.shows(event.x)) continue;
    const double at = x_axis.place(event.x);
    const double x = kLeft + at * kPlotWidth;
    const double y = 12 + static_cast<double>(rows[i]) * kEventRow;
    svg.line(x, rows[i] < kMostEventRows ? y - 9 : top, x, bottom, "event");
    if (rows[i] >= kMostEventRows) continue;
    const bool right = label_at_right(at, event.label);
    svg.text(right ? x + 5 : x - 5, y, right ? "start" : "end", "event-name", event.label);
  }
}

ValueRange times_of(const TimeLine& line) {
  ValueRange xs;
  for (const TimePanel& panel : line.panels) {
    for (const Series& series : panel.series) {
      for (const Point& point : series.points) xs.add(point.x);
    }
  }
  for (const TimeEvent& event : line.events) xs.add(event.x);
  return xs;
}

}  // namespace

std::string render_time_line(const TimeLine& line) {
  const ValueRange times = times_of(line);
  Axis time = line.x;
  // A line of time ends where the data end, not at the next round number.
  if (!time.most && times.any && times.most > 0) time.most = times.most;
  const AxisFrame x_axis = make_axis(time, times, 8);
  const std::vector<std::size_t> rows = event_rows(line, x_axis);
  std::size_t used_rows = 0;
  for (const std::size_t row : rows) used_rows = std::max(used_rows, row + 1);
  const double event_height = static_cast<double>(std::min(used_rows, kMostEventRows)) * kEventRow;
  const double panels = static_cast<double>(std::max<std::size_t>(line.panels.size(), 1));
  const double height = event_height + 34 + panels * kPanelHeight + (panels - 1) * kPanelGap + 56;
  Svg svg(kWidth, height, line.title);
  std::vector<Key> keys;
  Colours colours;
  double top = event_height + 34;
  for (std::size_t p = 0; p < line.panels.size(); ++p) {
    const PlotArea area{kLeft, top, kPlotWidth, kPanelHeight};
    const bool last = p + 1 == line.panels.size();
    draw_panel(svg, line.panels[p], colours, area, x_axis, keys);
    draw_x_axis(svg, area, line.x, x_axis, last ? AxisName::kShown : AxisName::kHidden);
    top += kPanelHeight + kPanelGap;
  }
  draw_events(svg, line, x_axis, rows, event_height, top - kPanelGap);
  return legend_html(keys) + "<div class=\"plot\">" + svg.str() + "</div>";
}

}  // namespace vc::tool
