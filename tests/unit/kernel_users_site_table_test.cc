// The table of call sites against a naive model.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "kernel/users/all_users.h"
#include "kernel/users/site_table.h"
#include "vcompound/base/random.h"

namespace vc::kernel {
namespace {

SiteUse use(const char* file, std::uint64_t where, std::uint64_t pages) {
  return {{file, where}, 1, 0, PageCount(pages)};
}

struct SiteUsesTest : ::testing::Test {
  void open(std::uint32_t capacity) {
    memory.assign(capacity, {});
    uses.open(memory.data(), capacity);
  }
  std::vector<SiteUse> memory;
  SiteUses uses;
};

TEST(SiteOrder, IsByNameNotByPointerThenByLine) {
  const std::string one = "a.cc";
  const std::string same = "a.cc";
  EXPECT_FALSE(precedes({one.c_str(), 3}, {same.c_str(), 3}));
  EXPECT_FALSE(precedes({same.c_str(), 3}, {one.c_str(), 3}));
  EXPECT_TRUE(precedes({one.c_str(), 3}, {same.c_str(), 4}));
  EXPECT_TRUE(precedes({"a.cc", 9}, {"b.cc", 1}));
  EXPECT_TRUE(precedes({"a.c", 9}, {"a.cc", 1}));
  EXPECT_TRUE(precedes({nullptr, 9}, {"a.c", 1})) << "code addresses are in front";
}

TEST_F(SiteUsesTest, OneSiteInTwoNamesIsOneEntry) {
  open(4);
  const std::string one = "a.cc";
  const std::string same = "a.cc";
  uses.add(use(one.c_str(), 1, 5));
  uses.add(use(same.c_str(), 1, 7));
  ASSERT_EQ(uses.size(), 1U);
  EXPECT_EQ(uses[0].compounds, 2U);
  EXPECT_EQ(uses[0].pages, PageCount(12));
}

TEST_F(SiteUsesTest, WhatFindsNoRoomIsCountedAndKnownSitesStillCount) {
  open(2);
  uses.add(use("a", 1, 1));
  uses.add(use("c", 1, 1));
  uses.add(use("b", 1, 1));
  uses.add(use("b", 1, 1));
  uses.add(use("c", 1, 4));
  EXPECT_EQ(uses.size(), 2U);
  EXPECT_EQ(uses.missing(), 2U);
  EXPECT_EQ(uses[1].pages, PageCount(5));
  std::vector<SiteUse> larger(8);
  uses.move_to(larger.data(), 8);
  EXPECT_EQ(uses.missing(), 0U);
  uses.add(use("b", 1, 1));
  ASSERT_EQ(uses.size(), 3U);
  EXPECT_STREQ(uses[1].site.file, "b");
  EXPECT_STREQ(uses[2].site.file, "c");
}

TEST_F(SiteUsesTest, RankingPutsTheMostMemoryFirst) {
  Random random(3);
  for (std::uint32_t n : {0U, 1U, 2U, 3U, 17U, 100U}) {
    open(n + 1);
    for (std::uint32_t i = 0; i < n; ++i) uses.add(use(nullptr, i, random.below(20)));
    uses.rank();
    ASSERT_EQ(uses.size(), n);
    for (std::uint32_t i = 1; i < n; ++i) {
      ASSERT_GE(uses[i - 1].pages, uses[i].pages);
      if (uses[i - 1].pages == uses[i].pages) {
        ASSERT_LT(uses[i - 1].site.where, uses[i].site.where) << "equals by site";
      }
    }
  }
}

TEST_F(SiteUsesTest, AgreesWithANaiveModel) {
  open(64);
  const char* files[] = {"x.cc", "kernel/net/ring.cc", "a.cc", nullptr};
  std::map<std::pair<std::string, std::uint64_t>, SiteUse> model;
  Random random(11);
  for (int step = 0; step < 20'000; ++step) {
    const char* file = files[random.below(4)];
    const SiteUse one{{file, random.below(16)}, 1, random.below(2), PageCount(random.below(9))};
    uses.add(one);
    model[{file == nullptr ? "" : file, one.site.where}].add(one);
  }
  ASSERT_EQ(uses.size(), model.size());
  EXPECT_EQ(uses.missing(), 0U);
  std::uint32_t i = 0;
  for (const auto& [key, expected] : model) {
    EXPECT_EQ(uses[i].site.file == nullptr ? "" : uses[i].site.file, key.first);
    EXPECT_EQ(uses[i].site.where, key.second);
    EXPECT_EQ(uses[i].compounds, expected.compounds);
    EXPECT_EQ(uses[i].mapped, expected.mapped);
    EXPECT_EQ(uses[i].pages, expected.pages);
    ++i;
  }
}

TEST(SiteUse, IsDescribedInOneLine) {
  char buffer[128];
  TextWriter out(buffer, sizeof buffer);
  describe({{"a.cc", 34}, 12, 3, PageCount(24)}, FrameSize(), out);
  EXPECT_STREQ(out.c_str(), "  12 compounds, 3 mapped, 96 KiB  a.cc:34");
  TextWriter other(buffer, sizeof buffer);
  describe({{nullptr, 0x1234}, 1, 0, PageCount(1)}, FrameSize(), other);
  EXPECT_STREQ(other.c_str(), "  1 compound, 0 mapped, 4 KiB  0x1234");
  TextWriter unknown(buffer, sizeof buffer);
  describe({{}, 1, 1, PageCount(2)}, FrameSize(), unknown);
  EXPECT_STREQ(unknown.c_str(), "  1 compound, 1 mapped, 8 KiB  unknown");
}

TEST(UserSizes, FollowTheMemory) {
  constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
  EXPECT_EQ(UserSizes::for_memory(Bytes(24 * kMiB)).connections, 3072U);
  EXPECT_EQ(UserSizes::for_memory(Bytes(24 * kMiB)).swap_space, Bytes(48 * kMiB));
  EXPECT_EQ(UserSizes::for_memory(Bytes(100)).connections, 1024U);
  EXPECT_EQ(UserSizes::for_memory(Bytes(100)).swap_space, Bytes(kMiB));
  EXPECT_EQ(UserSizes::for_memory(Bytes(kMiB << 20)).connections, 262'144U);
  EXPECT_EQ(UserSizes::for_memory(Bytes(kMiB << 20)).swap_space, Bytes(kMiB << 16));
}

}  // namespace
}  // namespace vc::kernel
