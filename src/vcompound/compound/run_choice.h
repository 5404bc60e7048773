// RunChoice: which free runs a mapped compound is made of.
//
// Picture: three free runs, and a request for 8 frames that must be mapped.
//
//      free runs              [#]   [##]   [########....]      (1, 2 and 12 frames)
//      longest_first                        ^^^^^^^^           1 mapping; the long run is spent
//      smallest_sufficient     ^     ^^     ^^^^^              3 mappings; at most kRunBound
//      smallest_first          ^     ^^     ^^^^^              3 mappings; with 8 runs of one: 8
//
// A mapping is what a run costs at once; a broken long run is what it costs the contiguous requests
// that come later. docs/decisions/0015-choice-of-runs.md measures both.
#pragma once

#include <cstdint>

namespace vc {

/// Which free runs are taken for a mapped compound.
enum class RunChoice : std::uint8_t {
  longest_first,        ///< The fewest, longest runs, whole huge pages first (worst fit).
  smallest_sufficient,  ///< Small blocks that keep the runs few: each has at least 1/16 of
                        ///< the frames (best fit within a bound). If none is left, the longest.
  smallest_first,       ///< Small blocks, where there is nothing larger (as vmalloc).
};

/// `smallest_sufficient` asks for that share of a request in each run, so that it has about as many
/// runs while blocks of that size last.
inline constexpr std::uint64_t kRunBound = 16;

}  // namespace vc
