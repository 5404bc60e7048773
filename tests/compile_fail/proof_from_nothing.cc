// There is no proof of a shootdown without something that was unmapped.
// expect: no matching function|could not convert|no matching constructor|invalid
// initialization|cannot convert|no known conversion
#include "vcompound/platform/fake/fake_platform.h"

namespace vc {

inline Invalidated right(FakePlatform& p, VirtRange range) { return p.shootdown(p.unmap(range)); }
#ifdef VC_EXPECT_FAILURE
Invalidated wrong() { return Invalidated(); }
#endif

}  // namespace vc
