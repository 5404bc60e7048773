// The plan of an arena: what was asked for, checked against what the system has.
#pragma once

#include <vector>

#include "vcompound/base/result.h"
#include "vcompound/base/units.h"
#include "vcompound/platform/linux/linux_options.h"
#include "vcompound/platform/linux/system_limits.h"

namespace vc::os {

/// Sizes that fit together. Nothing has been taken from the system yet.
struct LinuxPlan {
  LinuxOptions options;         ///< With every default filled in.
  PageCount frames{};           ///< The budget in frames.
  PageCount unit{};             ///< The commit unit.
  Bytes smallest_vmap_space{};  ///< Less than this is not worth having.
  std::vector<PfnRange> nodes;  ///< The frames of each NUMA node.

  Bytes file_size() const { return options.frame_size.bytes(frames); }
};

/// Checks the options. Errors: invalid (sizes that make no sense), backing (above the memory there
/// is, or too few huge pages), address_space (more frames than can be numbered). `error.free` is
/// the limit that was exceeded.
Result<LinuxPlan> plan_arena(const LinuxOptions& options, const SystemLimits& limits);

/// The frames split evenly among `count` nodes in whole units; fewer nodes if units are few.
std::vector<PfnRange> split_evenly(PageCount frames, PageCount unit, std::uint32_t count);

}  // namespace vc::os
