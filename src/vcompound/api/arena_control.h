// ArenaControl: what a vc::Arena and its handles point to.
//
//      Arena ----+
//      Compound -+--> ArenaControl --> LinuxArena (platform + core), or nullptr once destroyed
//      Compound -+    : ArenaLink  --> its caches, or caches that answer nothing
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
struct ArenaControl : ArenaLink {
  ArenaControl();
  /// Begins to stand for an arena.
  void begin(LinuxArena* made);
  /// Stops, and returns the arena it stood for, if it did.
  LinuxArena* end();

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

/// The control block behind a link, or nullptr.
inline ArenaControl* control_of(ArenaLink* link) {
  return link == &no_arena ? nullptr : static_cast<ArenaControl*>(link);
}

/// The arena behind a link if it is alive, or nullptr.
inline LinuxArena* arena_of(ArenaLink* link) {
  ArenaControl* control = control_of(link);
  return control == nullptr ? nullptr : control->arena.load(std::memory_order_acquire);
}
/// Its allocator, or nullptr.
inline CompoundAllocator<LinuxPlatform>* allocator_of(ArenaLink* link) {
  LinuxArena* arena = arena_of(link);
  return arena == nullptr ? nullptr : &arena->allocator;
}

}  // namespace vc::detail
