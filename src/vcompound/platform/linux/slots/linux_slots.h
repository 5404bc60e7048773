// The slots of a Linux process, as the core's cached paths use them. The public header of the
// library includes this, for those paths are compiled into its callers; so it includes little.
#pragma once

#include "vcompound/platform/linux/slots/barriers.h"
#include "vcompound/platform/linux/slots/thread_slots.h"

namespace vc {

/// A slot is a thread's, to the end of the thread.
class LinuxSlots {
 public:
  static constexpr std::uint32_t kSlots = os::ThreadSlots::kSlots;
  static constexpr bool kFramesStartAtZero = true;

  static std::uint32_t slot() { return os::ThreadSlots::current(); }
  static std::uint32_t slot_offset_at_hand() { return os::ThreadSlots::offset_at_hand(); }
  static void leave_slot() {}
  static void light_barrier() { os::light_barrier(); }
  static void barrier_at_hand() { os::barrier_at_hand(); }
  static bool has_barrier_at_hand() { return os::has_barrier_at_hand(); }
};

}  // namespace vc
