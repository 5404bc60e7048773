// A list of calls: drawn once, so that every peer does exactly the same.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace vc::compare {

/// One call: allocate `size` bytes as object `object`, or free that object (size 0).
struct Step {
  std::uint32_t object = 0;
  std::size_t size = 0;
};

struct ScriptOptions {
  std::size_t smallest = 4096;
  std::size_t largest = 0;
  std::uint64_t most_live = 0;  ///< bytes in use at any time
  std::uint32_t allocations = 0;
  std::uint64_t seed = 20'080'320;
};

struct Script {
  std::vector<Step> steps;
  std::uint32_t objects = 0;  ///< numbers of objects are below
  std::size_t last_free = 0;  ///< from this step on what lives is freed
};

/// Sizes with equal chances for each power of two; where the next would exceed `most_live`, objects
/// drawn at random are freed first. What lives at the end is freed at the end, in the order of
/// allocation. Always the same for the same options.
Script make_script(const ScriptOptions& options);

/// Can this peer only do without a limit? It then does the same calls as those that have one.
bool is_unlimited(const std::string& peer);

}  // namespace vc::compare
