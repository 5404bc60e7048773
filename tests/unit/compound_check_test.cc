// CompoundAllocator::check() sees every kind of damage: S1 to S5, C1, C2.
#include <gtest/gtest.h>

#include "spy_platform.h"
#include "vcompound/compound/allocator.h"

namespace vc {
namespace {

static_assert(Platform<SpyPlatform>);

constexpr CallSite kSite{"compound_check_test.cc", 1};

/// An arena with a live contiguous compound (3 pages), a live mapped one (4), one cached in a bin
/// (5) and one in the hand of the slot (7).
struct CompoundCheckDeathTest : ::testing::Test {
  CompoundCheckDeathTest() : platform(FakeOptions{}), allocator(platform) {
    FakePlatform::set_cpu(0);
    EXPECT_TRUE(allocator.open({}).ok());
    EXPECT_EQ(platform.tables.size(), 8U);
    frames = static_cast<Frame*>(platform.tables.front());
    slots = platform.slots();
    contiguous = allocate(3, Contiguity::required);
    mapped = allocate(4, Contiguity::never);
    cached = allocate(5, Contiguity::required);
    in_hand = allocate(7, Contiguity::required);
    const Allocation first = allocate(6, Contiguity::required);
    EXPECT_EQ(allocator.free(first.address), Misuse::none);   // to the hand
    EXPECT_EQ(allocator.free(cached.address), Misuse::none);  // to its bin
    allocate(6, Contiguity::required);                        // the hand is empty again
    EXPECT_EQ(allocator.free(in_hand.address), Misuse::none);
    EXPECT_EQ(slots[0].hand, in_hand.address);
    EXPECT_EQ(slots[0].hand_pages.load_relaxed(), 7U);
    allocator.check();
  }

  Allocation allocate(std::uint64_t pages, Contiguity contiguity) {
    const Request request{.size = Bytes(pages << 12), .contiguity = contiguity};
    auto result = allocator.allocate(request, kSite);
    EXPECT_TRUE(result.ok());
    return result.ok() ? result.value() : Allocation{};
  }
  /// A contiguous compound that does not begin its group of frames: each of its tails has a hint.
  Allocation allocate_inside_a_group(std::uint64_t pages) {
    Allocation got = allocate(pages, Contiguity::required);
    while (first_of_group(got.head) == got.head) got = allocate(pages, Contiguity::required);
    return got;
  }
  Frame& frame(Pfn pfn) { return frames[pfn.value]; }
  /// Changes the state of a frame and nothing else.
  void set_state(Pfn pfn, FrameState state) {
    FrameTag tag = frame(pfn).tag();
    tag.state = state;
    frame(pfn).set_tag(tag);
  }

