// Reading Google Benchmark's JSON.
#include "bench/summary/measurements.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

namespace vc::bench {

namespace {

using nlohmann::json;

/// "benchmark/who/size/anything" in parts; false if it is not of that form.
bool parse_name(const std::string& name, std::string& benchmark, std::string& who,
                std::uint64_t& size) {
  const std::size_t first = name.find('/');
  if (first == std::string::npos) return false;
  const std::size_t second = name.find('/', first + 1);
  if (second == std::string::npos) return false;
  benchmark = name.substr(0, first);
  who = name.substr(first + 1, second - first - 1);
  const std::string digits = name.substr(second + 1, name.find('/', second + 1) - second - 1);
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string::npos) return false;
  size = std::stoull(digits);
  return true;
}

double nanoseconds(const std::string& unit) {
  if (unit == "us") return 1e3;
  if (unit == "ms") return 1e6;
  return unit == "s" ? 1e9 : 1;
}

/// What Google Benchmark writes besides a program's own counters.
bool is_own_field(const std::string& name) {
  static const std::set<std::string> own{"family_index",    "per_family_instance_index",
                                         "repetitions",     "repetition_index",
                                         "threads",         "iterations",
                                         "real_time",       "cpu_time",
                                         "items_per_second"};
  return own.contains(name);
}

/// Google Benchmark writes NaN (the variation of counters that are 0), which JSON does not have.
std::string without_nan(const std::string& text) {
  return std::regex_replace(text, std::regex(": -?(NaN|nan|Infinity|inf)\\b"), ": null");
}

void add(Measurement& m, const json& run) {
  if (run.value("error_occurred", false)) {
    m.error = run.value("error_message", "it failed");
    return;
  }
  const double unit = nanoseconds(run.value("time_unit", "ns"));
  m.cpu.push_back(run.at("cpu_time").get<double>() * unit);
  m.real.push_back(run.at("real_time").get<double>() * unit);
  for (const auto& [name, value] : run.items()) {
    if (value.is_number() && !is_own_field(name)) m.counters[name] = value.get<double>();
  }
}

}  // namespace

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  if (values.size() % 2 == 1) return values[middle];
  return (values[middle - 1] + values[middle]) / 2;
}

double smallest(const std::vector<double>& values) {
  return values.empty() ? 0 : *std::min_element(values.begin(), values.end());
}

std::string Measurements::read(const std::string& path) {
  std::ifstream in(path);
  if (!in) return path + ": cannot be read";
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const json file = json::parse(without_nan(text), nullptr, false);
  if (file.is_discarded() || !file.contains("benchmarks")) {
    return path + ": is not what Google Benchmark writes (was the program stopped?)";
  }
  for (const json& run : file["benchmarks"]) {
    std::string benchmark;
    std::string who;
    std::uint64_t size = 0;
    if (run.value("run_type", "") != "iteration") continue;
    if (!parse_name(run.value("run_name", ""), benchmark, who, size)) continue;
    add(all_[{benchmark, who, size}], run);
  }
  return "";
}

const Measurement* Measurements::find(const std::string& benchmark, const std::string& who,
                                      std::uint64_t size) const {
  const auto found = all_.find({benchmark, who, size});
  if (found == all_.end() || !found->second.error.empty()) return nullptr;
  return &found->second;
}

std::string Measurements::why_missing(const std::string& benchmark, const std::string& who,
                                      std::uint64_t size) const {
  const auto found = all_.find({benchmark, who, size});
  const std::string name = benchmark + "/" + who + "/" + std::to_string(size);
  return name + (found == all_.end() ? ": was not run" : ": " + found->second.error);
}

std::vector<std::uint64_t> Measurements::sizes(const std::string& benchmark,
                                               const std::string& who) const {
  std::set<std::uint64_t> sizes;
  for (const auto& [key, measurement] : all_) {
    if (std::get<0>(key) == benchmark && std::get<1>(key) == who) sizes.insert(std::get<2>(key));
  }
  return {sizes.begin(), sizes.end()};
}

}  // namespace vc::bench
