// ArenaControl: what a vc::Arena and its handles point to.
//
//      Arena ----+
//      Compound -+--> ArenaControl --> LinuxArena (platform + core), or nullptr once destroyed
//      Compound -+
//
// A control block is never freed, so a handle that outlives its arena finds a block that says so
// instead of dangling. A few hundred bytes for each arena ever made are the price.
#pragma once

#include <atomic>
#include <cstdint>

#include "vcompound/api/site_patterns.h"
#include "vcompound/arena.h"
#include "vcompound/instance/linux_arena.h"

namespace vc::detail {

/// Lets one event through per period and counts the others.
class Throttle {
 public:
  /// May this event pass? If so, `suppressed` is how many did not since the last one.
  bool pass(std::uint64_t& suppressed);

 private:
  std::atomic<std::int64_t> next_{0};
  std::atomic<std::uint64_t> suppressed_{0};
};

/// See the head of this file.
struct ArenaControl {
  std::atomic<LinuxArena*> arena{nullptr};
  ArenaOptions options;
  SitePatterns patterns;
  Throttle fallback_warnings;
  Throttle misuse_reports;
};

/// A new control block, known to the fork handlers.
ArenaControl* new_control();

/// Reports a wrong pointer as the options say, and returns it.
Misuse handle_misuse(ArenaControl& control, Misuse misuse, const void* pointer);

/// Writes the throttled warning about a large fallback.
void warn_of_fallback(ArenaControl& control, std::uint64_t size, CallSite site);

/// The allocator of an arena that is alive, or nullptr.
inline CompoundAllocator<LinuxPlatform>* allocator_of(const ArenaControl* control) {
  if (control == nullptr) return nullptr;
  LinuxArena* arena = control->arena.load(std::memory_order_acquire);
  return arena == nullptr ? nullptr : &arena->allocator;
}

inline VirtAddr address_of(const void* p) { return VirtAddr(reinterpret_cast<std::uintptr_t>(p)); }
inline void* pointer_to(VirtAddr a) {
  return reinterpret_cast<void*>(static_cast<std::uintptr_t>(a.value));  // NOLINT(performance-*)
}

}  // namespace vc::detail
