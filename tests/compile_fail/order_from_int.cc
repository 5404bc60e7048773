// A bare number is not an order.
// expect: could not convert|no matching function|cannot convert|no known conversion|conversion from
#include "vcompound/base/units.h"

namespace vc {

PageCount pages_of(Order order);
inline PageCount right() { return pages_of(Order(4)); }
#ifdef VC_EXPECT_FAILURE
PageCount wrong() { return pages_of(4); }
#endif

}  // namespace vc
