// Zone: the free frames of one range, kept as a binary buddy system.
//
// Picture (orders 0..3, frames 0..15; digits are free blocks by order, '#' is in use):
//
//      frame    0 1 2 3 4 5 6 7 8 9 ...      15
//               # 0 1 1 2 2 2 2 3 3 3 3 3 3 3 3
//               |   \_/ \_____/ \_____________/
//
// A block of order k starts at a multiple of 2^k; its buddy is at first ^ 2^k. Two free buddies are
// always one block, so a free block never has a free buddy of its own order.
//
// Blocks stand in words of 64 frames (zone_word.h), a table of the zone's own; the memory itself
// and the frames' descriptors are not touched. What is in a free list is a word: with its largest
// block, or as the first of the words that a block of 64 frames or more fills.
//
//      list 2    word 7 <-> word 3               (their largest blocks have four frames)
//      list 8    word 64                         (words 64 to 67 are one block of 256 frames)
//
// A clever picture: frames 1..15 above are *one* run of adjacent free frames in four blocks. Blocks
// are how we find memory; runs are what a caller wants. Two operations look past the block borders:
// take() serves a request from adjacent blocks when no single block is long enough, and take_run()
// returns the longest run it can find, so that a mapped compound needs the fewest mappings.
//
// Invariants (check() proves them):
//   Z1  a block of a word or more is aligned to its order, in range(), and its words are full
//   Z2  no such block has a free buddy of the same order
//   Z3  free bits == sum of the frames of what is in the lists == free_pages()
//   Z4  lists are doubly linked, every member knows the list it is in
//   Z5  bit k of the order mask is set exactly if list k is not empty
//   Z6  a word in list k below 6 is not full, and its largest block has order k
//
// Cost: take from one block and give of one block are O(kMaxOrder) and a word for 64 frames; runs
// of several blocks, the sum; the searches beyond one block look at a bounded number of words.
// Memory: sixteen bytes for 64 frames. Not thread-safe: the caller holds the zone's lock.
#pragma once

#include <bit>
#include <cstdint>

#include "vcompound/base/units.h"
#include "vcompound/buddy/zone_word.h"

namespace vc {

/// The free frames of one range of frames.
class Zone {
 public:
  Zone() = default;

  /// The words of the table for a range of frames: those that hold frames, and one at each end.
  static constexpr std::uint64_t words_for(PfnRange range) {
    return (range.end().value - 1) / 64 - range.first.value / 64 + 3;
  }
  /// Manages frames of `range`; `words` are zeroed, words_for(range) of them, and the caller's.
  /// None is free before add().
  void open(ZoneWord* words, PfnRange range);
  /// These frames of the range exist, and are free. What is never added is a hole.
  void add(PfnRange run);

  PfnRange range() const { return range_; }
  /// The frames that were added.
  PageCount total_pages() const { return total_pages_; }
  PageCount free_pages() const { return free_pages_; }
  /// The number of free blocks of one order; below 64 frames, by a look at each word.
  [[gnu::cold]] std::uint64_t blocks(Order order) const;
  /// The same in steps, between which the lock may be given away: the blocks in some words from
  /// number `word` on, which is 1 at first, moves on, and is 0 in the end.
  [[gnu::cold]] std::uint64_t blocks(Order order, std::uint64_t& word) const;
  /// The length of the longest run of free frames that take_run() would find.
  PageCount largest_run() const;
  /// How many frames from `pfn` on are free.
  PageCount free_from(Pfn pfn) const { return free_after(pfn, range_.count); }

  /// Where take() looks.
  enum class Look : std::uint8_t {
    one_block,  ///< in the smallest block that is long enough: O(orders)
    all_blocks  ///< else in adjacent blocks, at a bounded number of places
  };
  /// Takes `pages` adjacent frames whose first is a multiple of `alignment` frames (a power of
  /// two). Returns kNoPfn, with nothing changed, if no run is found.
  /// What is less than a block begins where the free frames in front of that block begin.
  Pfn take(PageCount pages, PageCount alignment = PageCount(1), Look look = Look::all_blocks);

  /// What take() would take, and does not.
  Pfn find(PageCount pages, PageCount alignment, Look look) const;
  /// As take(), out of the run around a frame; kNoPfn if that is not free, or its run too short.
  Pfn take_around(Pfn frame, PageCount pages, PageCount alignment);

  /// Takes a long run of at most `at_most` frames, preferring the longest there is. If whole chunks
  /// lie in it (`chunk` is a power of two: the frames of a huge page, and a chunk starts at a
  /// multiple of it), it consists of whole chunks only. Empty if nothing is free.
  PfnRange take_run(PageCount at_most, PageCount chunk);

