// The swap map: how often each slot of the swap space is used, one byte each.
//
//      slot      0     1     2     3     4     5        255 | 256   257
//             +-----+-----+-----+-----+-----+-----+     +---+-----+-----+
//      count  | bad |  1  |  3  |  0  |  0  | bad | ... | 0 |  0  |  0  | ...
//             +-----+-----+-----+-----+-----+-----+     +---+-----+-----+
//                header         ^ next                       \________ the next cluster
//
//      used in cluster:  4, 0, ...       (behind the counts, in the same virtual compound)
//
// Slots are handed out by next fit inside a cluster of 256, so that what is swapped out together
// lies together. When the cluster is exhausted, the next one that is quite free is begun; when none
// is, the next one that has any free slot. A slot holds a page once and is referred to by as many
// page-table entries as its count says (duplicate()); the last free() gives it back.
//
// 16 GiB of swap have 4 Mi slots: 4 MiB of counts and 32 KiB of clusters, one request of 1032
// pages.
//
// The memory is passed in, so this is tested on the host. Invariants: used in a cluster == its
// slots with a count other than 0; free == slots of count 0; empty clusters == clusters with 0
// used.
#pragma once

#include <cstdint>

#include "kernel/users/user_memory.h"
#include "vcompound/base/assert.h"
#include "vcompound/base/lock.h"
#include "vcompound/base/units.h"
#include "vcompound/platform/x86_64/spin_lock.h"

namespace vc::kernel {

/// The number of a page-sized slot of the swap space; 0 is the header, and means "none".
using SwapSlot = Quantity<struct SwapSlotTag>;

/// What became of a request about one slot.
enum class SwapAnswer : std::uint8_t {
  done,         ///< and the slot is still in use
  freed,        ///< and nobody uses the slot any more
  unused,       ///< refused: nobody uses that slot
  bad,          ///< refused: the slot is unusable
  saturated,    ///< refused: its count cannot grow any further
  in_use,       ///< refused: the slot holds a page
  out_of_range  ///< refused: there is no such slot
};

/// See the head of this file. Thread-safe after open().
template <class Lock>
class SwapMap {
 public:
  static constexpr std::uint8_t kMaxCount = 254;
  static constexpr std::uint8_t kBad = 255;
  static constexpr std::uint32_t kClusterSlots = 256;

  constexpr SwapMap() = default;
  SwapMap(const SwapMap&) = delete;
  SwapMap& operator=(const SwapMap&) = delete;

  /// The memory for that many slots.
  static constexpr Bytes bytes_for(std::uint32_t slots) {
    return Bytes(counts_bytes(slots) + std::uint64_t{cluster_count(slots)} * sizeof(std::uint16_t));
  }

  /// Starts a map of `slots` slots, at least 2, in zeroed memory that stays the caller's. Slot 0,
  /// the header, is bad.
  void open(std::uint32_t slots, void* memory) {
    slots_ = slots;
    counts_ = static_cast<std::uint8_t*>(memory);
    used_ = reinterpret_cast<std::uint16_t*>(counts_ + counts_bytes(slots));
    free_ = slots;
    empty_clusters_ = cluster_count(slots);
    next_ = 0;
    take(0, kBad);
  }
  void close() { slots_ = 0; }

  /// A slot with a count of 1, or slot 0 if all are in use.
  SwapSlot allocate() {
    Guard guard(lock_);
    if (free_ == 0) return SwapSlot(0);
    std::uint32_t slot = find_free(next_, cluster_end(next_ / kClusterSlots));
    if (slot == 0) {
      const std::uint32_t cluster = choose_cluster();
      slot = find_free(cluster * kClusterSlots, cluster_end(cluster));
    }
    VC_ASSERT(slot != 0, "a cluster has fewer free slots than it says");
    take(slot, 1);
    next_ = slot + 1 < slots_ ? slot + 1 : 0;
    return SwapSlot(slot);
  }
  /// One more user of a slot in use.
  SwapAnswer duplicate(SwapSlot slot) {
    Guard guard(lock_);
    const SwapAnswer answer = judge(slot);
    if (answer != SwapAnswer::done) return answer;
    if (counts_[slot.value] == kMaxCount) return SwapAnswer::saturated;
    ++counts_[slot.value];
    return SwapAnswer::done;
  }
  /// One user less.
  SwapAnswer free(SwapSlot slot) {
    Guard guard(lock_);
    const SwapAnswer answer = judge(slot);
    if (answer != SwapAnswer::done) return answer;
    if (--counts_[slot.value] != 0) return SwapAnswer::done;
    const auto index = static_cast<std::uint32_t>(slot.value);
    ++free_;
    if (--used_[index / kClusterSlots] == 0) ++empty_clusters_;
    return SwapAnswer::freed;
  }
  /// A slot that nobody uses is never handed out from now on.
  SwapAnswer mark_bad(SwapSlot slot) {
    Guard guard(lock_);
    const SwapAnswer answer = judge(slot);
    if (answer == SwapAnswer::done) return SwapAnswer::in_use;
    if (answer != SwapAnswer::unused) return answer;
    take(static_cast<std::uint32_t>(slot.value), kBad);
    return SwapAnswer::done;
  }

