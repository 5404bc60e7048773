// PendingAreas: classes of lengths, what fits a request, and whose turn it is to be unmapped.
#include "vcompound/compound/pending_areas.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <vector>

#include "vcompound/base/random.h"

namespace vc {
namespace {

constexpr std::uint64_t kFrames = 4096;

/// Areas that are named by the frame of their head.
class PendingAreasTest : public ::testing::Test {
 protected:
  auto pages_of() {
    return [this](Pfn head) {
      return PageCount(lengths_.at(head.value));
    };
  }
  void push(std::uint64_t head, std::uint64_t pages) {
    lengths_[head] = pages;
    table_[Pfn(head)].set_tag({.state = FrameState::pending, .kind = Kind::mapped});
    areas_.push(table_, Pfn(head), PageCount(pages));
    check();
  }
  std::vector<std::uint64_t> take(std::uint64_t wanted) {
    std::vector<std::uint64_t> heads;
    Pfn p = areas_.take(table_, PageCount(wanted), pages_of());
    for (; p != kNoPfn; p = table_[p].next()) heads.push_back(p.value);
    check();
    return heads;
  }
  /// The head of an area of `least` to `most` pages; `but` does not suit. 0: none fits.
  std::uint64_t fitting(std::uint64_t least, std::uint64_t most, std::uint64_t but = 0) {
    const Pfn head = areas_.take_fitting(table_, PageCount(least), PageCount(most), pages_of(),
                                         [&](Pfn p) { return p.value != but; });
    check();
    return head == kNoPfn ? 0 : head.value;
  }
  void check() { areas_.check(table_, pages_of()); }

  std::unique_ptr<Frame[]> memory_ = std::make_unique<Frame[]>(kFrames);
  FrameTable table_{memory_.get(), {Pfn(0), PageCount(kFrames)}};
  std::map<std::uint64_t, std::uint64_t> lengths_;
  PendingAreas areas_;
};

using Heads = std::vector<std::uint64_t>;

TEST_F(PendingAreasTest, TakesAsManyPagesAsAreWantedAndClassAfterClass) {
  EXPECT_EQ(take(1), Heads{});
  push(1, 3);
  push(2, 3);
  push(3, 7);
  push(4, 100);
  EXPECT_EQ(take(0), Heads{});
  EXPECT_EQ(take(2), Heads{2}) << "one is enough, the newest of its class";
  EXPECT_EQ(take(1), Heads{3}) << "it is the turn of the next class";
  push(5, 7);
  EXPECT_EQ(take(1), Heads{4});
  EXPECT_EQ(take(4), (Heads{5, 1})) << "round again, and the last that was taken first";
  EXPECT_EQ(take(100), Heads{});
  EXPECT_EQ(areas_.pages(), PageCount(120)) << "none has been taken off the count yet";
  areas_.removed(PageCount(120));
  EXPECT_EQ(areas_.pages(), PageCount(0));
}

TEST_F(PendingAreasTest, WhatFitsIsTheShortestOfThoseLookedAt) {
  push(1, 40);
  push(2, 43);
  push(3, 41);
  EXPECT_EQ(fitting(44, 100), 0U);
  EXPECT_EQ(fitting(10, 39), 0U);
  EXPECT_EQ(fitting(41, 50), 3U);
  EXPECT_EQ(fitting(41, 50, 2), 0U) << "what does not suit stays";
  EXPECT_EQ(fitting(41, 50), 2U);
  EXPECT_EQ(fitting(40, 40), 1U);
  EXPECT_EQ(fitting(1, 4000), 0U);
}

TEST_F(PendingAreasTest, LongerClassesAreLookedAtUpToTheMost) {
  push(1, 16);
  push(2, 19);
  push(3, 300);
  EXPECT_EQ(fitting(13, 15), 0U);
  EXPECT_EQ(fitting(17, 21), 2U);
  EXPECT_EQ(fitting(240, 299), 0U) << "the class is right, the area is too long";
  EXPECT_EQ(fitting(240, 300), 3U);
  EXPECT_EQ(fitting(13, 16), 1U);
}

TEST_F(PendingAreasTest, TheMiddleOfAClassCanBeTaken) {
  push(1, 512);
  push(2, 520);
  push(3, 512);
  EXPECT_EQ(fitting(515, 520), 2U);
  EXPECT_EQ(fitting(512, 512), 3U);
  EXPECT_EQ(fitting(512, 512), 1U);
}

/// A fitting area is found whenever one is among the first four of its class, and never a wrong
/// one.
TEST_F(PendingAreasTest, AgreesWithASearchThroughAll) {
  Random random(3);
  std::map<std::uint64_t, std::uint64_t> waiting;
  std::uint64_t found = 0;
  for (std::uint64_t head = 1; head < kFrames; ++head) {
    const std::uint64_t pages = 1 + random.below(std::uint64_t{1} << random.below(32));
    push(head, pages);
    waiting[head] = pages;
    const std::uint64_t least = 1 + random.below(std::uint64_t{1} << random.below(32));
    const std::uint64_t most = least + least / 4;
    const std::uint64_t got = fitting(least, most);
    const auto fits = [&](const auto& area) {
      return area.second >= least && area.second <= most;
    };
    if (got == 0) continue;
    ASSERT_TRUE(fits(*waiting.find(got))) << least << " to " << most << ": " << waiting.at(got);
    waiting.erase(got);
    ++found;
  }
  EXPECT_GT(found, kFrames / 4);
  EXPECT_EQ(take(~std::uint64_t{0} >> 1).size(), waiting.size());
}

using PendingAreasDeathTest = PendingAreasTest;

TEST_F(PendingAreasDeathTest, P1AnAreaThatIsNotPendingOrHasAnotherLength) {
  push(1, 20);
  table_[Pfn(1)].set_tag({.state = FrameState::head, .kind = Kind::mapped});
  EXPECT_DEATH(check(), "P1: what waits is not pending");
  table_[Pfn(1)].set_tag({.state = FrameState::pending, .kind = Kind::mapped});
  lengths_[1] = 22;
  EXPECT_DEATH(check(), "P1: an area is in the wrong class");
}

TEST_F(PendingAreasDeathTest, P3MoreThanIsCounted) {
  push(1, 20);
  areas_.removed(PageCount(1));
  EXPECT_DEATH(check(), "P3: more waits than is counted");
}

}  // namespace
}  // namespace vc
