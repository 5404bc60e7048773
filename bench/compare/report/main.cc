// compare_report: reads what scripts/compare.sh collected and writes JSON, pictures, page, tables.
//
// Usage: compare_report --results FILE --describe FILE --out DIR [--write PAGE.md]
//        compare_report --facts [--fact NAME=TEXT]…     the machine and more, as lines of results
//
// Exit status: 0 written, whatever the goals say; 2 bad usage or broken input.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "bench/compare/report/format.h"
#include "bench/compare/report/output.h"
#include "bench/summary/machine.h"
#include "tools/vcompound/common/output_file.h"
#include "tools/vcompound/common/text_table.h"

namespace vc::compare {

namespace {

struct Arguments {
  std::string results;
  std::string description;
  std::string out;
  std::string page;
  bool wants_facts = false;
  std::vector<std::string> facts;
};

std::ifstream open(const std::string& path) {
  std::ifstream in(path);
  if (!in) throw BrokenInput(path + ": cannot be read");
  return in;
}

void print_fact(const std::string& name, const std::string& text) {
  const nlohmann::ordered_json line = {{"fact", name}, {"text", text}};
  std::printf("%s\n", line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

void print_facts(const std::vector<std::string>& given) {
  for (const auto& [name, text] : bench::machine_facts()) {
    // Asked before anything runs, so it is not "after".
    if (name != "load_average_after") print_fact(name, text);
  }
  for (const std::string& fact : given) {
    const std::size_t equals = fact.find('=');
    if (equals == std::string::npos) throw BrokenInput("--fact " + fact + ": no '='");
    print_fact(fact.substr(0, equals), fact.substr(equals + 1));
  }
}

/// The page in the tree gets full comparisons only.
void write_tables(const Arguments& arguments, const Results& results, const std::string& tables) {
  const auto partial = results.facts.find("partial");
  if (partial != results.facts.end()) {
    std::printf("%s stays as it is: %s\n", arguments.page.c_str(), partial->second.c_str());
    return;
  }
  std::stringstream old;
  old << open(arguments.page).rdbuf();
  tool::write_file(arguments.page, with_tables(old.str(), tables));
  std::printf("%s\n", arguments.page.c_str());
}

/// Goals row by row, then each that is missed.
void print_summary(const std::vector<GoalResult>& goals) {
  std::map<std::string, GoalCount> rows;
  tool::TextTable missed({{"row"}, {"case"}, {"metric"}, {"goal"}, {"figure"}, {""}});
  for (const GoalResult& goal : goals) {
    if (goal.verdict != Verdict::kApart) ++rows[goal.row].of;
    if (goal.verdict == Verdict::kMet) ++rows[goal.row].met;
    if (goal.verdict == Verdict::kMet) continue;
    missed.add_row({goal.row, goal.case_name, metric_text(goal.metric), goal.goal, goal.figure,
                    to_text(goal.verdict)});
  }
  tool::TextTable table({{"row"}, {"goals met", tool::Align::kRight}});
  for (const auto& [row, counted] : rows) {
    table.add_row({row, std::to_string(counted.met) + " of " + std::to_string(counted.of)});
  }
  std::printf("%s\n%s", table.str().c_str(), missed.size() == 0 ? "" : missed.str().c_str());
  std::printf("%s\n", summary_line(goals).c_str());
}

void report(const Arguments& arguments) {
  std::ifstream in = open(arguments.results);
  Results results = read_results(in, arguments.results);
  std::ifstream texts = open(arguments.description);
  const auto description = nlohmann::json::parse(texts, nullptr, false);
  if (description.is_discarded()) throw BrokenInput(arguments.description + ": not JSON");
  describe(results, description);
  const std::vector<GoalResult> goals = judge(results);
  const std::vector<Section> sections = sections_of(results, goals);
  tool::write_file(arguments.out + "/compare.json", to_json(results, goals).dump(2) + "\n");
  for (const Section& section : sections) {
    for (const Drawing& drawing : section.drawings) {
      tool::write_file(arguments.out + "/" + drawing.file, to_svg(drawing));
    }
  }
  tool::write_file(arguments.out + "/index.html", to_html(results, goals, sections));
  const std::string tables = to_markdown(results, goals, sections);
  tool::write_file(arguments.out + "/tables.md", tables);
  print_summary(goals);
  if (!arguments.page.empty()) write_tables(arguments, results, tables);
  std::printf("%s/index.html\n", arguments.out.c_str());
}

}  // namespace

}  // namespace vc::compare

int main(int argc, char** argv) {
  vc::compare::Arguments arguments;
  CLI::App app("The report of the comparison with other allocators.");
  app.add_option("--results", arguments.results, "lines of the workers");
  app.add_option("--describe", arguments.description, "output of compare_worker --describe");
  app.add_option("--out", arguments.out, "folder for JSON, pictures and page");
  app.add_option("--write", arguments.page, "Markdown page whose tables are written");
  app.add_flag("--facts", arguments.wants_facts, "print facts about the machine");
  app.add_option("--fact", arguments.facts, "one more fact, NAME=TEXT");
  CLI11_PARSE(app, argc, argv);
  try {
    if (arguments.wants_facts) {
      vc::compare::print_facts(arguments.facts);
    } else {
      vc::compare::report(arguments);
    }
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "compare_report: %s\n", problem.what());
    return 2;
  }
  return 0;
}
