// Medians, spread and the best peer.
#include "bench/compare/report/statistics.h"

#include <algorithm>
#include <cmath>

namespace vc::compare {

double quantile(const std::vector<double>& sorted, double q) {
  const double at = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  const double part = at - static_cast<double>(below);
  return sorted[below] + part * (sorted[above] - sorted[below]);
}

std::optional<Summary> summarise(std::vector<double> values) {
  if (values.empty()) return std::nullopt;
  std::sort(values.begin(), values.end());
  const double median = quantile(values, 0.5);
  const double middle_half = quantile(values, 0.75) - quantile(values, 0.25);
  return Summary{.median = median,
                 .least = values.front(),
                 .greatest = values.back(),
                 .spread = median == 0 ? 0 : middle_half / std::abs(median),
                 .count = values.size()};
}

std::optional<Summary> summary_of(const Row& row, const std::string& case_name,
                                  const std::string& peer, const std::string& metric) {
  const Cell* cell = row.find(case_name, peer, metric);
  return cell == nullptr ? std::nullopt : summarise(cell->values);
}

Better better_of(const std::string& metric, const std::string& unit) {
  if (metric == "free" || metric == "live") return Better::kNone;
  if (unit == "ns" || unit == "us" || unit == "ms" || unit == "bytes") return Better::kLess;
  if (is_event(metric) || metric == "refused" || metric == "held") return Better::kLess;
  if (unit == "per_second" || metric == "scaling" || metric == "availability") return Better::kMore;
  if (metric.starts_with("contiguous") || metric.starts_with("huge")) return Better::kMore;
  return Better::kNone;
}

std::string unit_of(const Row& row, const std::string& metric) {
  for (const auto& [key, cell] : row.cells) {
    if (std::get<2>(key) == metric && !cell.unit.empty()) return cell.unit;
  }
  return "";
}

bool is_event(const std::string& metric) {
  return metric == "page_faults" || metric == "system_calls" || metric == "tlb_misses";
}

bool is_ours(const std::string& peer) { return peer.starts_with(kOurs); }

bool is_variant(const Row& row, const std::string& peer) {
  if (peer.ends_with("_budget")) return false;
  return std::any_of(row.peers.begin(), row.peers.end(),
                     [&](const std::string& other) { return peer.starts_with(other + "_"); });
}

bool refuses(const Row& row, const std::string& case_name, const std::string& peer) {
  const auto refused = summary_of(row, case_name, peer, "refused");
  return refused && refused->median > 1 && unit_of(row, "refused") == "percent";
}

bool exceeds(const Row& row, const std::string& case_name, const std::string& peer) {
  const auto held = summary_of(row, case_name, peer, "held");
  return held && held->median > 110 && unit_of(row, "held") == "percent";
}

std::optional<Best> best_peer(const Row& row, const std::string& case_name,
                              const std::string& metric, Contest contest,
                              const std::vector<std::string>& without) {
  const Better better = better_of(metric, unit_of(row, metric));
  if (better == Better::kNone) return std::nullopt;
  std::optional<Best> best;
  for (const std::string& peer : row.peers) {
    if (is_ours(peer) || peer == kFloor || is_variant(row, peer)) continue;
    if (std::find(without.begin(), without.end(), peer) != without.end()) continue;
    if (refuses(row, case_name, peer)) continue;
    if (contest == Contest::kWithinBudget && exceeds(row, case_name, peer)) continue;
    const auto summary = summary_of(row, case_name, peer, metric);
    if (!summary) continue;
    const bool first = !best;
    const bool less = !first && summary->median < best->summary.median;
    const bool more = !first && summary->median > best->summary.median;
    if (first || (better == Better::kLess ? less : more)) best = Best{peer, *summary};
  }
  return best;
}

}  // namespace vc::compare
