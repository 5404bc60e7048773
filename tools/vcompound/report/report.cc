// report.cc — the page around the pictures.
#include "tools/vcompound/report/report.h"

#include <algorithm>
#include <cmath>

#include "tools/vcompound/common/output_file.h"
#include "tools/vcompound/common/program.h"
#include "tools/vcompound/report/charts.h"

namespace vc::tool {
namespace {

const char* class_of(CellAlign align) { return align == CellAlign::kNumber ? "number" : "text"; }

std::string table_html(const std::vector<TableHead>& heads,
                       const std::vector<std::vector<std::string>>& rows) {
  std::string out = "<div class=\"scroll\"><table><thead><tr>";
  for (const TableHead& head : heads) {
    out += std::string("<th scope=\"col\" class=\"") + class_of(head.align) + "\">" +
           escape_html(head.text) + "</th>";
  }
  out += "</tr></thead><tbody>\n";
  for (const auto& row : rows) {
    out += "<tr>";
    for (std::size_t c = 0; c < heads.size(); ++c) {
      out += std::string("<td class=\"") + class_of(heads[c].align) + "\">" +
             (c < row.size() ? escape_html(row[c]) : "") + "</td>";
    }
    out += "</tr>\n";
  }
  return out + "</tbody></table></div>";
}

std::string caption_html(int number, std::string_view caption) {
  std::string out = "<figcaption><b>Figure " + std::to_string(number) + ".</b>";
  if (!caption.empty()) out += " " + escape_html(caption);
  return out + "</figcaption>";
}

std::string figure_html(int number, std::string_view title, const std::string& picture,
                        std::string_view caption, const std::string& figures = "") {
  return "<figure><h3>" + escape_html(title) + "</h3>\n" + picture + "\n" +
         caption_html(number, caption) + figures + "</figure>\n";
}

std::string details_html(const std::string& table) {
  return "<details><summary>The figures as a table</summary>" + table + "</details>";
}

/// The y values at each x that any series has; nothing when they are too many to read.
std::string curve_table(const LineChart& chart) {
  constexpr std::size_t kMostRows = 100;
  std::vector<double> xs;
  for (const Series& series : chart.series) {
    for (const Point& point : series.points) {
      if (std::isfinite(point.x)) xs.push_back(point.x);
    }
  }
  std::sort(xs.begin(), xs.end());
  xs.erase(std::unique(xs.begin(), xs.end()), xs.end());
  if (xs.size() > kMostRows) return "";
  std::vector<TableHead> heads = {{chart.x.label, CellAlign::kNumber}};
  for (const Series& series : chart.series) heads.push_back({series.name, CellAlign::kNumber});
  std::vector<std::vector<std::string>> rows;
  for (const double x : xs) {
    std::vector<std::string> row = {axis_value(chart.x.unit, x)};
    for (const Series& series : chart.series) {
      const auto at = std::find_if(series.points.begin(), series.points.end(),
                                   [x](const Point& point) { return point.x == x; });
      row.push_back(at == series.points.end() ? "" : axis_value(chart.y.unit, at->y));
    }
    rows.push_back(std::move(row));
  }
  return details_html(table_html(heads, rows));
}

}  // namespace

void Report::add_fact(std::string name, std::string value) {
  facts_.emplace_back(std::move(name), std::move(value));
}

void Report::add_heading(std::string_view text) { body_ += "<h2>" + escape_html(text) + "</h2>\n"; }

void Report::add_text(std::string_view paragraph) {
  body_ += "<p>" + escape_html(paragraph) + "</p>\n";
}

void Report::add_figures(const std::vector<Figure>& figures) {
  body_ += "<div class=\"figures\">";
  for (const Figure& figure : figures) {
    body_ += "<div><b>" + escape_html(figure.value) + "</b><span>" + escape_html(figure.label) +
             "</span>";
    if (!figure.note.empty()) body_ += "<small>" + escape_html(figure.note) + "</small>";
    body_ += "</div>";
  }
  body_ += "</div>\n";
}

void Report::add_table(const std::vector<TableHead>& heads,
                       const std::vector<std::vector<std::string>>& rows,
                       std::string_view caption) {
  body_ += "<figure>" + table_html(heads, rows);
  if (!caption.empty()) body_ += "<figcaption>" + escape_html(caption) + "</figcaption>";
  body_ += "</figure>\n";
}

void Report::add_curves(const LineChart& chart) {
  body_ += figure_html(next_figure_++, chart.title, render_curves(chart), chart.caption,
                       curve_table(chart));
}

void Report::add_bars(const BarChart& chart) {
  std::vector<TableHead> heads = {{chart.x_label, CellAlign::kText}};
  for (const BarSeries& series : chart.series) heads.push_back({series.name, CellAlign::kNumber});
  std::vector<std::vector<std::string>> rows;
  for (std::size_t group = 0; group < chart.groups.size(); ++group) {
    std::vector<std::string> row = {chart.groups[group]};
    for (const BarSeries& series : chart.series) {
      const bool known = group < series.values.size() && std::isfinite(series.values[group]);
      row.push_back(known ? axis_value(chart.y.unit, series.values[group]) : "");
    }
    rows.push_back(std::move(row));
  }
  body_ += figure_html(next_figure_++, chart.title, render_bars(chart), chart.caption,
                       details_html(table_html(heads, rows)));
}

void Report::add_time_line(const TimeLine& line) {
  body_ += figure_html(next_figure_++, line.title, render_time_line(line), line.caption);
}

void Report::add_arena_map(const ArenaMap& map) {
  const std::string caption = map.caption + " Uses thinner than a hair are widened to be seen.";
  body_ += figure_html(next_figure_++, map.title, render_arena_map(map), caption);
}

std::string Report::html() const {
  std::string out =
      "<!DOCTYPE html>\n<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\">\n<head>\n"
      "<meta charset=\"utf-8\"/>\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>" +
      escape_html(title_) + "</title>\n<style>" + std::string(style_sheet()) +
      "</style>\n</head>\n<body>\n<main>\n<header><h1>" + escape_html(title_) + "</h1>";
  if (!subtitle_.empty()) out += "<p>" + escape_html(subtitle_) + "</p>";
  out += "</header>\n";
  const std::string& command = command_.empty() ? command_line() : command_;
  if (!facts_.empty() || !command.empty()) {
    out += "<section class=\"facts\">";
    if (!facts_.empty()) out += "<dl>";
    for (const auto& [name, value] : facts_) {
      out += "<dt>" + escape_html(name) + "</dt><dd>" + escape_html(value) + "</dd>\n";
    }
    if (!facts_.empty()) out += "</dl>";
    if (!command.empty()) out += "<pre><code>" + escape_html(command) + "</code></pre>";
    out += "</section>\n";
  }
  return out + body_ + "<footer>vcompound " + escape_html(program_version()) +
         ". This page is one file and loads nothing.</footer>\n</main>\n</body>\n</html>\n";
}

void Report::write(const std::string& path) const { write_file(path, html()); }

}  // namespace vc::tool
