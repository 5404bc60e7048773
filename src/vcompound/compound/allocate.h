// CompoundAllocator: allocation beyond the cache: the cases in their order, the contiguous way, and
// refusals. The other way is in mapped.h.
#pragma once

#include "vcompound/compound/allocator.h"

namespace vc {

// ---- what the request may be --------------------------------------------------------------------

/// Refuses what makes no sense, before anything is touched.
template <Platform P>
PlatformStatus CompoundAllocator<P>::validate(const Request& request, PageCount pages) const {
  const auto no = [](Reason reason, const char* detail) {
    return PlatformStatus{reason, 0, detail};
  };
  const std::uint64_t alignment = request.alignment.value;
  const std::uint32_t node = request.placement.node;
  if (is_closed()) return no(Reason::policy, closed_.load_acquire());
  if (request.size.value == 0) return no(Reason::invalid, "a size of 0 bytes");
  if (request.size.value >> 47 != 0) return no(Reason::invalid, "a size of 128 TiB or more");
  if ((alignment & (alignment - 1)) != 0) {
    return no(Reason::invalid, "an alignment that is not a power of two");
  }
  if (alignment >> 30 > 1) return no(Reason::invalid, "an alignment above 1 GiB");
  if (node != Placement::kAnyNode && node != Placement::kSpread && node >= node_count_) {
    return no(Reason::invalid, "a node that does not exist");
  }
  if (request.placement == Placement::spread() && request.contiguity == Contiguity::required) {
    return no(Reason::invalid, "spread over nodes and contiguous at once");
  }
  if (frame_size().bytes(pages) - request.size > request.max_loss) {
    return no(Reason::policy, "rounding up to whole frames would waste more than max_loss");
  }
  return {};
}

/// Does a test setting take the contiguous attempt away?
template <Platform P>
bool CompoundAllocator<P>::is_forced(const Request& request, PageCount pages, SiteId site) {
  if (request.contiguity != Contiguity::preferred || pages.value == 1) return false;
  if (sites_[site].forced.load_relaxed() != 0) return true;
  return always_map_.armed() && always_map_.decide();
}

/// An attempt at a request that is still to be validated, or is known to make sense.
template <Platform P>
inline typename CompoundAllocator<P>::Attempt CompoundAllocator<P>::begin(const Request& request,
                                                                          PageCount pages,
                                                                          SiteId site) {
  Attempt attempt{.request = request,
                  .pages = pages,
                  .alignment = PageCount(1),
                  .site = site,
                  .may_block = p_.may_block() ? request.may_block : MayBlock::no};
  if (request.alignment > frame_size().bytes()) {
    attempt.alignment = frame_size().pages_for(request.alignment);
  }
  return attempt;
}

// ---- the cases ----------------------------------------------------------------------------------

template <Platform P>
Result<Allocation> CompoundAllocator<P>::allocate_uncached(const Request& request, PageCount pages,
                                                           CallSite site) {
  Attempt attempt = begin(request, pages, identify(site));
  attempt.failure = validate(request, pages);
  if (attempt.failed_for_good()) return refuse(attempt);
  return allocate_valid(attempt, site);
}

/// The same for a request that is known to make sense.
template <Platform P>
Result<Allocation> CompoundAllocator<P>::allocate_valid(Attempt& attempt, CallSite site) {
  const Request& request = attempt.request;
  const PageCount pages = attempt.pages;
  if (inject_.armed() && inject_.decide()) {
    attempt.fail({Reason::injected, 0, "fault injection is switched on"});
    return refuse(attempt);
  }
  if (attempt.may_block == MayBlock::yes && deferred_.pages() > deferred_limit_) release_deferred();
  // Where blocking is forbidden nothing can be mapped, so nothing can be forced to be.
  const bool forced = attempt.may_block == MayBlock::yes && is_forced(request, pages, attempt.site);
  attempt.scatter = forced || request.contiguity == Contiguity::never;
  Pfn head = forced ? take_cached_mapped(attempt, site) : kNoPfn;
  if (head == kNoPfn) head = attempt_all(attempt, forced);
  if (head == kNoPfn && is_worth_reclaiming(attempt)) {
    reclaim();
    attempt.failure = {};
    head = attempt_all(attempt, forced);
  }
  if (head == kNoPfn) return refuse(attempt);
  if (forced && frames_[head].tag().kind == Kind::mapped) {
    counters_.forced.fetch_add(1);
    sites_[attempt.site].counters.forced.fetch_add(1);
  }
  return describe(head);
}

/// Under forced fallback: a mapped compound of our own slot, if it has one of this size.
template <Platform P>
Pfn CompoundAllocator<P>::take_cached_mapped(const Attempt& attempt, CallSite site) {
  if (attempt.request.placement != Placement::any()) return kNoPfn;
  Request mapped = attempt.request;
  mapped.contiguity = Contiguity::never;
  SiteId known = attempt.site;
  const Pfn head = take_cached(mapped, attempt.pages, site, known);
  if (head != kNoPfn && mapped.zero == Zero::yes) p_.zero(range_of(head));
  return head;
}

/// Is there a fallback? A single frame has nothing to join, but may lie at the wrong alignment.
template <Platform P>
bool CompoundAllocator<P>::is_mappable(const Attempt& attempt) const {
  return attempt.request.contiguity != Contiguity::required &&
         (attempt.pages.value > 1 || attempt.alignment.value > 1);
}

/// Is a contiguous compound not what was asked for?
template <Platform P>
bool CompoundAllocator<P>::must_map(const Attempt& attempt) const {
  const bool spread = attempt.request.placement == Placement::spread() && node_count_ > 1;
  return attempt.pages.value > 1 && (spread || attempt.request.contiguity == Contiguity::never);
}

/// Could reclaim() help? Frames may also be in the hands of somebody who trims or purges at this
/// moment; reclaim() waits for those.
template <Platform P>
bool CompoundAllocator<P>::is_worth_reclaiming(const Attempt& attempt) const {
  return attempt.may_block == MayBlock::yes &&
         (!attempt.failed_for_good() || reclaimable().value != 0);
}

/// The two ways in their order. Each undoes all it did before it gives up.
template <Platform P>
Pfn CompoundAllocator<P>::attempt_all(Attempt& attempt, bool forced) {
  const bool may_map = is_mappable(attempt);
  const bool map_first = must_map(attempt) || (may_map && forced);

  if (!map_first) {
    Pfn head = try_contiguous(attempt);
    if (head != kNoPfn || attempt.failed_for_good()) return head;
    if (attempt.may_block == MayBlock::yes && !deferred_.empty()) {
      release_deferred();
      head = try_contiguous(attempt);
      if (head != kNoPfn || attempt.failed_for_good()) return head;
    }
    head = try_drained(attempt);
    if (head != kNoPfn || attempt.failed_for_good()) return head;
  }
  if (!may_map) return kNoPfn;
  if (attempt.may_block == MayBlock::no) {  // undoing a mapping would need a shootdown
    attempt.contended = true;
    return kNoPfn;
  }
  Pfn head = reuse_pending(attempt);
  if (head != kNoPfn) return head;
  bring_back(attempt.pages);
  head = try_mapped(attempt);
  if (head != kNoPfn || !forced || must_map(attempt)) return head;
  // Forced fallback must not break the promise: without mappings it is a normal request again.
  const PlatformStatus failure = attempt.failure;
  attempt.failure = {};
  const Pfn run = try_contiguous(attempt);
  if (run == kNoPfn && !attempt.failed_for_good()) attempt.failure = failure;
  return run;
}

// ---- contiguous ---------------------------------------------------------------------------------

template <Platform P>
Pfn CompoundAllocator<P>::try_contiguous(Attempt& attempt) {
  const PfnRange run = take_run(attempt, wants_batch(attempt));
  if (run.empty()) return kNoPfn;
  if (run.count != attempt.pages && !keep_rest(attempt, run)) return kNoPfn;
  return use_run(attempt, run.first);
}

/// The same where the caller's own slot or the depot has what is missing: gives back what they
/// hold, one compound after the other, until the free frames around one of them are enough.
template <Platform P>
Pfn CompoundAllocator<P>::try_drained(Attempt& attempt) {
  if (attempt.may_block == MayBlock::no) return kNoPfn;
  if (attempt.request.placement.node < node_count_) {  // its node first, whatever is given back
    return drain_near() ? try_contiguous(attempt) : kNoPfn;
  }
  Slot* slot = enter();
  if (slot == nullptr) return kNoPfn;
  Pfn run = kNoPfn;
  slot->for_each_filled_bin([&](Bin& bin) {
    while (bin.count != 0 && run == kNoPfn) run = take_around(attempt, drain_one(*slot, bin));
    return run == kNoPfn;
  });
  Bin bin;
  while (run == kNoPfn && depot_.take_oldest(bin)) run = take_around_one_of(attempt, bin);
  leave(slot);
  return run == kNoPfn ? kNoPfn : use_run(attempt, run);
}

/// Gives up a bin of the depot; a run around one of its compounds, if one is long enough.
template <Platform P>
Pfn CompoundAllocator<P>::take_around_one_of(const Attempt& attempt, Bin& bin) {
  const Bin given = bin;
  give_up_of_depot(bin);
  Pfn run = kNoPfn;
  for (std::uint32_t i = 0; i != given.count && run == kNoPfn; ++i) {
    run = take_around(attempt, Pfn(given.heads[i]));
  }
  return run;
}

/// A run of exactly the pages wanted around the first frame of a compound that was given up, if it
/// was contiguous.
template <Platform P>
Pfn CompoundAllocator<P>::take_around(const Attempt& attempt, Pfn frame) {
  if (frames_[frame].state() == FrameState::pending) return kNoPfn;
  Node& node = node_at(frame);
  Guard guard(node.lock);
  return node.zone.take_around(frame, attempt.pages, attempt.alignment);
}

/// Makes a run that was taken from its zone a compound in use.
template <Platform P>
Pfn CompoundAllocator<P>::use_run(Attempt& attempt, Pfn head) {
  const PfnRange run{head, attempt.pages};
  if (!back(run, attempt.request.zero, attempt)) {
    give_back(run);
    return kNoPfn;
  }
  frames_[head].set_pages(attempt.pages);
  write_hints(run);
  return publish(attempt, head, Kind::contiguous);
}

/// Compounds of one size that are taken at once: one for the caller, the others for its slot.
struct Batch {
  static constexpr std::uint64_t kMost = 1 + Bin::kCapacity;
  static constexpr PageCount kMostPages{64};  ///< of a batch
  static constexpr PageCount kLargest{8};     ///< of its compounds; larger ones are taken singly

