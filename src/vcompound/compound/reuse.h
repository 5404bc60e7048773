// CompoundAllocator: a mapped compound that was freed and is still mapped serves the next request.
//
//      pending area         | g |  run 1  |   run 2   | run 3 | g' |        g: guard pages
//      a request of         | g |  run 1  |   ru|                           fewer pages
//      what is cut off                           |n 2 | run 3 |             to the zones; a gap
//
// To map frames anew costs some microseconds for each run, and so does unmapping others for them;
// an area as long as the request costs nothing, and one that is a little longer one cut.
#pragma once

#include "vcompound/compound/allocator.h"

namespace vc {

template <Platform P>
Pfn CompoundAllocator<P>::reuse_pending(Attempt& attempt) {
  if (reuse_ == Reuse::none || pending_.pages() < attempt.pages) return kNoPfn;
  if (attempt.request.placement != Placement::any()) return kNoPfn;
  const Pfn head = take_to_size(attempt);
  if (head == kNoPfn) return kNoPfn;
  pending_.removed(attempt.pages);
  if (attempt.request.zero == Zero::yes) p_.zero(range_of(head));
  return publish(attempt, head, Kind::mapped);
}

/// A pending area of exactly the pages wanted, after a cut if there is no other; or kNoPfn.
template <Platform P>
Pfn CompoundAllocator<P>::take_to_size(const Attempt& attempt) {
  // Who misses the frames that are being cut off waits for them at this lock (reclaim).
  TryGuard cutting(reclaim_lock_, Wait::no);
  const Pfn head = take_fitting(attempt, reuse_ == Reuse::cut && cutting);
  if (head == kNoPfn || cut_area(frames_[head].first_page(), attempt.pages)) return head;
  pending_.removed(pages_of(head));
  release_compound(head, Kind::mapped);  // pending again
  return kNoPfn;
}

/// A pending area for a request, of which at least a half is used; or kNoPfn.
template <Platform P>
Pfn CompoundAllocator<P>::take_fitting(const Attempt& attempt, bool may_cut) {
  const PageCount pages = attempt.pages;
  const PageCount most = may_cut ? pages + pages : pages;
  Guard guard(pending_lock_);
  const Pfn head = pending_.take_fitting(
      frames_, pages, most, [&](Pfn h) { return pages_of(h); },
      [&](Pfn h) { return suits(attempt, h); });
  if (head != kNoPfn) frames_[head].set_tag({.state = FrameState::inner, .kind = Kind::mapped});
  return head;
}

/// Is the beginning of an area what the request wants?
template <Platform P>
bool CompoundAllocator<P>::suits(const Attempt& attempt, Pfn head) const {
  const Vpn first = frames_[head].first_page();
  if (first.value % attempt.alignment.value != 0) return false;
  if (ends_in_huge_page(first, attempt.pages)) return false;
  return !attempt.scatter || attempt.pages.value == 1 || !is_one_run(first, attempt.pages);
}

/// Do frames follow each other as their pages do?
template <Platform P>
bool CompoundAllocator<P>::is_one_run(Vpn first, PageCount pages) const {
  const Pfn frame = vmap_.frame_at(first);
  PageCount n(1);
  while (n < pages && vmap_.frame_at(first + n) == frame + n) n += PageCount(1);
  return n == pages;
}

/// Would a cut behind that many pages go through what may be mapped by one huge entry?
template <Platform P>
bool CompoundAllocator<P>::ends_in_huge_page(Vpn first, PageCount pages) const {
  const std::uint64_t chunk = p_.huge_pages().value;
  const Vpn end = first + pages;
  const PageCount beyond(end.value % chunk);
  const Vpn start = end - beyond;
  if (pages == vmap_.pages(first) || beyond.value == 0 || start < first) return false;
  const Pfn frame = vmap_.frame_at(start);
  return frame.value % chunk == 0 && vmap_.frame_at(end) == frame + beyond;
}

/// Gives up what an area has behind its first `pages` pages, if anything: frames, then mappings,
/// then addresses. False, and nothing has changed, if the system has no mapping to spare: the cut
/// may go through a run. The caller owns the area, and holds the reclaim lock if it is longer.
template <Platform P>
bool CompoundAllocator<P>::cut_area(Vpn first, PageCount pages) {
  const PageCount all = vmap_.pages(first);
  if (all == pages) return true;
  if (!p_.charge_mappings(1)) return false;
  const Vpn end = first + pages;
  const PageCount rest = all - pages;
  Unmapped stale = p_.unmap_part({vmap_address(end), frame_size().bytes(rest)});
  if (stale.range().size.value == 0) {
    p_.refund_mappings(1);
    return false;
  }
  [[maybe_unused]] const Invalidated proof = p_.shootdown(static_cast<Unmapped&&>(stale));
  counters_.unmaps.fetch_add(1);
  counters_.shootdowns.fetch_add(1);
  const std::uint64_t runs = count_runs(first, all);
  for_each_mapped_run(end, rest, [&](PfnRange run, Vpn) { give_back(run); });
  pending_.removed(rest);
  p_.refund_mappings(1 + runs - count_runs(first, pages));
  Guard guard(vmap_lock_);
  vmap_.shrink(first, pages);
  return true;
}

}  // namespace vc
