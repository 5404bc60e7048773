// A result that may be an error must be looked at.
// expect: nodiscard|warn_unused_result|ignoring return
#include "vcompound/base/result.h"

namespace vc {

#pragma GCC diagnostic error "-Wunused-result"
Result<int> might_fail();
inline bool right() { return might_fail().ok(); }
#ifdef VC_EXPECT_FAILURE
void wrong() { might_fail(); }
#endif

}  // namespace vc
