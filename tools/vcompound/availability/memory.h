// memory.h — arenas for the verbs: as large as asked for, or as the machine can give.
#pragma once

#include <cstdint>
#include <string>

#include "vcompound/arena.h"

namespace vc::tool {

/// The most bytes an arena of this program should take now: the usable memory less a reserve for
/// everything else. The largest number there is when the machine does not tell.
std::uint64_t largest_budget();

/// Ends the verb with the error as its message: kUsage for options that make no sense (also those
/// of VCOMPOUND_CONF), kMachineLacks for everything else.
[[noreturn]] void fail_to_create(const Error& error);

/// An arena, and whether it is the one asked for.
struct MadeArena {
  Arena arena;
  std::uint64_t asked = 0;   ///< bytes
  std::uint64_t budget = 0;  ///< bytes the arena has
  bool scaled_down = false;  ///< the machine had less than asked for
};

/// Makes an arena with all its memory behind it. A budget that the machine cannot give is scaled
/// down, to a multiple of `unit` bytes; throws ToolError (kMachineLacks) below `least` bytes.
MadeArena make_scaled_arena(ArenaOptions options, std::uint64_t unit, std::uint64_t least);

/// A reason for which `preferred` may be refused although enough frames are free: a limit of the
/// system that is named and counted, or a test setting of the user.
bool is_named_limit(Reason reason);

}  // namespace vc::tool
