// A shootdown whose proof nobody takes serves nobody.
// expect: nodiscard|warn_unused_result|ignoring return
#include "vcompound/platform/fake/fake_platform.h"

namespace vc {

#pragma GCC diagnostic error "-Wunused-result"
inline Invalidated right(FakePlatform& p, VirtRange range) { return p.shootdown(p.unmap(range)); }
#ifdef VC_EXPECT_FAILURE
void wrong(FakePlatform& p, VirtRange range) { p.shootdown(p.unmap(range)); }
#endif

}  // namespace vc
