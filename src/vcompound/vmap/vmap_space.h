// VmapSpace: ranges of virtual addresses, and what is mapped where.
//
// Two structures over one range of virtual pages:
//
//   the page table of indices      entry per virtual page: the frame behind it.  O(1) both ways.
//   the tree of gaps               the free ranges, in a treap by address, each node augmented with
//                                  the largest gap of its subtree.
//
// Picture of an area of three pages at Vpn 5 (g is its guard page, which is never mapped):
//
//      Vpn      ...   4      5      6      7      8  ...
//                  +------+------+------+------+------+
//      entries     | n=3  | pfn  | pfn  | pfn  | 0    |
//                  +------+------+------+------+------+
//                     g    \____ the area _____/  gap
//
// The guard page stands in *front* of its area: a run past the end of one area hits the guard of
// the next one (or a gap). Its entry has no frame to name, so it holds the number of pages: that is
// how an area's length is found in O(1) without a descriptor per area.
//
// Only gaps are tree nodes, so the tree is as large as the space is fragmented, not as it is used.
// Lowest address first: freed ranges near the start are reused before new ones are touched, which
// keeps the entry table (and the hardware's page tables) dense.
//
// Treap: a binary search tree by start that is a heap by a random priority. The priority is a mix
// of the node's number, so it needs no memory and a run is repeatable. Expected depth 2 ln n.
//
// Invariants (check() proves them):
//   V1  gaps are disjoint, not empty, inside the space, and no two of them touch
//   V2  node.largest == max(node.length, left.largest, right.largest)
//   V3  priority(parent) >= priority(child); start order is search order
//   V4  sum of gap lengths == free_pages()
//   V5  every node is either in the tree or in the list of spare nodes
//
// Cost: reserve O(log gaps), release and shrink the same and a store for each page. Not
// thread-safe: the caller holds the vmap lock. Entries of an area in use may be read without it.
#pragma once

#include <cstdint>

#include "vcompound/base/atomic.h"
#include "vcompound/base/units.h"

namespace vc {

/// A free range of virtual pages: a node of the tree of gaps.
struct GapNode {
  std::uint32_t start;
  std::uint32_t length;
  std::uint32_t largest;  ///< the longest gap of this subtree
  std::uint32_t left;
  std::uint32_t right;  ///< also the link of the list of spare nodes
};

/// Memory that a VmapSpace works in; supplied by the platform, zeroed, touched only as needed.
struct VmapMemory {
  Atomic<std::uint32_t>* entries = nullptr;  ///< one per virtual page
  GapNode* nodes = nullptr;                  ///< node 0 is not used
  std::uint32_t node_count = 0;
};

/// A virtual address space of `pages` pages, handed out in areas of whole pages.
class VmapSpace {
 public:
  VmapSpace() = default;

  /// Manages pages [0, pages); pages < 2^32. Every page is free.
  void open(VmapMemory memory, PageCount pages);

  /// The first page of a new area of `pages` pages, a multiple of `alignment` pages (a power of
  /// two); the guard page in front of it belongs to the area. kNoVpn if no gap is long enough (or
  /// no node is left, which counts as the same).
  Vpn reserve(PageCount pages, PageCount alignment = PageCount(1));

  /// Gives the area that starts at `first` back, with its guard page.
  void release(Vpn first);

  /// Gives the end of an area back: from now on it has `pages` pages, fewer than before.
  void shrink(Vpn first, PageCount pages);

  /// The number of pages of the area that starts at `first`.
  PageCount pages(Vpn first) const { return PageCount(entries_[first.value - 1].load_relaxed()); }
  /// The frame behind a page of an area in use; behind what was released, kNoPfn.
  Pfn frame_at(Vpn page) const { return Pfn(entries_[page.value].load_relaxed()); }
  /// Records the frame behind a page.
  void set_frame(Vpn page, Pfn frame) {
    entries_[page.value].store_relaxed(static_cast<std::uint32_t>(frame.value));
  }

  PageCount size() const { return size_; }
  PageCount free_pages() const { return free_pages_; }
  /// The longest area that could be reserved (its guard page already deducted).
  PageCount largest_gap() const;

  /// Recomputes everything and panics at the first broken invariant; O(gaps).
  [[gnu::cold]] void check() const;

 private:
  using Index = std::uint32_t;
  static constexpr Index kNil = 0;

  struct Totals {
    std::uint64_t gaps = 0;
    std::uint64_t pages = 0;
  };

  Index largest_of(Index t) const { return t == kNil ? 0 : nodes_[t].largest; }
  void update(Index t);
  Index rotate_left(Index t);
  Index rotate_right(Index t);
  Index insert(Index t, Index node);
  Index erase(Index t, std::uint32_t start);
  Index join(Index left, Index right);
  void refresh(std::uint32_t start);
  Index find(std::uint64_t length) const;
  Index gap_ending_at(std::uint32_t page) const;
  Index gap_starting_at(std::uint32_t page) const;
  Index new_node();
  void spare_node(Index node);
  void add_gap(std::uint32_t start, std::uint32_t length);
  void give(std::uint32_t start, std::uint32_t length);
  void take_out(Index gap, std::uint32_t start, std::uint32_t length);
  [[gnu::cold]] std::uint64_t check_subtree(Index t, std::uint64_t lower, std::uint64_t upper,
                                            Totals& totals) const;

  Atomic<std::uint32_t>* entries_ = nullptr;
  GapNode* nodes_ = nullptr;
  Index node_count_ = 0;
  Index used_nodes_ = 0;  ///< nodes ever touched; those above are fresh
  Index spare_ = kNil;
  Index spare_count_ = 0;
  Index areas_ = 0;  ///< areas in use
  Index root_ = kNil;
  PageCount size_{};
  PageCount free_pages_{};
};

/// "No page".
inline constexpr Vpn kNoVpn{0xffff'ffff};

}  // namespace vc
