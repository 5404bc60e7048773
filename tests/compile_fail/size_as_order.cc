// A size in bytes where an order is meant: the bug of the original patches.
// expect: could not convert|no matching function|cannot convert|no known conversion|conversion from
#include "vcompound/base/units.h"

namespace vc {

inline PageCount right() { return Order(4).pages(); }
PageCount pages_of(Order order);
inline PageCount also_right() { return pages_of(Order(4)); }
#ifdef VC_EXPECT_FAILURE
PageCount wrong() { return pages_of(Bytes(65536)); }
#endif

}  // namespace vc
