// What page and Markdown say in words.
#include <algorithm>
#include <array>

#include "bench/compare/report/output.h"

namespace vc::compare {

std::string summary_line(const std::vector<GoalResult>& goals) {
  const GoalCount counted = count(goals);
  return std::to_string(counted.met) + " of " + std::to_string(counted.of) + " goals met";
}

std::vector<std::string> how_to_read() {
  return {
      "Each figure is the median over the repetitions. Each repetition of each row with each peer "
      "is a process of its own, and within a repetition all of them run in an order drawn at "
      "random. Where the middle half of the figures spans a tenth of the median or more, half of "
      "that span is told: ±7 %. compare.json has every single figure.",
      "Best peer: the best of those that are not vcompound, in their default settings. A variant "
      "is "
      "a peer whose name is another peer's and a setting (glibc_thp, jemalloc_kept): it is shown, "
      "but no goal counts it, because a program that links that peer does not get it. Only _budget "
      "is no such setting: it is how that peer is given a fixed memory at all. A peer that refuses "
      "more than 1 % of the requests of a case is not the best there, nor is floor, which is no "
      "allocator: sixteen blocks that always exist. A goal that floor misses, too, is told apart. "
      "\"–\": no figure; the notes "
      "below the tables say why.",
  };
}

std::vector<std::pair<std::string, std::string>> facts_to_show(const Results& results) {
  // These first, in this order; then what else there is.
  static constexpr std::array kFirst = {"date",   "command", "commit",   "cpu",     "cpus",
                                        "memory", "kernel",  "compiler", "settings"};
  std::vector<std::pair<std::string, std::string>> all;
  for (const char* name : kFirst) {
    const auto found = results.facts.find(name);
    if (found != results.facts.end()) all.emplace_back(*found);
  }
  for (const auto& [name, text] : results.facts) {
    bool shown = false;
    for (const char* first : kFirst) shown = shown || name == first;
    if (!shown) all.emplace_back(name, text);
  }
  for (const auto& [peer, facts] : results.peer_facts) {
    const auto version = facts.find("version");
    const bool known = std::any_of(all.begin(), all.end(), [&name = peer](const auto& shown) {
      return name.starts_with(shown.first + "_");  // a variant is the same library
    });
    if (version != facts.end() && !known) all.emplace_back(peer, version->second);
  }
  return all;
}

}  // namespace vc::compare
