// experiment.h — the published fragmentation experiment, on real memory.
//
//   fill        |bbbb|bbbb|bbbb|bbbb|bbbb|bbbb|bbbb|bbbb|    the whole budget in blocks
//   free        |    |    |bbbb|    |    |    |bbbb|    |    a share of them, chosen at random
//   hand out    |pppp|pppp|bbbb|pppp|    |    |bbbb|    |    pieces until one is refused:
//                 contiguous only: as long as a run is left
//               |pppp|pppp|bbbb|pppp|qqqq|qqqq|bbbb|qqqq|    preferred: as long as frames are left
//
// Every piece is written as soon as it is handed out, with words that depend on the piece and the
// offset; when no piece is left, all pieces and all blocks that were not freed are read again. So
// an overlap, a wrong mapping or a page lost is found.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/vcompound/availability/samples.h"
#include "tools/vcompound/report/report.h"
#include "vcompound/arena.h"

namespace vc::tool {

/// What the arena is filled with.
struct Setting {
  std::uint64_t block = 0;  ///< bytes of a block
  double freed = 0;         ///< share of the blocks that is freed, 0 to 1
  std::uint64_t seed = 0;   ///< chooses which
};

/// A fragmented arena, described.
struct Fragmentation {
  std::uint64_t blocks = 0;       ///< blocks that filled the arena
  std::uint64_t blocks_live = 0;  ///< of these, not freed
  std::uint64_t free_bytes = 0;
  std::uint64_t free_runs = 0;    ///< runs of adjacent free frames
  std::uint64_t largest_run = 0;  ///< bytes
  std::uint64_t fingerprint = 0;  ///< of all free runs: equal for identical states
};

/// Pieces of one size handed out in one way until one was refused.
struct HandOut {
  std::uint64_t pieces = 0;
  std::uint64_t mapped_pieces = 0;
  Error refusal{};                   ///< why the next piece was refused
  Samples runs;                      ///< runs of each piece
  Samples alloc_ns;                  ///< of each successful allocation
  std::uint64_t mappings = 0;        ///< in use when the last piece was handed out
  std::uint64_t huge_bytes = 0;      ///< of all pieces, on huge pages as the kernel tells
  std::uint64_t seen_bytes = 0;      ///< of all pieces, as far as the kernel tells
  std::uint64_t content_errors = 0;  ///< pieces and blocks whose contents were not as written
  std::string first_error;           ///< which, and where
  double seconds = 0;                ///< all of it, with writing and checking
};

/// Does the experiment in one arena, over and over. Not thread-safe; writes and checks contents by
/// as many threads as there are CPUs.
class Experiment {
 public:
  /// The arena must be empty and outlive the experiment.
  Experiment(Arena& arena, const Setting& setting);
  ~Experiment();
  Experiment(const Experiment&) = delete;
  Experiment& operator=(const Experiment&) = delete;

  /// Empties the arena, fills it and frees blocks. The same setting gives the same state each time:
  /// which blocks are freed is decided by their place. Throws ToolError (kFound) if it does not.
  const Fragmentation& prepare();
  /// Hands out pieces of `size` bytes in the state that prepare() made.
  HandOut hand_out(std::uint64_t size, Contiguity contiguity);
  /// How many pieces of `size` bytes the free memory holds when it need not be contiguous.
  std::uint64_t possible(std::uint64_t size) const;
  /// The arena as it is now.
  std::vector<ArenaCell> cells() const;

 private:
  struct Block {
    void* data = nullptr;
    std::size_t bytes = 0;
    std::uint64_t id = 0;
  };

  void fill();
  void free_share();
  void free_all(std::vector<Block>& blocks);
  void take_pieces(std::uint64_t size, Contiguity contiguity, HandOut& result);
  void check_contents(HandOut& result) const;
  void check_these(const std::vector<Block>& blocks, const char* what, HandOut& result) const;
  void look_behind(HandOut& result) const;
  Fragmentation describe() const;

  Arena& arena_;
  Setting setting_;
  Fragmentation state_;
  bool prepared_ = false;
  std::vector<Block> blocks_;  ///< those in use, by address
  std::vector<Block> pieces_;
};

}  // namespace vc::tool
