// replay_memory.h — where a trace is replayed: in a real arena, or in a modelled one.
//
// The modelled arena runs the same core over the fake platform: its frames are numbers, so a replay
// takes no memory and needs no system call. It answers one question: would a budget serve the
// trace?
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "tools/vcompound/replay/policy.h"
#include "tools/vcompound/report/report.h"
#include "vcompound/arena.h"

namespace vc::tool {

/// Memory that was handed out.
struct Piece {
  void* data = nullptr;   ///< in a modelled arena a number, not to be touched
  std::size_t bytes = 0;  ///< whole frames
  Kind kind = Kind::contiguous;
};

/// Can the contents be touched?
enum class Touchable : bool { no, yes };

/// An arena under one policy. Not thread-safe.
class ReplayMemory {
 public:
  ReplayMemory() = default;
  ReplayMemory(const ReplayMemory&) = delete;
  ReplayMemory& operator=(const ReplayMemory&) = delete;
  virtual ~ReplayMemory() = default;

  virtual Result<Piece> allocate(Bytes size) = 0;
  /// Frees a piece; false if the arena refused the pointer.
  virtual bool free(const Piece& piece) = 0;
  virtual Touchable touchable() const = 0;
  virtual std::uint64_t mappings_used() const = 0;
  /// @name For time lines and pictures; a modelled arena has none
  /// @{
  virtual Stats stats() const = 0;
  virtual double availability(Bytes size) const = 0;
  virtual void mark(const Piece& piece, ArenaMapBuilder& map) const = 0;
  /// @}
};

/// A real arena of `budget` bytes (whole frames), all of them with memory behind them. Throws
/// ToolError: kMachineLacks when the machine cannot give it, kUsage when VCOMPOUND_CONF makes it
/// another size.
std::unique_ptr<ReplayMemory> make_real_memory(std::uint64_t budget, Policy policy);

/// A modelled arena of that many frames; null when it is too large to be modelled.
std::unique_ptr<ReplayMemory> make_modelled_memory(std::uint64_t frames, FrameSize frame_size,
                                                   Policy policy);

}  // namespace vc::tool
