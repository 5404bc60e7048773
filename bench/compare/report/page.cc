// The HTML page and the SVG files.
#include "bench/compare/report/format.h"
#include "bench/compare/report/output.h"
#include "tools/vcompound/report/charts.h"

namespace vc::compare {

namespace {

void add(tool::Report& page, const Table& table) {
  std::vector<tool::TableHead> heads;
  for (const std::string& head : table.heads) {
    const bool text = heads.empty() || !table.has_numbers;
    heads.push_back({head, text ? tool::CellAlign::kText : tool::CellAlign::kNumber});
  }
  page.add_table(heads, table.rows, table.caption);
}

void add(tool::Report& page, const Section& section) {
  page.add_heading(section.title + " (" + section.row + ")");
  page.add_text(section.what);
  for (const Drawing& drawing : section.drawings) {
    if (drawing.is_curves) {
      page.add_curves(drawing.curves);
    } else {
      page.add_bars(drawing.bars);
    }
  }
  for (const Table& table : section.tables) add(page, table);
  for (const Table& table : section.events) add(page, table);
  for (const std::string& note : section.notes) page.add_text(note);
}

/// Goals of one verdict as a table; nothing when there are none.
void add_goals(tool::Report& page, const std::vector<GoalResult>& goals, Verdict verdict,
               const std::string& caption) {
  Table table{.caption = caption, .heads = {"row", "case", "metric", "goal", "figure"}};
  table.has_numbers = false;
  for (const GoalResult& goal : goals) {
    if (goal.verdict != verdict) continue;
    table.rows.push_back(
        {goal.row, goal.case_name, metric_text(goal.metric), goal.goal, goal.figure});
  }
  if (!table.rows.empty()) add(page, table);
}

}  // namespace

std::string to_html(const Results& results, const std::vector<GoalResult>& goals,
                    const std::vector<Section>& sections) {
  tool::Report page("vcompound beside other allocators");
  page.set_subtitle(summary_line(goals) + ".");
  for (const auto& [name, text] : facts_to_show(results)) {
    if (name == "command") {
      page.set_command(text);
    } else {
      page.add_fact(metric_text(name), text);
    }
  }
  const GoalCount counted = count(goals);
  page.add_figures({{std::to_string(counted.met) + " / " + std::to_string(counted.of), "goals met",
                     std::to_string(results.rows.size()) + " rows"}});
  page.add_heading("How to read this");
  for (const std::string& paragraph : how_to_read()) page.add_text(paragraph);
  add_goals(page, goals, Verdict::kMissed, "Goals that were missed.");
  add_goals(
      page, goals, Verdict::kApart,
      "Told apart: not the allocator bound these, but a limit of the system or the writes to the "
      "memory, which were measured without an allocator.");
  for (const Section& section : sections) add(page, section);
  return page.html();
}

std::string to_svg(const Drawing& drawing) {
  return tool::standalone_svg(drawing.title, drawing.is_curves ? tool::draw_curves(drawing.curves)
                                                               : tool::draw_bars(drawing.bars));
}

}  // namespace vc::compare
