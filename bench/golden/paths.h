// The fast paths whose instructions are counted: each is one function that does it `count` times.
//
// The counts must depend on the code alone, so nothing in a path may depend on an address, on the
// processor or on the kernel:
//   - call sites are numbers, not file names: the table of sites is hashed by what they are;
//   - all memory is there from the start, so the kernel has nothing to do;
//   - each path leaves the arenas as it found them, and its first run makes them warm.
#pragma once

#include <cstdint>
#include <span>

namespace vc::golden {

/// A path by the name of its function. `run(count)` does it `count` times.
struct Path {
  const char* name;
  void (*run)(std::uint64_t count);
};

/// All of them. `run` can do no more than kMostCount.
std::span<const Path> paths();

inline constexpr std::uint64_t kMostCount = 128;

/// Makes the arenas that the paths use, and what is live in them. Ends the program if it cannot.
void open_arenas();
/// Proves that the paths were those their names say and the arenas are sound, and ends them.
void close_arenas();

}  // namespace vc::golden
