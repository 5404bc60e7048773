// How the memory of a peer gets fragmented: each pattern fills what the peer has, frees a part, and
// leaves the rest in use. All is drawn from a seed, so it is the same for every peer.
//
//   random    |b|b|b|b|b|b|b|b|b|b|b|b|   32 KiB blocks; 96.8 % of them freed at random (published)
//             | | | | | | | |b| | | | |
//   comb      |b| |b| |b| |b| |b| |b| |   64 KiB blocks; every second one freed, by address
//   comb 4k   the same with 4 KiB: no two free frames lie side by side
//   lifo      mixed sizes until full; the later half freed, last first, but every 16th block stays
//   mixed     mixed sizes, four budgets' worth of allocations at 90 % full; then 60 % freed at
//             random
//
// Mixed sizes: 4 KiB to 4 MiB, whole pages, every power of two equally likely.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bench/compare/peer.h"
#include "vcompound/base/random.h"

namespace vc::compare {

inline constexpr std::uint64_t kPage = 4096;

/// Memory of a peer, with words written into it that tell whose it is.
struct Block {
  void* data = nullptr;
  std::uint64_t size = 0;  ///< as requested
  std::uint64_t id = 0;
};

/// The blocks in use, with the calls of a peer. A refusal is an ordinary answer.
class Holding {
 public:
  explicit Holding(const Peer& peer) : peer_(peer) {}
  ~Holding() { free_all(); }
  Holding(const Holding&) = delete;
  Holding& operator=(const Holding&) = delete;

  /// One block more; false: refused.
  bool allocate(std::uint64_t size);
  /// Frees one; the last takes its place. Ends the process if its words are not as written.
  void free(std::size_t index);
  void free_all();
  /// Ends the process if a word of any block is not as written: then blocks overlap.
  void check() const;

  std::vector<Block>& blocks() { return blocks_; }
  /// Bytes in use as requested, each block rounded up to 4 KiB.
  std::uint64_t live() const { return live_; }

 private:
  const Peer& peer_;
  std::vector<Block> blocks_;
  std::uint64_t live_ = 0;
  std::uint64_t next_id_ = 1;
};

struct Pattern {
  const char* name;
  /// Fragments an empty peer that can hand out `usable` bytes.
  void (*make)(Holding& holding, std::uint64_t usable, Random& random);
};

inline constexpr std::size_t kPatternCount = 5;
extern const Pattern kPatterns[kPatternCount];

}  // namespace vc::compare
