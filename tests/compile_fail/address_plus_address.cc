// Two addresses cannot be added.
// expect: no match for|invalid operands
#include "vcompound/base/units.h"

namespace vc {

inline VirtAddr right(VirtAddr a, Bytes b) { return a + b; }
#ifdef VC_EXPECT_FAILURE
auto wrong(VirtAddr a, VirtAddr b) { return a + b; }
#endif

}  // namespace vc