  SpyPlatform platform;
  CompoundAllocator<SpyPlatform> allocator;
  Frame* frames = nullptr;
  Slot* slots = nullptr;
  Allocation contiguous{};
  Allocation mapped{};
  Allocation cached{};
  Allocation in_hand{};
};

TEST_F(CompoundCheckDeathTest, S1ABinThatHoldsWhatIsNotCached) {
  set_state(cached.head, FrameState::head);
  EXPECT_DEATH(allocator.check(), "S1: a bin holds what is not cached");
}

TEST_F(CompoundCheckDeathTest, S1ABinThatHoldsAnotherSize) {
  frame(cached.head).set_pages(PageCount(4));
  EXPECT_DEATH(allocator.check(), "S1: a bin holds another size");
}

TEST_F(CompoundCheckDeathTest, S4AHandThatHoldsWhatIsNotCached) {
  set_state(in_hand.head, FrameState::head);
  EXPECT_DEATH(allocator.check(), "S4: what is in the hand is not cached");
}

TEST_F(CompoundCheckDeathTest, S4AHandWithTheDescriptorOfAnother) {
  slots[0].hand_tag = frame(cached.head).word_place();
  EXPECT_DEATH(allocator.check(), "S4: the hand has two compounds");
}

TEST_F(CompoundCheckDeathTest, S4AHandOfAnotherSize) {
  slots[0].hand_pages.store_relaxed(3);
  EXPECT_DEATH(allocator.check(), "S4: the hand has another size");
}

TEST_F(CompoundCheckDeathTest, S5ABinThatNobodyFinds) {
  EXPECT_EQ(slots[0].bin_for(5).count, 1U);
  slots[0].filled[0] = 0;
  EXPECT_DEATH(allocator.check(), "S5: a bin with compounds is not found");
}

TEST_F(CompoundCheckDeathTest, C3AReferenceThatTheTagDoesNotTell) {
  frame(contiguous.head).references().store_relaxed(2);
  EXPECT_DEATH(allocator.check(), "C3: a compound is shared and not marked");
}

TEST_F(CompoundCheckDeathTest, S2CachedPagesThatDoNotAddUp) {
  slots[0].room.fetch_add(1);
  EXPECT_DEATH(allocator.check(), "S2");
}

TEST_F(CompoundCheckDeathTest, S3ACachedCompoundWithoutItsReference) {
  frame(cached.head).references().store_relaxed(2);
  EXPECT_DEATH(allocator.check(), "S3");
}

TEST_F(CompoundCheckDeathTest, C1AFrameWithoutAnOwner) {
  set_state(contiguous.head, FrameState::inner);
  EXPECT_DEATH(allocator.check(), "C1: a frame has no owner");
}

TEST_F(CompoundCheckDeathTest, C1ATailWithoutACompound) {
  const Allocation hinted = allocate_inside_a_group(6);
  frame(hinted.head).set_pages(PageCount(5));  // the last frame is nobody's
  EXPECT_DEATH(allocator.check(), "C1: a tail outside its compound");
}

TEST_F(CompoundCheckDeathTest, C1ALostFrameOfAMappedCompound) {
  const Allocation single = allocate(1, Contiguity::required);
  frame(single.head).set_tag({.state = FrameState::tail, .kind = Kind::mapped});
  EXPECT_DEATH(allocator.check(), "C1: a frame of a mapped compound is lost");
}

TEST_F(CompoundCheckDeathTest, C1StatesThatContradictTheCounts) {
  set_state(contiguous.head, FrameState::cached);  // in no bin
  EXPECT_DEATH(allocator.check(), "C1: cached pages do not add up");
  set_state(contiguous.head, FrameState::deferred);  // in no stack
  EXPECT_DEATH(allocator.check(), "C1: deferred pages do not add up");
  set_state(contiguous.head, FrameState::head);
  set_state(mapped.head, FrameState::pending);
  EXPECT_DEATH(allocator.check(), "C1: pending pages do not add up");
}

TEST_F(CompoundCheckDeathTest, C1AMappingThatWasNotCharged) {
  platform.refund_mappings(1);
  EXPECT_DEATH(allocator.check(), "C1: mappings in use that were not charged");
}

TEST_F(CompoundCheckDeathTest, C2ATailThatDoesNotKnowItsHead) {
  const Allocation hinted = allocate_inside_a_group(6);
  frame(hinted.head + PageCount(1)).set_head(mapped.head);
  EXPECT_DEATH(allocator.check(), "C2: a tail does not know its head");
}

TEST_F(CompoundCheckDeathTest, C2APageThatIsElsewhere) {
  const Pfn second = allocator.nth_page(mapped.head, PageCount(1));
  frame(second).set_page(frame(second).page() + PageCount(1));
  EXPECT_DEATH(allocator.check(), "C2: page_address and nth_page disagree");
}

TEST_F(CompoundCheckDeathTest, ZAndVAreCheckedToo) {
  allocator.reclaim();
  Pfn block = kNoPfn;
  allocator.for_each_free_run([&](std::uint32_t, PfnRange run) { block = run.first; });
  ASSERT_NE(block, kNoPfn);
  const std::uint64_t number = block.value / 64 - platform.node_frames(0).first.value / 64 + 1;
  ZoneWord& word = static_cast<ZoneWord*>(platform.tables[6])[number];
  const auto before = word.previous;
  word.previous = 3;
  EXPECT_DEATH(allocator.check(), "Z4");
  word.previous = before & 0x7ff'ffff;
  auto* const nodes = static_cast<GapNode*>(platform.tables[2]);
  nodes[1].largest += 1;
  EXPECT_DEATH(allocator.check(), "V2");
}

}  // namespace
}  // namespace vc
