// From the figures of all repetitions to one, and how far they lie apart.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "bench/compare/report/results.h"

namespace vc::compare {

struct Summary {
  double median = 0;
  double least = 0;
  double greatest = 0;
  double spread = 0;  ///< the middle half of the figures, divided by the median: (p75 - p25) / p50
  std::size_t count = 0;
};

/// The value below which the share `q` of the sorted values lies, between neighbours by their
/// distance. `sorted` is not empty.
double quantile(const std::vector<double>& sorted, double q);

/// Nothing for no values.
std::optional<Summary> summarise(std::vector<double> values);

/// The summary of a row's cell.
std::optional<Summary> summary_of(const Row& row, const std::string& case_name,
                                  const std::string& peer, const std::string& metric);

/// Which figures are the better ones; kNone: the figure only describes.
enum class Better { kLess, kMore, kNone };
Better better_of(const std::string& metric, const std::string& unit);

/// The unit of a metric of a row: "" when it has no figure.
std::string unit_of(const Row& row, const std::string& metric);

/// Event counts: page_faults, system_calls, tlb_misses.
bool is_event(const std::string& metric);

/// Whether a peer's name says that it is ours, with some setting or without.
bool is_ours(const std::string& peer);
inline constexpr const char* kOurs = "vcompound";
/// The peer that is no allocator (peers/floor.cc): what it takes bounds all others.
inline constexpr const char* kFloor = "floor";

/// Whether a peer of a row is another one of the row with a setting: its name is that one's, an
/// underscore, and the setting ("glibc_thp" beside "glibc"). Such variants inform; no goal counts
/// them. The suffix "_budget" makes none: it is the only way to give that peer a fixed memory.
bool is_variant(const Row& row, const std::string& peer);

/// Who may be the best: those that stay within the budget of a case, if it has one, or all.
enum class Contest { kWithinBudget, kAll };
/// The best of the peers that are not ours, no variants, allocators (not kFloor), and not in
/// `without`.
struct Best {
  std::string peer;
  Summary summary;
};
std::optional<Best> best_peer(const Row& row, const std::string& case_name,
                              const std::string& metric, Contest contest = Contest::kWithinBudget,
                              const std::vector<std::string>& without = {});

/// Whether the peer's figures do not count in a case: it refused more than 1 % of the requests.
bool refuses(const Row& row, const std::string& case_name, const std::string& peer);

/// Whether the peer does a case outside its budget: it held more than that and a tenth.
bool exceeds(const Row& row, const std::string& case_name, const std::string& peer);

}  // namespace vc::compare