  /// For compounds of `each` pages.
  static constexpr PageCount pages_for(PageCount each) {
    const std::uint64_t fitting = kMostPages.value / each.value;
    return each * (fitting < kMost ? fitting : kMost);
  }
  /// Where single frames may begin: most of their descriptors then fill whole cache lines, three
  /// for sixteen, and threads that work with single frames do not write each other's lines.
  static constexpr PageCount alignment_for(PageCount each) {
    return PageCount(each.value == 1 ? 16 : 1);
  }
};

/// A few pages, anywhere, where the others of the batch may be kept, will be asked for (a test
/// setting passes the cache by), and cost no memory of their own.
template <Platform P>
bool CompoundAllocator<P>::wants_batch(const Attempt& attempt) const {
  return attempt.pages <= Batch::kLargest && attempt.alignment.value == 1 && !is_special() &&
         (attempt.pages.value == 1 || !attempt.scatter) &&
         attempt.request.placement == Placement::any() && attempt.may_block == MayBlock::yes &&
         slot_limit_ >= Batch::kMostPages * attempt.pages.value &&
         (commits_.always_committed() ||
          (attempt.pages.value == 1 && commits_.unit() >= Batch::pages_for(PageCount(1))));
}

/// Keeps all of a batch but its first compound in the caller's slot: the way to the zone is gone
/// once for all of them. False if it got no memory; then it was given back.
template <Platform P>
bool CompoundAllocator<P>::keep_rest(Attempt& attempt, PfnRange batch) {
  if (!back(batch, Zero::no, attempt)) {
    give_back(batch);
    return false;
  }
  const PageCount each = attempt.pages;
  PfnRange rest{batch.first + each, batch.count - each};
  Slot* slot = enter();
  if (slot != nullptr) {
    const PageCount kept = fill_bin(*slot, each, rest);
    leave(slot);
    counters_.prefilled.fetch_add(kept.value / each.value);
    rest = {rest.first + kept, rest.count - kept};
  }
  if (!rest.empty()) give_back(rest);
  return true;
}

/// Puts compounds of `each` pages, made of a row of frames, into their bin of a slot that was
/// entered, as many as it takes. Returns the frames they have.
template <Platform P>
inline PageCount CompoundAllocator<P>::fill_bin(Slot& slot, PageCount each, PfnRange frames) {
  Bin& bin = slot.bin_for(each.value);
  bin.pages = static_cast<std::uint32_t>(each.value);
  const PageCount most = smaller(frames.count, PageCount(slot.room.load_owned()));
  std::uint32_t count = bin.count;
  Frame* frame = &frames_[frames.first];
  PageCount kept{};
  while (kept + each <= most && count != Bin::kCapacity) {
    const Pfn head = frames.first + kept;
    frame->references().store_relaxed(1);
    frame->set_pages(each);
    frame->set_word(Caches::kCached);
    point_to(head, frame + 1, frame + each.value);
    bin.heads[count++] = static_cast<std::uint32_t>(head.value);
    frame += each.value;
    kept += each;
  }
  bin.count = count;
  if (count != 0) slot.mark_filled(bin);
  slot.room.add_single_writer(0 - kept.value);
  return kept;
}

/// The hints that lead from the pages behind the first one to it: behind it in its group, and at
/// the first frame of each further group (frame.h).
template <Platform P>
inline void CompoundAllocator<P>::write_hints(PfnRange compound) {
  const Pfn head = compound.first;
  const Pfn next_group = first_of_group(head) + kFrameGroup;
  Frame* const frame = &frames_[head];
  if (first_of_group(head) != head) {
    point_to(head, frame + 1, frame + smaller(compound.count, next_group - head).value);
  }
  for (Pfn p = next_group; p < compound.end(); p += kFrameGroup) {
    point_to(head, &frames_[p], &frames_[p] + 1);
  }
}

/// Writes a hint into each descriptor from `first` to before `end`.
template <Platform P>
inline void CompoundAllocator<P>::point_to(Pfn head, Frame* first, Frame* end) {
  static constexpr std::uint32_t kTail = FrameTag{.state = FrameState::tail}.pack();
  for (; first != end; ++first) {
    first->set_head(head);
    first->set_word(kTail);
  }
}

/// A run of exactly the pages wanted, from the preferred node or any other; or a batch of them if
/// one is wanted, and the node has it in one block.
template <Platform P>
PfnRange CompoundAllocator<P>::take_run(Attempt& attempt, bool or_batch) {
  const std::uint32_t wanted = attempt.request.placement.node;
  const std::uint32_t first = wanted < node_count_ ? wanted : 0;
  for (std::uint32_t i = 0; i < node_count_; ++i) {
    Node& node = nodes_[(first + i) % node_count_];
    TryGuard guard(node.lock, Wait(attempt.may_block == MayBlock::yes));
    if (!guard) {
      attempt.contended = true;
      continue;
    }
    PfnRange run = or_batch ? find_batch(node.zone, attempt.pages) : PfnRange{};
    if (run.empty()) {
      const Pfn found = node.zone.find(attempt.pages, attempt.alignment, Zone::Look::all_blocks);
      if (found == kNoPfn) continue;
      run = {found, attempt.pages};
    }
    frames_.will_write(run.first);
    node.zone.take_exactly(run);
    return run;
  }
  return {};
}

/// A batch of compounds in one block of a zone.
template <Platform P>
PfnRange CompoundAllocator<P>::find_batch(const Zone& zone, PageCount each) {
  const PageCount pages = Batch::pages_for(each);
  const Pfn first = zone.find(pages, Batch::alignment_for(each), Zone::Look::one_block);
  return first == kNoPfn ? PfnRange{} : PfnRange{first, pages};
}

/// The last step of both ways: from here on the compound is in use.
template <Platform P>
Pfn CompoundAllocator<P>::publish(const Attempt& attempt, Pfn head, Kind kind) {
  frames_[head].references().store_relaxed(1);
  frames_[head].set_tag({.state = FrameState::head, .kind = kind, .site = attempt.site});
  const bool mapped = kind == Kind::mapped;
  SiteCounters& site = sites_[attempt.site].counters;
  (mapped ? site.mapped : site.contiguous).fetch_add(1);
  return head;
}

// ---- refusals -----------------------------------------------------------------------------------

/// Explains a failed attempt, and counts it.
template <Platform P>
Result<Allocation> CompoundAllocator<P>::refuse(const Attempt& attempt) {
  const Error error = explain(attempt);
  counters_.refusals[static_cast<std::uint32_t>(error.reason)].fetch_add(1);
  sites_[attempt.site].counters.refused.fetch_add(1);
  return error;
}

/// The error of a failed attempt, with the figures of this moment.
template <Platform P>
Error CompoundAllocator<P>::explain(const Attempt& attempt) {
  Error error;
  error.reason = attempt.failure.reason;
  error.requested = attempt.request.size;
  if (error.reason == Reason::mappings) error.mappings_needed = attempt.mappings_needed;
  error.system_error = attempt.failure.system_error;
  error.detail = attempt.failure.detail;
  if (is_closed()) return error;  // a forked child must not wait for locks of threads it has not
  const Stats now = memory_stats(attempt.may_block);
  error.free = frame_size().bytes(now.available());
  error.largest_run = frame_size().bytes(now.largest_run);
  error.largest_gap = frame_size().bytes(now.largest_gap);
  error.mappings_used = p_.mappings_used();
  error.mappings_limit = p_.mappings_limit();
  if (attempt.failed_for_good()) return error;
  const bool blocked = attempt.may_block == MayBlock::no && now.available() >= attempt.pages &&
                       (attempt.contended || now.available() != now.free_pages);
  if (blocked) {
    error.reason = Reason::context;
    error.detail = "free frames are in caches or behind a lock, and waiting was forbidden";
  } else if (now.available() < attempt.pages) {
    error.reason = Reason::budget;
  } else {
    error.reason = Reason::fragmentation;
  }
  return error;
}

// ---- can_allocate -------------------------------------------------------------------------------

template <Platform P>
Error CompoundAllocator<P>::can_allocate(const Request& request) {
  Attempt attempt = begin(request, frame_size().pages_for(request.size), 0);
  attempt.failure = validate(request, attempt.pages);
  if (attempt.failed_for_good()) return explain(attempt);
  const bool may_block = attempt.may_block == MayBlock::yes;
  if (may_block) poll();
  if (probe(attempt)) return {};
  if (is_worth_reclaiming(attempt)) {
    reclaim();
    attempt.failure = {};
    if (probe(attempt)) return {};
  }
  return explain(attempt);
}

/// Does what allocate() would do up to the first step that is not free to undo, then undoes it.
template <Platform P>
bool CompoundAllocator<P>::probe(Attempt& attempt) {
  const bool may_block = attempt.may_block == MayBlock::yes;
  if (!must_map(attempt)) {
    const PfnRange run = take_run(attempt, false);
    if (!run.empty()) {
      const bool backed = may_block || commits_.committed(run);
      give_back(run);
      if (!backed) fail_uncommitted(attempt);
      return backed;
    }
  }
  if (!is_mappable(attempt)) return false;
  if (!may_block) {
    attempt.contended = true;
    return false;
  }
  const RunList runs = gather(attempt);
  const bool enough = runs.pages() == attempt.pages;
  const std::uint64_t mappings = runs.count() + 1;
  const PageCount slack = enough ? area_alignment(attempt, runs.first()) : PageCount(0);
  give_back(runs);
  if (!enough) return false;
  Guard guard(vmap_lock_);
  if (vmap_.largest_gap() < attempt.pages + slack) {
    attempt.fail({.reason = Reason::address_space});
    return false;
  }
  // The zones may offer other runs of the same lengths next time: leave room for a few more.
  const std::uint64_t cautious = mappings + mappings / 4 + 16;
  if (p_.charge_mappings(cautious)) {
    p_.refund_mappings(cautious);
    return true;
  }
  attempt.fail_for_mappings(cautious);
  return false;
}

}  // namespace vc
