// ZoneWord: what a zone knows of 64 frames, in sixteen bytes.
//
// Picture (`#`: in use; digits: free blocks by order), and the same frames as bits:
//
//      frame    0 1 2 3 4 5 6 7 8 9 ...      15 16 ...  63
//               # 0 1 1 2 2 2 2 3 3 3 3 3 3 3 3  # # #  #
//      free     0 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1  0 0 0  0
//
// Of the blocks inside a word nothing is written down: two free buddies are one block, so which
// blocks there are follows from the bits. A block of 64 frames or more fills words; its first word
// says how long it is, the others that they are full.
//
// Why words: what a zone reads and writes is then near to each other, whatever is free. 256 frames
// are one cache line, 1 GiB of 4 KiB frames are 64 KiB, and the frames in front of a frame are one
// look away. When the free lists stood in the descriptors of the frames, an allocation of some
// hundred pages read and wrote a dozen lines that nobody had used for long.
#pragma once

#include <bit>
#include <cstdint>

#include "vcompound/base/units.h"

namespace vc {

/// What a zone knows of 64 frames that begin at a multiple of 64. Zeroed, none of them is free.
struct ZoneWord {
  static constexpr PageCount kFrames{64};
  static constexpr Order kOrder{6};  ///< of a block that fills a word
  static constexpr std::uint64_t kFull = ~std::uint64_t{0};

  std::uint64_t free;  ///< bit i: is frame i free?
  std::uint32_t next;  ///< the number of the next word of the list it is in; 0: none
  std::uint32_t previous : 27;
  /// The list it is in: that of its largest block, or of the block that begins here. In no list: 0.
  std::uint32_t order : 5;
};
static_assert(sizeof(ZoneWord) == 16);

/// The blocks inside a word that is not full: what follows from its bits.
namespace word_blocks {

/// The places where a block of an order may begin.
inline constexpr std::uint64_t kPlaces[] = {~std::uint64_t{0},
                                            0x5555'5555'5555'5555,
                                            0x1111'1111'1111'1111,
                                            0x0101'0101'0101'0101,
                                            0x0001'0001'0001'0001,
                                            0x0000'0001'0000'0001,
                                            1};

/// From where all frames of an aligned 2^order are free, to the same for the next order.
constexpr std::uint64_t double_up(std::uint64_t starts, std::uint32_t order) {
  return starts & starts >> (1U << order) & kPlaces[order + 1];
}

/// How many bits are set. (std::popcount may be a function of the compiler's library, which an
/// image without one does not have.)
constexpr std::uint64_t count(std::uint64_t bits) {
  std::uint64_t ones = 0;
  for (; bits != 0; bits &= bits - 1) ++ones;
  return ones;
}

/// The order of the largest block; some frame is free.
constexpr Order largest(std::uint64_t free) {
  std::uint32_t order = 0;
  while ((free = double_up(free, order)) != 0) ++order;
  return Order(order);
}

/// A block: the number of its first frame in the word, and its order.
struct Block {
  std::uint32_t first;
  Order order;
};

/// The smallest block of at least that order, of which there is one; the first of several.
constexpr Block smallest(std::uint64_t free, Order at_least) {
  std::uint64_t starts = free;
  std::uint32_t order = 0;
  for (; order != at_least.value; ++order) starts = double_up(starts, order);
  for (;; ++order) {
    const std::uint64_t larger = double_up(starts, order);
    const std::uint64_t blocks = starts & ~(larger | larger << (1U << order));
    if (blocks != 0) return {static_cast<std::uint32_t>(std::countr_zero(blocks)), Order(order)};
    starts = larger;
  }
}

/// Where the blocks of exactly that order begin.
constexpr std::uint64_t of_order(std::uint64_t free, Order order) {
  std::uint64_t starts = free;
  for (std::uint32_t k = 0; k != order.value; ++k) starts = double_up(starts, k);
  const std::uint64_t larger = double_up(starts, order.value);
  return starts & ~(larger | larger << order.pages().value);
}

}  // namespace word_blocks

}  // namespace vc
