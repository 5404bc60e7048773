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
  bool has_numbers = true;  ///< or all columns are text
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
  std::vector<Table> brief{};        ///< the main metrics only (brief.cc)
  std::vector<Table> events{};       ///< page faults, system calls, TLB misses
  std::vector<std::string> notes{};  ///< who cannot do what, and why
};

/// A row, and the goals of all rows.
struct Judged {
  const Row& row;
  const std::vector<GoalResult>& goals;
};

/// One metric of some cases: a line for each case that has anything. Their labels are its heads;
/// `group` is what they have in common, for the caption.
Table metric_table(const Judged& all, const std::vector<CaseName>& cases, const std::string& metric,
                   const std::string& group);

/// A point along a run ("t=3"): it is drawn, but has no line in a table.
bool is_moment(const CaseName& one);

/// The tables of a row for a short page (brief.cc).
std::vector<Table> brief_tables(const Judged& all);

/// The sections, in the order of the rows.
std::vector<Section> sections_of(const Results& results, const std::vector<GoalResult>& goals);

/// The pictures of a row (pictures.cc).
std::vector<Drawing> drawings_of(const Row& row);

/// The peers without a figure for a metric of a row, and why (notes.cc).
std::vector<std::string> notes_of(const Row& row);

/// The metrics of a row that count no events.
std::vector<std::string> plain_metrics(const Row& row);

}  // namespace vc::compare
