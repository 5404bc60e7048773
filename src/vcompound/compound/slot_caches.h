// SlotCaches: the paths that stay inside the caller's slot: no lock, no call, no system.
//
//      a program           compiled into it:  allocate_hot, free_hot
//         |                                        |          |
//         |  whatever is not at hand               v          v
//         v                                     +----------------+       +-------------+
//      CompoundAllocator  --- is derived from ->|   SlotCaches   |------>| Slot (own)  |
//         zones, mappings, reclaim, ...         | where things   |       | bins, sites |
//                                               | are; no more   |------>| descriptors |
//                                               +----------------+       +-------------+
//
// Nearly every allocation asks for a size that this thread has freed before, and nearly every free
// is of such a compound. For these, calling a function costs as much as the work. So the work is
// here, small enough to be compiled into the caller, and this class knows only what it needs: where
// the slots, the descriptors and the addresses are. Everything else (a first allocation, a full
// bin, a wrong pointer, a test setting) is told by an empty answer, and the allocator is asked.
//
// A pair of allocate_hot() and free_hot() in a Linux process is about 80 instructions; a golden
// count guards them (bench/golden).
#pragma once

#include <bit>

#include "vcompound/compound/call_sites.h"
#include "vcompound/compound/request.h"
#include "vcompound/compound/slot.h"
#include "vcompound/frame/frame.h"
#include "vcompound/platform/contract.h"

/// Marks what is to be compiled into its caller, unless that is compiled for size.
#ifdef __OPTIMIZE_SIZE__
#define VC_HOT inline
#else
#define VC_HOT [[gnu::always_inline]] inline
#endif

namespace vc {

/// See the head of this file. One that was not opened, or is closed, answers nothing.
template <SlotSource S>
class alignas(64) SlotCaches {
 public:
  static constexpr bool kFrameSizeIsConstant = requires { S::kFrameSize; };
  /// The cached paths compiled into callers are for frames of this size only.
  static constexpr FrameSize kHotFrames{12};

  constexpr SlotCaches() = default;
  SlotCaches(const SlotCaches&) = delete;
  SlotCaches& operator=(const SlotCaches&) = delete;

  /// A compound of that size from the caller's slot; else an empty answer (pages == 0).
  Allocation allocate_hot(Bytes size, CallSite site);
  /// Puts a contiguous compound, in use and with one reference, into the caller's slot. False, with
  /// nothing changed, if `address` is not the start of one, or if the slot does not take it.
  bool free_hot(VirtAddr address);

  FrameSize frame_size() const {
    if constexpr (kFrameSizeIsConstant) {
      return S::kFrameSize;
    } else {
      return frame_size_;
    }
  }

 protected:
  /// Reasons why the cached paths must not answer; none in normal operation.
  enum Special : std::uint32_t {
    kSpecialAlwaysMap = 1,
    kSpecialSites = 2,
    kSpecialInjection = 4,
    kSpecialClosed = 8,  ///< also: not open yet
    kSpecialWatched = 16,
    kSpecialBarrier = 32,  ///< the system lacks what S::barrier_at_hand() needs
    kSpecialFrames = 64,   ///< frames are not of the usual size
  };

  static constexpr std::uint32_t kInUse = FrameTag{.state = FrameState::head}.pack();
  static constexpr std::uint32_t kCached = FrameTag{.state = FrameState::cached}.pack();

  template <void (*kBarrier)()>
  Slot* enter(std::uint32_t id);
  void leave(Slot* slot);
  Kind use_again(Slot* slot, Frame& frame, std::uint64_t pages, RecentSite& site);
  bool put_cached(Slot* slot, Frame& frame, Pfn head, PageCount pages, std::uint32_t mapped_bit);
  Allocation take_from_slot(Slot* slot, std::uint64_t pages, CallSite site);
  Allocation take_hand(Slot* slot, VirtAddr hand, std::uint64_t pages, RecentSite& site);
  static bool is_in_hand(const Slot* slot, VirtAddr hand, std::uint64_t pages) {
    return hand.value != 0 && slot->hand_frame->pages().value == pages;
  }
  /// What the owner of a slot has in it, the hand included.
  static std::uint64_t kept_pages(const Slot* slot) {
    const bool empty = slot->hand.load_relaxed() == 0;
    return slot->cached_pages.load_relaxed() + (empty ? 0 : slot->hand_frame->pages().value);
  }
  bool is_frame(Pfn pfn) const {
    if constexpr (requires { S::kFramesStartAtZero; }) {
      return pfn < frames_.end();
    } else {
      return frames_.contains(pfn);
    }
  }

