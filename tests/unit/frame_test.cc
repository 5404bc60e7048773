// Frame: the pinned layout, every tag there and back, and names.
#include "vcompound/frame/frame.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>

namespace vc {
namespace {

constexpr FrameState kStates[] = {FrameState::absent, FrameState::inner,  FrameState::head,
                                  FrameState::tail,   FrameState::cached, FrameState::deferred,
                                  FrameState::pending};

TEST(Frame, LayoutIsPinned) {
  EXPECT_EQ(sizeof(Frame), 12U);
  EXPECT_EQ(static_cast<int>(FrameState::absent), 0);
  Frame frame;
  EXPECT_EQ(frame.state(), FrameState::absent);
  const FrameTag tag{FrameState::head, Kind::mapped, true, 0xabcd};
  EXPECT_EQ(tag.pack(), 0xabcd'0000U | 0x20U | 0x10U | 2U);
}

TEST(Frame, EveryTagSurvivesPacking) {
  for (const FrameState state : kStates) {
    for (const Kind kind : {Kind::contiguous, Kind::mapped}) {
      for (const SiteId site : {SiteId{0}, SiteId{1}, SiteId{1023}, SiteId{0xffff}}) {
        const bool shared = site == 1;
        const FrameTag tag{state, kind, shared, site};
        EXPECT_EQ(FrameTag::unpack(tag.pack()), tag);
        EXPECT_EQ((tag.pack() & Frame::kSharedBit) != 0, shared);
        EXPECT_EQ((tag.pack() & Frame::kMappedBit) != 0, kind == Kind::mapped);
      }
    }
  }
}

TEST(Frame, OnlyAHeadInUseIsMarkedShared) {
  for (const FrameState state : kStates) {
    Frame frame;
    FrameTag tag{.state = state, .site = 9};
    frame.set_tag(tag);
    EXPECT_EQ(frame.mark_shared(), state == FrameState::head);
    EXPECT_EQ(frame.mark_shared(), state == FrameState::head) << "again";
    tag.shared = state == FrameState::head;
    EXPECT_EQ(frame.tag(), tag);
  }
}

TEST(Frame, ViewsOfTheTwoWordsAreIndependentOfTheTag) {
  Frame frame;
  frame.set_next(kNoPfn);
  frame.set_tag({.state = FrameState::pending, .site = 3});
  EXPECT_EQ(frame.next(), kNoPfn);
  frame.set_pages(PageCount(77));
  EXPECT_EQ(frame.pages(), PageCount(77));
  EXPECT_EQ(frame.next(), kNoPfn) << "pages and next are different words";
  frame.references().store_relaxed(5);
  EXPECT_EQ(frame.pages(), PageCount(77)) << "pages and references are different words";
  frame.set_head(Pfn(9));
  frame.set_page(Vpn(11));
  EXPECT_EQ(frame.head(), Pfn(9));
  EXPECT_EQ(frame.page(), Vpn(11));
  EXPECT_EQ(frame.tag().site, 3);
}

TEST(Frame, ReplaceTagIsACompareAndSwap) {
  Frame frame;
  const FrameTag head{.state = FrameState::head, .site = 7};
  frame.set_tag(head);
  EXPECT_FALSE(frame.replace_tag({.state = FrameState::head, .site = 8}, {}));
  EXPECT_EQ(frame.tag(), head);
  EXPECT_TRUE(frame.replace_tag(head, {.state = FrameState::deferred}));
  EXPECT_EQ(frame.state(), FrameState::deferred);
  EXPECT_FALSE(frame.replace_tag(head, {})) << "a second free must not pass";
}

TEST(FrameTable, StartsAtAnyFrame) {
  const auto memory = std::make_unique<Frame[]>(10);
  const FrameTable table(memory.get(), {Pfn(1'000'000), PageCount(10)});
  EXPECT_EQ(&table[Pfn(1'000'000)], &memory[0]);
  EXPECT_EQ(&table[Pfn(1'000'009)], &memory[9]);
  EXPECT_TRUE(table.contains(Pfn(1'000'009)));
  EXPECT_FALSE(table.contains(Pfn(1'000'010)));
  EXPECT_FALSE(table.contains(Pfn(999'999)));
  EXPECT_FALSE(table.contains(kNoPfn));
}

TEST(Frame, StatesHaveNamesForPeople) {
  for (const FrameState state : kStates) EXPECT_STRNE(name_of(state), "corrupt");
  EXPECT_STREQ(name_of(static_cast<FrameState>(15)), "corrupt");
  EXPECT_STREQ(name_of(FrameState::pending), "freed");
}

}  // namespace
}  // namespace vc
