// What the benchmark programs share: main() and its defaults.
//
// Each program defines register_benchmarks(). main() is in harness.cc: it runs Google Benchmark
// with these defaults (the command line may override them):
//   --benchmark_enable_random_interleaving   repetitions of all benchmarks in random order, so that
//                                            a slow minute of the machine hits all of them
//   --benchmark_repetitions=9                the summary uses the median over the repetitions
//
// Names are "benchmark/variant/size in bytes": the summary pairs them by this.
#pragma once

#include <benchmark/benchmark.h>

#include <cstddef>
#include <string>

#include "vcompound/arena.h"

namespace vc::bench {

/// Defined by each program: registers what it measures.
void register_benchmarks();

/// Writes the first byte of each 4 KiB page.
inline void touch_pages(void* memory, std::size_t size) {
  volatile char* byte = static_cast<char*>(memory);
  for (std::size_t at = 0; at < size; at += 4096) byte[at] = static_cast<char>(at >> 12);
}

/// "benchmark/variant/size".
inline std::string name_of_run(const char* benchmark, const char* variant, std::size_t size) {
  return std::string(benchmark) + "/" + variant + "/" + std::to_string(size);
}

}  // namespace vc::bench
