// CompoundAllocator: freeing beyond the cache, references, and wrong pointers.
#pragma once

#include "vcompound/compound/allocator.h"

namespace vc {

/// Finds the compound that starts at `address`; says what is wrong if none in use does.
template <Platform P>
Misuse CompoundAllocator<P>::find_start(VirtAddr address, Pfn& head) const {
  const bool direct = direct_.contains(address);
  if (!direct && !vmap_range_.contains(address)) return Misuse::foreign;
  if ((address.value & (frame_size().bytes().value - 1)) != 0) return Misuse::misaligned;
  head = direct ? Pfn((address - direct_.start).value >> frame_size().shift())
                : vmap_.frame_at(vmap_page(address));
  if (!frames_.contains(head)) return Misuse::not_allocated;
  const FrameTag tag = frames_[head].tag();
  const bool starts_here =
      tag.state == FrameState::head &&
      (direct ? tag.kind == Kind::contiguous
              : tag.kind == Kind::mapped && frames_[head].first_page() == vmap_page(address));
  return starts_here ? Misuse::none : diagnose(address);
}

/// Mapped compounds, full caches, and mistakes.
template <Platform P>
[[gnu::noinline]] Misuse CompoundAllocator<P>::free_beyond_hot(VirtAddr address) {
  Pfn head{};
  const Misuse misuse = find_start(address, head);
  if (misuse != Misuse::none) return report(misuse);
  const FrameTag tag = frames_[head].tag();
  if (tag.state != FrameState::head) return report(Misuse::already_freed);
  if (references(head) != 1) {  // or somebody else freed it meanwhile, and the word is a link
    const bool still_in_use = frames_[head].state() == FrameState::head;
    return report(still_in_use ? Misuse::still_referenced : Misuse::already_freed);
  }
  if (is_closed()) return report(Misuse::closed);
  const MayBlock may_block{p_.may_block()};
  const bool kept = keep(head, pages_of(head), tag.pack(), may_block);
  if (may_block == MayBlock::yes && !deferred_.empty()) release_deferred();
  return kept ? Misuse::none : free_uncached(head, tag, may_block);
}

/// Frees a compound that the slot's cache did not keep.
template <Platform P>
Misuse CompoundAllocator<P>::free_uncached(Pfn head, FrameTag tag, MayBlock may_block) {
  const PageCount pages = pages_of(head);
  if (may_block == MayBlock::no) {  // F8: never lost, never shot down here
    const FrameTag deferred{.state = FrameState::deferred, .kind = tag.kind};
    if (!frames_[head].replace_tag(tag, deferred)) return report(Misuse::already_freed);
    deferred_.push(frames_, head, pages);
    counters_.deferred_frees.fetch_add(1);
    return Misuse::none;
  }
  const FrameTag owned{.state = FrameState::inner, .kind = tag.kind};
  if (!frames_[head].replace_tag(tag, owned)) return report(Misuse::already_freed);
  release_compound(head, tag.kind);
  counters_.frees.fetch_add(1);
  purge_excess(pages);
  return Misuse::none;
}

/// Gives a compound up that is in nobody's hands but ours: frames go to their zone at once, a
/// mapping has to wait for its shootdown.
template <Platform P>
void CompoundAllocator<P>::release_compound(Pfn head, Kind kind) {
  const PageCount pages = pages_of(head);
  if (kind == Kind::contiguous) {
    frames_[head].set_tag({.state = FrameState::inner});
    give_back(PfnRange{head, pages});
    return;
  }
  frames_[head].set_tag({.state = FrameState::pending, .kind = Kind::mapped});
  Guard guard(pending_lock_);
  pending_.push(frames_, head, pages);
}

// ---- references ---------------------------------------------------------------------------------

template <Platform P>
Misuse CompoundAllocator<P>::get(VirtAddr address) {
  Pfn head{};
  const Misuse misuse = find_start(address, head);
  if (misuse != Misuse::none) return report(misuse);
  if (!frames_[head].mark_shared()) return report(Misuse::already_freed);
  frames_[head].references().fetch_add(1);
  return Misuse::none;
}

template <Platform P>
Misuse CompoundAllocator<P>::put(VirtAddr address) {
  Pfn head{};
  const Misuse misuse = find_start(address, head);
  if (misuse != Misuse::none) return report(misuse);
  std::uint32_t held = references(head);
  while (held > 1) {
    if (frames_[head].references().compare_exchange(held, held - 1)) return Misuse::none;
  }
  return free(address);  // ours is the last one
}

// ---- wrong pointers -----------------------------------------------------------------------------

template <Platform P>
Misuse CompoundAllocator<P>::report(Misuse misuse) {
  counters_.misuses.fetch_add(1);
  return misuse;
}

/// What an address inside the arena is, if it is not the start of a compound in use.
template <Platform P>
Misuse CompoundAllocator<P>::diagnose(VirtAddr address) const {
  if (frame_at(address) != kNoPfn) return Misuse::interior;
  Pfn pfn{};
  if (direct_.contains(address)) {
    pfn = Pfn((address - direct_.start).value >> frame_size().shift());
  } else {
    const Vpn page = vmap_page(address);
    pfn = vmap_.frame_at(page);
    if (!frames_.contains(pfn) || frames_[pfn].first_page() != page) return Misuse::not_allocated;
  }
  switch (frames_.contains(pfn) ? frames_[pfn].state() : FrameState::absent) {
    case FrameState::cached:
    case FrameState::deferred:
    case FrameState::pending: return Misuse::already_freed;
    default: return Misuse::not_allocated;
  }
}

}  // namespace vc