  /// How often a slot is used; kBad if it is unusable, or is not there.
  std::uint8_t count(SwapSlot slot) const {
    return slot.value < slots_ ? counts_[slot.value] : kBad;
  }
  std::uint32_t slots() const { return slots_; }
  std::uint32_t free_slots() const { return free_; }
  std::uint32_t empty_clusters() const { return empty_clusters_; }

  /// Recomputes everything and panics at the first broken invariant.
  void check() {
    Guard guard(lock_);
    std::uint32_t free = 0;
    std::uint32_t empty = 0;
    for (std::uint32_t cluster = 0; cluster < cluster_count(slots_); ++cluster) {
      std::uint32_t used = 0;
      for (std::uint32_t s = cluster * kClusterSlots; s < cluster_end(cluster); ++s) {
        used += counts_[s] != 0 ? 1 : 0;
      }
      VC_ASSERT(used == used_[cluster], "a cluster counts its slots wrong");
      free += cluster_end(cluster) - cluster * kClusterSlots - used;
      empty += used == 0 ? 1 : 0;
    }
    VC_ASSERT(free == free_, "free swap slots do not add up");
    VC_ASSERT(empty == empty_clusters_, "empty clusters do not add up");
  }

 private:
  static constexpr std::uint32_t cluster_count(std::uint32_t slots) {
    return slots / kClusterSlots + (slots % kClusterSlots != 0 ? 1 : 0);
  }
  static constexpr std::uint64_t counts_bytes(std::uint32_t slots) {
    return align_up(slots, sizeof(std::uint16_t));
  }
  std::uint32_t cluster_end(std::uint32_t cluster) const {
    const std::uint64_t end = (std::uint64_t{cluster} + 1) * kClusterSlots;
    return end < slots_ ? static_cast<std::uint32_t>(end) : slots_;
  }
  /// The first slot of [from, end) that nobody uses, or 0.
  std::uint32_t find_free(std::uint32_t from, std::uint32_t end) const {
    while (from < end && counts_[from] != 0) ++from;
    return from < end ? from : 0;
  }
  /// The next cluster that is quite free, or else that has a free slot. PRE: some slot is free.
  std::uint32_t choose_cluster() const {
    const std::uint32_t count = cluster_count(slots_);
    std::uint32_t cluster = next_ / kClusterSlots;
    for (std::uint32_t tried = 0; tried < count; ++tried) {
      cluster = cluster + 1 < count ? cluster + 1 : 0;
      const std::uint32_t size = cluster_end(cluster) - cluster * kClusterSlots;
      if (empty_clusters_ != 0 ? used_[cluster] == 0 : used_[cluster] < size) break;
    }
    return cluster;
  }
  void take(std::uint32_t slot, std::uint8_t count) {
    counts_[slot] = count;
    --free_;
    if (used_[slot / kClusterSlots]++ == 0) --empty_clusters_;
  }
  /// What there is to say about a slot before anything is done: done (it is in use), or why not.
  SwapAnswer judge(SwapSlot slot) const {
    if (slot.value >= slots_) return SwapAnswer::out_of_range;
    if (counts_[slot.value] == kBad) return SwapAnswer::bad;
    return counts_[slot.value] == 0 ? SwapAnswer::unused : SwapAnswer::done;
  }

  Lock lock_;
  std::uint8_t* counts_ = nullptr;
  std::uint16_t* used_ = nullptr;  ///< per cluster: slots whose count is not 0
  std::uint32_t slots_ = 0;
  std::uint32_t free_ = 0;
  std::uint32_t empty_clusters_ = 0;
  std::uint32_t next_ = 0;  ///< where the search goes on
};

/// The kernel's swap map with its memory. For threads, not for handlers.
class Swap {
 public:
  using Map = SwapMap<x86::SpinLock>;

  constexpr Swap() = default;
  /// Makes a map for a swap space of that size (1 MiB to 1 TiB); on a refusal says so.
  [[nodiscard]] bool open(Bytes size);
  /// Gives everything back; does nothing if closed.
  void close();
  bool is_open() const { return memory_.is_open(); }

  Map& map() { return map_; }
  const UserMemory& memory() const { return memory_; }
  /// One line: slots, how many are in use, how the map lies in memory.
  void print();

 private:
  UserMemory memory_;
  Map map_;
};

/// The one that boot opens.
Swap& swap_space();

}  // namespace vc::kernel
