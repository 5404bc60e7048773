// Zone: cases of split, coalesce and spanning, and a check() that sees every kind of damage.
#include "vcompound/buddy/zone.h"

#include <gtest/gtest.h>

#include <vector>

namespace vc {
namespace {

PfnRange run(std::uint64_t first, std::uint64_t count) { return {Pfn(first), PageCount(count)}; }

/// A zone over frames [first, first + pages).
struct ZoneBox {
  explicit ZoneBox(std::uint64_t pages, std::uint64_t first = 0)
      : words(Zone::words_for(run(first, pages))) {
    zone.open(words.data(), run(first, pages));
    zone.add(zone.range());
  }

  /// The zone with nothing free but these runs.
  void leave_free(const std::vector<PfnRange>& runs) {
    zone.take_exactly(zone.range());
    for (const PfnRange run : runs) zone.give(run);
  }
  std::vector<PfnRange> blocks() const {
    std::vector<PfnRange> all;
    zone.for_each_free_block([&](PfnRange block) {
      all.push_back(block);
      return true;
    });
    return all;
  }

  std::vector<ZoneWord> words;  ///< of a zone from frame 0: words[1] has frames 0 to 63
  Zone zone;
};

TEST(Zone, OpensAsTheFewestAlignedBlocks) {
  const ZoneBox box(15, 1);  // the picture in zone.h
  EXPECT_EQ(box.zone.free_pages(), PageCount(15));
  for (std::uint32_t k = 0; k < 4; ++k) EXPECT_EQ(box.zone.blocks(Order(k)), 1U) << k;
  EXPECT_EQ(box.blocks(), (std::vector<PfnRange>{run(8, 8), run(4, 4), run(2, 2), run(1, 1)}));
  EXPECT_EQ(box.zone.largest_run(), PageCount(15));
  box.zone.check();
}

TEST(Zone, TheTailOfARoundedBlockStaysFree) {
  ZoneBox box(64);
  EXPECT_EQ(box.zone.take(PageCount(17)), Pfn(0));
  EXPECT_EQ(box.zone.free_pages(), PageCount(47));
  EXPECT_EQ(box.zone.largest_run(), PageCount(47));
  box.zone.check();
}

TEST(Zone, SizesJustAboveAPowerOfTwoLieSideBySide) {
  ZoneBox box(1024);
  for (std::uint64_t i = 0; i < 60; ++i) {
    EXPECT_EQ(box.zone.take(PageCount(17)), Pfn(17 * i)) << "a tail was left that nothing can use";
  }
  EXPECT_EQ(box.zone.largest_run(), PageCount(1024 - 60 * 17));
  box.zone.check();
}

TEST(Zone, ASmallRequestDoesNotBreakALargeBlock) {
  ZoneBox box(64);
  box.leave_free({run(0, 2), run(32, 32)});
  EXPECT_EQ(box.zone.take(PageCount(1)), Pfn(0));
  EXPECT_EQ(box.zone.blocks(Order(5)), 1U);
}

TEST(Zone, GivingBackCoalescesToTheOriginal) {
  ZoneBox box(64);
  std::vector<Pfn> singles;
  for (int i = 0; i < 64; ++i) singles.push_back(box.zone.take(PageCount(1)));
  EXPECT_EQ(box.zone.take(PageCount(1)), kNoPfn);
  EXPECT_EQ(box.zone.largest_run(), PageCount(0));
  for (const Pfn pfn : singles) box.zone.give({pfn, PageCount(1)});
  EXPECT_EQ(box.blocks(), (std::vector<PfnRange>{run(0, 64)}));
  box.zone.check();
}

TEST(Zone, AdjacentBlocksServeWhatNoSingleBlockCan) {
  ZoneBox box(64);
  box.leave_free({run(12, 8)});  // blocks 12..15 and 16..19: no block has more than four frames
  EXPECT_EQ(box.zone.take(PageCount(7), PageCount(1), Zone::Look::one_block), kNoPfn);
  EXPECT_EQ(box.zone.free_pages(), PageCount(8));
  EXPECT_EQ(box.zone.take(PageCount(7)), Pfn(12));
  EXPECT_EQ(box.blocks(), (std::vector<PfnRange>{run(19, 1)}));
  box.zone.check();
}

TEST(Zone, AnAlignedStartIsFoundInsideARun) {
  ZoneBox box(64);
  box.leave_free({run(12, 20)});
  EXPECT_EQ(box.zone.take(PageCount(3), PageCount(8)), Pfn(16));
  EXPECT_EQ(box.zone.take(PageCount(9), PageCount(16)), kNoPfn) << "16..18 is taken";
  EXPECT_EQ(box.zone.free_pages(), PageCount(17));
  box.zone.check();
}

TEST(Zone, RunsBeyondTheLargestOrder) {
  const std::uint64_t block = kMaxOrder.pages().value;
  ZoneBox box(block * 4);
  const std::uint64_t wanted = block * 3 + 5;
  EXPECT_EQ(box.zone.take(PageCount(wanted)), Pfn(0));
  EXPECT_EQ(box.zone.free_pages(), PageCount(block - 5));
  box.zone.give(run(0, wanted));
  EXPECT_EQ(box.zone.blocks(kMaxOrder), 4U);
  EXPECT_EQ(box.zone.largest_run(), PageCount(block * 4));
}

TEST(Zone, TakeRunPrefersTheLongestAndKeepsHugePagesWhole) {
  ZoneBox box(256);
  box.leave_free({run(0, 8), run(60, 70), run(200, 16)});
  EXPECT_EQ(box.zone.largest_run(), PageCount(70));
  EXPECT_EQ(box.zone.take_run(PageCount(1000), PageCount(32)), run(64, 64));
  EXPECT_EQ(box.zone.take_run(PageCount(1000), PageCount(32)), run(200, 16)) << "below a chunk";
  EXPECT_EQ(box.zone.take_run(PageCount(3), PageCount(32)), run(0, 3));
  EXPECT_EQ(box.zone.take_run(PageCount(0), PageCount(32)), PfnRange{});
  box.zone.check();
}

TEST(Zone, TakeSmallestSparesTheLargerBlocks) {
  ZoneBox box(256);
  box.leave_free({run(3, 1), run(8, 4), run(64, 64)});
  EXPECT_EQ(box.zone.take_smallest(PageCount(2), PageCount(9)), run(8, 4)) << "all of the block";
  EXPECT_EQ(box.zone.take_smallest(PageCount(1), PageCount(9)), run(3, 1));
  EXPECT_EQ(box.zone.take_smallest(PageCount(1), PageCount(9)), run(64, 9)) << "no smaller is left";
  EXPECT_EQ(box.zone.take_smallest(PageCount(33), PageCount(40)), PfnRange{});
  EXPECT_EQ(box.zone.free_pages(), PageCount(55)) << "what was cut off, and nothing else";
  box.zone.check();
}

TEST(Zone, TakeSmallestKnowsNoBlockBeyondTheLargestOrder) {
  const PageCount block = kMaxOrder.pages();
  ZoneBox box(block.value * 2);
  EXPECT_EQ(box.zone.take_smallest(block + PageCount(1), block * 2), PfnRange{});
  EXPECT_EQ(box.zone.take_smallest(block, block * 2).count, block);
  box.zone.check();
}

TEST(Zone, TakeAfterContinuesARun) {
  ZoneBox box(64);
  box.leave_free({run(8, 10)});
  EXPECT_EQ(box.zone.take_after(Pfn(8), PageCount(3)), run(8, 3));
  EXPECT_EQ(box.zone.take_after(Pfn(11), PageCount(99)), run(11, 7));
  EXPECT_TRUE(box.zone.take_after(Pfn(18), PageCount(1)).empty());
  EXPECT_TRUE(box.zone.take_after(Pfn(64), PageCount(1)).empty()) << "beyond the zone";
  EXPECT_EQ(box.zone.free_pages(), PageCount(0));
}

TEST(Zone, AFailureChangesNothing) {
  ZoneBox box(64);
  box.leave_free({run(0, 4), run(8, 4)});
  const auto before = box.blocks();
  EXPECT_EQ(box.zone.take(PageCount(5)), kNoPfn);
  EXPECT_EQ(box.zone.take(PageCount(9)), kNoPfn);
  EXPECT_EQ(box.zone.take(PageCount(1), PageCount(16)), Pfn(0));
  box.zone.give(run(0, 1));
  EXPECT_EQ(box.blocks().size(), before.size());
  EXPECT_EQ(box.zone.free_pages(), PageCount(8));
}

// ---- check() sees damage ------------------------------------------------------------------------

TEST(ZoneDeathTest, FramesOfAnotherZoneAreRefused) {
  ZoneBox box(64);
  EXPECT_DEATH(box.zone.give(run(60, 8)), "frames of another zone");
  EXPECT_DEATH((void)box.zone.take(PageCount(0)), "bad request");
  EXPECT_DEATH((void)box.zone.take(PageCount(1), PageCount(3)), "bad request");
}

/// A block at the word `after` of the list of word `head`, linked like a real one.
void link_behind(ZoneBox& box, std::uint32_t head, std::uint32_t after) {
  box.words[head].next = after;
  box.words[after].previous = static_cast<unsigned char>(head);
  box.words[after].order = box.words[head].order;
}

TEST(ZoneDeathTest, Z1AMisalignedBlock) {
  ZoneBox box(256);
  box.leave_free({run(0, 128)});
  link_behind(box, 1, 4);
  EXPECT_DEATH(box.zone.check(), "Z1: misaligned block");
}

TEST(ZoneDeathTest, Z1ABlockThatLeavesItsZone) {
  ZoneBox box(320);
  box.leave_free({run(0, 128)});
  link_behind(box, 1, 5);
  EXPECT_DEATH(box.zone.check(), "Z1: block leaves its zone");
}

TEST(ZoneDeathTest, Z1ABlockThatIsNotAllFree) {
  ZoneBox box(128);
  box.words[2].free = 1;
  EXPECT_DEATH(box.zone.check(), "Z1: a block that is not all free");
}

TEST(ZoneDeathTest, Z2BuddiesThatWereNotCoalesced) {
  ZoneBox box(256);
  box.leave_free({run(64, 64)});
  box.words[1].order = 6;
  EXPECT_DEATH(box.zone.check(), "Z2");
}

/// A word of the zone itself, to be damaged.
template <class Word>
Word& word_at(Zone& zone, std::size_t bytes) {
  return *reinterpret_cast<Word*>(reinterpret_cast<unsigned char*>(&zone) + bytes);
}

TEST(ZoneDeathTest, Z3FreePagesThatDoNotAddUp) {
  ZoneBox box(64);
  box.leave_free({run(8, 4), run(32, 4)});
  auto& free_pages = word_at<std::uint64_t>(box.zone, 16);
  ASSERT_EQ(free_pages, 8U) << "free_pages_ is the third member";
  free_pages = 7;
  EXPECT_DEATH(box.zone.check(), "Z3: free pages do not add up");
}

TEST(ZoneDeathTest, Z3AWordThatIsInNoList) {
  ZoneBox box(128);
  box.leave_free({run(64, 4)});
  box.words[1].free = 15;
  word_at<std::uint64_t>(box.zone, 16) = 8;
  EXPECT_DEATH(box.zone.check(), "Z3: free frames that are in no list");
}

TEST(ZoneDeathTest, Z4ABrokenBackLink) {
  ZoneBox box(256);
  box.leave_free({run(8, 4), run(72, 4)});  // 72 was given last, so the list is word 2 -> word 1
  box.words[1].previous = 3;
  EXPECT_DEATH(box.zone.check(), "Z4: broken back link");
}

TEST(ZoneDeathTest, Z4ALostMember) {
  ZoneBox box(128);
  box.leave_free({run(8, 4), run(72, 4)});
  box.words[2].next = 0;
  EXPECT_DEATH(box.zone.check(), "Z4: a free list's count is wrong");
}

TEST(ZoneDeathTest, Z4AMemberOfAnotherList) {
  ZoneBox box(64);
  box.leave_free({run(8, 4)});
  box.words[1].order = 3;
  EXPECT_DEATH(box.zone.check(), "Z4: a list holds what belongs to another");
}

TEST(ZoneDeathTest, Z5AnOrderMaskThatLies) {
  ZoneBox box(64);
  box.leave_free({run(8, 4)});
  auto& mask = word_at<std::uint32_t>(box.zone, 24);
  ASSERT_EQ(mask, 1U << 2) << "order_mask_ stands right behind free_pages_";
  mask = 0;
  EXPECT_DEATH(box.zone.check(), "Z5");
}

TEST(ZoneDeathTest, Z6AWordInTheWrongList) {
  ZoneBox box(64);
  box.leave_free({run(8, 4)});
  box.words[1].free |= 0xf000;  // eight in a row
  EXPECT_DEATH(box.zone.check(), "Z6");
}

}  // namespace
}  // namespace vc
