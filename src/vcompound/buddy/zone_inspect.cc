// Zone: counting its blocks, and the proof of its invariants.
#include "vcompound/base/assert.h"
#include "vcompound/buddy/zone.h"

namespace vc {

std::uint64_t Zone::blocks(Order order) const {
  std::uint64_t count = 0;
  std::uint64_t word = 1;
  while (word != 0) count += blocks(order, word);
  return count;
}

std::uint64_t Zone::blocks(Order order, std::uint64_t& word) const {
  constexpr std::uint64_t kAtOnce = 4096;
  const std::uint64_t end = words_for(range_);
  std::uint64_t count = 0;
  if (order >= ZoneWord::kOrder) {
    count = lists_[order.value].count;
    word = end;
  }
  for (std::uint64_t i = 0; i != kAtOnce && word < end; ++i, ++word) {
    const std::uint64_t free = words_[word].free;
    if (free != ZoneWord::kFull) count += word_blocks::count(word_blocks::of_order(free, order));
  }
  if (word >= end) word = 0;
  return count;
}

void Zone::check() const {
  PageCount listed{};
  for (std::uint32_t k = 0; k < kOrderCount; ++k) {
    std::uint64_t members = 0;
    std::uint32_t before = 0;
    for (std::uint32_t n = lists_[k].first; n != 0; n = words_[n].next) {
      VC_ASSERT(words_[n].previous == before, "Z4: broken back link in a free list");
      VC_ASSERT(words_[n].order == k, "Z4: a list holds what belongs to another");
      listed += k < ZoneWord::kOrder.value ? check_word(n, Order(k)) : check_block(n, Order(k));
      before = n;
      ++members;
    }
    VC_ASSERT(members == lists_[k].count, "Z4: a free list's count is wrong");
    VC_ASSERT((members != 0) == ((order_mask_ >> k & 1) != 0), "Z5: order mask is wrong");
  }
  PageCount marked{};
  for (std::uint64_t n = 0; n != words_for(range_); ++n) {
    marked += PageCount(word_blocks::count(words_[n].free));
  }
  VC_ASSERT(marked == free_pages_, "Z3: free pages do not add up");
  VC_ASSERT(listed == free_pages_, "Z3: free frames that are in no list");
  VC_ASSERT(free_pages_ <= total_pages_, "Z3: more pages are free than there are");
}

PageCount Zone::check_block(std::uint32_t number, Order order) const {
  const PfnRange block{first_of(number), order.pages()};
  const Pfn buddy(block.first.value ^ block.count.value);
  VC_ASSERT(block.first.value % block.count.value == 0, "Z1: misaligned block");
  VC_ASSERT(block.first >= range_.first && block.end() <= range_.end(),
            "Z1: block leaves its zone");
  for (std::uint64_t i = 0; i != block.count.value / ZoneWord::kFrames.value; ++i) {
    VC_ASSERT(words_[number + i].free == ZoneWord::kFull, "Z1: a block that is not all free");
  }
  VC_ASSERT(order == kMaxOrder || !is_block(buddy, order),
            "Z2: two free buddies were not coalesced");
  return block.count;
}

PageCount Zone::check_word(std::uint32_t number, Order order) const {
  const std::uint64_t free = words_[number].free;
  VC_ASSERT(free != 0 && free != ZoneWord::kFull && word_blocks::largest(free) == order,
            "Z6: a word in a list of another order");
  return PageCount(word_blocks::count(free));
}

}  // namespace vc
