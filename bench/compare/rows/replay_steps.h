// The steps of a bundled trace as the row `replay` wants them: two words a step, in memory that is
// no part of any heap, since the heap of this process may be what is measured.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace vc::compare {

inline constexpr std::uint64_t kReplayFrame = 4096;

constexpr std::uint64_t whole_frames(std::uint64_t size) {
  return (size + kReplayFrame - 1) / kReplayFrame * kReplayFrame;
}

/// One call: an allocation of `size` bytes, or (size 0) a free.
struct ReplayStep {
  std::uint64_t size = 0;
  std::uint64_t object = 0;  ///< which block, below ReplaySteps::objects
};

/// A trace. Its steps stay in memory until the process ends.
struct ReplaySteps {
  std::span<const ReplayStep> all{};
  std::uint64_t objects = 0;
  std::uint64_t peak_bytes = 0;   ///< most bytes live at one time, as asked for
  std::uint64_t peak_frames = 0;  ///< the same with each block in whole frames, in bytes
  std::size_t peak_step = 0;      ///< after it, peak_frames are live
  std::string error{};            ///< why there are no steps; empty if there are
};

/// Reads traces/`name`.csv.zst in a process of its own.
ReplaySteps load_replay_steps(const std::string& name);

}  // namespace vc::compare
