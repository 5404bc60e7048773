// The slots of a Linux process, as the core's cached paths use them. The public header of the
// library includes this, for those paths are compiled into its callers; so it includes little.
#pragma once

#include "vcompound/platform/linux/slots/barriers.h"
#include "vcompound/platform/linux/slots/restartable.h"
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
#ifdef VC_RESTARTABLE_SEQUENCES
  [[gnu::always_inline]] static bool take_hand(SlotFront& front, std::uint64_t pages,
                                               std::uint64_t mark, HandTaken& taken) {
    return os::take_hand(front, pages, mark, taken);
  }
  [[gnu::always_inline]] static bool fill_hand(SlotFront& front, std::uint64_t pages,
                                               VirtAddr address, Atomic<std::uint32_t>* tag,
                                               std::uint32_t word) {
    return os::fill_hand(front, pages, address, tag, word);
  }
#endif
};
#ifdef VC_RESTARTABLE_SEQUENCES
static_assert(HasSequences<LinuxSlots>);
#endif

}  // namespace vc
