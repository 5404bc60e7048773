// CompoundAllocator: requests and frees that the slot serves, with all that slot_caches.h leaves
// out.
#pragma once

#include "vcompound/compound/allocator.h"

namespace vc {

// ---- the slots ----------------------------------------------------------------------------------

/// Enters the caller's slot; finds it one, and opens it, if it is its first time.
template <Platform P>
Slot* CompoundAllocator<P>::enter() {
  Slot* slot = enter_gate();
  if (slot != nullptr) lay_down(*slot);
  return slot;
}

/// The same, for a caller who lays the hand down later.
template <Platform P>
inline Slot* CompoundAllocator<P>::enter_gate() {
  const std::uint32_t id = P::Slots::slot();
  if (id >= P::Slots::kSlots) return nullptr;
  if (id >= slots_used_.load_acquire()) open_slots(id + 1);
  Slot* slot = &slots_[id];
  return Caches::template enter<P::Slots::light_barrier, kOpenToLibrary>(slot) ? slot : nullptr;
}

/// Moves what is in the hand of a slot (entered or seized) into its bin or, if that does not take
/// it, onto the deferred stack: nobody waits here for the lock of a zone.
template <Platform P>
void CompoundAllocator<P>::lay_down(Slot& slot) {
  const PageCount pages(slot.hand_pages.load_owned());
  if (pages.value == 0) return;
  const Pfn head((slot.hand - direct_.start).value >> frame_size().shift());
  slot.hand_pages.store_relaxed(0);
  Bin& bin = slot.bin_for(pages.value);
  if (bin.count == 0) bin.pages = static_cast<std::uint32_t>(pages.value);
  if (bin.pages == pages.value && bin.count != Bin::kCapacity) {
    slot.put(bin, head);
    return;
  }
  counters_.drained.fetch_add(1);
  frames_[head].set_tag({.state = FrameState::deferred});
  deferred_.push(frames_, head, pages);
}

/// Lets slots [0, count) be used. If that cannot be done without waiting, the next time will do.
template <Platform P>
void CompoundAllocator<P>::open_slots(std::uint32_t count) {
  TryGuard guard(reclaim_lock_, Wait::no);
  if (!guard) return;
  for (std::uint32_t id = slots_used_.load_relaxed(); id < count; ++id) {
    Slot& slot = slots_[id];
    slot.room.store_relaxed(slot_limit_.value);
    slot.sites[0].word = Caches::kInUse;  // zeroed, it is that of CallSite{}
    slot.make_hot(nullptr);
    slots_used_.store_release(id + 1);
    let_in(slot);
  }
}

/// Opens a slot for whom the switches allow; the caller holds the reclaim lock. A switch that is
/// turned meanwhile is seen here, or set_special() sees the slot open: each side writes its word
/// before it reads the other's.
template <Platform P>
void CompoundAllocator<P>::let_in(Slot& slot) {
  std::uint32_t who = 0;
  bool was_open = false;
  do {
    who = who_may_enter();
    slot.open.store_release(who);
    was_open = was_open || who == kOpenToAll;
    full_barrier();
  } while (who != who_may_enter());
  if (was_open && who != kOpenToAll) stop_sequences();
}

/// Turns one switch, for all slots. They may be opened and seized meanwhile.
template <Platform P>
void CompoundAllocator<P>::set_special(std::uint32_t bit, bool on) {
  if (on) {
    special_.fetch_or(bit);
  } else {
    special_.fetch_and(~bit);
  }
  full_barrier();
  bool lowered = on;  // maybe by somebody else just now, who has not stopped the sequences yet
  for (std::uint32_t i = 0; i < slots_used_.load_acquire(); ++i) {
    std::uint32_t who = slots_[i].open.load_acquire();
    while (who != kOpenToNobody && who != who_may_enter()) {
      lowered = lowered || who == kOpenToAll;
      slots_[i].open.compare_exchange(who, who_may_enter());
      full_barrier();
      who = slots_[i].open.load_acquire();
    }
  }
  if (lowered) stop_sequences();
}

/// Sequences pass no more where slots are not open to all. (Where they are, the owner lets them
/// pass again when it leaves the next time.) For whoever has just made `open` of a slot lower.
template <Platform P>
void CompoundAllocator<P>::stop_sequences() {
  if constexpr (!Caches::kSequences) return;
  const std::uint32_t used = slots_used_.load_acquire();
  if (used == 0) return;
  p_.heavy_barrier();
  for (std::uint32_t i = 0; i < used; ++i) slots_[i].allowance.store_release(0);
}

// ---- allocation ---------------------------------------------------------------------------------

/// Requests that need a closer look (zero size, bad alignment, placement, a limit on loss, a test
/// setting) go straight to allocate_uncached().
template <Platform P>
inline Result<Allocation> CompoundAllocator<P>::allocate(const Request& request, CallSite site) {
  const PageCount pages = frame_size().pages_for(request.size);
  const bool simple = request.placement == Placement::any() && request.max_loss == kAnyLoss &&
                      pages.value != 0 && !is_special() && request.alignment.value <= 1ULL << 30 &&
                      (request.alignment.value & (request.alignment.value - 1)) == 0;
  if (!simple || request.size.value >> 47 != 0) return allocate_uncached(request, pages, site);
  SiteId id = 0;
  const Pfn head = take_cached(request, pages, site, id);
  if (head == kNoPfn) {
    Attempt attempt = begin(request, pages, id != 0 ? id : identify(site));
    return allocate_valid(attempt, site);
  }
  const Allocation allocation = describe(head);
  if (request.zero == Zero::yes) p_.zero({allocation.address, frame_size().bytes(pages)});
  return allocation;
}

/// Pops a compound of exactly this size from the caller's slot, in use for `site`, or kNoPfn; then
/// `id` is the number of the site, if the slot knows it. The request is valid and does not care
/// about nodes.
template <Platform P>
inline Pfn CompoundAllocator<P>::take_cached(const Request& request, PageCount pages, CallSite site,
                                             SiteId& id) {
  Slot* slot = enter();
  if (slot == nullptr) return kNoPfn;
  Pfn head = kNoPfn;
  Bin& bin = slot->bin_for(pages.value);
  if (bin.count == 0 && !depot_.empty()) refill(*slot, bin, pages);
  if (bin.pages == pages.value) {
    const std::uint32_t index = find_fitting(bin, request);
    if (index != bin.count) {
      head = bin.take(index);
      use_again(slot, frames_[head], pages.value, remember(slot, site));
    }
  }
  if (head == kNoPfn && slot->recent(site).site == site) id = slot->recent(site).id();
  leave(slot);
  return head;
}

/// Fills an empty bin for compounds of that many pages from the depot, if that has some, and the
/// slot the room for them.
template <Platform P>
[[gnu::noinline]] void CompoundAllocator<P>::refill(Slot& slot, Bin& bin, PageCount pages) {
  Bin full;
  if (!depot_.take(pages.value, slot.room.load_owned(), full)) return;
  const PageCount moved(full.held());
  slot.put_all(bin, full);
  depot_.arrived(moved);
}

/// A compound of a bin that fits the request, the newest if it does; bin.count if none does.
template <Platform P>
inline std::uint32_t CompoundAllocator<P>::find_fitting(const Bin& bin,
                                                        const Request& request) const {
  std::uint32_t index = 0;
  while (index != bin.count && !fits(Pfn(bin.heads[index]), request)) ++index;
  return index;
}

template <Platform P>
inline bool CompoundAllocator<P>::fits(Pfn head, const Request& request) const {
  const Kind kind = frames_[head].tag().kind;
  if (request.contiguity == Contiguity::required && kind == Kind::mapped) return false;
  if (request.contiguity == Contiguity::never && kind == Kind::contiguous) {
    return frames_[head].pages() == PageCount(1);
  }
  if (request.alignment.value <= frame_size().bytes().value) return true;
  const VirtAddr address = describe(head).address;
  return (address.value & (request.alignment.value - 1)) == 0;
}

/// The place of a call site among the recent ones of a slot; another site may have to leave it.
template <Platform P>
RecentSite& CompoundAllocator<P>::remember(Slot* slot, CallSite site) {
  RecentSite& recent = slot->recent(site);
  if (recent.site == site) return recent;
  if (slot->hot_site == &recent) slot->make_hot(nullptr);
  flush(recent);
  const SiteId id = identify(site);
  // A site that could not be registered just now is asked for again; when the table is full, never.
  const bool settled = id != 0 || sites_.size() == CallSites::kCapacity;
  recent = {.site = settled ? site : CallSite{},
            .word = Caches::kInUse | FrameTag{.site = id}.pack(),
            .hits = {}};
  return recent;
}

// ---- free ---------------------------------------------------------------------------------------

template <Platform P>
inline Misuse CompoundAllocator<P>::free(VirtAddr address) {
  return free_hot(address) ? Misuse::none : free_beyond_hot(address);
}

/// Puts a compound in use into the caller's slot, which takes to its page count if its bin is
/// empty. For a caller who may block room is made, before what is in the hand is laid down: it then
/// finds its bin empty, if that is the same. False if there is no slot or no room.
template <Platform P>
bool CompoundAllocator<P>::keep(Pfn head, PageCount pages, std::uint32_t word, MayBlock may_block) {
  Slot* slot = enter_gate();
  if (slot == nullptr) return false;
  Bin& bin = slot->bin_for(pages.value);
  if (may_block == MayBlock::yes && !Caches::takes(*slot, bin, pages)) make_room(*slot, bin, pages);
  lay_down(*slot);
  if (bin.count == 0) bin.pages = static_cast<std::uint32_t>(pages.value);
  const bool kept = put_in_bin(*slot, frames_[head], head, pages, word);
  leave(slot);
  return kept;
}

/// Makes a slot accept a compound of that many pages, at the expense of what it holds: its bin if
/// that is full or has another size, and as much as is needed.
template <Platform P>
[[gnu::noinline]] void CompoundAllocator<P>::make_room(Slot& slot, Bin& bin, PageCount pages) {
  if (pages > slot_limit_) return;
  if (is_worth_handing_over(bin)) hand_over(slot, bin);
  if (bin.count == Bin::kCapacity || bin.pages != pages.value) drain_bin(slot, bin);
  if (!slot.has_room(pages.value)) drain(slot, pages);
}

/// Does a bin have as many compounds as it may have, or a few that take up half of what its slot
/// may keep?
template <Platform P>
bool CompoundAllocator<P>::is_worth_handing_over(const Bin& bin) const {
  constexpr std::uint32_t kFew = 4;
  return bin.count == Bin::kCapacity || (bin.count >= kFew && bin.held() >= slot_limit_.value / 2);
}

/// Hands what a bin has to the depot, if that has a place for it.
template <Platform P>
void CompoundAllocator<P>::hand_over(Slot& slot, Bin& bin) {
  const std::uint64_t pages = bin.held();
  Bin old;
  if (depot_.put(bin, old)) slot.room.add_single_writer(pages);
  if (old.count != 0) give_up_of_depot(old);
}

}  // namespace vc
