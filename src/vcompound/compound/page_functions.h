// CompoundAllocator: from a compound to its pages and back, each in O(1) and without a lock.
#pragma once

#include "vcompound/compound/allocator.h"

namespace vc {

template <Platform P>
inline Allocation CompoundAllocator<P>::describe(Pfn head) const {
  const Frame& frame = frames_[head];
  if (frame.tag().kind == Kind::contiguous) {
    return {direct_address(head), frame.pages(), head, Kind::contiguous};
  }
  const Vpn first = frame.first_page();
  return {vmap_address(first), vmap_.pages(first), head, Kind::mapped};
}

template <Platform P>
inline PageCount CompoundAllocator<P>::pages_of(Pfn head) const {
  const Frame& frame = frames_[head];
  return frame.tag().kind == Kind::contiguous ? frame.pages() : vmap_.pages(frame.first_page());
}

template <Platform P>
inline VirtAddr CompoundAllocator<P>::page_address(Pfn pfn) const {
  const Frame& frame = frames_[pfn];
  if (frame.tag().kind == Kind::contiguous) return direct_address(pfn);
  const Pfn head = head_of(pfn);
  if (head == kNoPfn || frames_[head].tag().kind == Kind::contiguous) return direct_address(pfn);
  return vmap_address(pfn == head ? frame.first_page() : frame.page());
}

template <Platform P>
inline Pfn CompoundAllocator<P>::nth_page(Pfn head, PageCount n) const {
  const Frame& frame = frames_[head];
  if (frame.tag().kind == Kind::contiguous) return head + n;
  return vmap_.frame_at(frame.first_page() + n);
}

template <Platform P>
inline Pfn CompoundAllocator<P>::head_of(Pfn pfn) const {
  if (!frames_.contains(pfn)) return kNoPfn;
  const FrameTag tag = frames_[pfn].tag();
  if (tag.state == FrameState::head) return pfn;
  if (tag.state == FrameState::tail && hint_holds(pfn, tag.kind)) return frames_[pfn].head();
  return head_by_group(pfn);
}

/// Is the head that a tail names in use, of the same kind, and does it cover this very frame? Of a
/// hint of long ago this looks at nothing that others may change: a page of a contiguous compound
/// in use is in no area, and between a place of hints and the head there is nothing but the
/// compound.
template <Platform P>
inline bool CompoundAllocator<P>::hint_holds(Pfn tail, Kind kind) const {
  const Frame& frame = frames_[tail];
  const Pfn head = frame.head();
  if (kind == Kind::contiguous) return has_hint(head, tail) && covers(head, tail);
  const Vpn page = frame.page();
  if (page.value >= vmap_.size().value || vmap_.frame_at(page) != tail) return false;
  if (!is_head_in_use(head, Kind::mapped)) return false;
  const Vpn first = frames_[head].first_page();
  return first.value != 0 && page >= first && page < first + vmap_.pages(first);
}

/// The head of the contiguous compound that covers a frame, by the first frame of its group.
template <Platform P>
inline Pfn CompoundAllocator<P>::head_by_group(Pfn pfn) const {
  const Pfn first = first_of_group(pfn);
  if (!frames_.contains(first)) return kNoPfn;
  const Pfn head = frames_[first].state() == FrameState::tail ? frames_[first].head() : first;
  return covers(head, pfn) ? head : kNoPfn;
}

/// Is that a contiguous compound in use which has the frame?
template <Platform P>
inline bool CompoundAllocator<P>::covers(Pfn head, Pfn pfn) const {
  return is_head_in_use(head, Kind::contiguous) &&
         PfnRange{head, frames_[head].pages()}.contains(pfn);
}

template <Platform P>
inline bool CompoundAllocator<P>::is_head_in_use(Pfn head, Kind kind) const {
  if (!frames_.contains(head)) return false;
  const FrameTag tag = frames_[head].tag();
  return tag.state == FrameState::head && tag.kind == kind;
}

template <Platform P>
inline Pfn CompoundAllocator<P>::frame_at(VirtAddr address) const {
  if (direct_.contains(address)) {
    const Pfn pfn((address - direct_.start).value >> frame_size().shift());
    const Pfn head = head_of(pfn);
    return head != kNoPfn && frames_[head].tag().kind == Kind::contiguous ? pfn : kNoPfn;
  }
  return vmap_range_.contains(address) ? resolve_mapped(vmap_page(address)) : kNoPfn;
}

/// The frame behind a page of the vmap space, or kNoPfn if no compound in use covers it.
template <Platform P>
inline Pfn CompoundAllocator<P>::resolve_mapped(Vpn page) const {
  const Pfn pfn = vmap_.frame_at(page);
  const Pfn head = head_of(pfn);
  if (head == kNoPfn || frames_[head].tag().kind != Kind::mapped) return kNoPfn;
  const Frame& frame = frames_[pfn];
  return (pfn == head ? frame.first_page() : frame.page()) == page ? pfn : kNoPfn;
}

template <Platform P>
inline Misuse CompoundAllocator<P>::find(VirtAddr address, Allocation& found) const {
  if (!direct_.contains(address) && !vmap_range_.contains(address)) return Misuse::foreign;
  const Pfn pfn = frame_at(address);
  const Pfn head = head_of(pfn);  // none if it was freed just now
  if (pfn == kNoPfn || head == kNoPfn) return Misuse::not_allocated;
  found = describe(head);
  return Misuse::none;
}

template <Platform P>
inline PhysAddr CompoundAllocator<P>::physical(VirtAddr address) const {
  if (!direct_.contains(address) || frame_at(address) == kNoPfn) return kNoPhysical;
  return PhysAddr((address - direct_.start).value);
}

template <Platform P>
inline std::uint32_t CompoundAllocator<P>::node_of(Pfn pfn) const {
  for (std::uint32_t i = 0; i + 1 < node_count_; ++i) {
    if (nodes_[i].zone.range().contains(pfn)) return i;
  }
  return node_count_ - 1;
}

}  // namespace vc
