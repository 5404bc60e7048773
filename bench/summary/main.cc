// bench_summary: reads the JSON files of the benchmark programs, writes summary.json and a table.
//
//     bench_summary --out summary.json [--fact KEY=VALUE]... RESULT.json...
//
// Exit status: 0 every row has a figure (met or not), 1 a figure is missing, 2 bad usage or input.
#include <cstdio>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/summary/machine.h"
#include "bench/summary/measurements.h"
#include "bench/summary/rows.h"

namespace {

using vc::bench::Row;

struct Arguments {
  std::string out;
  std::map<std::string, std::string> facts;
  std::vector<std::string> files;
};

bool parse(int argc, char** argv, Arguments& arguments) {
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word != "--out" && word != "--fact") {
      arguments.files.push_back(word);
      continue;
    }
    if (++i == argc) return false;
    const std::string value = argv[i];
    if (word == "--out") {
      arguments.out = value;
      continue;
    }
    const std::size_t equals = value.find('=');
    if (equals == std::string::npos) return false;
    arguments.facts[value.substr(0, equals)] = value.substr(equals + 1);
  }
  return !arguments.out.empty() && !arguments.files.empty();
}

nlohmann::ordered_json to_json(const Row& row) {
  nlohmann::ordered_json j;
  j["name"] = row.name;
  j["size"] = row.size;
  j["ours"] = row.ours;
  j["peer"] = row.peer;
  j["peer_value"] = row.peer_value;
  j["unit"] = row.unit;
  j["ratio"] = row.ratio;
  j["goal"] = row.goal.text();
  if (row.goal.kind != vc::bench::Goal::Kind::none) j["met"] = row.met();
  if (!row.error.empty()) j["error"] = row.error;
  for (const auto& [name, value] : row.more) j["more"][name] = value;
  return j;
}

std::string readable_size(std::uint64_t bytes) {
  static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  for (; unit < 4 && bytes >= 1024 && bytes % 1024 == 0; ++unit) bytes /= 1024;
  return std::to_string(bytes) + " " + kUnits[unit];
}

std::string readable(double value, const std::string& unit) {
  char text[48];
  if (unit == "ns" && value >= 1e6) {
    std::snprintf(text, sizeof(text), "%.2f ms", value / 1e6);
  } else if (unit == "ns" && value >= 1e4) {
    std::snprintf(text, sizeof(text), "%.1f us", value / 1e3);
  } else if (unit == "bytes") {
    std::snprintf(text, sizeof(text), "%.2f MiB", value / (1 << 20));
  } else {
    std::snprintf(text, sizeof(text), "%.2f%s", value, unit == "ns" ? " ns" : "");
  }
  return text;
}

const char* verdict(const Row& row) {
  if (!row.error.empty()) return "NO FIGURE";
  if (row.goal.kind == vc::bench::Goal::Kind::none) return "";
  return row.met() ? "met" : "MISSED";
}

void print(const Row& row) {
  std::printf("%-24s %9s %12s %-16s %12s %9.4f %-8s %s\n", row.name.c_str(),
              readable_size(row.size).c_str(), readable(row.ours, row.unit).c_str(),
              row.peer.c_str(), readable(row.peer_value, row.unit).c_str(), row.ratio,
              row.goal.text().c_str(), verdict(row));
  if (!row.error.empty()) std::printf("    %s\n", row.error.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (!parse(argc, argv, arguments)) {
    std::fprintf(stderr, "usage: %s --out FILE [--fact KEY=VALUE]... RESULT.json...\n", argv[0]);
    return 2;
  }
  vc::bench::Measurements measurements;
  for (const std::string& file : arguments.files) {
    const std::string problem = measurements.read(file);
    if (problem.empty()) continue;
    std::fprintf(stderr, "bench_summary: %s\n", problem.c_str());
    return 2;
  }

  const std::vector<Row> rows = vc::bench::make_rows(measurements);
  nlohmann::ordered_json summary;
  for (const auto& [name, value] : vc::bench::machine_facts()) summary["machine"][name] = value;
  for (const auto& [name, value] : arguments.facts) summary["facts"][name] = value;
  std::printf("%-24s %9s %12s %-16s %12s %9s %-8s\n", "name", "size", "ours", "peer", "peer value",
              "ratio", "goal");
  std::size_t goals = 0;
  std::size_t met = 0;
  bool complete = true;
  for (const Row& row : rows) {
    print(row);
    summary["rows"].push_back(to_json(row));
    complete = complete && row.error.empty();
    if (row.goal.kind == vc::bench::Goal::Kind::none) continue;
    ++goals;
    if (row.met()) ++met;
  }
  std::printf("%zu of %zu goals met\n", met, goals);

  std::ofstream out(arguments.out);
  out << summary.dump(2) << '\n';
  if (!out.flush()) {
    std::fprintf(stderr, "bench_summary: cannot write %s\n", arguments.out.c_str());
    return 2;
  }
  return complete ? 0 : 1;
}
