// A shared object that contains the library, or uses a shared one, and has an arena of its own.
#include "plugin.h"

#include "vcompound/arena.h"

namespace {

bool use() {
  static const auto arena = new auto(vc::Arena::create({.budget = vc::mib(16)}));
  if (!*arena) return false;
  void* const first = (*arena)->try_allocate(vc::kib(8));
  if (first == nullptr || (*arena)->free(first) != vc::Misuse::none) return false;
  void* const again = (*arena)->try_allocate(vc::kib(8));
  return again == first && (*arena)->free(again) == vc::Misuse::none;
}

std::uint32_t slot() { return vc::os::ThreadSlots::offset_at_hand() / vc::kSlotStride; }

}  // namespace

extern "C" [[gnu::visibility("default")]] const Plugin plugin;
extern "C" const Plugin plugin{.use = use, .slot = slot};
