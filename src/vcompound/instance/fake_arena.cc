#include "vcompound/instance/fake_arena.h"

namespace vc {

template class CompoundAllocator<FakePlatform>;

}  // namespace vc
