// Results as the workers write them, for the tests of the report.
#pragma once

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "bench/compare/report/results.h"

namespace vc::compare::test {

/// One line with a figure.
inline std::string figure(const std::string& row, const std::string& where, double at,
                          const std::string& peer, const std::string& metric,
                          const std::string& unit, double value) {
  return nlohmann::json{{"row", row},       {"case", where}, {"at", at},      {"peer", peer},
                        {"metric", metric}, {"unit", unit},  {"value", value}}
             .dump() +
         "\n";
}

/// One line without one.
inline std::string cannot(const std::string& row, const std::string& where, double at,
                          const std::string& peer, const std::string& metric,
                          const std::string& reason) {
  return nlohmann::json{{"row", row},   {"case", where},    {"at", at},
                        {"peer", peer}, {"metric", metric}, {"cannot", reason}}
             .dump() +
         "\n";
}

inline Results read(const std::string& lines) {
  std::istringstream in(lines);
  return read_results(in, "sample");
}

/// A pair of times at one size: ours and a peer's.
inline std::string pair_at(const std::string& size, double at, double ours, double peer) {
  return figure("pair", size, at, "vcompound", "time", "ns", ours) +
         figure("pair", size, at, "glibc", "time", "ns", peer);
}

}  // namespace vc::compare::test
