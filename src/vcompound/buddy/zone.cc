#include "vcompound/buddy/zone.h"

#include "vcompound/base/assert.h"

namespace vc {

namespace {

/// How many words are looked at before a request is said to be unservable, and how many when the
/// longest run is sought. Bounds the cost; larger finds little more.
constexpr std::uint32_t kProbes = 16;

constexpr PageCount kMaxBlock = kMaxOrder.pages();
constexpr PageCount kInWord = ZoneWord::kFrames;

constexpr Pfn buddy_of(Pfn pfn, Order order) { return Pfn(pfn.value ^ order.pages().value); }

/// The first frame at or after `pfn` that is a multiple of `unit`.
constexpr Pfn aligned_up(Pfn pfn, PageCount unit) { return Pfn(align_up(pfn.value, unit.value)); }

/// Where a frame stands in its word.
constexpr PageCount place_of(Pfn pfn) { return PageCount(pfn.value % kInWord.value); }

constexpr Pfn word_start(Pfn pfn) { return pfn - place_of(pfn); }

/// The bits of some frames of a word, 1 to 64.
constexpr std::uint64_t bits_of(Pfn first, PageCount pages) {
  return ZoneWord::kFull >> (kInWord - pages).value << place_of(first).value;
}

/// The part of a run that lies in the word of its first frame.
constexpr PageCount part_in_word(PfnRange run) {
  return smaller(run.count, kInWord - place_of(run.first));
}

constexpr PfnRange behind(PfnRange run, PageCount part) {
  return {run.first + part, run.count - part};
}

/// How many frames are free at the start or the end of a word, at most 63.
inline int free_at_start(std::uint64_t free) { return __builtin_ctzll(~free | 1ULL << 63); }
inline int free_at_end(std::uint64_t free) { return __builtin_clzll(~free | 1); }

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

void Zone::open(ZoneWord* words, PfnRange range) {
  words_ = words;
  before_first_ = range.first.value / kInWord.value - 1;
  range_ = range;
}

void Zone::add(PfnRange run) {
  total_pages_ += run.count;
  give(run);
}

// ---- the lists ----------------------------------------------------------------------------------

inline void Zone::link(std::uint32_t number, Order order) {
  List& list = lists_[order.value];
  ZoneWord& word = words_[number];
  word.previous = 0;
  word.order = order.value & 31;
  word.next = list.first;
  if (list.first != 0) words_[list.first].previous = number & 0x7ff'ffff;
  list.first = number;
  ++list.count;
  order_mask_ |= 1U << order.value;
}

inline void Zone::unlink(std::uint32_t number) {
  ZoneWord& word = words_[number];
  const std::uint32_t order = word.order;
  List& list = lists_[order];
  if (word.previous == 0) {
    list.first = word.next;
  } else {
    words_[word.previous].next = word.next;
  }
  if (word.next != 0) words_[word.next].previous = word.previous;
  word.order = 0;
  if (--list.count == 0) order_mask_ &= ~(1U << order);
}

/// Puts a word that is not full into the list where it belongs now; `linked`: it is in one.
inline void Zone::sort_in(std::uint32_t number, bool linked) {
  const ZoneWord& word = words_[number];
  if (word.free == 0) {
    if (linked) unlink(number);
    return;
  }
  const Order order = word_blocks::largest(word.free);
  if (linked) {
    if (word.order == order.value) return;
    unlink(number);
  }
  link(number, order);
}

/// Links full words as blocks, which have no free buddies.
void Zone::link_blocks(Pfn first, Pfn end) {
  while (first < end) {
    const Order order = largest_block_at(first, end - first);
    link(number_of(first), order);
    first += order.pages();
  }
}

// ---- give ---------------------------------------------------------------------------------------

/// Coalesces full words with free buddies as far as they go, then links the block.
void Zone::free_block(Pfn pfn, Order order) {
  while (order < kMaxOrder) {
    const Pfn buddy = buddy_of(pfn, order);
    if (!is_block(buddy, order)) break;
    unlink(number_of(buddy));
    if (buddy < pfn) pfn = buddy;
    order = Order(order.value + 1);
  }
  link(number_of(pfn), order);
}

inline void Zone::give_in_word(Pfn first, PageCount pages) {
  const std::uint32_t number = number_of(first);
  ZoneWord& word = words_[number];
  const bool linked = word.free != 0;
  word.free |= bits_of(first, pages);
  if (word.free != ZoneWord::kFull) {
    sort_in(number, linked);
    return;
  }
  if (linked) unlink(number);
  free_block(first_of(number), ZoneWord::kOrder);
}

void Zone::give(PfnRange run) {
  VC_ASSERT(run.first >= range_.first && run.end() <= range_.end(), "frames of another zone");
  free_pages_ += run.count;
  while (!run.empty()) {
    PageCount part = part_in_word(run);
    if (part != kInWord) {
      give_in_word(run.first, part);
    } else {
      const Order order = largest_block_at(run.first, run.count);
      part = order.pages();
      ZoneWord* const words = &word_of(run.first);
      for (std::uint64_t i = 0; i != part.value / kInWord.value; ++i) {
        words[i].free = ZoneWord::kFull;
      }
      free_block(run.first, order);
    }
    run = behind(run, part);
  }
}

// ---- take ---------------------------------------------------------------------------------------

Pfn Zone::take(PageCount pages, PageCount alignment, Look look) {
  const Pfn start = find(pages, alignment, look);
  if (start != kNoPfn) carve({start, pages});
  return start;
}

Pfn Zone::find(PageCount pages, PageCount alignment, Look look) const {
  VC_ASSERT(pages.value != 0 && is_power_of_two(alignment.value), "take: bad request");
  if (pages > free_pages_) return kNoPfn;
  const PageCount room = pages < alignment ? alignment : pages;
  if (room <= kMaxBlock) {
    const PfnRange block = smallest_block(order_for(room));
    if (!block.empty()) return start_in(block, pages, alignment);
  }
  return look == Look::all_blocks ? find_spanning(pages, alignment) : kNoPfn;
}

Pfn Zone::take_around(Pfn frame, PageCount pages, PageCount alignment) {
  if (free_after(frame, PageCount(1)).value == 0) return kNoPfn;
  const PfnRange run = run_around(frame);
  const Pfn start = aligned_up(run.first, alignment);
  if (start + pages > run.end()) return kNoPfn;
  carve({start, pages});
  return start;
}

/// The smallest block of at least an order, in the first word of the lowest list that has one.
PfnRange Zone::smallest_block(Order at_least) const {
  const std::uint32_t enough = order_mask_ & ~((1U << at_least.value) - 1);
  if (enough == 0) return {};
  const Order found(static_cast<std::uint32_t>(__builtin_ctz(enough)));
  const std::uint32_t number = lists_[found.value].first;
  if (found >= ZoneWord::kOrder) return {first_of(number), found.pages()};
  const word_blocks::Block block = word_blocks::smallest(words_[number].free, at_least);
  return {first_of(number) + PageCount(block.first), block.order.pages()};
}

/// Where to take from a block. Less than a block, with its beginning as far towards the beginning
/// of its run as may be:
///
///      in use |  free, the tail of a neighbour |     block     | in use
///             |<---- taken ------------->|<------- free ------>|        not: in the block, with
///                                                                       free frames on both sides
///
/// Else sizes just above a power of two leave a tail behind each of them that nothing can use.
Pfn Zone::start_in(PfnRange block, PageCount pages, PageCount alignment) const {
  if (is_power_of_two(pages.value) && pages >= alignment) return block.first;
  return aligned_up(free_before(block.first, block.count), alignment);
}

/// Looks for adjacent blocks that together hold `pages`. A run of n frames contains an aligned
/// block of more than n/4 frames, so only the lists from there upwards can be part of one.
Pfn Zone::find_spanning(PageCount pages, PageCount alignment) const {
  const std::uint32_t highest = floor_log2(pages.value);
  const std::uint32_t wanted = highest < 2 ? 0 : highest - 2;
  const std::uint32_t lowest = wanted < kMaxOrder.value ? wanted : kMaxOrder.value;
  // Runs beyond the largest order are rare and long: look at every block of that order.
  std::uint64_t probes = kProbes + (pages > kMaxBlock ? lists_[kMaxOrder.value].count : 0);
  std::uint32_t orders = order_mask_ >> lowest << lowest;
  for (; orders != 0; orders ^= 1U << floor_log2(orders)) {
    std::uint32_t n = lists_[floor_log2(orders)].first;
    while ((n = next_probe(n, pages, probes)) != 0) {
      const Pfn found = find_around(n, pages, alignment);
      if (found != kNoPfn) return found;
      n = words_[n].next;
    }
  }
  return kNoPfn;
}

/// The first word of a list, from that word on, that needs a closer look; 0 if there is none, or
/// `probes` words were looked at.
inline std::uint32_t Zone::next_probe(std::uint32_t number, PageCount pages,
                                      std::uint64_t& probes) const {
  for (; number != 0 && probes != 0; number = words_[number].next) {
    --probes;
    if (pages > kInWord || may_hold(&words_[number], pages)) return number;
  }
  return 0;
}

/// May that many frames, 64 at most, lie side by side in a word and its neighbours? Says no to most
/// words, at once.
inline bool Zone::may_hold(const ZoneWord* word, PageCount pages) {
  std::uint64_t ends = word->free;  // bit i: frame i, and as many before it as were asked for yet
  std::uint64_t asked = 1;
  for (; 2 * asked <= pages.value; asked *= 2) ends &= ends << asked;
  ends &= ends << (pages.value - asked);
  const int front = free_at_start(word->free) + free_at_end(word[-1].free);
  const int back = free_at_end(word->free) + free_at_start(word[1].free);
  return ends != 0 || (front > back ? front : back) >= static_cast<int>(pages.value);
}

/// Where a request may begin in the runs of a word of a list, or kNoPfn. In a row of blocks of the
/// largest order only the first needs a look.
Pfn Zone::find_around(std::uint32_t number, PageCount pages, PageCount alignment) const {
  Pfn found = kNoPfn;
  if (is_block(first_of(number) - kMaxBlock, kMaxOrder)) return found;
  for_each_run_of(number, [&](PfnRange run) {
    const Pfn start = aligned_up(run.first, alignment);
    if (start + pages <= run.end()) found = start;
    return found == kNoPfn;
  });
  return found;
}

/// Calls visit(PfnRange) for each run of free frames that begins, ends or lies in a word of a list,
/// the whole run, until it returns false.
template <class Visitor>
inline void Zone::for_each_run_of(std::uint32_t number, Visitor&& visit) const {
  const Pfn first = first_of(number);
  std::uint64_t left = words_[number].free;
  while (left != 0) {
    const PageCount place(static_cast<std::uint64_t>(std::countr_zero(left)));
    const PageCount here(static_cast<std::uint64_t>(std::countr_one(left >> place.value)));
    const bool inside = place.value != 0 && place + here < kInWord;
    const Pfn start = first + place;
    if (!visit(inside ? PfnRange{start, here} : run_around(start))) return;
    left &= ~bits_of(start, here);
  }
}

/// The whole run of free frames around one.
PfnRange Zone::run_around(Pfn pfn) const {
  const PageCount unlimited = range_.count;
  if (word_of(pfn).free == ZoneWord::kFull) pfn = block_with(pfn);
  const Pfn first = free_before(pfn, unlimited);
  return {first, free_after(first, unlimited)};
}

/// How many frames from `pfn` on are free, up to `at_most`. A block of words is one step.
PageCount Zone::free_after(Pfn pfn, PageCount at_most) const {
  PageCount found{};
  while (found < at_most) {
    const Pfn at = pfn + found;
    const ZoneWord& word = word_of(at);
    if (word.order >= ZoneWord::kOrder.value && place_of(at).value == 0) {
      found += Order(word.order).pages();
      continue;
    }
    const std::uint64_t from_here = word.free >> place_of(at).value;
    const PageCount here(static_cast<std::uint64_t>(std::countr_one(from_here)));
    found += here;
    if (here.value == 0 || place_of(at + here).value != 0) break;
  }
  return smaller(found, at_most);
}

/// The first of the free frames that end right before `pfn`, going back about `at_most` frames. No
/// block of a word or more goes through `pfn`.
Pfn Zone::free_before(Pfn pfn, PageCount at_most) const {
  const Pfn start = pfn;
  while (start - pfn < at_most) {
    const Pfn last(pfn.value + kInWord.value - 1);  // a word further on: pfn may be 0
    const std::uint64_t free = words_[number_of(last) - 1].free;
    const std::uint64_t to_here = free << (kInWord.value - 1 - place_of(last).value);
    const PageCount here(static_cast<std::uint64_t>(std::countl_one(to_here)));
    pfn = pfn - (here == kInWord ? block_before(pfn) : here);
    if (here.value == 0 || place_of(pfn).value != 0) break;
  }
  return pfn;
}

/// The length of the block that ends right before `pfn`, where a full word ends.
PageCount Zone::block_before(Pfn pfn) const {
  Order order = ZoneWord::kOrder;
  while (!is_block(pfn - order.pages(), order)) order = Order(order.value + 1);
  return order.pages();
}

/// Takes exactly the frames of `wanted`, all of which are free, out of the blocks that hold them.
void Zone::carve(PfnRange wanted) {
  free_pages_ -= wanted.count;
  while (!wanted.empty()) {
    PageCount part{};
    if (word_of(wanted.first).free == ZoneWord::kFull) {
      part = carve_block(wanted);
    } else {
      part = part_in_word(wanted);
      carve_in_word(wanted.first, part);
    }
    wanted = behind(wanted, part);
  }
}

inline void Zone::carve_in_word(Pfn first, PageCount pages) {
  const std::uint32_t number = number_of(first);
  words_[number].free &= ~bits_of(first, pages);
  sort_in(number, true);
}

/// Takes the part of `wanted` that lies in the same block as its first frame, and links the rest.
PageCount Zone::carve_block(PfnRange wanted) {
  const Pfn head = block_with(wanted.first);
  const Pfn end = head + Order(word_of(head).order).pages();
  const PageCount part = smaller(wanted.count, end - wanted.first);
  unlink(number_of(head));
  clear({wanted.first, part});
  // Of the words in which frames were taken only the first and the last may have some left.
  const Pfn first = word_start(wanted.first);
  const Pfn last = word_start(wanted.first + part - PageCount(1));
  sort_in(number_of(first), false);
  if (last != first) sort_in(number_of(last), false);
  link_blocks(head, first);
  link_blocks(last + kInWord, end);
  return part;
}

/// These frames are no longer free.
void Zone::clear(PfnRange run) {
  const PageCount part = part_in_word(run);
  ZoneWord* word = &word_of(run.first);
  word->free &= ~bits_of(run.first, part);
  for (run = behind(run, part); run.count >= kInWord; run = behind(run, kInWord)) {
    (++word)->free = 0;
  }
  if (!run.empty()) (++word)->free &= ~bits_of(run.first, run.count);
}

/// The block of a word or more that a free frame lies in.
Pfn Zone::block_with(Pfn pfn) const {
  Pfn head = word_start(pfn);
  while (word_of(head).order < ZoneWord::kOrder.value) {
    head = Pfn(head.value & (head.value - 1));
  }
  return head;
}

PfnRange Zone::take_smallest(PageCount at_least, PageCount at_most) {
  VC_ASSERT(at_least.value != 0 && at_least <= at_most, "take_smallest: bad request");
  if (at_least > kMaxBlock) return {};
  const PfnRange block = smallest_block(order_for(at_least));
  if (block.empty()) return {};
  const PageCount pages = smaller(block.count, at_most);
  const PfnRange run{start_in(block, pages, PageCount(1)), pages};
  carve(run);
  return run;
}

PfnRange Zone::take_after(Pfn at, PageCount at_most) {
  if (!range_.contains(at)) return {};
  const PfnRange run{at, free_after(at, at_most)};
  if (!run.empty()) carve(run);
  return run;
}

// ---- the longest run ----------------------------------------------------------------------------

PageCount Zone::largest_run() const { return longest_run().count; }

/// The longest run around the first few words of the highest list there is.
PfnRange Zone::longest_run() const {
  PfnRange best{};
  if (order_mask_ == 0) return best;
  std::uint32_t probes = kProbes;
  const List& list = lists_[floor_log2(order_mask_)];
  for (std::uint32_t n = list.first; n != 0 && probes != 0; n = words_[n].next, --probes) {
    for_each_run_of(n, [&](PfnRange run) {
      if (run.count > best.count) best = run;
      return true;
    });
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

}  // namespace vc
