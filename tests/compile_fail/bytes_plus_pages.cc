// Bytes and pages do not add up.
// expect: no match for|invalid operands
#include "vcompound/base/units.h"

namespace vc {

inline Bytes right(Bytes a, Bytes b) { return a + b; }
#ifdef VC_EXPECT_FAILURE
auto wrong(Bytes a, PageCount b) { return a + b; }
#endif

}  // namespace vc
