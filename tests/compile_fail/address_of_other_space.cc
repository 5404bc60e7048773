// A physical address is not a virtual one, and a frame is not a page.
// expect: no match for|invalid operands
#include "vcompound/base/units.h"

namespace vc {

inline Bytes right(VirtAddr a, VirtAddr b) { return a - b; }
#ifdef VC_EXPECT_FAILURE
auto wrong(VirtAddr a, PhysAddr b) { return a - b; }
#endif

}  // namespace vc
