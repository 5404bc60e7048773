// The frames of a mapping go back only against a proof of its shootdown.
// expect: private|too few arguments|no matching function
#include "vcompound/instance/fake_arena.h"

namespace vc {

inline void right(FakeArena& arena) { arena.allocator.reclaim(); }
#ifdef VC_EXPECT_FAILURE
void wrong(FakeArena& arena, Pfn head) { arena.allocator.release_area(head); }
#endif

}  // namespace vc
