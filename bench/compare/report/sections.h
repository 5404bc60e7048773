// What the page and the Markdown tables both show: for each row its tables, pictures and notes.
#pragma once

#include <string>
#include <vector>

#include "bench/compare/report/goals.h"
#include "bench/compare/report/results.h"
#include "tools/vcompound/report/report.h"

namespace vc::compare {

struct Table {
  std::string caption{};
  std::vector<std::string> heads{};  ///< the first column is text, the others are numbers
  std::vector<std::vector<std::string>> rows{};
  bool has_numbers = true;    ///< or all columns are text
  bool last_of_group = true;  ///< of tables that follow each other in a group, the last one
};

/// One picture: curves over sizes or time, bars for cases that stand on no axis.
struct Drawing {
  std::string file{};  ///< "pair.svg"
  std::string title{};
  bool is_curves = true;
  tool::LineChart curves{};
  tool::BarChart bars{};
};

struct Section {
  std::string row{};
  std::string title{};
  std::string what{};
  std::vector<Drawing> drawings{};
  std::vector<Table> tables{};
  std::vector<Table> events{};       ///< page faults, system calls, TLB misses
  std::vector<std::string> notes{};  ///< who cannot do what, and why
};

/// The sections, in the order of the rows.
std::vector<Section> sections_of(const Results& results, const std::vector<GoalResult>& goals);

/// The pictures of a row (pictures.cc).
std::vector<Drawing> drawings_of(const Row& row);

/// The peers without a figure for a metric of a row, and why (notes.cc).
std::vector<std::string> notes_of(const Row& row);

/// The metrics of a row that count no events.
std::vector<std::string> plain_metrics(const Row& row);

}  // namespace vc::compare
