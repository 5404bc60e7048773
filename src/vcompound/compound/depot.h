// Depot: full bins on their way from one slot to another.
//
// Where one thread allocates what another frees, the bin of the one is empty when that of the other
// is full. By way of the zone each compound would need its lock twice, and words and descriptors
// that the other processor has just written. So a whole bin changes hands:
//
//      a slot that frees            depot                         a slot that allocates
//        bin of 4 pages               pages   newest --> oldest     bin of 4 pages
//        is full        ---put()-->     4      [14] --> [14]        is empty <--take()---
//                                      16      [14]
//                                     100      [ 8]
//
// What is here is free memory, kept whole, as in a slot. It is given up when no run is found,
// before anything is mapped, and before anything is refused. Bins stand in a ring of places, in the
// order in which they came. Where the next one is to stand the oldest may be, which then leaves. So
// what nobody takes ages and goes.
//
// The idea is that of magazines and their depot: J. Bonwick and J. Adams, "Magazines and Vmem",
// USENIX 2001.
//
// Invariants (check() proves them, D1 with the allocator):
//   D1  every member of a bin is a `cached` head with exactly the bin's page count
//   D2  the pages of all bins add up, are within the limit, and are pages() if none is on its way
//   D3  the bins of a list have page counts with that list's index, and each used one is in one
//   D4  bit i of `used` is set exactly if place i has a bin; place 0 never has one
#pragma once

#include <bit>
#include <cstdint>

#include "vcompound/base/assert.h"
#include "vcompound/base/atomic.h"
#include "vcompound/base/lock.h"
#include "vcompound/compound/slot.h"

namespace vc {

/// See the head of this file. All functions but open(), set_limit() and check() are thread-safe;
/// each but compounds() holds the lock for some tens of nanoseconds.
template <class Lock>
class Depot {
 public:
  static constexpr std::uint32_t kPlaces = 128;  ///< place 0 is none

  /// Zeroed, there is no bin.
  struct Tables {
    Bin bins[kPlaces];
    std::uint8_t newest[Slot::kBins];  ///< by Slot::index_of(): the place of a bin, or 0
    std::uint8_t older[kPlaces];
    std::uint8_t newer[kPlaces];
  };

  /// `tables` are zeroed, and the depot's.
  void open(Tables* tables) { tables_ = tables; }
  /// To be set before the first use.
  void set_limit(PageCount most) { limit_ = most; }

  /// The pages of all compounds that are here, or taken and not arrived() yet.
  PageCount pages() const { return PageCount(pages_.load_relaxed()); }
  bool empty() const { return pages().value == 0; }

  /// Takes over what a bin has, and leaves it empty; false if it stays as it is. If there is no
  /// place for it, the oldest leaves, into `old`, which is empty: that may not be enough. Closed,
  /// it takes nothing.
  bool put(Bin& bin, Bin& old);
  /// Fills an empty bin with compounds of that many pages, `at_most` pages in all. False if none is
  /// found, if the depot is closed, or if somebody else is in it: nobody waits here.
  bool take(std::uint64_t pages, std::uint64_t at_most, Bin& into);
  /// Fills an empty bin with the one that came first. False if none is there.
  bool take_oldest(Bin& into);
  /// The pages of a bin that left are counted elsewhere now.
  void arrived(PageCount pages) { pages_.fetch_sub(pages.value); }

  /// From now on nothing comes, and nothing goes but by take_oldest(), until reopen(): so that
  /// whoever looks for free memory everywhere does not miss what moves.
  void close() { set_closed(true); }
  void reopen() { set_closed(false); }

  /// The number of compounds that are here.
  std::uint64_t compounds();
  /// Panics at the first broken invariant; visit(pages, head) for each compound. Nobody else may
  /// use the depot meanwhile.
  template <class Visitor>
  [[gnu::cold]] void check(Visitor&& visit) const;

 private:
  static constexpr std::uint32_t kWords = kPlaces / 64;
  /// How many bins of other page counts a look for one passes. (Large ones share lists.)
  static constexpr std::uint32_t kLooks = 8;

  void set_closed(bool closed) {
    Guard guard(lock_);
    closed_ = closed;
  }
  bool is_used(std::uint32_t place) const { return (used_[place / 64] >> place % 64 & 1) != 0; }
  bool has_place_for(const Bin& bin) const {
    return !is_used(next_) && held_ + bin.held() <= limit_.value;
  }
  std::uint32_t oldest() const;
  void link(std::uint32_t place);
  void move_out(std::uint32_t place, Bin& into);

