// One unmapping, one proof: tokens cannot be copied.
// expect: deleted
#include "vcompound/platform/fake/fake_platform.h"

namespace vc {

inline Unmapped right(Unmapped a) { return static_cast<Unmapped&&>(a); }
#ifdef VC_EXPECT_FAILURE
Invalidated wrong(FakePlatform& p, const Unmapped& a) { return p.shootdown(a); }
#endif

}  // namespace vc
