// What Google Benchmark wrote: reading its JSON files back.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

namespace vc::bench {

/// The repetitions of one benchmark. Times are nanoseconds per iteration.
struct Measurement {
  std::vector<double> cpu;
  std::vector<double> real;
  std::map<std::string, double> counters;  ///< of the last repetition
  std::string error;                       ///< why it could not be measured
};

/// The median; 0 for no values.
double median(std::vector<double> values);
/// The smallest; 0 for no values.
double smallest(const std::vector<double>& values);

/// Which measurement: names are "benchmark/who/size".
using Key = std::tuple<std::string, std::string, std::uint64_t>;

/// All measurements of a run.
class Measurements {
 public:
  /// Adds those of one file. Returns what is wrong with the file, or "".
  std::string read(const std::string& path);
  /// A measurement that succeeded, or nullptr.
  const Measurement* find(const std::string& benchmark, const std::string& who,
                          std::uint64_t size) const;
  /// Why find() gave nullptr.
  std::string why_missing(const std::string& benchmark, const std::string& who,
                          std::uint64_t size) const;
  /// The sizes at which a benchmark was measured, ascending.
  std::vector<std::uint64_t> sizes(const std::string& benchmark, const std::string& who) const;

 private:
  std::map<Key, Measurement> all_;
};

}  // namespace vc::bench
