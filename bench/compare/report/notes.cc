// Who cannot do what, and why, in few sentences.
#include <algorithm>
#include <set>

#include "bench/compare/report/format.h"
#include "bench/compare/report/sections.h"
#include "bench/compare/report/statistics.h"

namespace vc::compare {

namespace {

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : "; ") + part;
  return text;
}

/// "4 KiB", "4 KiB and 8 KiB", "4 KiB to 1 GiB (19 cases)".
std::string cases_text(const std::vector<std::string>& names) {
  if (names.size() == 1) return names.front();
  if (names.size() == 2) return names.front() + " and " + names.back();
  return names.front() + " … " + names.back() + " (" + std::to_string(names.size()) + " cases)";
}

/// Reasons of one peer for one metric, each with the cases it was given for. A peer that has
/// figures in every repetition but some is told as well.
std::map<std::string, std::vector<std::string>> reasons_of(const Row& row, const std::string& peer,
                                                           const std::string& metric) {
  std::map<std::string, std::vector<std::string>> all;
  for (const CaseName& one : row.cases) {
    const Cell* cell = row.find(one.name, peer, metric);
    if (cell == nullptr) continue;
    for (const auto& [reason, times] : cell->reasons) {
      const std::size_t tried = times + cell->values.size();
      const bool sometimes = !cell->values.empty();
      all[reason].push_back(sometimes ? one.name + " (" + std::to_string(times) + " of " +
                                            std::to_string(tried) + " times)"
                                      : one.name);
    }
  }
  return all;
}

bool has_figures(const Row& row, const std::string& peer) {
  return std::any_of(row.cells.begin(), row.cells.end(), [&](const auto& entry) {
    return std::get<1>(entry.first) == peer && !entry.second.values.empty();
  });
}

/// A peer without one figure: its reasons, without the cases, each once.
std::string note_of_absent(const Row& row, const std::string& peer) {
  std::set<std::string> reasons;
  for (const auto& [key, cell] : row.cells) {
    if (std::get<1>(key) != peer) continue;
    for (const auto& [reason, times] : cell.reasons) reasons.insert(reason);
  }
  const std::vector<std::string> list(reasons.begin(), reasons.end());
  return list.empty() ? "" : peer + " cannot do this: " + joined(list) + ".";
}

/// Reasons that are the same for several peers and metrics are told once.
using Told = std::map<std::string, std::set<std::string>>;  ///< sentence: peers

void add_partial(const Row& row, const std::string& peer, Told& told) {
  for (const std::string& metric : row.metrics) {
    for (const auto& [reason, cases] : reasons_of(row, peer, metric)) {
      const bool everywhere = cases.size() == row.cases.size();
      const std::string where = everywhere ? "" : ", " + cases_text(cases);
      told["no " + metric_text(metric) + where + ": " + reason + "."].insert(peer);
    }
  }
}

std::string names_text(const Row& row, const std::set<std::string>& peers) {
  if (peers.size() == row.peers.size() && peers.size() > 1) return "Every peer";
  std::string text;
  for (const std::string& peer : peers) text += (text.empty() ? "" : ", ") + peer;
  return text;
}

}  // namespace

std::vector<std::string> notes_of(const Row& row) {
  std::vector<std::string> notes;
  Told told;
  for (const std::string& peer : row.peers) {
    const auto failed = row.failures.find(peer);
    if (failed != row.failures.end()) {
      for (const auto& [reason, times] : failed->second) {
        notes.push_back(peer + ": its process failed " + std::to_string(times) +
                        (times == 1 ? " time: " : " times: ") + reason + ".");
      }
    }
    if (has_figures(row, peer)) {
      add_partial(row, peer, told);
    } else if (const std::string note = note_of_absent(row, peer); !note.empty()) {
      notes.push_back(note);
    }
  }
  for (const auto& [sentence, peers] : told) {
    notes.push_back(names_text(row, peers) + ": " + sentence);
  }
  for (const CaseName& one : row.cases) {
    for (const std::string& peer : row.peers) {
      if (!is_ours(peer) && refuses(row, one.name, peer)) {
        notes.push_back(peer + " refused more than 1 % in " + one.name +
                        ", so it does not count as the best peer there.");
      }
      if (!is_ours(peer) && exceeds(row, one.name, peer)) {
        const auto held = summary_of(row, one.name, peer, "held");
        notes.push_back(peer + " held " + value_text(held->median, "percent") +
                        " of the budget in " + one.name +
                        ", so it does not count as the best peer there.");
      }
    }
  }
  return notes;
}

}  // namespace vc::compare
