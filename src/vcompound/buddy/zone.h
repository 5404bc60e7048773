// Zone: the free frames of one range, kept as a binary buddy system.
//
// Picture (orders 0..3, frames 0..15; digits are free blocks by order, '#' is in use):
//
//      frame    0 1 2 3 4 5 6 7 8 9 ...      15
//               # 0 1 1 2 2 2 2 3 3 3 3 3 3 3 3
//               |   \_/ \_____/ \_____________/
//               |    |     |           |
//      list 0: [1]   |     |           |
//      list 1:      [2]    |           |
//      list 2:            [4]          |
//      list 3:                        [8]
//
// A block of order k starts at a multiple of 2^k; its buddy is at first ^ 2^k. Two free buddies are
// always coalesced, so a free block never has a free buddy of its own order.
//
// A clever picture: frames 1..15 above are *one* run of adjacent free frames in four blocks. Blocks
// are how we find memory; runs are what a caller wants. Two operations look past the block borders:
// take() serves a request from adjacent blocks when no single block is long enough, and take_run()
// returns the longest run it can find, so that a mapped compound needs the fewest mappings.
//
// Invariants (check() proves them):
//   Z1  every free block is aligned to its order and inside range()
//   Z2  no free block has a free buddy of the same order
//   Z3  sum over orders k of blocks(k) * 2^k == free_pages()
//   Z4  lists are doubly linked, every member is a free_head of the list's order
//   Z5  bit k of the order mask is set exactly if list k is not empty
//   Z6  no frame inside a free block, but the first, is a free_head
//
// Cost: take from one block and give of one block are O(kMaxOrder); runs of several blocks, the
// sum; the searches beyond one block look at a bounded number of runs. Memory: nothing but the
// descriptors. Not thread-safe: the caller holds the zone's lock.
#pragma once

#include <cstdint>

#include "vcompound/base/units.h"
#include "vcompound/frame/frame.h"

namespace vc {

/// The free frames of one range of frames.
class Zone {
 public:
  Zone() = default;

  /// Manages frames of `range`, which are in `frames` and absent. None is free before add().
  void open(FrameTable frames, PfnRange range);
  /// These frames of the range exist, and are free. What is never added is a hole.
  void add(PfnRange run);

  PfnRange range() const { return range_; }
  /// The frames that were added.
  PageCount total_pages() const { return total_pages_; }
  PageCount free_pages() const { return free_pages_; }
  /// The number of free blocks of one order.
  std::uint64_t blocks(Order order) const { return lists_[order.value].count; }
  /// The length of the longest run of free frames that take_run() would find.
  PageCount largest_run() const;

  /// Where take() looks.
  enum class Look : std::uint8_t {
    one_block,  ///< in the smallest block that is long enough: O(orders)
    all_blocks  ///< else in adjacent blocks, at a bounded number of places
  };
  /// Takes `pages` adjacent frames whose first is a multiple of `alignment` frames (a power of
  /// two). Returns kNoPfn, with nothing changed, if no run is found.
  /// What is less than a block begins where the free frames in front of that block begin.
  Pfn take(PageCount pages, PageCount alignment = PageCount(1), Look look = Look::all_blocks);

  /// Takes a long run of at most `at_most` frames, preferring the longest there is. If whole chunks
  /// lie in it (`chunk` is a power of two: the frames of a huge page, and a chunk starts at a
  /// multiple of it), it consists of whole chunks only. Empty if nothing is free.
  PfnRange take_run(PageCount at_most, PageCount chunk);

  /// Takes up to `at_most` frames that directly follow `at`, as many as are free.
  PfnRange take_after(Pfn at, PageCount at_most);

  /// Takes from the smallest free block that has at least `at_least` frames: all of it, or
  /// `at_most` frames as take() does (`at_least` <= `at_most`; the rest stays free). Empty if there
  /// is none.
  PfnRange take_smallest(PageCount at_least, PageCount at_most);

  /// Takes exactly these frames, all of which are free.
  void take_exactly(PfnRange run) { carve(run); }

  /// Gives frames back; they were taken from this zone and belong to nobody.
  void give(PfnRange run);

  /// Calls visit(PfnRange) for each free block, the most recently freed first within an order, from
  /// the largest order down; stops when visit returns false.
  template <class Visitor>
  void for_each_free_block(Visitor&& visit) const {
    for (std::uint32_t k = kOrderCount; k-- != 0;) {
      for (Pfn p = lists_[k].first; p != kNoPfn; p = frames_[p].next()) {
        if (!visit(PfnRange{p, Order(k).pages()})) return;
      }
    }
  }

  /// Recomputes everything and panics at the first broken invariant; O(free blocks + frames).
  void check() const;

 private:
  struct List {
    Pfn first = kNoPfn;
    std::uint64_t count = 0;
  };

  bool is_free_head(Pfn pfn) const;
  bool is_free_block(Pfn pfn, Order order) const;
  void link(Pfn pfn, Order order);
  void unlink(Pfn pfn, Order order);
  void free_block(Pfn pfn, Order order);
  void split(Pfn pfn, Order order, Order wanted);
  Pfn take_block(PageCount pages, Order order, PageCount alignment);
  Pfn take_packed(Pfn block, PageCount pages, PageCount alignment);
  Pfn take_spanning(PageCount pages, PageCount alignment);
  Pfn find_spanning(PageCount pages, PageCount alignment) const;
  bool follows_block_of_its_order(Pfn head) const;
  PfnRange run_around(Pfn head) const;
  PfnRange longest_run() const;
  PageCount free_after(Pfn pfn, PageCount at_most) const;
  Pfn free_before(Pfn pfn, PageCount at_most) const;
  void carve(PfnRange wanted);
  void check_block(Pfn pfn, Order order) const;

  FrameTable frames_;
  PfnRange range_{};
  List lists_[kOrderCount];
  PageCount total_pages_{};
  std::uint32_t order_mask_ = 0;
  PageCount free_pages_{};
};

}  // namespace vc