  VirtAddr direct_address(Pfn pfn) const {
    return VirtAddr(direct_.start.value + (pfn.value << frame_size().shift()));
  }
  VirtAddr vmap_address(Vpn page) const {
    return VirtAddr(vmap_range_.start.value + (page.value << frame_size().shift()));
  }

  Atomic<std::uint32_t> special_{kSpecialClosed};
  FrameSize frame_size_{12};
  Slot* slots_ = nullptr;
  FrameTable frames_;
  VirtRange direct_{};
  PageCount slot_limit_{};  ///< the most pages a slot keeps
  VirtRange vmap_range_{};
};

// ---- the gate of a slot (see slot.h) ------------------------------------------------------------

/// Enters the slot with that number, kSlots at most, or returns nullptr: it is interrupted, or not
/// open.
template <SlotSource S>
template <void (*kBarrier)()>
VC_HOT Slot* SlotCaches<S>::enter(std::uint32_t id) {
  Slot* slot = &slots_[id];
  if (slot == nullptr) __builtin_unreachable();  // spares the caller a look
  if (slot->busy.load_relaxed() == 0) [[likely]] {
    slot->busy.store_relaxed(1);
    kBarrier();
    if (slot->open.load_acquire() != 0) [[likely]]
      return slot;
    slot->busy.store_release(0);
  }
  S::leave_slot();
  return nullptr;
}

template <SlotSource S>
VC_HOT void SlotCaches<S>::leave(Slot* slot) {
  slot->busy.store_release(0);
  S::leave_slot();
}

// ---- allocation ---------------------------------------------------------------------------------

/// Size 0 becomes a huge page count, which no bin has.
template <SlotSource S>
VC_HOT Allocation SlotCaches<S>::allocate_hot(Bytes size, CallSite site) {
  if (special_.load_relaxed() != 0) [[unlikely]]
    return {};
  Slot* slot = enter<S::barrier_at_hand>(S::slot_at_hand());
  if (slot == nullptr) [[unlikely]]
    return {};
  const std::uint64_t pages = ((size.value - 1) >> kHotFrames.shift()) + 1;
  const VirtAddr hand(slot->hand.load_relaxed());
  if (is_in_hand(slot, hand, pages) && slot->hot_site->site == site) [[likely]] {
    return take_hand(slot, hand, pages, *slot->hot_site);
  }
  return take_from_slot(slot, pages, site);
}

/// Takes the compound in the hand, which has that many pages, and leaves the slot.
template <SlotSource S>
VC_HOT Allocation SlotCaches<S>::take_hand(Slot* slot, VirtAddr hand, std::uint64_t pages,
                                           RecentSite& site) {
  Allocation result{};
  result.address = hand;
  result.head = Pfn((hand - direct_.start).value >> kHotFrames.shift());
  result.pages = PageCount(pages);
  slot->hand_frame->set_word(kInUse | site.site_bits);
  ++site.hits[0];
  slot->hand.store_relaxed(0);
  leave(slot);
  return result;
}

/// From a slot that was entered, which it leaves: what the hand or the bin has for that page count,
/// if the site is one of the recent ones.
template <SlotSource S>
[[gnu::noinline]] Allocation SlotCaches<S>::take_from_slot(Slot* slot, std::uint64_t pages,
                                                           CallSite site) {
  RecentSite& recent = slot->recent(site);
  if (recent.site != site) [[unlikely]] {
    leave(slot);
    return {};
  }
  slot->hot_site = &recent;
  const VirtAddr hand(slot->hand.load_relaxed());
  if (is_in_hand(slot, hand, pages)) return take_hand(slot, hand, pages, recent);
  Bin& bin = slot->bin_for(pages);
  if ((!Slot::is_small(pages) && bin.pages != pages) || bin.count == 0) [[unlikely]] {
    leave(slot);
    return {};
  }
  Allocation result{};
  result.head = bin.take(0);
  result.pages = PageCount(pages);
  Frame& frame = frames_[result.head];
  result.kind = use_again(slot, frame, pages, recent);
  result.address =
      result.kind == Kind::contiguous
          ? VirtAddr(direct_.start.value + (result.head.value << kHotFrames.shift()))
          : VirtAddr(vmap_range_.start.value + (frame.first_page().value << kHotFrames.shift()));
  leave(slot);
  return result;
}

/// Puts a compound that was taken out of a bin in use for a call site. Its reference is still
/// there.
template <SlotSource S>
VC_HOT Kind SlotCaches<S>::use_again(Slot* slot, Frame& frame, std::uint64_t pages,
                                     RecentSite& site) {
  slot->cached_pages.add_single_writer(0 - pages);
  if ((frame.word() & Frame::kMappedBit) != 0) [[unlikely]] {
    frame.set_word(kInUse | Frame::kMappedBit | site.site_bits);
    ++site.hits[1];
    return Kind::mapped;
  }
  frame.set_word(kInUse | site.site_bits);
  ++site.hits[0];
  return Kind::contiguous;
}

// ---- free ---------------------------------------------------------------------------------------

template <SlotSource S>
VC_HOT bool SlotCaches<S>::free_hot(VirtAddr address) {
  if (special_.load_relaxed() != 0) [[unlikely]]
    return false;
  // Rotated, an offset inside a page becomes a huge number: one compare finds it and any address
  // outside the frames.
  const std::uint64_t offset = address.value - direct_.start.value;
  const Pfn head(std::rotr(offset, static_cast<int>(kHotFrames.shift())));
  if (!is_frame(head)) [[unlikely]]
    return false;
  Frame& frame = frames_[head];
  if ((frame.word() & Frame::kStateAndKind) != kInUse) [[unlikely]]
    return false;
  if (frame.references().load_acquire() != 1) [[unlikely]]
    return false;
  Slot* slot = enter<S::barrier_at_hand>(S::slot_at_hand());
  if (slot == nullptr) [[unlikely]]
    return false;
  const bool room = slot->cached_pages.load_relaxed() + frame.pages().value <= slot_limit_.value;
  if (slot->hand.load_relaxed() != 0 || !room) [[unlikely]]
    return put_cached(slot, frame, head, frame.pages(), 0);
  frame.set_word(kCached);
  slot->hand_frame = &frame;
  slot->hand.store_relaxed(address.value);
  leave(slot);
  return true;
}

/// Keeps a compound in a slot that was entered, and leaves it; false if there is no room, or if the
/// bin is for another page count.
///
/// The change to `cached` is a plain store: the caller has just seen the compound in use, with the
/// only reference. Two threads that free the same compound within the same few nanoseconds are
/// therefore not told apart; any other double free is.
template <SlotSource S>
[[gnu::noinline]] bool SlotCaches<S>::put_cached(Slot* slot, Frame& frame, Pfn head,
                                                 PageCount pages, std::uint32_t mapped_bit) {
  Bin& bin = slot->bin_for(pages.value);
  const bool room = bin.pages == pages.value && bin.count != Bin::kCapacity &&
                    kept_pages(slot) + pages.value <= slot_limit_.value;
  if (!room) [[unlikely]] {
    leave(slot);
    return false;
  }
  frame.set_word(kCached | mapped_bit);
  bin.put(head);
  slot->cached_pages.add_single_writer(pages.value);
  leave(slot);
  return true;
}

}  // namespace vc
