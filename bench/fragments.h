// Arenas whose free memory is in pieces of one size, made on purpose.
//
//      fill with blocks of `run` bytes, then free every second one by address:
//
//      +------+------+------+------+------+------+
//      | used | free | used | free | used | free |  ...      no two free runs are adjacent
//      +------+------+------+------+------+------+
//                 run           run
#pragma once

#include <cstddef>
#include <vector>

#include "vcompound/arena.h"

namespace vc::bench {

/// An arena and the blocks in it that keep its free memory apart.
struct Fragments {
  Arena arena;
  std::vector<void*> held;
};

/// Makes such an arena; half of the budget is free then, in runs of exactly `run` bytes, which is
/// proved with Arena::free_runs(). Ends the program with status 3 if it cannot be had.
Fragments make_fragments(const ArenaOptions& options, Bytes run);

/// The same in an arena that exists: takes all memory that is free in it, and frees half of that.
/// Returns the blocks that stay.
std::vector<void*> fragment(Arena& arena, Bytes run);

}  // namespace vc::bench
