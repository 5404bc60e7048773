// svg.cc — writing of SVG elements.
#include "tools/vcompound/report/svg.h"

#include <array>
#include <charconv>
#include <cmath>

#include "tools/vcompound/report/report.h"

namespace vc::tool {
namespace {

std::string attribute(std::string_view name, std::string_view value) {
  return " " + std::string(name) + "=\"" + escape_html(value) + "\"";
}

std::string attribute(std::string_view name, double value) {
  return attribute(name, coordinate(value));
}

}  // namespace

std::string coordinate(double value) {
  if (!std::isfinite(value) || std::abs(value) < 0.05) return "0";
  std::array<char, 400> buffer{};
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                          std::chars_format::fixed, 1);
  std::string text(buffer.data(), error == std::errc{} ? end : buffer.data());
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text;
}

Svg::Svg(double width, double height, std::string_view label) {
  text_ = "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\"" +
          attribute("aria-label", label) +
          attribute("viewBox", "0 0 " + coordinate(width) + " " + coordinate(height)) + ">";
}

void Svg::line(double x1, double y1, double x2, double y2, std::string_view css_class) {
  text_ += "<line" + attribute("x1", x1) + attribute("y1", y1) + attribute("x2", x2) +
           attribute("y2", y2) + attribute("class", css_class) + "/>";
}

void Svg::end_with_title(std::string_view element, std::string_view title) {
  if (title.empty()) {
    text_ += "/>";
    return;
  }
  text_ += "><title>" + escape_html(title) + "</title></" + std::string(element) + ">";
}

void Svg::rect(double x, double y, double width, double height, std::string_view css_class,
               std::string_view title) {
  text_ += "<rect" + attribute("x", x) + attribute("y", y) + attribute("width", width) +
           attribute("height", height) + attribute("class", css_class);
  end_with_title("rect", title);
}

void Svg::path(std::string_view d, std::string_view css_class) {
  if (d.empty()) return;
  text_ += "<path" + attribute("d", d) + attribute("class", css_class) + "/>";
}

void Svg::text(double x, double y, std::string_view anchor, std::string_view css_class,
               std::string_view content) {
  text_ += "<text" + attribute("x", x) + attribute("y", y) + attribute("text-anchor", anchor) +
           attribute("class", css_class) + ">" + escape_html(content) + "</text>";
}

void Svg::marker(double x, double y, std::size_t shape, std::string_view css_class,
                 std::string_view title) {
  text_ += "<path" + attribute("d", marker_path(x, y, shape)) + attribute("class", css_class);
  end_with_title("path", title);
}

void Svg::style(std::string_view css) { text_ += "<style>" + std::string(css) + "</style>"; }

void Svg::nested(double x, double y, double width, double height, std::string_view svg) {
  constexpr std::string_view kStart = "<svg";
  text_ += std::string(kStart) + attribute("x", x) + attribute("y", y) + attribute("width", width) +
           attribute("height", height) + std::string(svg.substr(kStart.size()));
}

std::string marker_path(double x, double y, std::size_t shape) {
  const auto at = [](double px, double py) {
    return coordinate(px) + " " + coordinate(py);
  };
  switch (shape % 4) {
    case 0: return "M" + at(x - 4, y) + "a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z";
    case 1: return "M" + at(x - 3.6, y - 3.6) + "h7.2v7.2h-7.2z";
    case 2: return "M" + at(x, y - 4.8) + "l4.6 8h-9.2z";
    default: return "M" + at(x, y - 5) + "l5 5l-5 5l-5 -5z";
  }
}

}  // namespace vc::tool
