// Slot: what one thread (in a kernel: one CPU) has for itself: a cache of compounds, its counters,
// and the call sites it used last.
//
// The cache keeps freed compounds *whole*: head, tails and, for a mapped one, the mapping all stay
// as they are, so using one again is a few stores. It is sorted into bins by exact page count:
//
//      pages    1    2    3  ...  64 | 65..   (hashed: a bin holds one page count at a time)
//             +----+----+----+- -+----+----+- -+----+
//             | 14 | .. |    |   |    |    |   |    |      each bin one cache line
//             +----+----+----+- -+----+----+- -+----+
//
// In front of the bins is the *hand*: one contiguous compound, freed last while the hand was empty,
// at a place that does not depend on its size. A program that frees and allocates in turn finds
// what it wants there, without a count to change and without waiting for the descriptor to tell the
// bin.
//
//      free --> hand empty?  --yes-->  hand            allocate --> hand of this size? --yes--> it
//                   | no                                                 | no
//                   +--> its bin                                         +--> the bin
//
// The hand is for the paths of slot_caches.h only. Whoever enters a slot by CompoundAllocator, or
// seizes it, first lays what is in the hand down into its bin, and then knows only bins. The hand,
// and what else those paths look at each time, is the front of the slot: one cache line (SlotFront
// in platform/contract.h).
//
// A bin that is full when one more comes goes to the depot (depot.h), and one that is empty when
// one is wanted is filled from there.
//
// Everything here is *free* memory: whenever the zones cannot serve a request, the caches of all
// slots are drained, before anything is refused.
//
// The gate. The owner must not pay for a lock, yet another thread must be able to drain the cache.
// So the two sides of the lock are asymmetric:
//
//      owner                                  drainer (one at a time)
//      busy = 1                               open = nobody
//      light barrier                          heavy barrier
//      if not open: busy = 0, give up         wait until busy == 0
//      ... use the cache ...                  ... drain ...
//      busy = 0                               open = whoever may
//
// `open` also says which of the owner's paths may enter: test settings that want to see each
// request keep out those that are compiled into callers, at no cost for them.
//
// light+heavy order the accesses as if both were full barriers (Dekker), so at least one side sees
// the other. On Linux the heavy side is membarrier(2). An owner that is interrupted while busy
// finds `busy` set by itself in the handler, and works without its cache.
//
// Where a home has restartable sequences (platform/contract.h), the hand is taken and filled
// without entering: they look at `allowance`, which is 0 while somebody is inside, change the hand
// by one last store, and do nothing at all if they are interrupted before it; the heavy barrier
// interrupts them. docs/locking.md has the picture above with all of this in it.
//
// Invariants (CompoundAllocator::check proves them):
//   S1  every member of a bin is a `cached` head with exactly the bin's page count
//   S2  room + sum over bins of pages * count == the limit of the slot
//   S3  a cached compound still has the one reference of its last owner
//   S4  the hand is empty, or has a contiguous `cached` head, for which there is room
//   S5  bit i of `filled` is set if bin i has a compound
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "vcompound/base/atomic.h"
#include "vcompound/compound/call_sites.h"
#include "vcompound/frame/frame.h"
#include "vcompound/platform/contract.h"

namespace vc {

/// Freed compounds of one page count. The newest is always heads[0], a place that is known without
/// the count; the others follow in their order, the newest last:
///
///      put(D):   heads  C A B        ->   D A B C
///      take(0):  heads  D A B C      ->   C A B
///
/// A program that frees and allocates in turn then waits for one load after the store, not for
/// two in a row; this is a third of the time of such a pair.
struct alignas(64) Bin {
  static constexpr std::uint32_t kCapacity = 14;

  std::uint32_t pages = 0;
  std::uint32_t count = 0;
  std::uint32_t heads[kCapacity] = {};

  /// The pages of all its compounds together.
  std::uint64_t held() const { return std::uint64_t{pages} * count; }
  /// Adds one; there must be room.
  void put(Pfn head) {
    heads[count++] = heads[0];
    heads[0] = static_cast<std::uint32_t>(head.value);
  }
  /// Takes the one at that index, which is below the count.
  Pfn take(std::uint32_t index) {
    const Pfn head(heads[index]);
    heads[index] = heads[--count];
    return head;
  }
};
static_assert(sizeof(Bin) == 64, "a bin is one cache line");

/// One remembered call site, with what it got from this cache since its counters were collected.
struct RecentSite {
  CallSite site{};
  std::uint32_t word = 0;      ///< the tag of its compounds in use, if they are contiguous
  std::uint64_t hits[2] = {};  ///< by Kind

