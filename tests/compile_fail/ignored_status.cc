// A platform call that may fail must be looked at.
// expect: nodiscard|warn_unused_result|ignoring return
#include "vcompound/platform/fake/fake_platform.h"

namespace vc {

#pragma GCC diagnostic error "-Wunused-result"
inline bool right(FakePlatform& p, PfnRange run) { return p.commit(run).ok(); }
#ifdef VC_EXPECT_FAILURE
void wrong(FakePlatform& p, PfnRange run) { p.commit(run); }
#endif

}  // namespace vc
