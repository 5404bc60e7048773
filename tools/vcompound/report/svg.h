// svg.h — small pieces of SVG and HTML text.
#pragma once

#include <string>
#include <string_view>

namespace vc::tool {

/// A coordinate with at most one decimal ("12.5", "12"); 0 for what is not finite. Does not depend
/// on the locale.
std::string coordinate(double value);

/// Collects the text of one picture. Text and attributes given here are escaped.
class Svg {
 public:
  /// Opens a picture with a coordinate system of width × height; `label` is read to who cannot see.
  Svg(double width, double height, std::string_view label);

  /// A line.
  void line(double x1, double y1, double x2, double y2, std::string_view css_class);
  /// A rectangle; `title` is shown when the pointer rests on it and may be empty.
  void rect(double x, double y, double width, double height, std::string_view css_class,
            std::string_view title = "");
  /// A path as in SVG's attribute d, which must come from this program.
  void path(std::string_view d, std::string_view css_class);
  /// Text; `anchor` is start, middle or end.
  void text(double x, double y, std::string_view anchor, std::string_view css_class,
            std::string_view content);
  /// A marker of one of four shapes, chosen by `shape` modulo four, around a point.
  void marker(double x, double y, std::size_t shape, std::string_view css_class,
              std::string_view title);

  /// A style sheet inside the picture, for one that stands alone.
  void style(std::string_view css);
  /// Another picture inside this one, at (x, y); `svg` is what its str() gave.
  void nested(double x, double y, double width, double height, std::string_view svg);

  /// The picture, closed.
  [[nodiscard]] std::string str() const { return text_ + "</svg>"; }

 private:
  void end_with_title(std::string_view element, std::string_view title);
  std::string text_;
};

/// The outline of marker `shape` (modulo four: circle, square, triangle, diamond) around (x, y).
std::string marker_path(double x, double y, std::size_t shape);

}  // namespace vc::tool
