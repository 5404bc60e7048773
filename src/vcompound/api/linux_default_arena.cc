// The one arena behind the original names.
#include <atomic>
#include <mutex>

#include "vcompound/api/c_arena.h"
#include "vcompound/linux_style.h"

namespace {

constexpr std::uint64_t kDefaultBudget = std::uint64_t{256} << 20;

std::atomic<vc_arena*> in_use{nullptr};

/// Made once and kept until the process ends: frees may come from destructors of globals.
vc_arena* default_arena() {
  static std::mutex lock;
  static vc_arena* arena = nullptr;
  const std::lock_guard guard(lock);
  if (arena == nullptr) arena = vc::c::create({.budget = vc::Bytes(kDefaultBudget)});
  return arena;
}

}  // namespace

extern "C" {

void vc_linux_style_use(vc_arena* arena) { in_use.store(arena, std::memory_order_release); }

vc_arena* vc_linux_style_arena(void) {
  vc_arena* const current = in_use.load(std::memory_order_acquire);
  if (current != nullptr) [[likely]]
    return current;
  return vc::c::guarded(static_cast<vc_arena*>(nullptr), [] {
    vc_arena* const made = default_arena();
    vc_arena* expected = nullptr;
    // Another thread may have chosen an arena meanwhile; its choice holds.
    if (made == nullptr || in_use.compare_exchange_strong(expected, made)) return made;
    return expected;
  });
}

}  // extern "C"
