// Only what unmap() returned can be shot down, not any range.
// expect: could not convert|no matching function|no viable conversion|cannot convert|conversion
// from
#include "vcompound/platform/fake/fake_platform.h"

namespace vc {

inline Invalidated right(FakePlatform& p, VirtRange range) { return p.shootdown(p.unmap(range)); }
#ifdef VC_EXPECT_FAILURE
Invalidated wrong(FakePlatform& p, VirtRange range) { return p.shootdown(range); }
#endif

}  // namespace vc
