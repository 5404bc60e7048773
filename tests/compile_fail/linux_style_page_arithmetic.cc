// The n-th page of a compound is not head + n: arithmetic on pages must not compile.
// expect: incomplete type
#include "vcompound/linux_style.h"

struct page* third(struct page* head) {
#ifdef VC_EXPECT_FAILURE
  return head + 2;
#else
  return compound_nth_page(head, 2);
#endif
}