  Atomic<std::uint64_t> pages_;  // first: empty() is all that most allocations ask
  Tables* tables_ = nullptr;
  PageCount limit_{};
  Lock lock_;
  bool closed_ = false;
  std::uint32_t next_ = 1;  ///< the place for the next bin
  std::uint64_t held_ = 0;  ///< the pages of all bins
  std::uint64_t used_[kWords] = {};
};

template <class Lock>
bool Depot<Lock>::put(Bin& bin, Bin& old) {
  Guard guard(lock_);
  if (closed_) return false;
  if (!has_place_for(bin)) {
    const std::uint32_t place = oldest();
    if (place != 0) move_out(place, old);
    if (!has_place_for(bin)) return false;
  }
  const std::uint32_t place = next_;
  next_ = place + 1 == kPlaces ? 1 : place + 1;
  held_ += bin.held();
  pages_.fetch_add(bin.held());
  tables_->bins[place] = bin;
  link(place);
  bin.count = 0;
  return true;
}

template <class Lock>
bool Depot<Lock>::take(std::uint64_t pages, std::uint64_t at_most, Bin& into) {
  TryGuard guard(lock_, TryGuard<Lock>::Wait::no);
  if (!guard || closed_) return false;
  std::uint32_t place = tables_->newest[Slot::index_of(pages)];
  for (std::uint32_t look = 0; place != 0 && look != kLooks; ++look) {
    const Bin& bin = tables_->bins[place];
    if (bin.pages == pages) {
      if (bin.held() > at_most) return false;
      move_out(place, into);
      return true;
    }
    place = tables_->older[place];
  }
  return false;
}

template <class Lock>
bool Depot<Lock>::take_oldest(Bin& into) {
  Guard guard(lock_);
  const std::uint32_t place = oldest();
  if (place == 0) return false;
  move_out(place, into);
  return true;
}

template <class Lock>
std::uint64_t Depot<Lock>::compounds() {
  Guard guard(lock_);
  std::uint64_t sum = 0;
  for (std::uint32_t place = 1; place != kPlaces; ++place) sum += tables_->bins[place].count;
  return sum;
}

/// The place of the bin that came first, or 0: the first one used from the next place on.
template <class Lock>
std::uint32_t Depot<Lock>::oldest() const {
  for (std::uint32_t step = 0; step <= kWords; ++step) {  // the word of next_ is looked at twice
    const std::uint32_t word = (next_ / 64 + step) % kWords;
    std::uint64_t used = used_[word];
    if (step == 0) used &= ~std::uint64_t{0} << next_ % 64;
    if (used != 0) return 64 * word + static_cast<std::uint32_t>(std::countr_zero(used));
  }
  return 0;
}

/// Makes the bin at a place the newest of its list.
template <class Lock>
void Depot<Lock>::link(std::uint32_t place) {
  std::uint8_t& newest = tables_->newest[Slot::index_of(tables_->bins[place].pages)];
  tables_->older[place] = newest;
  tables_->newer[place] = 0;
  if (newest != 0) tables_->newer[newest] = static_cast<std::uint8_t>(place);
  newest = static_cast<std::uint8_t>(place);
  used_[place / 64] |= std::uint64_t{1} << place % 64;
}

/// Takes the bin at a place out of its list, into an empty one.
template <class Lock>
void Depot<Lock>::move_out(std::uint32_t place, Bin& into) {
  Bin& bin = tables_->bins[place];
  const std::uint8_t older = tables_->older[place];
  const std::uint8_t newer = tables_->newer[place];
  if (older != 0) tables_->newer[older] = newer;
  if (newer != 0) {
    tables_->older[newer] = older;
  } else {
    tables_->newest[Slot::index_of(bin.pages)] = older;
  }
  used_[place / 64] &= ~(std::uint64_t{1} << place % 64);
  into = bin;
  bin.count = 0;
  held_ -= into.held();
}

template <class Lock>
template <class Visitor>
void Depot<Lock>::check(Visitor&& visit) const {
  std::uint64_t pages = 0;
  std::uint32_t used = 0;
  for (std::uint32_t place = 0; place != kPlaces; ++place) {
    const Bin& bin = tables_->bins[place];
    VC_ASSERT(is_used(place) == (bin.count != 0), "D4: a place is marked wrongly");
    VC_ASSERT(place != 0 || bin.count == 0, "D4: place 0 has a bin");
    used += is_used(place);
    pages += bin.held();
    for (std::uint32_t i = 0; i != bin.count; ++i) visit(PageCount(bin.pages), Pfn(bin.heads[i]));
  }
  VC_ASSERT(pages == held_ && pages == pages_.load_relaxed() && pages <= limit_.value,
            "D2: the pages in the depot do not add up");
  for (std::uint32_t index = 0; index != Slot::kBins; ++index) {
    std::uint32_t newer = 0;
    for (std::uint32_t place = tables_->newest[index]; place != 0; place = tables_->older[place]) {
      VC_ASSERT(used-- != 0 && is_used(place), "D3: a list has a bin that is not there, or twice");
      VC_ASSERT(Slot::index_of(tables_->bins[place].pages) == index, "D3: a bin in a wrong list");
      VC_ASSERT(tables_->newer[place] == newer, "D3: a bin does not know its neighbour");
      newer = place;
    }
  }
  VC_ASSERT(used == 0, "D3: a bin is in no list");
}

}  // namespace vc
