#include "kernel/users/user_memory.h"

#include "kernel/arch/machine.h"
#include "kernel/console/console.h"
#include "kernel/memory/memory.h"
#include "kernel/parameters.h"
#include "vcompound/base/assert.h"

namespace vc::kernel {

bool UserMemory::open(const char* user, Bytes size, Placement placement, CallSite site) {
  VC_ASSERT(!is_open(), "a user opened its memory twice");
  auto result =
      allocate({.size = size, .zero = Zero::yes, .placement = placement}, site, Report::quiet);
  if (!result) {
    Line line;
    describe_refusal(user, size, result.error(), line);
    return false;
  }
  what_ = *result;
  size_ = size;
  return true;
}

void UserMemory::close() {
  if (!is_open()) return;
  free(what_.address);
  what_ = {};
  size_ = {};
}

void UserMemory::swap(UserMemory& other) {
  const Allocation what = what_;
  const Bytes size = size_;
  what_ = other.what_;
  size_ = other.size_;
  other.what_ = what;
  other.size_ = size;
}

bool can_spread() { return numa_nodes() > 1 && parameters().policy == Policy::preferred; }

}  // namespace vc::kernel
