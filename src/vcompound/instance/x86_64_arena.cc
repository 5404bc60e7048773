#include "vcompound/instance/x86_64_arena.h"

namespace vc {

template class CompoundAllocator<X86Platform>;

}  // namespace vc
