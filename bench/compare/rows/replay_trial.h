// One replay of a trace by one peer, in a process of its own: a peer is opened once in a process,
// and each replay begins with memory that nobody has used.
#pragma once

#include <cstdint>
#include <string>

#include "bench/compare/rows/replay_steps.h"

namespace vc::compare {

/// What is done with the blocks.
enum class Contents : std::uint8_t {
  kNone,     ///< nothing: the price of the bare calls
  kTouched,  ///< a word of every page is written when the block is born
  kChecked   ///< the same, and read again when the block dies; the memory held is sampled
};

enum class Served : std::uint8_t {
  kYes,
  kRefused,      ///< an allocation was refused
  kNotOpened,    ///< the peer cannot be had with this budget
  kOverwritten,  ///< a block's words had changed when it died
  kDied          ///< a signal ended the process, perhaps that of our time limit
};

/// What came of a replay. Lies in shared memory, so it has no pointers.
struct ReplayOutcome {
  Served served = Served::kDied;
  double ns_per_step = 0;      ///< processor time of the process
  double open_ns = 0;          ///< the same of opening the peer, which may fill its memory
  std::uint64_t held = 0;      ///< kChecked: the most memory the peer held, of the samples
  std::uint64_t metadata = 0;  ///< the peer's own tables
  bool tells_metadata = false;
  int signal = 0;         ///< kDied: which
  char reason[256] = "";  ///< kNotOpened: why
  char version[128] = "";
};

/// Replays. `budget` 0: the peer's defaults, without a limit.
ReplayOutcome replay_once(const std::string& peer, const ReplaySteps& steps, std::uint64_t budget,
                          Contents contents);

/// Takes so much memory in huge pages and as much in small ones and gives it back, in a process of
/// its own: a virtual machine whose host takes free pages away has them again, for the next
/// seconds. Without it the first replay pays for that, and most dearly for huge pages.
void warm_up_machine(std::uint64_t bytes);

/// Why it was not served: one sentence.
std::string why_not(const ReplayOutcome& outcome);

}  // namespace vc::compare
