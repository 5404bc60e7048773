// What the benchmark programs share: main(), its defaults, and the common loops.
//
// Each program defines register_benchmarks(). main() is in harness.cc: it loads and verifies the
// peers, then runs Google Benchmark with these defaults (the command line may override them):
//   --benchmark_enable_random_interleaving   repetitions of all benchmarks in random order, so that
//                                            a slow minute of the machine hits all of them
//   --benchmark_repetitions=9                the summary uses the median over the repetitions
//
// Names are "benchmark/allocator/size in bytes": the summary pairs them by this.
#pragma once

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "bench/allocators.h"

namespace vc::bench {

/// Defined by each program: registers what it measures.
void register_benchmarks();

/// Which byte of each page is written.
enum class Touch : bool {
  first,   ///< the first; in page-aligned blocks all of these compete for one set of the L1 cache
  spread,  ///< one that lies elsewhere in each page, as data in use does
};

/// Writes one byte to each 4 KiB page.
template <Touch kTouch = Touch::first>
void touch_pages(void* memory, std::size_t size) {
  volatile char* byte = static_cast<char*>(memory);
  for (std::size_t at = 0; at < size; at += 4096) {
    // Fibonacci hashing: one of the 64 cache lines of the page.
    const auto line = static_cast<std::uint32_t>(at >> 12) * 0x9e37'79b1U >> 26;
    const std::size_t offset = kTouch == Touch::spread ? std::size_t{line} * 64 : 0;
    byte[at + offset] = static_cast<char>(at >> 12);
  }
}

/// "benchmark/who/size".
inline std::string name_of_run(const char* benchmark, const char* who, std::size_t size) {
  return std::string(benchmark) + "/" + who + "/" + std::to_string(size);
}

/// Calls visit(size) for each power of two from first to last.
template <class Visitor>
void for_each_size(std::size_t first, std::size_t last, Visitor&& visit) {
  for (std::size_t size = first; size <= last; size *= 2) visit(size);
}

/// Calls visit.operator()<Allocator>() for vcompound and each peer.
template <class Visitor>
void for_each_allocator(Visitor&& visit) {
  visit.template operator()<Ours>();
  visit.template operator()<Glibc>();
  visit.template operator()<Mimalloc>();
  visit.template operator()<Jemalloc>();
}

}  // namespace vc::bench
