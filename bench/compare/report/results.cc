// Reading results.jsonl.
#include "bench/compare/report/results.h"

#include <algorithm>
#include <cmath>
#include <istream>
#include <nlohmann/json.hpp>

namespace vc::compare {

namespace {

using nlohmann::json;

[[noreturn]] void refuse(const std::string& place, const std::string& what) {
  throw BrokenInput(place + ": " + what);
}

std::string text_of(const json& line, const char* key, const std::string& place) {
  const auto found = line.find(key);
  if (found == line.end()) refuse(place, std::string("no \"") + key + "\"");
  if (!found->is_string()) refuse(place, std::string("\"") + key + "\" is not a text");
  return found->get<std::string>();
}

double number_of(const json& line, const char* key, const std::string& place) {
  const auto found = line.find(key);
  if (found == line.end()) refuse(place, std::string("no \"") + key + "\"");
  if (!found->is_number()) refuse(place, std::string("\"") + key + "\" is not a number");
  const double value = found->get<double>();
  if (!std::isfinite(value)) refuse(place, std::string("\"") + key + "\" is not finite");
  return value;
}

template <class T>
void add_once(std::vector<T>& all, const T& one) {
  if (std::find(all.begin(), all.end(), one) == all.end()) all.push_back(one);
}

Row& row_of(Results& results, const std::string& name) {
  for (Row& row : results.rows) {
    if (row.name == name) return row;
  }
  results.rows.push_back({.name = name, .title = name});
  return results.rows.back();
}

CaseName split(const std::string& name, double at) {
  const std::size_t comma = name.rfind(", ");
  if (comma == std::string::npos) return {name, "", name, at};
  return {name, name.substr(0, comma), name.substr(comma + 2), at};
}

void add_case(Row& row, const std::string& name, double at) {
  const bool known = std::any_of(row.cases.begin(), row.cases.end(),
                                 [&](const CaseName& other) { return other.name == name; });
  if (!known) row.cases.push_back(split(name, at));
}

/// A figure, or why there is none.
void add_figure(Row& row, const json& line, const std::string& peer, const std::string& place) {
  const std::string name = text_of(line, "case", place);
  const std::string metric = text_of(line, "metric", place);
  const double at = number_of(line, "at", place);
  const bool cannot = line.contains("cannot");
  const std::string reason = cannot ? text_of(line, "cannot", place) : "";
  const std::string unit = cannot ? "" : text_of(line, "unit", place);
  const double value = cannot ? 0 : number_of(line, "value", place);
  add_case(row, name, at);
  add_once(row.metrics, metric);
  Cell& cell = row.cells[{name, peer, metric}];
  if (cannot) {
    ++cell.reasons[reason];
    return;
  }
  if (!cell.unit.empty() && cell.unit != unit) {
    refuse(place, "\"unit\" was " + cell.unit + " before and is " + unit + " now");
  }
  cell.unit = unit;
  cell.values.push_back(value);
}

void add_fact(Results& results, const json& line, const std::string& place) {
  const std::string name = text_of(line, "fact", place);
  const std::string text = text_of(line, "text", place);
  if (line.contains("peer")) {
    results.peer_facts[text_of(line, "peer", place)][name] = text;
  } else {
    results.facts[name] = text;
  }
}

void add_line(Results& results, const std::string& text, const std::string& place) {
  const json line = json::parse(text, nullptr, false);
  if (line.is_discarded()) refuse(place, "not JSON: " + text.substr(0, 60));
  if (!line.is_object()) refuse(place, "not an object");
  if (line.contains("fact")) return add_fact(results, line, place);
  const std::string peer = text_of(line, "peer", place);
  Row& row = row_of(results, text_of(line, "row", place));
  add_once(row.peers, peer);
  const bool whole = line.contains("cannot") && !line.contains("case");
  if (whole) {
    ++row.failures[peer][text_of(line, "cannot", place)];
    return;
  }
  add_figure(row, line, peer, place);
}

/// Groups stay as they came; within a group cases stand by `at`. A group of one is none: then the
/// comma was part of a name.
void sort_cases(Row& row) {
  std::map<std::string, int> members;
  for (const CaseName& one : row.cases) ++members[one.group];
  for (CaseName& one : row.cases) {
    if (members[one.group] == 1) one = {one.name, "", one.name, one.at};
  }
  const std::vector<std::string> groups = row.groups();
  const auto rank = [&](const CaseName& one) {
    return std::find(groups.begin(), groups.end(), one.group) - groups.begin();
  };
  std::stable_sort(row.cases.begin(), row.cases.end(), [&](const CaseName& a, const CaseName& b) {
    return std::make_pair(rank(a), a.at) < std::make_pair(rank(b), b.at);
  });
}

/// Puts first, in their order, those of `all` whose key is in `order`.
template <class T, class KeyOf>
void put_in_order(std::vector<T>& all, const std::vector<std::string>& order, KeyOf key_of) {
  const auto rank = [&](const T& one) {
    return std::find(order.begin(), order.end(), key_of(one)) - order.begin();
  };
  std::stable_sort(all.begin(), all.end(),
                   [&](const T& a, const T& b) { return rank(a) < rank(b); });
}

}  // namespace

const Cell* Row::find(const std::string& case_name, const std::string& peer,
                      const std::string& metric) const {
  const auto found = cells.find({case_name, peer, metric});
  return found == cells.end() ? nullptr : &found->second;
}

std::vector<std::string> Row::groups() const {
  std::vector<std::string> all;
  for (const CaseName& one : cases) add_once(all, one.group);
  return all;
}

Results read_results(std::istream& in, const std::string& name) {
  Results results;
  std::size_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.empty()) continue;
    add_line(results, line, name + ":" + std::to_string(number));
  }
  if (results.rows.empty()) refuse(name, "no row was measured");
  for (Row& row : results.rows) sort_cases(row);
  return results;
}

void describe(Results& results, const json& description) {
  const std::string place = "description";
  if (!description.is_array()) refuse(place, "not an array");
  std::vector<std::string> order;
  for (const json& entry : description) {
    const std::string name = text_of(entry, "row", place);
    order.push_back(name);
    for (Row& row : results.rows) {
      if (row.name != name) continue;
      row.title = text_of(entry, "title", place);
      row.what = text_of(entry, "what", place);
      const auto peers = entry.value("peers", std::vector<std::string>{});
      put_in_order(row.peers, peers, [](const std::string& peer) { return peer; });
    }
  }
  put_in_order(results.rows, order, [](const Row& row) { return row.name; });
}

}  // namespace vc::compare
