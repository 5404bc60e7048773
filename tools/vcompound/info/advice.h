// advice.h — what to change on a machine, how, and what it buys.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/vcompound/info/machine.h"
#include "tools/vcompound/info/probes.h"

namespace vc::tool {

/// How much it matters.
enum class AdviceLevel {
  kNeeded,   ///< vcompound cannot work without it
  kAdvised,  ///< a workload of this machine's size can run into it
  kPossible  ///< only some uses gain from it
};

/// One thing to change.
struct Advice {
  AdviceLevel level = AdviceLevel::kAdvised;
  std::string subject;  ///< what is so now
  std::string command;  ///< what to type, as root; empty when no command changes it
  std::string keep;     ///< how to make it last over a reboot; may be empty
  std::string buys;     ///< what is gained
};

/// "needed", "advised" or "possible".
const char* advice_level_name(AdviceLevel level);

/// What to change, the most important first; empty when nothing is worth changing. Pure.
std::vector<Advice> advise(const Machine& machine, const Probes& probes);

/// How many mappings a fragmented arena that fills this machine's memory can need: 10,000 for each
/// GiB (measured: 40,000 in a mixed workload of 4 GiB), rounded up to a power of two; at least the
/// usual 65,530.
std::uint64_t wanted_mappings(std::uint64_t memory_bytes);

}  // namespace vc::tool
