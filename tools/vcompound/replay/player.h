// player.h — replays the steps of a trace, one after the other in the order in which they were
// recorded, whatever thread they came from.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tools/trace/trace.h"
#include "tools/vcompound/availability/samples.h"
#include "tools/vcompound/replay/replay_memory.h"

namespace vc::tool {

/// What is done with the contents of each allocation, from its birth to its death.
enum class Contents {
  kNone,    ///< nothing
  kMarked,  ///< one word in each page and the last word are written, and checked at the free
  kFull     ///< every word is
};

/// One moment of a replay.
struct Moment {
  double seconds = 0;  ///< time of the trace
  std::uint64_t step = 0;
  std::uint64_t live = 0;         ///< bytes in use, whole frames
  std::uint64_t mapped = 0;       ///< of these, in mapped compounds
  std::uint64_t largest_run = 0;  ///< bytes
  std::uint64_t mappings = 0;
  double availability_small = 0;  ///< 0 to 1, for PlayOptions::small_piece; NaN if not one is free
  double availability_large = 0;  ///< the same for PlayOptions::large_piece
};

/// The first refusal of a replay.
struct Refusal {
  std::uint64_t step = 0;  ///< counted from 1
  double seconds = 0;
  std::uint64_t live = 0;  ///< bytes in use then
  Error error{};
};

/// How to replay.
struct PlayOptions {
  Contents contents = Contents::kMarked;
  std::uint64_t frame = 4096;
  std::uint64_t budget = 0;   ///< of the memory, for the books of the player
  std::uint64_t moments = 0;  ///< about how many moments to note; 0: none
  std::uint64_t small_piece = 0;
  std::uint64_t large_piece = 0;
  bool stop_at_refusal = false;                       ///< the answer wanted is only "served or not"
  std::function<void(std::uint64_t steps)> progress;  ///< called now and then; may be empty
};

/// What came of it.
struct PlayResult {
  std::uint64_t served = 0;
  std::uint64_t refusals = 0;
  std::vector<std::uint64_t> refused_for;  ///< counts by Reason
  std::optional<Refusal> first_refusal;
  /// The first refusal for which there was no right: enough frames were free, and no limit of the
  /// system was named.
  std::optional<Refusal> wrong_refusal;
  std::uint64_t contiguous = 0;
  std::uint64_t mapped = 0;
  std::uint64_t peak_live = 0;  ///< bytes, whole frames
  std::uint64_t mappings_peak = 0;
  Samples alloc_ns;
  Samples free_ns;
  std::uint64_t content_errors = 0;
  std::string first_content_error;
  std::vector<Moment> moments;
  std::vector<ArenaCell> peak_map;  ///< the arena at the moment that uses most; with moments only
  double seconds = 0;

  bool all_served() const { return refusals == 0; }
};

/// Replays `trace`; at its end everything is freed. Throws nothing of its own.
PlayResult play(const Trace& trace, ReplayMemory& memory, const PlayOptions& options);

}  // namespace vc::tool
