// picture.cc — a picture with its legend: as a part of a page, and as a file of its own.
#include "tools/vcompound/common/text_table.h"
#include "tools/vcompound/report/charts.h"

namespace vc::tool {
namespace {

constexpr double kMargin = 12;
constexpr double kTitleHeight = 34;
constexpr double kKeyLine = 22;
constexpr double kKeyWidth = 26;
constexpr double kLetterWidth = 7.4;  ///< of the legend's text, about

double width_of(const Key& key) {
  return kKeyWidth + 8 + static_cast<double>(display_width(key.name)) * kLetterWidth + 18;
}

void draw_key(Svg& svg, const Key& key, double x, double y) {
  if (key.shape == KeyShape::kBox) {
    svg.rect(x + 7, y - 6, 11, 11, key.css_class + " box");
  } else if (key.shape != KeyShape::kMarker) {
    const bool dashed = key.shape == KeyShape::kDashed;
    svg.line(x + 1, y, x + kKeyWidth - 1, y, key.css_class + (dashed ? " curve dashed" : " curve"));
  }
  if (key.shape == KeyShape::kMarker || key.shape == KeyShape::kLine) {
    svg.marker(x + kKeyWidth / 2, y, key.marker, key.css_class + " dot", "");
  }
  svg.text(x + kKeyWidth + 8, y + 4.5, "start", "key", key.name);
}

/// A place for each key, in lines that are full before the next begins; x and y of each.
std::vector<Point> places_of(const std::vector<Key>& keys, double width) {
  std::vector<Point> places;
  Point at{kMargin, kTitleHeight + kKeyLine / 2};
  for (const Key& key : keys) {
    if (at.x > kMargin && at.x + width_of(key) > width) at = {kMargin, at.y + kKeyLine};
    places.push_back(at);
    at.x += width_of(key);
  }
  return places;
}

}  // namespace

std::string picture_html(const Picture& picture) {
  return legend_html(picture.keys) + "<div class=\"plot\">" + picture.svg + "</div>";
}

std::string standalone_svg(std::string_view title, const Picture& picture) {
  const double width = picture.width + 2 * kMargin;
  const std::vector<Point> places = places_of(picture.keys, width);
  const double top = (places.empty() ? kTitleHeight : places.back().y + kKeyLine / 2) + 8;
  Svg svg(width, top + picture.height + kMargin, title);
  svg.style(style_sheet());
  svg.rect(0, 0, width, top + picture.height + kMargin, "card");
  svg.text(kMargin, 24, "start", "title", title);
  for (std::size_t i = 0; i < places.size(); ++i) {
    draw_key(svg, picture.keys[i], places[i].x, places[i].y);
  }
  svg.nested(kMargin, top, picture.width, picture.height, picture.svg);
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + svg.str() + "\n";
}

}  // namespace vc::tool
