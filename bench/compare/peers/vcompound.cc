// vcompound itself, with default options.
#include "bench/compare/peer.h"

namespace vc::compare {

namespace {

/// Rows without a budget get one that holds whatever they ask for.
constexpr Bytes kAmple = gib(9);

Opened open_vcompound(const Setting& setting) {
  static Result<Arena> arena = Arena::create(
      {.budget = setting.budget == 0 ? kAmple : bytes(setting.budget), .warn_above = kNeverWarn});
  if (!arena) return to_string(arena.error());
  Peer peer{.name = "vcompound", .version = "this tree"};
  peer.arena = &*arena;
  peer.allocate = [](std::size_t size) {
    return arena->try_allocate(bytes(size));
  };
  peer.free = [](void* pointer) {
    arena->free(pointer);
  };
  peer.usable = setting.budget;
  return peer;
}

const PeerRegistration registration{"vcompound", {.open = open_vcompound}};

}  // namespace

}  // namespace vc::compare
