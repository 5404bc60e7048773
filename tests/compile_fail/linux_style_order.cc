// A size in bytes where an order is meant: a real bug of the 2008 patches.
// expect: could not convert|no known conversion|no matching function|cannot convert
#include "vcompound/linux_style.h"

struct page* table_of(unsigned long bytes) {
#ifdef VC_EXPECT_FAILURE
  return alloc_vcompound(VC_GFP_KERNEL, bytes);
#else
  return alloc_vcompound_maxloss(VC_GFP_KERNEL, vc::Bytes(bytes), vc::Bytes(4095));
#endif
}
