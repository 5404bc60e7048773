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
  const FrameTag tag = frame.tag();
  if (tag.kind == Kind::contiguous) return direct_address(pfn);
  return vmap_address(tag.state == FrameState::tail ? frame.page() : frame.first_page());
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
  const Frame& frame = frames_[pfn];
  const FrameTag tag = frame.tag();
  if (tag.state == FrameState::head) return pfn;
  if (tag.state != FrameState::tail) return kNoPfn;
  // A tail is a hint: its head must be in use, of the same kind, and cover this very frame.
  const Pfn head = frame.head();
  if (!frames_.contains(head)) return kNoPfn;
  const FrameTag head_tag = frames_[head].tag();
  if (head_tag.state != FrameState::head || head_tag.kind != tag.kind) return kNoPfn;
  if (tag.kind == Kind::contiguous) {
    return PfnRange{head, frames_[head].pages()}.contains(pfn) ? head : kNoPfn;
  }
  const Vpn first = frames_[head].first_page();
  const Vpn page = frame.page();
  if (page < first || page >= first + vmap_.pages(first)) return kNoPfn;
  return vmap_.frame_at(page) == pfn ? head : kNoPfn;
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
  if (head == kNoPfn || frames_[pfn].tag().kind != Kind::mapped) return kNoPfn;
  const Frame& frame = frames_[pfn];
  return (pfn == head ? frame.first_page() : frame.page()) == page ? pfn : kNoPfn;
}

template <Platform P>
inline Misuse CompoundAllocator<P>::find(VirtAddr address, Allocation& found) const {
  if (!direct_.contains(address) && !vmap_range_.contains(address)) return Misuse::foreign;
  const Pfn pfn = frame_at(address);
  if (pfn == kNoPfn) return Misuse::not_allocated;
  found = describe(head_of(pfn));
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
