// CompoundAllocator: looking at it, proving it, and the switches for tests.
#pragma once

#include "vcompound/compound/allocator.h"

namespace vc {

// ---- runs ---------------------------------------------------------------------------------------

/// Calls visit(run, page) for each run of adjacent frames of an area. A run ends where the next
/// frame is not the next number, or belongs to another node.
template <Platform P>
template <class Visitor>
void CompoundAllocator<P>::for_each_mapped_run(Vpn first, PageCount pages, Visitor&& visit) const {
  const Vpn end = first + pages;
  for (Vpn page = first; page < end;) {
    const Vpn start = page;
    PfnRange run{vmap_.frame_at(page), PageCount(1)};
    const std::uint32_t node = node_of(run.first);
    for (page += PageCount(1); page < end && vmap_.frame_at(page) == run.end() &&
                               (node_count_ == 1 || node_of(run.end()) == node);
         page += PageCount(1)) {
      run.count += PageCount(1);
    }
    visit(run, start);
  }
}

template <Platform P>
std::uint64_t CompoundAllocator<P>::count_runs(Vpn first, PageCount pages) const {
  std::uint64_t runs = 0;
  for_each_mapped_run(first, pages, [&](PfnRange, Vpn) { ++runs; });
  return runs;
}

template <Platform P>
template <class Visitor>
void CompoundAllocator<P>::for_each_extent(Pfn head, Visitor&& visit) const {
  const Allocation what = describe(head);
  if (what.kind == Kind::contiguous) {
    visit(PfnRange{head, what.pages});
    return;
  }
  for_each_mapped_run(frames_[head].first_page(), what.pages,
                      [&](PfnRange run, Vpn) { visit(run); });
}

template <Platform P>
VirtRange CompoundAllocator<P>::range_of(Pfn head) const {
  const Allocation what = describe(head);
  return {what.address, frame_size().bytes(what.pages)};
}

// ---- counters -----------------------------------------------------------------------------------

/// The free frames of all zones; of those whose lock is free, if waiting is forbidden.
template <Platform P>
PageCount CompoundAllocator<P>::free_pages(MayBlock may_block) {
  PageCount sum{};
  for (std::uint32_t i = 0; i < node_count_; ++i) {
    TryGuard guard(nodes_[i].lock, Wait(may_block == MayBlock::yes));
    if (guard) sum += nodes_[i].zone.free_pages();
  }
  return sum;
}

/// The figures of memory alone: what a refusal has to prove.
template <Platform P>
Stats CompoundAllocator<P>::memory_stats(MayBlock may_block) {
  const auto wait = Wait(may_block == MayBlock::yes);
  Stats s;
  s.total_pages = total_pages_;
  for (std::uint32_t i = 0; i < node_count_; ++i) {
    TryGuard guard(nodes_[i].lock, wait);
    if (!guard) continue;
    s.free_pages += nodes_[i].zone.free_pages();
    const PageCount longest = nodes_[i].zone.largest_run();
    if (longest > s.largest_run) s.largest_run = longest;
  }
  s.cached_pages = cached_pages();
  s.pending_pages = pending_.pages();
  s.deferred_pages = deferred_.pages();
  s.committed_pages =
      commits_.always_committed() ? total_pages_ : PageCount(committed_pages_.load_relaxed());
  s.mappings_used = p_.mappings_used();
  s.mappings_limit = p_.mappings_limit();
  TryGuard guard(vmap_lock_, wait);
  if (guard) s.largest_gap = vmap_.largest_gap();
  return s;
}

template <Platform P>
Stats CompoundAllocator<P>::stats() {
  if (is_closed()) return memory_stats(MayBlock::no);
  const bool may_block = p_.may_block();
  Stats s = memory_stats(may_block ? MayBlock::yes : MayBlock::no);
  const CallSites& sites = call_sites();
  for (std::uint32_t id = 0; id < sites.size(); ++id) {
    const SiteCounters& site = sites[static_cast<SiteId>(id)].counters;
    s.contiguous_allocations += site.contiguous.load_relaxed();
    s.mapped_allocations += site.mapped.load_relaxed();
  }
  s.cache_hits = counters_.hits.load_relaxed();
  s.deferred_frees = counters_.deferred_frees.load_relaxed();
  s.frees = counters_.frees.load_relaxed() + s.deferred_frees;
  if (may_block) {  // what went into a cache was used again, or was drained, or is still there
    s.frees += s.cache_hits + counters_.drained.load_relaxed() + cached_compounds() -
               counters_.prefilled.load_relaxed();
  }
  for (std::uint32_t r = 0; r < kReasonCount; ++r) {
    s.refusals[r] = counters_.refusals[r].load_relaxed();
  }
  s.forced_fallbacks = counters_.forced.load_relaxed();
  s.misuses = counters_.misuses.load_relaxed();
  s.maps = counters_.maps.load_relaxed();
  s.unmaps = counters_.unmaps.load_relaxed();
  s.shootdowns = counters_.shootdowns.load_relaxed();
  s.drains = counters_.drains.load_relaxed();
  return s;
}

template <Platform P>
const CallSites& CompoundAllocator<P>::call_sites() {
  if (!is_closed() && p_.may_block()) collect_site_counters();
  return sites_;
}

/// Moves what the slots counted for their recent sites into the table.
template <Platform P>
void CompoundAllocator<P>::collect_site_counters() {
  Guard guard(reclaim_lock_);
  for (std::uint32_t i = 0; i < slots_used_.load_acquire(); ++i) {
    Slot& slot = slots_[i];
    seize(slot);
    slot.move_hits();
    for (RecentSite& recent : slot.sites) flush(recent);
    let_in(slot);
  }
}

/// The number of compounds in all caches, as far as it can be read while others use them.
template <Platform P>
std::uint64_t CompoundAllocator<P>::cached_compounds() {
  Guard guard(reclaim_lock_);
  std::uint64_t sum = depot_.compounds();
  for (std::uint32_t i = 0; i < slots_used_.load_acquire(); ++i) {
    Slot& slot = slots_[i];
    if (is_idle_and_empty(slot)) continue;
    seize(slot);
    for (const Bin& bin : slot.bins) sum += bin.count;
    let_in(slot);
  }
  return sum;
}

/// Moves what one recent site counted into the table.
template <Platform P>
void CompoundAllocator<P>::flush(RecentSite& recent) {
  std::uint64_t& contiguous = recent.hits[static_cast<std::uint32_t>(Kind::contiguous)];
  std::uint64_t& mapped = recent.hits[static_cast<std::uint32_t>(Kind::mapped)];
  if (contiguous + mapped == 0) return;
  counters_.hits.fetch_add(contiguous + mapped);
  sites_[recent.id()].counters.contiguous.fetch_add(contiguous);
  sites_[recent.id()].counters.mapped.fetch_add(mapped);
  contiguous = 0;
  mapped = 0;
}

/// The number of a call site, registering it if that can be done without waiting.
template <Platform P>
SiteId CompoundAllocator<P>::identify(CallSite site) {
  const SiteId known = sites_.find(site);
  if (known != 0) return known;
  TryGuard guard(sites_lock_, Wait::no);
  return guard ? sites_.add(site) : SiteId{0};
}

// ---- walking ------------------------------------------------------------------------------------

template <Platform P>
CompoundInfo CompoundAllocator<P>::info_of(Pfn head) const {
  const FrameTag tag = frames_[head].tag();
  CompoundInfo info{.what = describe(head), .state = tag.state, .site = tag.site};
  if (tag.state == FrameState::head) info.references = references(head);
  if (tag.kind == Kind::mapped) info.runs = count_runs(frames_[head].first_page(), info.what.pages);
  return info;
}

/// Goes through a node in order of frames: calls on_free(PfnRange) for each free run, and
/// on_other(Pfn, FrameTag, PageCount) for each other thing: compounds (a contiguous one as a whole,
/// a mapped one by each of its frames), frames in transit, holes.
template <Platform P>
template <class OnFree, class OnOther>
void CompoundAllocator<P>::walk(Node& node, OnFree&& on_free, OnOther&& on_other) {
  const PfnRange range = node.zone.range();
  for (Pfn p = range.first; p < range.end();) {
    const PageCount free = node.zone.free_from(p);
    if (free.value != 0) {
      on_free(PfnRange{p, free});
      p += free;
      continue;
    }
    const FrameTag tag = frames_[p].tag();
    PageCount length(1);
    const bool shaped = tag.state == FrameState::head || tag.state == FrameState::cached ||
                        tag.state == FrameState::deferred;
    if (shaped && tag.kind == Kind::contiguous) length = frames_[p].pages();
    on_other(p, tag, length);
    p += length;
  }
}

template <Platform P>
template <class Visitor>
void CompoundAllocator<P>::for_each_compound(Visitor&& visit) {
  if (is_closed()) return;
  for (std::uint32_t i = 0; i < node_count_; ++i) {
    Guard guard(nodes_[i].lock);
    const auto ignore = [](PfnRange) {
    };
    walk(nodes_[i], ignore, [&](Pfn p, FrameTag tag, PageCount) {
      const bool compound = tag.state == FrameState::head || tag.state == FrameState::cached ||
                            tag.state == FrameState::deferred || tag.state == FrameState::pending;
      if (compound) visit(info_of(p));
    });
  }
}

template <Platform P>
template <class Visitor>
void CompoundAllocator<P>::for_each_free_run(Visitor&& visit) {
  if (is_closed()) return;
  for (std::uint32_t i = 0; i < node_count_; ++i) {
    Guard guard(nodes_[i].lock);
    walk(
        nodes_[i], [&](PfnRange run) { visit(i, run); }, [](Pfn, FrameTag, PageCount) {});
  }
}

template <Platform P>
PageCount CompoundAllocator<P>::free_pages(std::uint32_t node) {
  Guard guard(nodes_[node].lock);
  return nodes_[node].zone.free_pages();
}

template <Platform P>
std::uint64_t CompoundAllocator<P>::free_blocks(Order order) {
  std::uint64_t sum = 0;
  for (std::uint32_t i = 0; i < node_count_; ++i) {
    for (std::uint64_t word = 1; word != 0;) {
      Guard guard(nodes_[i].lock);
      sum += nodes_[i].zone.blocks(order, word);
    }
  }
  return sum;
}

// ---- switches for tests -------------------------------------------------------------------------

template <Platform P>
void CompoundAllocator<P>::set_always_map(Trigger trigger) {
  always_map_.set(trigger);
  set_special(kSpecialAlwaysMap, always_map_.armed());
}

template <Platform P>
void CompoundAllocator<P>::set_injection(Trigger trigger) {
  inject_.set(trigger);
  set_special(kSpecialInjection, inject_.armed());
}

template <Platform P>
void CompoundAllocator<P>::set_site_forced(CallSite site, bool forced) {
  Guard guard(sites_lock_);
  const SiteId id = sites_.add(site);
  if (id == 0) return;
  sites_[id].forced.store_relaxed(forced ? 1 : 0);
  bool any = false;
  for (std::uint32_t i = 1; i < sites_.size(); ++i) {
    any = any || sites_[static_cast<SiteId>(i)].forced.load_relaxed() != 0;
  }
  set_special(kSpecialSites, any);
}

template <Platform P>
void CompoundAllocator<P>::close(const char* why) {
  closed_.store_release(why);
  set_special(kSpecialClosed, true);
}

// ---- proof --------------------------------------------------------------------------------------

template <Platform P>
void CompoundAllocator<P>::check() {
  vmap_.check();
  pending_.check(frames_, [&](Pfn head) { return pages_of(head); });
  check_slots();
  std::uint64_t pending = 0;
  std::uint64_t deferred = 0;
  std::uint64_t cached = 0;
  std::uint64_t mappings = 0;
  PageCount mapped_frames{};  // frames of mapped compounds, counted one by one
  PageCount mapped_pages{};   // and as their heads tell
  for (std::uint32_t i = 0; i < node_count_; ++i) {
    nodes_[i].zone.check();
    PageCount free{};
    PageCount absent{};
    const auto count = [&](PfnRange run) {
      free += run.count;
    };
    walk(nodes_[i], count, [&](Pfn p, FrameTag tag, PageCount length) {
      VC_ASSERT(tag.state != FrameState::inner, "C1: a frame has no owner");
      if (tag.state == FrameState::absent) {
        absent += length;
        return;
      }
      if (tag.kind == Kind::mapped) mapped_frames += PageCount(1);
      if (tag.state == FrameState::tail) {
        VC_ASSERT(tag.kind == Kind::mapped, "C1: a tail outside its compound");
        return;
      }
      const CompoundInfo info = info_of(p);
      check_compound(info);
      const std::uint64_t pages = info.what.pages.value;
      if (tag.kind == Kind::mapped) mapped_pages += info.what.pages;
      if (tag.kind == Kind::mapped) mappings += info.runs + 1;
      if (tag.state == FrameState::pending) pending += pages;
      if (tag.state == FrameState::deferred) deferred += pages;
      if (tag.state == FrameState::cached) cached += pages;
    });
    VC_ASSERT(free == nodes_[i].zone.free_pages(), "C1: free frames do not add up");
    VC_ASSERT(absent + total_pages(i) == nodes_[i].zone.range().count, "C1: a frame is missing");
  }
  VC_ASSERT(mapped_frames == mapped_pages, "C1: a frame of a mapped compound is lost");
  VC_ASSERT(pending == pending_.pages().value, "C1: pending pages do not add up");
  VC_ASSERT(deferred == deferred_.pages().value, "C1: deferred pages do not add up");
  VC_ASSERT(cached == cached_pages().value, "C1: cached pages do not add up");
  VC_ASSERT(mappings <= p_.mappings_used(), "C1: mappings in use that were not charged");
}

/// C2: each page of a compound leads to its head, whatever way is taken; and C3.
template <Platform P>
void CompoundAllocator<P>::check_compound(const CompoundInfo& info) const {
  const Allocation& what = info.what;
  VC_ASSERT(references(what.head) == 1 || info.state != FrameState::head ||
                frames_[what.head].tag().shared,
            "C3: a compound is shared and not marked");
  for (PageCount n{}; n < what.pages; n += PageCount(1)) {
    const Pfn pfn = nth_page(what.head, n);
    if (n.value != 0 && (what.kind == Kind::mapped || has_hint(what.head, pfn))) {
      VC_ASSERT(frames_[pfn].state() == FrameState::tail && frames_[pfn].head() == what.head,
                "C2: a tail does not know its head");
    }
    if (info.state != FrameState::head) continue;
    VC_ASSERT(page_address(pfn) == what.address + frame_size().bytes(n),
              "C2: page_address and nth_page disagree");
    VC_ASSERT(head_of(pfn) == what.head, "C2: head_of is wrong");
    VC_ASSERT(frame_at(page_address(pfn)) == pfn, "C2: frame_at is wrong");
  }
}

/// S1 and D1, and S3, of one compound of a bin.
template <Platform P>
void CompoundAllocator<P>::check_cached(PageCount pages, Pfn head) const {
  VC_ASSERT(frames_[head].state() == FrameState::cached, "S1: a bin holds what is not cached");
  VC_ASSERT(pages_of(head) == pages, "S1: a bin holds another size");
  VC_ASSERT(references(head) == 1, "S3: a cached compound lost its reference");
}

template <Platform P>
void CompoundAllocator<P>::check_slots() const {
  depot_.check([&](PageCount pages, Pfn head) { check_cached(pages, head); });
  for (std::uint32_t i = 0; i < slots_used_.load_acquire(); ++i) {
    const Slot& slot = slots_[i];
    std::uint64_t pages = 0;
    for (std::uint32_t n = 0; n < Slot::kBins; ++n) {
      const Bin& bin = slot.bins[n];
      VC_ASSERT(bin.count == 0 || (slot.filled[n / 64] >> (n % 64) & 1) != 0,
                "S5: a bin with compounds is not found");
      for (std::uint32_t k = 0; k < bin.count; ++k) {
        check_cached(PageCount(bin.pages), Pfn(bin.heads[k]));
        pages += bin.pages;
      }
    }
    const std::uint64_t room = slot.room.load_relaxed();
    const std::uint64_t in_hand = slot.hand_pages.load_relaxed();
    VC_ASSERT(room <= slot_limit_.value && room + pages == slot_limit_.value,
              "S2: the room in a slot is wrong");
    if (in_hand == 0) continue;
    const Pfn head((slot.hand - direct_.start).value >> frame_size().shift());
    VC_ASSERT(frames_[head].word_place() == slot.hand_tag, "S4: the hand has two compounds");
    VC_ASSERT(frames_[head].pages().value == in_hand, "S4: the hand has another size");
    VC_ASSERT(frames_[head].tag() == FrameTag{.state = FrameState::cached},
              "S4: what is in the hand is not cached");
    VC_ASSERT(references(head) == 1, "S3: the compound in the hand lost its reference");
    VC_ASSERT(in_hand <= room, "S4: a slot keeps too much");
  }
}

}  // namespace vc
