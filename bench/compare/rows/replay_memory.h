// How much memory this process really holds, as the kernel counts it.
#pragma once

#include <cstdint>

#include "bench/compare/peer.h"

namespace vc::compare {

/// Bytes, from /proc/self/smaps_rollup.
struct HeldMemory {
  std::uint64_t pss = 0;         ///< each page divided by the number of its mappings
  std::uint64_t pss_shared = 0;  ///< of these, memory of a file without a disk (memfd)
  std::uint64_t hugetlb = 0;     ///< pages of the reserved pool, which Pss leaves out
};

/// What this process holds now. Costs milliseconds.
HeldMemory held_memory();

/// What the peer holds: the growth since `before`. An arena's file may have pages that no mapping
/// shows at the moment; they count as well.
std::uint64_t held_by(const Peer& peer, const HeldMemory& before);

}  // namespace vc::compare
