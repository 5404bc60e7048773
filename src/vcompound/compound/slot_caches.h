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
// What is compiled into a caller is the hand alone. Where the home has restartable sequences for it
// (platform/contract.h), the gate is looked at and not touched; elsewhere it is entered. Whatever
// the hand cannot serve is one call of a function, which always enters.
//
// A pair of allocate_hot() and free_hot() in a Linux process is about 50 instructions; a golden
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

/// Marks what those call: one function for a whole program. (GCC makes each object file its own
/// copy of a function whose arguments it finds too many.)
#ifdef __clang__
#define VC_CALLED_BY_HOT [[gnu::noinline, gnu::hot]]
#else
#define VC_CALLED_BY_HOT [[gnu::noinline, gnu::noclone, gnu::hot]]
#endif

namespace vc {

/// See the head of this file. One that was not opened, or is closed, answers nothing.
template <SlotSource S>
class alignas(64) SlotCaches {
 public:
  static constexpr bool kSequences = HasSequences<S>;
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
  static constexpr std::uint32_t kInUse = FrameTag{.state = FrameState::head}.pack();
  static constexpr std::uint32_t kCached = FrameTag{.state = FrameState::cached}.pack();

  template <void (*kBarrier)(), Open kWho>
  bool enter(Slot* slot);
  void leave(Slot* slot);
  Kind use_again(Slot* slot, Frame& frame, std::uint64_t pages, RecentSite& site);
  static bool mark_cached(Frame& frame, std::uint32_t word);
  static bool takes(const Slot& slot, const Bin& bin, PageCount pages);
  bool put_in_bin(Slot& slot, Frame& frame, Pfn head, PageCount pages, std::uint32_t word);
  /// A compound taken from a slot, or none (address 0). A function returns it in registers.
  struct Taken {
    VirtAddr address{};
    std::uint32_t head = 0;
    Kind kind = Kind::contiguous;
  };
  bool take_hand(Slot* slot, std::uint64_t pages, std::uint64_t mark, Taken& taken);
  Taken take_hand_entered(Slot* slot);
  Taken put_to_use(const HandTaken& hand);
  Taken take_from_slot(std::uint64_t pages, CallSite site);
  [[gnu::hot]] Taken take_entered(Slot* slot, std::uint64_t pages, CallSite site);
  bool fill_hand(Slot* slot, VirtAddr address, Frame& frame, std::uint32_t word);
  bool free_to_slot(Frame& frame, Pfn head, std::uint32_t word);
  /// The slot at that offset in the table.
  Slot* slot_at(std::uint32_t offset) const {
    return reinterpret_cast<Slot*>(reinterpret_cast<std::uintptr_t>(slots_) + offset);
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

  // What a pair needs is in one cache line.
  Slot* slots_ = &closed_slot;
  std::uint32_t slot_mask_ = 0;  ///< all ones, or 0 if there is but that one
  FrameSize frame_size_{12};
  FrameTable frames_;
  VirtRange direct_{};
  VirtRange vmap_range_{};
};

// ---- the gate of a slot (see slot.h) ------------------------------------------------------------

/// Enters the caller's slot; false if it is interrupted there, or if the slot is not open for it.
template <SlotSource S>
template <void (*kBarrier)(), Open kWho>
VC_HOT bool SlotCaches<S>::enter(Slot* slot) {
  if (slot->busy.load_owned() == 0) [[likely]] {
    slot->busy.store_relaxed(1);
    kBarrier();
    if (slot->open.load_acquire() >= kWho) [[likely]] {
      if constexpr (kSequences) slot->allowance.store_relaxed(0);
      compiler_barrier();
      return true;
    }
    slot->busy.store_release(0);
  }
  S::leave_slot();
  return false;
}

template <SlotSource S>
VC_HOT void SlotCaches<S>::leave(Slot* slot) {
  if constexpr (kSequences) {
    if (slot->open.load_relaxed() == kOpenToAll) [[likely]] {
      slot->allowance.store_release(slot->room.load_owned());
      compiler_barrier();  // who closes the gate comes after us, or is seen by us: locking.md
      if (slot->open.load_relaxed() != kOpenToAll) [[unlikely]]
        slot->allowance.store_relaxed(0);
    }
  }
  slot->busy.store_release(0);
  S::leave_slot();
}

// ---- allocation ---------------------------------------------------------------------------------

/// Size 0 becomes a huge page count, which no bin has.
template <SlotSource S>
VC_HOT Allocation SlotCaches<S>::allocate_hot(Bytes size, CallSite site) {
  Slot* slot = slot_at(S::slot_offset_at_hand() & slot_mask_);
  const std::uint64_t pages = ((size.value - 1) >> kHotFrames.shift()) + 1;
  Taken taken{};
  if (!take_hand(slot, pages, site.mark(), taken)) [[unlikely]] {
    taken = take_from_slot(pages, site);
    if (taken.address.value == 0) return {};
  }
  if (pages == 0) __builtin_unreachable();  // spares the caller a look
  return {taken.address, PageCount(pages), Pfn(taken.head), taken.kind};
}

/// Takes the compound in the hand if it has that many pages and that call site may have it.
template <SlotSource S>
VC_HOT bool SlotCaches<S>::take_hand(Slot* slot, std::uint64_t pages, std::uint64_t mark,
                                     Taken& taken) {
  if constexpr (kSequences) {
    HandTaken hand;
    if (!S::take_hand(*slot, pages, mark, hand)) [[unlikely]]
      return false;
    taken = put_to_use(hand);
    return true;
  } else {
    if (!enter<S::barrier_at_hand, kOpenToAll>(slot)) [[unlikely]]
      return false;
    const bool fits = slot->hand_pages.load_owned() == pages && slot->mark == mark;
    if (fits) [[likely]]
      taken = take_hand_entered(slot);
    leave(slot);
    return fits;
  }
}

/// Takes what is in the hand of a slot that was entered.
template <SlotSource S>
VC_HOT typename SlotCaches<S>::Taken SlotCaches<S>::take_hand_entered(Slot* slot) {
  slot->hand_pages.store_relaxed(0);
  slot->hits.store_relaxed(slot->hits.load_owned() + 1);
  return put_to_use({slot->hand, slot->hand_tag, slot->word});
}

template <SlotSource S>
VC_HOT typename SlotCaches<S>::Taken SlotCaches<S>::put_to_use(const HandTaken& hand) {
  hand.tag->store_release(hand.word);
  const std::uint64_t head = (hand.address - direct_.start).value >> kHotFrames.shift();
  return {hand.address, static_cast<std::uint32_t>(head), Kind::contiguous};
}

/// What the hand or the bin has for that page count, if the call site is one of the recent ones; it
/// is the one that may allocate from the hand from now on.
template <SlotSource S>
VC_CALLED_BY_HOT typename SlotCaches<S>::Taken SlotCaches<S>::take_from_slot(std::uint64_t pages,
                                                                             CallSite site) {
  Slot* slot = slot_at(S::slot_offset_at_hand() & slot_mask_);
  if (!enter<S::barrier_at_hand, kOpenToAll>(slot)) return {};
  const Taken taken = take_entered(slot, pages, site);
  leave(slot);
  return taken;
}

template <SlotSource S>
inline typename SlotCaches<S>::Taken SlotCaches<S>::take_entered(Slot* slot, std::uint64_t pages,
                                                                 CallSite site) {
  RecentSite& recent = slot->recent(site);
  if (recent.site != site) [[unlikely]]
    return {};
  if (slot->hot_site != &recent) slot->make_hot(&recent);
  if (slot->hand_pages.load_owned() == pages) return take_hand_entered(slot);
  Bin& bin = slot->bin_for(pages);
  if ((!Slot::is_small(pages) && bin.pages != pages) || bin.count == 0) [[unlikely]]
    return {};
  const Pfn head = bin.take(0);
  Frame& frame = frames_[head];
  const Kind kind = use_again(slot, frame, pages, recent);
  const VirtAddr address =
      kind == Kind::contiguous
          ? direct_.start + kHotFrames.bytes(PageCount(head.value))
          : vmap_range_.start + kHotFrames.bytes(PageCount(frame.first_page().value));
  return {address, static_cast<std::uint32_t>(head.value), kind};
}

/// Puts a compound that was taken out of a bin in use for a call site. Its reference is still
/// there.
template <SlotSource S>
VC_HOT Kind SlotCaches<S>::use_again(Slot* slot, Frame& frame, std::uint64_t pages,
                                     RecentSite& site) {
  slot->room.add_single_writer(pages);
  if ((frame.word() & Frame::kMappedBit) != 0) [[unlikely]] {
    frame.set_word(site.word | Frame::kMappedBit);
    ++site.hits[1];
    return Kind::mapped;
  }
  frame.set_word(site.word);
  ++site.hits[0];
  return Kind::contiguous;
}

// ---- free ---------------------------------------------------------------------------------------

template <SlotSource S>
VC_HOT bool SlotCaches<S>::free_hot(VirtAddr address) {
  // Rotated, an offset inside a page becomes a huge number: one compare finds it and any address
  // outside the frames.
  const std::uint64_t offset = address.value - direct_.start.value;
  const Pfn head(std::rotr(offset, static_cast<int>(kHotFrames.shift())));
  if (!is_frame(head)) [[unlikely]]
    return false;
  Frame& frame = frames_[head];
  const std::uint32_t word = frame.word();
  if ((word & Frame::kWhatMask) != kInUse) [[unlikely]]
    return false;
  if (fill_hand(slot_at(S::slot_offset_at_hand()), address, frame, word)) [[likely]]
    return true;
  return free_to_slot(frame, head, word);
}

/// Changes the tag of a compound in use, which was `word` just now, to `cached`. False if another
/// free came in between, in a home that tells the two apart.
template <SlotSource S>
VC_HOT bool SlotCaches<S>::mark_cached(Frame& frame, std::uint32_t word) {
  const std::uint32_t cached = kCached | (word & Frame::kMappedBit);
  if constexpr (requires { requires S::kTellsFreesApart; }) {
    return frame.replace_word(word, cached);
  } else {
    frame.set_word(cached);
    return true;
  }
}

/// Puts a contiguous compound in use into the hand if that is empty and there is room.
template <SlotSource S>
VC_HOT bool SlotCaches<S>::fill_hand(Slot* slot, VirtAddr address, Frame& frame,
                                     [[maybe_unused]] std::uint32_t word) {
  const std::uint64_t pages = frame.pages().value;
  if constexpr (kSequences) {
    return S::fill_hand(*slot, pages, address, frame.word_place(), kCached);
  } else {
    if (!enter<S::barrier_at_hand, kOpenToAll>(slot)) [[unlikely]]
      return false;
    const bool takes = slot->hand_pages.load_owned() == 0 && slot->room.load_owned() >= pages &&
                       mark_cached(frame, word);
    if (takes) [[likely]] {
      slot->hand = address;
      slot->hand_tag = frame.word_place();
      slot->hand_pages.store_relaxed(pages);
    }
    leave(slot);
    return takes;
  }
}

/// Puts a contiguous compound that fill_hand() refused into its bin; false if that has no room.
template <SlotSource S>
VC_CALLED_BY_HOT bool SlotCaches<S>::free_to_slot(Frame& frame, Pfn head, std::uint32_t word) {
  if constexpr (kSequences) frame.set_word(word);  // an interrupted sequence may have changed it
  Slot* slot = slot_at(S::slot_offset_at_hand());
  if (!enter<S::barrier_at_hand, kOpenToAll>(slot)) return false;
  const bool put = put_in_bin(*slot, frame, head, frame.pages(), word);
  leave(slot);
  return put;
}

/// Is a bin for compounds of that many pages, and is there room for one more?
template <SlotSource S>
VC_HOT bool SlotCaches<S>::takes(const Slot& slot, const Bin& bin, PageCount pages) {
  return bin.pages == pages.value && bin.count != Bin::kCapacity && slot.has_room(pages.value);
}

/// Puts a compound in use, whose tag was `word` just now, into its bin; false if there is no room
/// in the slot, which was entered, or if the bin is for another page count.
template <SlotSource S>
bool SlotCaches<S>::put_in_bin(Slot& slot, Frame& frame, Pfn head, PageCount pages,
                               std::uint32_t word) {
  Bin& bin = slot.bin_for(pages.value);
  const bool put = takes(slot, bin, pages) && mark_cached(frame, word);
  if (put) [[likely]]
    slot.put(bin, head);
  return put;
}

}  // namespace vc
