// vcompound itself, with default options; and a variant that asks for contiguous memory only, as if
// there were no fallback.
#include "bench/compare/peer.h"

namespace vc::compare {

namespace {

/// Rows without a budget get one that holds whatever they ask for.
constexpr Bytes kAmple = gib(9);

/// The only arena of the process. With a budget all its memory is taken now, as that of the peers.
Result<Arena>& only_arena(const Setting& setting) {
  static Result<Arena> arena =
      Arena::create({.budget = setting.budget == 0 ? kAmple : bytes(setting.budget),
                     .precommit = setting.budget == 0 ? Precommit::no : Precommit::yes,
                     .overcommit = setting.budget == 0 ? Overcommit::yes : Overcommit::no,
                     .warn_above = kNeverWarn});
  return arena;
}

Arena* arena = nullptr;

Opened open_arena(const Setting& setting, const char* name) {
  Result<Arena>& made = only_arena(setting);
  if (!made) return to_string(made.error());
  arena = &*made;
  Peer peer{.name = name, .version = "this tree"};
  peer.allocate = [](std::size_t size) {
    return arena->try_allocate(bytes(size));
  };
  peer.free = [](void* pointer) {
    arena->free(pointer);
  };
  // Its tables are not in the budget: every frame can be handed out.
  if (setting.budget != 0) {
    peer.usable = arena->frame_size().bytes(arena->stats().total_pages).value;
  }
  return peer;
}

Opened open_vcompound(const Setting& setting) {
  Opened opened = open_arena(setting, "vcompound");
  if (auto* peer = std::get_if<Peer>(&opened)) peer->arena = arena;
  return opened;
}

Opened open_contiguous(const Setting& setting) {
  Opened opened = open_arena(setting, "vcompound_contiguous");
  if (auto* peer = std::get_if<Peer>(&opened)) {
    peer->allocate = [](std::size_t size) {
      return arena->try_allocate(Request{.size = bytes(size), .contiguity = Contiguity::required});
    };
    peer->remark = "contiguity required: what its zones give without a mapping";
  }
  return opened;
}

const PeerRegistration registration{"vcompound", {.open = open_vcompound}};
const PeerRegistration contiguous{"vcompound_contiguous", {.open = open_contiguous}};

}  // namespace

}  // namespace vc::compare
