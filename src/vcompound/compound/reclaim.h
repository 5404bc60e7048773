// CompoundAllocator: bringing free memory back from where it waits.
//
//      deferred ----poll()----+
//         depot --------------+
//                             v
//      slots' caches --drain--+--> zones          contiguous compounds
//                             |
//                             +--> pending --purge()--> zones     mapped compounds
//                                   unmap many, ONE shootdown, then free
//
// Nobody waits for all of it but who would be refused otherwise (reclaim). Else the work of a call
// is in proportion to its own pages: a mapping brings back about as much as it takes (bring_back),
// a free purges about as much as it adds (purge_excess). So no call is long, and what is pending
// stays within its limit and what the slots may keep.
#pragma once

#include "vcompound/compound/allocator.h"

namespace vc {

/// The free pages that reclaim() could bring back to the zones.
template <Platform P>
PageCount CompoundAllocator<P>::reclaimable() const {
  return cached_pages() + pending_.pages() + deferred_.pages();
}

template <Platform P>
PageCount CompoundAllocator<P>::cached_pages() const {
  PageCount sum = depot_.pages();
  for (std::uint32_t i = 0; i < slots_used_.load_acquire(); ++i) {
    sum += pages_in(slots_[i]);
  }
  return sum;
}

/// What a slot that was opened has in its bins.
template <Platform P>
PageCount CompoundAllocator<P>::pages_in_bins(const Slot& slot) const {
  return slot_limit_ - PageCount(slot.room.load_relaxed());
}

/// Does nobody use a slot that has nothing? Who is inside may have a bin of the depot in its hands:
/// that it entered is seen by whoever has been in the depot's lock after it.
template <Platform P>
bool CompoundAllocator<P>::is_idle_and_empty(const Slot& slot) const {
  return slot.busy.load_acquire() == 0 && pages_in(slot).value == 0;
}

/// And in its hand, too.
template <Platform P>
PageCount CompoundAllocator<P>::pages_in(const Slot& slot) const {
  return pages_in_bins(slot) + PageCount(slot.hand_pages.load_relaxed());
}

template <Platform P>
void CompoundAllocator<P>::poll() {
  if (!deferred_.empty()) release_deferred();
  purge_excess(total_pages_);
}

/// Frees for good what was freed where blocking was forbidden.
template <Platform P>
void CompoundAllocator<P>::release_deferred() {
  for (Pfn head = deferred_.take_all(); head != kNoPfn;) {
    const Pfn next = frames_[head].next();
    const PageCount pages = pages_of(head);
    release_compound(head, frames_[head].tag().kind);
    deferred_.removed(pages);
    head = next;
  }
}

template <Platform P>
void CompoundAllocator<P>::reclaim() {
  if (is_closed()) return;
  Guard guard(reclaim_lock_);
  if (cached_pages().value != 0) counters_.drains.fetch_add(1);
  depot_.close();  // or a bin might go past us, from the depot into a slot or back
  drain_depot(total_pages_);
  drain_all_slots();
  depot_.reopen();
  release_deferred();
  purge(total_pages_);
}

// ---- the caches of the slots --------------------------------------------------------------------

/// Waits until the owner of a slot is out of it, and keeps it out until let_in(). The
/// caller holds the reclaim lock, so there is one drainer at a time.
template <Platform P>
void CompoundAllocator<P>::seize(Slot& slot) {
  slot.open.store_relaxed(kOpenToNobody);
  p_.heavy_barrier();
  while (slot.busy.load_acquire() != 0) p_.relax();
  if constexpr (Caches::kSequences) {  // who left just now may have let them pass
    slot.allowance.store_relaxed(0);
    p_.heavy_barrier();
  }
  lay_down(slot);
}

template <Platform P>
void CompoundAllocator<P>::drain_all_slots() {
  for (std::uint32_t i = 0; i < slots_used_.load_acquire(); ++i) {
    Slot& slot = slots_[i];
    if (is_idle_and_empty(slot)) continue;
    seize(slot);
    drain(slot, total_pages_);
    let_in(slot);
  }
}

/// Gives up what a slot keeps that is the caller's (entered or seized), large compounds first,
/// until that many pages have left it or none is there.
template <Platform P>
void CompoundAllocator<P>::drain(Slot& slot, PageCount pages) {
  const PageCount held = pages_in_bins(slot);
  const PageCount kept = held > pages ? held - pages : PageCount(0);
  slot.for_each_filled_bin([&](Bin& bin) {
    while (bin.count != 0 && pages_in_bins(slot) > kept) drain_one(slot, bin);
    return pages_in_bins(slot) > kept;
  });
}

template <Platform P>
void CompoundAllocator<P>::drain_bin(Slot& slot, Bin& bin) {
  const std::uint64_t pages = bin.held();
  give_up_all(bin);
  slot.room.add_single_writer(pages);
}

/// Gives up the newest compound of a bin, which has one; returns its first frame.
template <Platform P>
Pfn CompoundAllocator<P>::drain_one(Slot& slot, Bin& bin) {
  const Pfn head = bin.take(0);
  release_compound(head, frames_[head].tag().kind);
  slot.room.add_single_writer(bin.pages);
  counters_.drained.fetch_add(1);
  return head;
}

/// Gives up all compounds of a bin. As long as they lie in the same zone, that is locked once.
template <Platform P>
void CompoundAllocator<P>::give_up_all(Bin& bin) {
  counters_.drained.fetch_add(bin.count);
  const PageCount pages(bin.pages);
  const auto next_is_in = [&](const Zone& zone) {
    const Pfn next(bin.heads[0]);
    return bin.count != 0 && zone.range().contains(next) &&
           frames_[next].tag().kind == Kind::contiguous;
  };
  while (bin.count != 0) {
    Node& node = node_at(Pfn(bin.heads[0]));
    if (!next_is_in(node.zone)) {
      release_compound(bin.take(0), Kind::mapped);
      continue;
    }
    Guard guard(node.lock);
    do {
      const Pfn head = bin.take(0);
      frames_[head].set_tag({.state = FrameState::inner});
      node.zone.give({head, pages});
    } while (next_is_in(node.zone));
  }
}

/// The same of a bin that came out of the depot, where it counts until it has arrived.
template <Platform P>
void CompoundAllocator<P>::give_up_of_depot(Bin& bin) {
  const PageCount pages(bin.held());
  give_up_all(bin);
  depot_.arrived(pages);
}

/// Gives up what is in the depot, the oldest first, until that many pages have left it or none is
/// there; returns how many have. Who takes something out to give it up holds the reclaim lock or is
/// inside its slot, so that reclaim() waits until it is in the zones.
template <Platform P>
PageCount CompoundAllocator<P>::drain_depot(PageCount most) {
  PageCount drained{};
  Bin bin;
  while (drained < most && depot_.take_oldest(bin)) {
    drained += PageCount(bin.held());
    give_up_of_depot(bin);
  }
  return drained;
}

template <Platform P>
bool CompoundAllocator<P>::drain_near() {
  if (!p_.may_block()) return false;
  Slot* slot = enter();
  if (slot == nullptr) return false;
  const bool held = pages_in_bins(*slot).value != 0 || !depot_.empty();
  drain(*slot, total_pages_);
  drain_depot(total_pages_);
  leave(slot);
  return held;
}

// ---- pending areas ------------------------------------------------------------------------------

/// Who maps pays for what others left: the frames it takes are replaced, so that those that stay
/// free are not dregs. A mapping of the last free frames would have many short runs.
template <Platform P>
void CompoundAllocator<P>::bring_back(PageCount pages) {
  if (free_pages(MayBlock::yes) >= pages + reserve_) {
    purge_excess(pages);
    return;
  }
  const PageCount pending = pending_.pages();
  if (pending < pages) {
    const PageCount missing = pages - pending;
    Slot* slot = enter();
    if (slot != nullptr) {
      const PageCount drained = drain_depot(missing);
      if (drained < missing) drain(*slot, missing - drained);
      leave(slot);
    }
  }
  TryGuard guard(reclaim_lock_, Wait::no);
  if (guard) purge(pages);
}

/// Purges what is pending beyond the limit, but about `most` pages.
template <Platform P>
void CompoundAllocator<P>::purge_excess(PageCount most) {
  const PageCount pending = pending_.pages();
  if (pending <= pending_limit_) return;
  const PageCount excess = pending - pending_limit_;
  TryGuard guard(reclaim_lock_, Wait::no);  // if it is held, somebody is at it already
  if (guard) purge(excess < most ? excess : most);
}

/// Unmaps areas that are pending, of together `wanted` pages (at least a step) if there are so
/// many, shoots all of them down at once, and only then frees the frames, then the mappings, then
/// the addresses. The caller holds the reclaim lock.
template <Platform P>
void CompoundAllocator<P>::purge(PageCount wanted) {
  const PageCount least = wanted < purge_step_ ? purge_step_ : wanted;
  const Pfn chain = take_pending(least);
  if (chain == kNoPfn) return;
  const Invalidated proof = unmap_all(chain);
  for (Pfn head = chain; head != kNoPfn;) {
    const Pfn next = frames_[head].next();
    release_area(head, proof);
    head = next;
  }
}

/// A chain of areas that have together that many pages, if there are so many; nobody uses one of
/// them again.
template <Platform P>
Pfn CompoundAllocator<P>::take_pending(PageCount wanted) {
  Guard guard(pending_lock_);
  return pending_.take(frames_, wanted, [&](Pfn head) { return pages_of(head); });
}

/// Removes the translations of a chain of areas; neighbours in address by one call.
template <Platform P>
Invalidated CompoundAllocator<P>::unmap_all(Pfn chain) {
  Unmapped stale(VirtRange{});
  VirtRange row{};
  const auto unmap_row = [&] {
    if (row.size.value == 0) return;
    stale.absorb(p_.unmap(row));
    counters_.unmaps.fetch_add(1);
  };
  for (Pfn head = chain; head != kNoPfn; head = frames_[head].next()) {
    const VirtRange area = range_of(head);
    const Bytes guard = frame_size().bytes();  // neighbours have one guard page between them
    if (row.size.value != 0 && row.end() + guard == area.start) {
      row.size = area.end() - row.start;
    } else if (row.size.value != 0 && area.end() + guard == row.start) {
      row = {area.start, row.end() - area.start};
    } else {
      unmap_row();
      row = area;
    }
  }
  unmap_row();
  counters_.shootdowns.fetch_add(1);
  return p_.shootdown(static_cast<Unmapped&&>(stale));
}

/// Returns the frames, the mappings and the addresses of an area that nobody can reach any more.
template <Platform P>
void CompoundAllocator<P>::release_area(Pfn head, const Invalidated&) {
  const Vpn first = frames_[head].first_page();
  const PageCount pages = vmap_.pages(first);
  std::uint64_t mappings = 1;  // the guard page's
  frames_[head].set_tag({.state = FrameState::inner});
  for_each_mapped_run(first, pages, [&](PfnRange run, Vpn) {
    ++mappings;
    give_back(run);
  });
  pending_.removed(pages);
  p_.refund_mappings(mappings);
  Guard guard(vmap_lock_);
  vmap_.release(first);
}

// ---- trim ---------------------------------------------------------------------------------------

template <Platform P>
PageCount CompoundAllocator<P>::trim() {
  reclaim();
  PageCount trimmed{};
  if (is_closed() || commits_.always_committed()) return trimmed;
  for (std::uint32_t i = 0; i < node_count_; ++i) trimmed += trim_node(nodes_[i]);
  return trimmed;
}

/// Takes committed units that are wholly free out of the zone, a few at a time so that others are
/// not kept waiting, decommits them, and gives them back.
template <Platform P>
PageCount CompoundAllocator<P>::trim_node(Node& node) {
  static constexpr std::uint32_t kAtOnce = 64;
  PageCount trimmed{};
  for (;;) {
    PfnRange units[kAtOnce];
    std::uint32_t count = 0;
    Guard reclaiming(reclaim_lock_);  // who is short of frames meanwhile waits for them here
    {
      Guard guard(node.lock);
      node.zone.for_each_free_block([&](PfnRange block) {
        count += find_committed(block, units + count, kAtOnce - count);
        return count != kAtOnce;
      });
      for (std::uint32_t i = 0; i < count; ++i) node.zone.take_exactly(units[i]);
    }
    PageCount lost{};
    for (std::uint32_t i = 0; i < count; ++i) lost += decommit(units[i]);
    trimmed += lost;
    if (lost.value == 0) return trimmed;
  }
}

/// The committed units that lie wholly in a free block; at most `room` of them.
template <Platform P>
std::uint32_t CompoundAllocator<P>::find_committed(PfnRange block, PfnRange* units,
                                                   std::uint32_t room) const {
  std::uint32_t found = 0;
  const std::uint64_t last = commits_.unit_of(block.end() - PageCount(1));
  for (std::uint64_t u = commits_.unit_of(block.first); u <= last && found != room; ++u) {
    const PfnRange unit = commits_.frames_of(u);
    const bool inside = unit.first >= block.first && unit.end() <= block.end();
    if (inside && commits_.committed(u)) units[found++] = unit;
  }
  return found;
}

/// Gives the memory behind a unit that is ours back to the system, and its frames to their zone.
/// Returns the frames that lost their memory: none if the platform could not do it.
template <Platform P>
PageCount CompoundAllocator<P>::decommit(PfnRange unit) {
  bool done = false;
  {
    Guard guard(commit_lock_);
    done = p_.decommit(unit).ok();
    if (done) commits_.clear(commits_.unit_of(unit.first));
    if (done) committed_pages_.fetch_sub(unit.count.value);
  }
  give_back(unit);
  return done ? unit.count : PageCount(0);
}

}  // namespace vc
