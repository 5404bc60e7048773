#include "vcompound/buddy/zone.h"

#include "vcompound/base/assert.h"

namespace vc {

namespace {

/// How many runs of adjacent blocks are looked at before a request is said to be unservable, and
/// how many when the longest run is sought. Bounds the cost; larger finds little more.
constexpr std::uint32_t kProbes = 16;

constexpr PageCount kMaxBlock = kMaxOrder.pages();

constexpr Pfn buddy_of(Pfn pfn, Order order) { return Pfn(pfn.value ^ order.pages().value); }

constexpr PageCount smaller(PageCount a, PageCount b) { return a < b ? a : b; }

/// The first frame at or after `pfn` that is a multiple of `unit`.
constexpr Pfn aligned_up(Pfn pfn, PageCount unit) { return Pfn(align_up(pfn.value, unit.value)); }

/// The largest order of a block that starts at `pfn` and has at most `pages` frames.
Order largest_block_at(Pfn pfn, PageCount pages) {
  std::uint32_t order = floor_log2(pages.value);
  if (pfn.value != 0) {
    const auto alignment = static_cast<std::uint32_t>(__builtin_ctzll(pfn.value));
    if (alignment < order) order = alignment;
  }
  return order < kMaxOrder.value ? Order(order) : kMaxOrder;
}

}  // namespace

void Zone::open(FrameTable frames, PfnRange range) {
  frames_ = frames;
  range_ = range;
}

void Zone::add(PfnRange run) {
  total_pages_ += run.count;
  give(run);
}

bool Zone::is_free_head(Pfn pfn) const {
  return range_.contains(pfn) && frames_[pfn].state() == FrameState::free_head;
}

inline bool Zone::is_free_block(Pfn pfn, Order order) const {
  const std::uint32_t word = FrameTag{.state = FrameState::free_head, .order = order}.pack();
  return range_.contains(pfn) && frames_[pfn].word() == word;
}

inline void Zone::link(Pfn pfn, Order order) {
  List& list = lists_[order.value];
  Frame& frame = frames_[pfn];
  frame.set_previous(kNoPfn);
  frame.set_next(list.first);
  frame.set_tag({.state = FrameState::free_head, .order = order});
  if (list.first != kNoPfn) frames_[list.first].set_previous(pfn);
  list.first = pfn;
  ++list.count;
  order_mask_ |= 1U << order.value;
  free_pages_ += order.pages();
}

inline void Zone::unlink(Pfn pfn, Order order) {
  List& list = lists_[order.value];
  Frame& frame = frames_[pfn];
  const Pfn before = frame.previous();
  const Pfn after = frame.next();
  if (before == kNoPfn) {
    list.first = after;
  } else {
    frames_[before].set_next(after);
  }
  if (after != kNoPfn) frames_[after].set_previous(before);
  frame.set_tag({.state = FrameState::inner});
  if (--list.count == 0) order_mask_ &= ~(1U << order.value);
  free_pages_ -= order.pages();
}

/// Coalesces with free buddies as far as they go, then links the block.
inline void Zone::free_block(Pfn pfn, Order order) {
  frames_[pfn].set_tag({.state = FrameState::inner});
  while (order < kMaxOrder) {
    const Pfn buddy = buddy_of(pfn, order);
    if (!is_free_block(buddy, order)) break;
    unlink(buddy, order);
    if (buddy < pfn) pfn = buddy;
    order = Order(order.value + 1);
  }
  link(pfn, order);
}

void Zone::give(PfnRange run) {
  VC_ASSERT(run.first >= range_.first && run.end() <= range_.end(), "frames of another zone");
  Pfn at = run.first;
  PageCount left = run.count;
  while (left.value != 0) {
    const Order order = largest_block_at(at, left);
    free_block(at, order);
    at += order.pages();
    left -= order.pages();
  }
}

Pfn Zone::take(PageCount pages, PageCount alignment, Look look) {
  VC_ASSERT(pages.value != 0 && is_power_of_two(alignment.value), "take: bad request");
  if (pages > free_pages_) return kNoPfn;
  const PageCount room = pages < alignment ? alignment : pages;
  if (room <= kMaxBlock) {
    const Pfn pfn = take_block(pages, order_for(room), alignment);
    if (pfn != kNoPfn) return pfn;
  }
  return look == Look::all_blocks ? take_spanning(pages, alignment) : kNoPfn;
}

/// Takes from one block: the smallest that is not below `order`.
Pfn Zone::take_block(PageCount pages, Order order, PageCount alignment) {
  const std::uint32_t enough = order_mask_ & ~((1U << order.value) - 1);
  if (enough == 0) return kNoPfn;
  const Order found(static_cast<std::uint32_t>(__builtin_ctz(enough)));
  const Pfn pfn = lists_[found.value].first;
  if (pages != order.pages()) return take_packed(pfn, pages, alignment);
  unlink(pfn, found);
  split(pfn, found, order);
  return pfn;
}

/// Takes less than a block, with its beginning as far towards the beginning of its run as may be:
///
///      in use |  free, the tail of a neighbour |     block     | in use
///             |<---- taken ------------->|<------- free ------>|        not: in the block, with
///                                                                       free frames on both sides
///
/// Else sizes just above a power of two leave a tail behind each of them that nothing can use.
Pfn Zone::take_packed(Pfn block, PageCount pages, PageCount alignment) {
  const Pfn start = aligned_up(free_before(block, frames_[block].tag().order.pages()), alignment);
  carve({start, pages});
  return start;
}

/// Halves a block that was unlinked until `wanted` is reached; upper halves become free. The buddy
/// of each is in use, so there is nothing to coalesce.
void Zone::split(Pfn pfn, Order order, Order wanted) {
  while (order > wanted) {
    order = Order(order.value - 1);
    link(pfn + order.pages(), order);
  }
}

Pfn Zone::take_spanning(PageCount pages, PageCount alignment) {
  const Pfn pfn = find_spanning(pages, alignment);
  if (pfn != kNoPfn) carve({pfn, pages});
  return pfn;
}

/// Looks for adjacent blocks that together hold `pages`. A run of n frames contains an aligned
/// block of more than n/4 frames, so only the lists from there upwards can be part of one.
Pfn Zone::find_spanning(PageCount pages, PageCount alignment) const {
  const std::uint32_t highest = floor_log2(pages.value);
  const std::uint32_t wanted = highest < 2 ? 0 : highest - 2;
  const std::uint32_t lowest = wanted < kMaxOrder.value ? wanted : kMaxOrder.value;
  // Runs beyond the largest order are rare and long: look at every block of that order.
  std::uint64_t probes = kProbes + (pages > kMaxBlock ? lists_[kMaxOrder.value].count : 0);
  for (std::uint32_t k = kOrderCount; k-- > lowest;) {
    for (Pfn p = lists_[k].first; p != kNoPfn && probes != 0; p = frames_[p].next(), --probes) {
      if (k == kMaxOrder.value && follows_block_of_its_order(p)) continue;
      const PfnRange run = run_around(p);
      const Pfn start = aligned_up(run.first, alignment);
      if (start + pages <= run.end()) return start;
    }
  }
  return kNoPfn;
}

/// In a row of blocks of the largest order only the first needs a look.
bool Zone::follows_block_of_its_order(Pfn head) const {
  return head.value >= kMaxBlock.value && is_free_block(head - kMaxBlock, kMaxOrder);
}

/// The whole run of adjacent free frames around a free block.
PfnRange Zone::run_around(Pfn head) const {
  const PageCount unlimited = range_.count;
  const Pfn first = free_before(head, unlimited);
  return {first, free_after(first, unlimited)};
}

/// How many frames from `pfn` on are free, up to `at_most`; 0 if no free block starts at `pfn`.
PageCount Zone::free_after(Pfn pfn, PageCount at_most) const {
  PageCount found{};
  while (found < at_most && is_free_head(pfn + found)) {
    found += frames_[pfn + found].tag().order.pages();
  }
  return smaller(found, at_most);
}

/// The first of the free frames that end right before `pfn`, going back about `at_most` frames.
Pfn Zone::free_before(Pfn pfn, PageCount at_most) const {
  const Pfn start = pfn;
  for (std::uint32_t k = 0; k < kOrderCount && pfn.value % Order(k).pages().value == 0;) {
    const PageCount length = Order(k).pages();
    if (pfn.value < length.value) break;
    if (!is_free_block(pfn - length, Order(k))) {
      ++k;
      continue;
    }
    pfn = pfn - length;
    if (start - pfn >= at_most) break;
    k = 0;
  }
  return pfn;
}

/// Takes exactly the frames of `wanted`, all of which are free, out of the blocks that hold them.
void Zone::carve(PfnRange wanted) {
  Pfn at = wanted.first;
  while (!is_free_head(at)) {  // the block that holds `at` starts before it
    at = Pfn(at.value & (at.value - 1));
  }
  while (at < wanted.end()) {
    const Order order = frames_[at].tag().order;
    const PfnRange block{at, order.pages()};
    unlink(at, order);
    if (block.first < wanted.first) give({block.first, wanted.first - block.first});
    if (block.end() > wanted.end()) give({wanted.end(), block.end() - wanted.end()});
    at = block.end();
  }
}

PageCount Zone::largest_run() const { return longest_run().count; }

/// The longest run around the first few blocks of the largest order there is.
PfnRange Zone::longest_run() const {
  PfnRange best{};
  if (order_mask_ == 0) return best;
  std::uint32_t probes = kProbes;
  const List& list = lists_[floor_log2(order_mask_)];
  for (Pfn p = list.first; p != kNoPfn && probes != 0; p = frames_[p].next(), --probes) {
    const PfnRange run = run_around(p);
    if (run.count > best.count) best = run;
  }
  return best;
}

PfnRange Zone::take_run(PageCount at_most, PageCount chunk) {
  PfnRange run = longest_run();
  if (run.empty() || at_most.value == 0) return {};
  const Pfn aligned = aligned_up(run.first, chunk);
  const PageCount usable = aligned < run.end() ? run.end() - aligned : PageCount(0);
  const PageCount whole(align_down(smaller(usable, at_most).value, chunk.value));
  if (whole.value != 0) {
    run = {aligned, whole};
  } else {
    run.count = smaller(run.count, at_most);
  }
  carve(run);
  return run;
}

PfnRange Zone::take_smallest(PageCount at_least, PageCount at_most) {
  VC_ASSERT(at_least.value != 0 && at_least <= at_most, "take_smallest: bad request");
  if (at_least > kMaxBlock) return {};
  const std::uint32_t enough = order_mask_ & ~((1U << order_for(at_least).value) - 1);
  if (enough == 0) return {};
  const Order found(static_cast<std::uint32_t>(__builtin_ctz(enough)));
  const PageCount pages = smaller(found.pages(), at_most);
  return {take_block(pages, order_for(pages), PageCount(1)), pages};
}

PfnRange Zone::take_after(Pfn at, PageCount at_most) {
  const PfnRange run{at, free_after(at, at_most)};
  if (!run.empty()) carve(run);
  return run;
}

void Zone::check() const {
  PageCount total{};
  for (std::uint32_t k = 0; k < kOrderCount; ++k) {
    std::uint64_t members = 0;
    Pfn before = kNoPfn;
    for (Pfn p = lists_[k].first; p != kNoPfn; p = frames_[p].next()) {
      VC_ASSERT(frames_[p].previous() == before, "Z4: broken back link in a free list");
      check_block(p, Order(k));
      before = p;
      ++members;
    }
    VC_ASSERT(members == lists_[k].count, "Z4: a free list's count is wrong");
    VC_ASSERT((members != 0) == ((order_mask_ >> k & 1) != 0), "Z5: order mask is wrong");
    total += Order(k).pages() * members;
  }
  VC_ASSERT(total == free_pages_, "Z3: free pages do not add up");
  VC_ASSERT(total <= total_pages_, "Z3: more pages are free than there are");
}

void Zone::check_block(Pfn pfn, Order order) const {
  VC_ASSERT(is_free_block(pfn, order), "Z4: a list holds what is not a free block of its order");
  VC_ASSERT(pfn.value % order.pages().value == 0, "Z1: misaligned block");
  VC_ASSERT(pfn + order.pages() <= range_.end(), "Z1: block leaves its zone");
  VC_ASSERT(order == kMaxOrder || !is_free_block(buddy_of(pfn, order), order),
            "Z2: two free buddies were not coalesced");
  for (Pfn p = pfn + PageCount(1); p < pfn + order.pages(); p += PageCount(1)) {
    VC_ASSERT(frames_[p].state() != FrameState::free_head, "Z6: free block inside a free block");
  }
}

}  // namespace vc
