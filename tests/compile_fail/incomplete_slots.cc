// A source of slots that lacks one function is refused where it is declared.
// expect: constraint|SlotSource
#include "vcompound/platform/fake/fake_platform.h"

namespace vc {

static_assert(SlotSource<FakeSlots>);
#ifdef VC_EXPECT_FAILURE
struct WithoutLeave {
  static constexpr std::uint32_t kSlots = 1;
  static std::uint32_t slot() { return 0; }
  static std::uint32_t slot_offset_at_hand() { return 0; }
  static void light_barrier() {}
  static void barrier_at_hand() {}
  static bool has_barrier_at_hand() { return true; }
};
static_assert(SlotSource<WithoutLeave>);
#endif

}  // namespace vc