  /// Takes up to `at_most` frames from `at` on, as many as are free.
  PfnRange take_after(Pfn at, PageCount at_most);

  /// Takes from a small free block that has at least `at_least` frames: all of it, or `at_most`
  /// frames as take() does (`at_least` <= `at_most`; the rest stays free). Empty if there is none.
  /// It is the smallest in one of those words whose largest block is the smallest that suffices.
  PfnRange take_smallest(PageCount at_least, PageCount at_most);

  /// Takes exactly these frames, all of which are free.
  void take_exactly(PfnRange run) { carve(run); }

  /// Gives frames back; they were taken from this zone and belong to nobody.
  void give(PfnRange run);

  /// Calls visit(PfnRange) for each free block; stops when visit returns false. First those of 64
  /// frames or more, from the largest order down, the most recently freed first within an order;
  /// then word by word, the larger before the smaller.
  template <class Visitor>
  void for_each_free_block(Visitor&& visit) const;

  /// Recomputes everything and panics at the first broken invariant; O(frames).
  [[gnu::cold]] void check() const;

 private:
  struct List {
    std::uint32_t first = 0;  ///< the number of a word
    std::uint64_t count = 0;
  };

  /// @name Words by their number. They are numbered from 1; number 0 is none, and nothing is free
  /// there, so it ends every search to the front as the word behind the last ends those to the
  /// back.
  /// @{
  std::uint32_t number_of(Pfn pfn) const {
    return static_cast<std::uint32_t>(pfn.value / 64 - before_first_);
  }
  Pfn first_of(std::uint32_t number) const { return Pfn((number + before_first_) * 64); }
  ZoneWord& word_of(Pfn pfn) const { return words_[number_of(pfn)]; }
  /// @}

  /// Is there such a block, of a word or more?
  bool is_block(Pfn pfn, Order order) const {
    return range_.contains(pfn) && word_of(pfn).order == order.value;
  }
  void link(std::uint32_t number, Order order);
  void unlink(std::uint32_t number);
  void sort_in(std::uint32_t number, bool linked);
  void link_blocks(Pfn first, Pfn end);
  void free_block(Pfn pfn, Order order);
  void give_in_word(Pfn first, PageCount pages);
  PfnRange smallest_block(Order at_least) const;
  Pfn start_in(PfnRange block, PageCount pages, PageCount alignment) const;
  Pfn find_spanning(PageCount pages, PageCount alignment) const;
  std::uint32_t next_probe(std::uint32_t number, PageCount pages, std::uint64_t& probes) const;
  static bool may_hold(const ZoneWord* word, PageCount pages);
  Pfn find_around(std::uint32_t number, PageCount pages, PageCount alignment) const;
  template <class Visitor>
  void for_each_run_of(std::uint32_t number, Visitor&& visit) const;
  PfnRange run_around(Pfn pfn) const;
  PfnRange longest_run() const;
  PageCount free_after(Pfn pfn, PageCount at_most) const;
  Pfn free_before(Pfn pfn, PageCount at_most) const;
  PageCount block_before(Pfn pfn) const;
  void carve(PfnRange wanted);
  void carve_in_word(Pfn first, PageCount pages);
  void clear(PfnRange run);
  PageCount carve_block(PfnRange wanted);
  Pfn block_with(Pfn pfn) const;
  [[gnu::cold]] PageCount check_block(std::uint32_t number, Order order) const;
  [[gnu::cold]] PageCount check_word(std::uint32_t number, Order order) const;

  ZoneWord* words_ = nullptr;
  std::uint64_t before_first_ = 0;  ///< a frame's 64th, less its word's number
  PageCount free_pages_{};
  std::uint32_t order_mask_ = 0;
  PfnRange range_{};
  PageCount total_pages_{};
  List lists_[kOrderCount];
};

template <class Visitor>
void Zone::for_each_free_block(Visitor&& visit) const {
  for (std::uint32_t k = kOrderCount; k-- != ZoneWord::kOrder.value;) {
    for (std::uint32_t n = lists_[k].first; n != 0; n = words_[n].next) {
      if (!visit(PfnRange{first_of(n), Order(k).pages()})) return;
    }
  }
  for (std::uint32_t list = ZoneWord::kOrder.value; list-- != 0;) {
    for (std::uint32_t n = lists_[list].first; n != 0; n = words_[n].next) {
      for (std::uint32_t k = list + 1; k-- != 0;) {
        std::uint64_t blocks = word_blocks::of_order(words_[n].free, Order(k));
        for (; blocks != 0; blocks &= blocks - 1) {
          const PageCount at(static_cast<std::uint64_t>(std::countr_zero(blocks)));
          if (!visit(PfnRange{first_of(n) + at, Order(k).pages()})) return;
        }
      }
    }
  }
}

}  // namespace vc
