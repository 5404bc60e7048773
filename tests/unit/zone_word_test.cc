// ZoneWord: the blocks in a word of bits, against halving it.
#include "vcompound/buddy/zone_word.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "vcompound/base/random.h"

namespace vc {
namespace {

struct Block {
  std::uint32_t first;
  std::uint32_t order;
};

/// The blocks of a part of a word, in the order of their frames.
void add_blocks(std::uint64_t free, std::uint32_t first, std::uint32_t order,
                std::vector<Block>& blocks) {
  const std::uint32_t frames = 1U << order;
  std::uint32_t count = 0;
  for (std::uint32_t i = first; i != first + frames; ++i) count += free >> i & 1;
  if (count == frames) {
    blocks.push_back({first, order});
  } else if (count != 0) {
    add_blocks(free, first, order - 1, blocks);
    add_blocks(free, first + frames / 2, order - 1, blocks);
  }
}

void expect_the_blocks_of(std::uint64_t free) {
  SCOPED_TRACE(free);
  std::vector<Block> blocks;
  add_blocks(free, 0, ZoneWord::kOrder.value, blocks);
  std::uint32_t largest = 0;
  std::uint64_t of_order[6] = {};
  for (const Block& block : blocks) {
    largest = std::max(largest, block.order);
    of_order[block.order] |= std::uint64_t{1} << block.first;
  }
  EXPECT_EQ(word_blocks::largest(free).value, largest);
  for (std::uint32_t k = 0; k != 6; ++k) {
    EXPECT_EQ(word_blocks::of_order(free, Order(k)), of_order[k]) << "order " << k;
  }
  for (std::uint32_t least = 0; least <= largest; ++least) {
    std::uint32_t order = least;
    while (of_order[order] == 0) ++order;
    const word_blocks::Block got = word_blocks::smallest(free, Order(least));
    EXPECT_EQ(got.order.value, order) << "at least " << least;
    EXPECT_EQ(got.first, static_cast<std::uint32_t>(std::countr_zero(of_order[order])));
  }
}

TEST(ZoneWord, OneRun) {
  for (std::uint32_t first = 0; first != 64; ++first) {
    for (std::uint32_t count = 1; count <= 64 - first && count != 64; ++count) {
      expect_the_blocks_of(ZoneWord::kFull >> (64 - count) << first);
    }
  }
}

TEST(ZoneWord, AnyFrames) {
  Random random(11);
  for (int i = 0; i < 20000; ++i) {
    std::uint64_t free = random.next();
    if (i % 3 == 1) free |= random.next() | random.next();  // long runs
    if (i % 3 == 2) free &= random.next() & random.next();  // single frames
    if (free != 0 && free != ZoneWord::kFull) expect_the_blocks_of(free);
  }
}

TEST(ZoneWord, ZeroedMemoryIsAWordOfNoFreeFrame) {
  const ZoneWord word{};
  EXPECT_EQ(word.free, 0U);
  EXPECT_EQ(word.order, 0U);
  EXPECT_EQ(word.next, 0U);
}

}  // namespace
}  // namespace vc
