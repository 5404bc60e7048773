// The rows of the summary: each compares one figure of ours with one of a peer, against a goal.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "bench/summary/measurements.h"

namespace vc::bench {

/// A bound on a ratio. Informative rows have none.
struct Goal {
  enum class Kind { none, at_most, below };
  Kind kind = Kind::none;
  double bound = 0;

  bool is_met_by(double ratio) const;
  std::string text() const;  ///< "<= 0.7"; "" for none
};

/// `ratio` is ours / peer_value. Times are nanoseconds of processor time per operation (medians
/// over the repetitions) where `unit` is "ns".
struct Row {
  std::string name;
  std::uint64_t size = 0;
  double ours = 0;
  std::string peer;
  double peer_value = 0;
  std::string unit;
  double ratio = 0;
  Goal goal;
  std::string error{};                   ///< why there is no figure
  std::map<std::string, double> more{};  ///< further figures: ratio by real time, counters, ...

  bool met() const { return error.empty() && goal.is_met_by(ratio); }
};

/// All rows, in the order of the table.
std::vector<Row> make_rows(const Measurements& measurements);

}  // namespace vc::bench
