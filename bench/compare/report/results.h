// What the workers found, read from results.jsonl: one JSON object in a line.
//
//   {"repetition":1,"row":"pair","case":"64 KiB","at":65536,"peer":"glibc","metric":"time",
//    "unit":"ns","value":27.1}                        a figure
//   {…,"metric":"time","cannot":"refused"}            why there is none
//   {"repetition":1,"row":"pair","peer":"glibc","cannot":"ended by signal 11"}   the whole process
//   {"row":"pair","peer":"glibc","fact":"version","text":"2.36"}                 about a peer
//   {"fact":"date","text":"…"}                        about the comparison
#pragma once

#include <cstddef>
#include <iosfwd>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

namespace vc::compare {

/// What all repetitions found for one case, peer and metric.
struct Cell {
  std::string unit{};
  std::vector<double> values{};
  std::map<std::string, std::size_t> reasons{};  ///< why there is no figure, and how often
};

/// One case of a row: "random, 1 MiB" is the case "1 MiB" of the group "random".
struct CaseName {
  std::string name{};
  std::string group{};
  std::string label{};
  double at = 0;
};

/// One row with everything that is known of it.
struct Row {
  std::string name{};
  std::string title{};
  std::string what{};
  std::vector<std::string> peers{};    ///< in the order of the tables
  std::vector<CaseName> cases{};       ///< groups as they came, within a group by `at`
  std::vector<std::string> metrics{};  ///< as they came
  std::map<std::tuple<std::string, std::string, std::string>, Cell> cells{};  ///< case peer metric
  std::map<std::string, std::map<std::string, std::size_t>> failures{};  ///< of whole processes

  /// nullptr when nothing was said about it.
  [[nodiscard]] const Cell* find(const std::string& case_name, const std::string& peer,
                                 const std::string& metric) const;
  /// The groups of the cases, each once.
  [[nodiscard]] std::vector<std::string> groups() const;
};

struct Results {
  std::vector<Row> rows{};
  std::map<std::string, std::string> facts{};
  std::map<std::string, std::map<std::string, std::string>> peer_facts{};  ///< peer, name: text
};

/// A file that is not what it should be; says where and what.
struct BrokenInput : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Reads the lines. `name` is for messages: "results.jsonl:17: no \"unit\"". Throws BrokenInput.
Results read_results(std::istream& in, const std::string& name);

/// Takes titles, texts and the order of rows and peers from `compare_worker --describe`. Rows that
/// it does not know stay, behind the others. Throws BrokenInput.
void describe(Results& results, const nlohmann::json& description);

}  // namespace vc::compare
