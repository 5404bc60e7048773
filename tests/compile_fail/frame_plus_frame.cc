// Two places cannot be added, only a place and a distance.
// expect: no match for|invalid operands
#include "vcompound/base/units.h"

namespace vc {

inline Pfn right(Pfn a, PageCount b) { return a + b; }
#ifdef VC_EXPECT_FAILURE
auto wrong(Pfn a, Pfn b) { return a + b; }
#endif

}  // namespace vc
