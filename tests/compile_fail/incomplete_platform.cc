// A home that lacks a part of the contract is refused where it is declared.
// expect: constraint|Platform
#include "vcompound/platform/fake/fake_platform.h"

namespace vc {

static_assert(Platform<FakePlatform>);
#ifdef VC_EXPECT_FAILURE
struct HalfAHome {
  using Lock = FakePlatform::Lock;
  using Slots = FakePlatform::Slots;
};
static_assert(Platform<HalfAHome>);
#endif

}  // namespace vc