  SiteId id() const { return FrameTag::unpack(word).site; }
};

/// See the head of this file. Zeroed memory is a slot that nobody has used.
struct alignas(64) Slot : SlotFront {
  static constexpr std::uint32_t kSmallBins = 64;
  static constexpr std::uint32_t kBins = 128;
  static constexpr std::uint32_t kRecentSites = 64;
  static constexpr std::size_t kUsed =
      sizeof(SlotFront) + 64 + sizeof(RecentSite) * kRecentSites + sizeof(Bin) * kBins;
  /// Where a slot starts in its page: not where the descriptors of well-aligned blocks lie in
  /// theirs, for a processor takes equal low twelve bits for the same address at first.
  static constexpr std::size_t kOffsetInPage = 3008;
  /// The mark of no site.
  static constexpr std::uint64_t kNoMark = ~std::uint64_t{0};

  /// The pages that the slot may take beside its bins. Written by whoever holds it, read by anyone.
  Atomic<std::uint64_t> room{};
  RecentSite* hot_site = nullptr;  ///< the one whose mark and word are in front, or none
  std::uint64_t hits_moved = 0;    ///< of the hits in front: what the recent sites got of them
  std::uint64_t filled[kBins / 64] = {};  ///< where to look for compounds: S5
  alignas(64) RecentSite sites[kRecentSites] = {};
  Bin bins[kBins] = {};
  unsigned char unused[kSlotStride - kUsed] = {};

  /// Has that page count a bin of its own? (0 has not.)
  static constexpr bool is_small(std::uint64_t pages) { return pages - 1 < kSmallBins; }
  /// The number of the bin for that page count. A shared one may hold another count.
  static constexpr std::uint64_t index_of(std::uint64_t pages) {
    if (is_small(pages)) [[likely]]
      return pages - 1;
    return kSmallBins + (pages * 0x9e37'79b9'7f4a'7c15ULL >> 58);
  }
  Bin& bin_for(std::uint64_t pages) { return bins[index_of(pages)]; }
  /// May the bins take that many pages more, and what is in the hand after them?
  bool has_room(std::uint64_t pages) const {
    return hand_pages.load_owned() + pages <= room.load_owned();
  }
  /// Puts a compound into one of the bins, which has room for it.
  void put(Bin& bin, Pfn head) {
    if (bin.count == 0) mark_filled(bin);
    bin.put(head);
    room.add_single_writer(0 - std::uint64_t{bin.pages});
  }
  /// Moves what a bin has into one of the bins, which is empty; there is room.
  void put_all(Bin& bin, Bin& full) {
    mark_filled(bin);
    bin = full;
    full.count = 0;
    room.add_single_writer(0 - bin.held());
  }
  /// Calls visit(Bin&) for the bins that have compounds, those of large ones first. It empties the
  /// bin, or says false: then it was the last.
  template <class Visitor>
  void for_each_filled_bin(Visitor&& visit) {
    for (std::uint32_t part = kBins / 64; part-- != 0;) {
      while (filled[part] != 0) {
        const auto i = 63U - static_cast<std::uint32_t>(std::countl_zero(filled[part]));
        Bin& bin = bins[64 * part + i];
        if (bin.count != 0 && !visit(bin)) return;
        if (bin.count == 0) filled[part] &= ~(std::uint64_t{1} << i);
      }
    }
  }
  void mark_filled(const Bin& bin) {
    const auto i = static_cast<std::uint64_t>(&bin - bins);
    filled[i / 64] |= std::uint64_t{1} << (i % 64);
  }
  /// The place of a call site among the recent ones; another site may be there.
  RecentSite& recent(CallSite site) {
    return sites[(site.where ^ reinterpret_cast<std::uintptr_t>(site.file) >> 3) % kRecentSites];
  }
  /// Lets the call site of one of `sites` allocate from the hand, or nobody (nullptr).
  void make_hot(RecentSite* site) {
    move_hits();
    hot_site = site;
    const std::uint64_t its_mark = site == nullptr ? 0 : site->site.mark();
    mark = its_mark == 0 ? kNoMark : its_mark;
    word = site == nullptr ? 0 : site->word;
  }
  /// Gives the hits in front to the site that had them. The owner may add one meanwhile, so they
  /// are never set back; one that comes after the site has changed is the next site's.
  void move_hits() {
    if (hot_site == nullptr) return;
    const std::uint64_t now = hits.load_relaxed();
    hot_site->hits[0] += now - hits_moved;
    hits_moved = now;
  }
};
static_assert(sizeof(Slot) == kSlotStride);

/// The slot that nobody can enter: busy for good.
inline constinit Slot closed_slot{{.busy = Atomic<std::uint32_t>(1)}};

}  // namespace vc
