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
  std::vector<double> items_per_second;    ///< by real time
  std::map<std::string, double> counters;  ///< of the last repetition
  std::string error;                       ///< why it could not be measured
};

/// The median; 0 for no values.
double median(std::vector<double> values);
/// The smallest; 0 for no values.
double smallest(const std::vector<double>& values);

/// Which measurement: names are "benchmark/who/size", and the number of threads.
using Key = std::tuple<std::string, std::string, std::uint64_t, int>;

/// All measurements of a run.
class Measurements {
 public:
  /// Adds those of one file. Returns what is wrong with the file, or "".
  std::string read(const std::string& path);
  /// A measurement that succeeded, or nullptr.
  const Measurement* find(const std::string& benchmark, const std::string& who, std::uint64_t size,
                          int threads = 1) const;
  /// Why find() gave nullptr.
  std::string why_missing(const std::string& benchmark, const std::string& who, std::uint64_t size,
                          int threads = 1) const;
  /// The sizes at which a benchmark was measured, ascending.
  std::vector<std::uint64_t> sizes(const std::string& benchmark, const std::string& who) const;
  /// Versions of the peers, as the programs found them.
  const std::map<std::string, std::string>& peers() const { return peers_; }

 private:
  std::map<Key, Measurement> all_;
  std::map<std::string, std::string> peers_;
};

}  // namespace vc::bench
