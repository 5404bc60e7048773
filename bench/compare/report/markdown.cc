// The tables for docs/performance.md.
#include "bench/compare/report/format.h"
#include "bench/compare/report/output.h"

namespace vc::compare {

namespace {

constexpr const char* kBegin = "<!-- peers: begin";
constexpr const char* kEnd = "<!-- peers: end";

/// A text that is no mark-up in a table: without line ends, bars and angles.
std::string plain(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    if (c == '<') {
      out += "&lt;";
    } else {
      out += c == '\n' ? ' ' : c;
    }
  }
  return out;
}

std::string line_of(const std::vector<std::string>& cells) {
  std::string line = "|";
  for (const std::string& cell : cells) line += " " + plain(cell) + " |";
  return line + "\n";
}

std::string table_text(const Table& table) {
  std::string out = "\n" + plain(table.caption) + ":\n\n" + line_of(table.heads) + "|---|";
  for (std::size_t i = 1; i < table.heads.size(); ++i) out += table.has_numbers ? "---:|" : "---|";
  out += "\n";
  for (const auto& cells : table.rows) out += line_of(cells);
  return out;
}

std::string section_text(const Section& section) {
  std::string out = "\n### " + plain(section.title) + " (`" + section.row + "`)\n\n";
  out += plain(section.what) + "\n";
  for (const Table& table : section.brief) out += table_text(table);
  if (!section.notes.empty()) out += "\n";
  for (const std::string& note : section.notes) out += "- " + plain(note) + "\n";
  return out;
}

std::string goals_text(const std::vector<GoalResult>& goals) {
  std::string out = "\n**" + summary_line(goals) + ".**\n";
  Table open{.caption = "Missed, or told apart because not the allocator bound it",
             .heads = {"row", "case", "metric", "goal", "figure", ""}};
  open.has_numbers = false;
  for (const GoalResult& goal : goals) {
    if (goal.verdict == Verdict::kMet) continue;
    open.rows.push_back({goal.row, goal.case_name, metric_text(goal.metric), goal.goal, goal.figure,
                         to_text(goal.verdict)});
  }
  return open.rows.empty() ? out : out + table_text(open);
}

}  // namespace

std::string to_markdown(const Results& results, const std::vector<GoalResult>& goals,
                        const std::vector<Section>& sections) {
  std::string out;
  for (const std::string& paragraph : how_to_read()) out += "\n" + plain(paragraph) + "\n";
  out +=
      "\nHere are the main figures of each row, of many sizes every second one. Each other figure "
      "is in `build/compare/index.html`, which `make compare` writes.\n";
  Table facts{.caption = "Measured on", .heads = {"", ""}};
  facts.has_numbers = false;
  for (const auto& [name, text] : facts_to_show(results)) {
    facts.rows.push_back({metric_text(name), text});
  }
  out += table_text(facts) + goals_text(goals);
  for (const Section& section : sections) out += section_text(section);
  return out;
}

std::string with_tables(const std::string& page, const std::string& tables) {
  const std::size_t begin = page.find(kBegin);
  const std::size_t end = page.find(kEnd);
  const bool both = begin != std::string::npos && end != std::string::npos && begin < end;
  if (!both) {
    throw BrokenInput(std::string("the page has no line that begins with \"") + kBegin +
                      "\" and a later one with \"" + kEnd + "\"");
  }
  const std::size_t start = page.find('\n', begin) + 1;
  return page.substr(0, start) + tables + "\n" + page.substr(end);
}

}  // namespace vc::compare
