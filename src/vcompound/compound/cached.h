// CompoundAllocator: the paths that take no lock, because they stay inside the slot.
#pragma once

#include <bit>

#include "vcompound/compound/allocator.h"

namespace vc {

// ---- the gate of a slot (see slot.h) ------------------------------------------------------------

/// Enters the slot with that number, or returns nullptr: it is none, interrupted, or not open.
template <Platform P>
inline Slot* CompoundAllocator<P>::enter(std::uint32_t id) {
  if (id >= P::kSlots) [[unlikely]]
    return nullptr;
  Slot* slot = &slots_[id];
  if (slot == nullptr) __builtin_unreachable();  // spares the caller a look
  if (slot->busy.load_relaxed() == 0) [[likely]] {
    slot->busy.store_relaxed(1);
    p_.light_barrier();
    if (slot->open.load_acquire() != 0) [[likely]]
      return slot;
    slot->busy.store_release(0);
  }
  p_.leave_slot();
  return nullptr;
}

/// The same off the hot paths: finds the caller a slot, and opens it if it is its first time.
template <Platform P>
Slot* CompoundAllocator<P>::enter() {
  const std::uint32_t id = p_.slot();
  if (id >= slots_used_.load_acquire() && id < P::kSlots) open_slots(id + 1);
  return enter(id);
}

/// Lets slots [0, count) be used. If that cannot be done without waiting, the next time will do.
template <Platform P>
void CompoundAllocator<P>::open_slots(std::uint32_t count) {
  TryGuard guard(reclaim_lock_, Wait::no);
  if (!guard) return;
  for (std::uint32_t id = slots_used_.load_relaxed(); id < count; ++id) {
    slots_[id].open.store_release(1);
    slots_used_.store_release(id + 1);
  }
}

template <Platform P>
inline void CompoundAllocator<P>::leave(Slot* slot) {
  slot->busy.store_release(0);
  p_.leave_slot();
}

// ---- allocation ---------------------------------------------------------------------------------

/// No calls, so no registers to save: whatever is not at hand (a slot, the call site's number) is
/// left to allocate().
template <Platform P>
[[gnu::always_inline]] inline Allocation CompoundAllocator<P>::allocate_hot(Bytes size,
                                                                            CallSite site) {
  if (special_.load_relaxed() != 0) [[unlikely]]
    return {};
  Slot* slot = enter(p_.slot_at_hand());
  if (slot == nullptr) [[unlikely]]
    return {};
  const std::uint64_t pages = (size.value + page_mask()) >> frame_size().shift();
  Bin& bin = slot->bin_for(pages);
  RecentSite& recent = slot->recent(site);
  const bool right_bin = Slot::is_small(pages) || bin.pages == pages;
  Allocation result{};
  if (right_bin && bin.count != 0 && recent.site == site) [[likely]] {
    result.head = Pfn(bin.heads[bin.count - 1]);
    result.pages = PageCount(pages);
    result.kind = use_again(slot, bin, bin.count - 1, pages, recent);
    result.address = result.kind == Kind::contiguous
                         ? direct_address(result.head)
                         : vmap_address(frames_[result.head].first_page());
  }
  leave(slot);
  return result;
}

/// Requests that need a closer look (zero size, bad alignment, placement, a limit on loss, a test
/// setting) go straight to allocate_uncached().
template <Platform P>
inline Result<Allocation> CompoundAllocator<P>::allocate(const Request& request, CallSite site) {
  const PageCount pages = frame_size().pages_for(request.size);
  const bool simple = request.placement == Placement::any() && request.max_loss == kAnyLoss &&
                      pages.value != 0 && special_.load_relaxed() == 0 &&
                      request.alignment.value <= 1ULL << 30 &&
                      (request.alignment.value & (request.alignment.value - 1)) == 0;
  if (!simple || request.size.value >> 47 != 0) return allocate_uncached(request, pages, site);
  const Pfn head = take_cached(request, pages, site);
  if (head == kNoPfn) {
    Attempt attempt = begin(request, pages, identify(site));
    return allocate_valid(attempt, site);
  }
  const Allocation allocation = describe(head);
  if (request.zero == Zero::yes) p_.zero({allocation.address, frame_size().bytes(pages)});
  return allocation;
}

/// Pops a compound of exactly this size from the caller's slot, in use for `site`, or kNoPfn. The
/// request is valid and does not care about nodes.
template <Platform P>
inline Pfn CompoundAllocator<P>::take_cached(const Request& request, PageCount pages,
                                             CallSite site) {
  Slot* slot = enter();
  if (slot == nullptr) return kNoPfn;
  Pfn head = kNoPfn;
  Bin& bin = slot->bin_for(pages.value);
  if (bin.pages == pages.value) {
    const std::uint32_t index = find_fitting(bin, request);
    if (index != bin.count) {
      head = Pfn(bin.heads[index]);
      use_again(slot, bin, index, pages.value, remember(slot, site));
    }
  }
  leave(slot);
  return head;
}

/// The newest compound of a bin that fits the request; bin.count if none does.
template <Platform P>
inline std::uint32_t CompoundAllocator<P>::find_fitting(const Bin& bin,
                                                        const Request& request) const {
  for (std::uint32_t i = bin.count; i-- != 0;) {
    if (fits(Pfn(bin.heads[i]), request)) return i;
  }
  return bin.count;
}

template <Platform P>
inline bool CompoundAllocator<P>::fits(Pfn head, const Request& request) const {
  const Kind kind = frames_[head].tag().kind;
  if (request.contiguity == Contiguity::required && kind == Kind::mapped) return false;
  if (request.contiguity == Contiguity::never && kind == Kind::contiguous) {
    return frames_[head].pages() == PageCount(1);
  }
  if (request.alignment.value <= frame_size().bytes().value) return true;
  const VirtAddr address = page_address(head);
  return (address.value & (request.alignment.value - 1)) == 0;
}

/// Takes a compound out of a bin and puts it in use for a call site. Its reference is still there.
template <Platform P>
inline Kind CompoundAllocator<P>::use_again(Slot* slot, Bin& bin, std::uint32_t index,
                                            std::uint64_t pages, RecentSite& site) {
  static constexpr std::uint32_t kInUse = FrameTag{.state = FrameState::head}.pack();
  Frame& frame = frames_[Pfn(bin.heads[index])];
  bin.heads[index] = bin.heads[--bin.count];
  slot->cached_pages.add_single_writer(0 - pages);
  const std::uint32_t mapped = frame.word() & Frame::kMappedBit;
  frame.set_word(kInUse | mapped | std::uint32_t{site.id} << 16);
  ++site.hits[mapped != 0 ? 1 : 0];
  return mapped != 0 ? Kind::mapped : Kind::contiguous;
}

/// The place of a call site among the recent ones of a slot; another site may have to leave it.
template <Platform P>
RecentSite& CompoundAllocator<P>::remember(Slot* slot, CallSite site) {
  RecentSite& recent = slot->recent(site);
  if (recent.site == site) return recent;
  flush(recent);
  const SiteId id = identify(site);
  // A site that could not be registered just now is asked for again; when the table is full, never.
  const bool settled = id != 0 || sites_.size() == CallSites::kCapacity;
  recent = {.site = settled ? site : CallSite{}, .id = id, .hits = {}};
  return recent;
}

// ---- free ---------------------------------------------------------------------------------------

/// The usual case: a contiguous compound in use, with one reference, into the slot's cache. False,
/// with nothing changed, if it is not that simple.
template <Platform P>
inline bool CompoundAllocator<P>::free_hot(VirtAddr address) {
  static constexpr std::uint32_t kInUse = FrameTag{.state = FrameState::head}.pack();
  // Rotated, an offset inside a page becomes a huge number: one compare finds it and any address
  // outside the frames.
  if (special_.load_relaxed() != 0) [[unlikely]]
    return false;
  const std::uint64_t offset = address.value - direct_.start.value;
  const Pfn head(std::rotr(offset, static_cast<int>(frame_size().shift())));
  if (!frames_.contains(head)) return false;
  const Frame& frame = frames_[head];
  const std::uint32_t word = frame.word();
  if ((word & Frame::kStateAndKind) != kInUse) return false;
  if (frame.references().load_acquire() != 1) return false;
  return put_cached(enter(p_.slot_at_hand()), head, frame.pages(), word);
}

template <Platform P>
inline Misuse CompoundAllocator<P>::free(VirtAddr address) {
  return free_hot(address) ? Misuse::none : free_beyond_hot(address);
}

/// Keeps a compound in a slot that was entered, and leaves it; false if there is no slot or no
/// room.
///
/// The change to `cached` is a plain store: the caller has just seen the compound in use, with the
/// only reference. Two threads that free the same compound within the same few nanoseconds are
/// therefore not told apart; any other double free is.
template <Platform P>
inline bool CompoundAllocator<P>::put_cached(Slot* slot, Pfn head, PageCount pages,
                                             std::uint32_t word) {
  static constexpr std::uint32_t kCached = FrameTag{.state = FrameState::cached}.pack();
  if (slot == nullptr) [[unlikely]]
    return false;
  Bin& bin = slot->bin_for(pages.value);
  if (bin.count == 0) bin.pages = static_cast<std::uint32_t>(pages.value);
  const std::uint64_t held = slot->cached_pages.load_relaxed() + pages.value;
  const bool room =
      bin.pages == pages.value && bin.count != Bin::kCapacity && held <= slot_limit_.value;
  if (room) [[likely]] {
    frames_[head].set_word(kCached | (word & Frame::kMappedBit));
    bin.heads[bin.count++] = static_cast<std::uint32_t>(head.value);
    slot->cached_pages.store_relaxed(held);
  }
  leave(slot);
  return room;
}

}  // namespace vc
