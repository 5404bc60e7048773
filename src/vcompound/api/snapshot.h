// Snapshot: everything that Arena::stats(Format) shows, taken once and then written in one of three
// formats. Writing needs no arena.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "vcompound/arena.h"

namespace vc {

/// The sizes whose availability is shown: 64 KiB to 64 MiB.
std::vector<Bytes> shown_sizes();

/// What an arena says of itself at one moment.
struct Snapshot {
  /// A call site by name. A line in a header is one site however many files include it.
  struct Site {
    std::string name;
    std::uint64_t contiguous = 0;
    std::uint64_t mapped = 0;
    std::uint64_t refused = 0;
  };
  struct Availability {
    Bytes size;
    double share = 0;  ///< 0 to 1
  };

  Stats stats;
  FrameSize frame_size;
  Bytes committed_huge;
  Bytes metadata;
  std::vector<std::uint64_t> free_blocks;  ///< by order
  std::vector<Availability> availability;
  std::vector<NodeInfo> nodes;
  std::vector<Site> sites;

  std::uint64_t bytes(PageCount pages) const { return frame_size.bytes(pages).value; }
};

/// Asks the arena. Thread-safe; O(free runs + sites).
Snapshot take_snapshot(const Arena& arena);

/// For people: one figure per line.
std::string to_text(const Snapshot& snapshot);
/// One JSON object; sizes in bytes.
std::string to_json(const Snapshot& snapshot);
/// The text format of Prometheus, version 0.0.4.
std::string to_prometheus(const Snapshot& snapshot);

}  // namespace vc
