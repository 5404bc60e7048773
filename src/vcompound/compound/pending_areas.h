// PendingAreas: mapped compounds that were freed and are still mapped, sorted by their length.
//
//   pages     1      2     ...    15    16-17   18-19   ...   30-31   32-35   ...
//             |             |                     |
//          [head A]         .                  [head C] -> [head D] -> kNoPfn
//                                                             link: Frame::next()
//
// Up to 15 pages each length is a class of its own; beyond, a doubling is eight classes, so the
// areas of a class differ by an eighth at most. Within a class the newest comes first.
//
// An area leaves in one of two ways. Many at once are unmapped, for one shootdown serves them all
// (take()): class after class in turn, so that no length is always the one that goes. Or one that
// has the length of a request, or little more, is used again as it is: what would map frames anew
// meanwhile pays some microseconds for each run, and the same for those it unmaps (take_fitting()).
//
// Invariants (check() proves them):
//   P1  each member is a `pending` head whose pages are of the class it is in
//   P2  the bit of a class is set exactly if it has members
//   P3  sum of members' pages <= pages(); those taken and not yet removed() are the rest
//
// Not thread-safe: the caller holds the pending lock. Only pages() may be read without it. Like all
// lists of frames it is linked outside the memory that is free.
#pragma once

#include <cstdint>

#include "vcompound/base/assert.h"
#include "vcompound/base/atomic.h"
#include "vcompound/frame/frame.h"

namespace vc {

/// The mapped compounds that wait for their shootdown. `pages_of(head)` tells how long one is.
class PendingAreas {
 public:
  constexpr PendingAreas() {
    for (Pfn& first : first_) first = kNoPfn;
  }

  /// Adds an area that the caller owns; its tag says `pending`.
  void push(FrameTable frames, Pfn head, PageCount pages) {
    const std::uint32_t k = class_of(pages);
    frames[head].set_next(first_[k]);
    first_[k] = head;
    used_[k / 64] |= bit(k);
    pages_.fetch_add(pages.value);
  }

  /// Takes areas of together `wanted` pages, if there are so many: a chain by Frame::next(), which
  /// ends with kNoPfn. Goes on behind the class where it ended the last time.
  template <class PagesOf>
  Pfn take(FrameTable frames, PageCount wanted, PagesOf&& pages_of) {
    Pfn chain = kNoPfn;
    for (PageCount sum{}; sum < wanted && find_turn();) {
      const Pfn head = unlink(frames, {turn_, first_[turn_]});
      sum += pages_of(head);
      frames[head].set_next(chain);
      chain = head;
    }
    ++turn_;
    return chain;
  }

  /// Takes an area of `least` to `most` pages for which suits(head), and as few as are found by a
  /// look at some of them; kNoPfn if none is.
  template <class PagesOf, class Suits>
  Pfn take_fitting(FrameTable frames, PageCount least, PageCount most, PagesOf&& pages_of,
                   Suits&& suits) {
    const std::uint32_t last = class_of(most);
    for (std::uint32_t k = next_used(class_of(least)); k <= last && k < kClasses;
         k = next_used(k + 1)) {
      Place found{k};
      PageCount shortest = most + PageCount(1);
      Place at{k, first_[k]};
      for (std::uint32_t i = 0; i < kLooks && at.head != kNoPfn; ++i) {
        const PageCount pages = pages_of(at.head);
        if (pages >= least && pages < shortest && suits(at.head)) {
          found = at;
          shortest = pages;
        }
        at = {k, frames[at.head].next(), at.head};
      }
      if (found.head != kNoPfn) return unlink(frames, found);
    }
    return kNoPfn;
  }

  /// The pages of an area that was taken now are elsewhere.
  void removed(PageCount pages) { pages_.fetch_sub(pages.value); }

  /// The pages of the areas that wait, including those taken and not yet removed().
  PageCount pages() const { return PageCount(pages_.load_relaxed()); }

  /// Panics at the first broken invariant.
  template <class PagesOf>
  void check(FrameTable frames, PagesOf&& pages_of) const {
    PageCount sum{};
    for (std::uint32_t k = 0; k < kClasses; ++k) {
      VC_ASSERT((first_[k] != kNoPfn) == ((used_[k / 64] & bit(k)) != 0),
                "P2: the bit of a class is wrong");
      for (Pfn head = first_[k]; head != kNoPfn; head = frames[head].next()) {
        const FrameTag tag = frames[head].tag();
        VC_ASSERT(tag.state == FrameState::pending && tag.kind == Kind::mapped,
                  "P1: what waits is not pending");
        VC_ASSERT(class_of(pages_of(head)) == k, "P1: an area is in the wrong class");
        sum += pages_of(head);
      }
    }
    VC_ASSERT(sum <= pages(), "P3: more waits than is counted");
  }

 private:
  static constexpr std::uint32_t kClasses = 240;  ///< for lengths below 2^32
  static constexpr std::uint32_t kWords = (kClasses + 63) / 64;
  /// At how many areas of a class take_fitting() looks.
  static constexpr std::uint32_t kLooks = 4;

  /// Below 16 the length itself; else the place of the highest bit and the three bits behind it.
  static constexpr std::uint32_t class_of(PageCount pages) {
    if (pages.value < 16) return static_cast<std::uint32_t>(pages.value);
    const auto highest = static_cast<std::uint32_t>(63 - __builtin_clzll(pages.value));
    return (highest - 2) * 8 + (static_cast<std::uint32_t>(pages.value >> (highest - 3)) & 7);
  }
  static constexpr std::uint64_t bit(std::uint32_t k) { return std::uint64_t{1} << (k % 64); }

  /// A member, or none, of a class; and the one in front of it.
  struct Place {
    std::uint32_t k;
    Pfn head = kNoPfn;
    Pfn before = kNoPfn;
  };

  Pfn unlink(FrameTable frames, Place place) {
    const Pfn next = frames[place.head].next();
    if (place.before != kNoPfn) {
      frames[place.before].set_next(next);
    } else {
      first_[place.k] = next;
    }
    if (first_[place.k] == kNoPfn) used_[place.k / 64] &= ~bit(place.k);
    return place.head;
  }

  /// The first class with members at or behind that one, or kClasses.
  std::uint32_t next_used(std::uint32_t from) const {
    if (from >= kClasses) return kClasses;
    std::uint32_t word = from / 64;
    std::uint64_t bits = used_[word] & ~(bit(from) - 1);
    while (bits == 0 && ++word != kWords) bits = used_[word];
    return bits == 0 ? kClasses : word * 64 + static_cast<std::uint32_t>(__builtin_ctzll(bits));
  }

  /// Moves on to a class with members, round and round; false if nothing waits.
  bool find_turn() {
    turn_ = next_used(turn_);
    if (turn_ == kClasses) turn_ = next_used(0);
    return turn_ != kClasses;
  }

  Pfn first_[kClasses];
  std::uint64_t used_[kWords] = {};
  std::uint32_t turn_ = 0;  ///< the class whose turn it is to be unmapped
  Atomic<std::uint64_t> pages_;
};

}  // namespace vc
