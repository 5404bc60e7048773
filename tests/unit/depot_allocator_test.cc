// Depot, through an allocator: what one CPU frees and another allocates.
#include <gtest/gtest.h>

#include <cstddef>
#include <set>
#include <vector>

#include "spy_platform.h"
#include "vcompound/compound/depot.h"
#include "vcompound/instance/fake_arena.h"

namespace vc {
namespace {

constexpr CallSite kSite{"depot_allocator_test.cc", 1};
constexpr std::size_t kMoved = Bin::kCapacity;

struct DepotTest : ::testing::Test {
  explicit DepotTest(PageCount frames = PageCount(2048))
      : arena({.nodes = {frames}}, {.slot_cache = PageCount(256)}) {
    arena.allocator.set_always_map(Trigger::off());
  }
  void SetUp() override { FakePlatform::set_cpu(0); }
  void TearDown() override {
    arena.allocator.check();
    FakePlatform::set_cpu(0);
  }

  Allocation must(std::uint64_t pages, Contiguity contiguity = Contiguity::preferred) {
    const Request request{.size = Bytes(pages << 12), .contiguity = contiguity};
    auto result = arena.allocator.allocate(request, kSite);
    EXPECT_TRUE(result.ok()) << pages << " pages";
    return result.ok() ? result.value() : Allocation{};
  }
  /// CPU 0 allocates, CPU 1 frees: a hand, a full bin, and one more, for which it is handed over.
  std::vector<Allocation> send(std::uint64_t pages, Contiguity contiguity = Contiguity::preferred) {
    std::vector<Allocation> sent;
    for (std::size_t i = 0; i != kMoved + 2; ++i) sent.push_back(must(pages, contiguity));
    FakePlatform::set_cpu(1);
    for (const Allocation& a : sent) EXPECT_EQ(arena.allocator.free(a.address), Misuse::none);
    FakePlatform::set_cpu(0);
    return sent;
  }
  Stats stats() { return arena.allocator.stats(); }

  FakeArena arena;
};

TEST_F(DepotTest, WhatOneCpuFreesAnotherGetsWithoutTheZone) {
  std::set<std::uint64_t> sent;
  for (const Allocation& a : send(9)) sent.insert(a.address.value);
  const PageCount free = stats().free_pages;
  std::size_t again = 0;
  for (std::size_t i = 0; i != kMoved; ++i) again += sent.count(must(9).address.value);
  EXPECT_EQ(again, kMoved);
  EXPECT_EQ(stats().free_pages, free);
  EXPECT_EQ(stats().frees, kMoved + 2);
  must(9);
  EXPECT_LT(stats().free_pages, free) << "CPU 1 has kept the others";
}

TEST_F(DepotTest, MappedCompoundsKeepTheirMapping) {
  send(5, Contiguity::never);
  const std::uint64_t maps = stats().maps;
  for (std::size_t i = 0; i != kMoved; ++i) {
    EXPECT_EQ(must(5, Contiguity::never).kind, Kind::mapped);
  }
  EXPECT_EQ(stats().maps, maps);
}

TEST_F(DepotTest, ItCountsAsCached) {
  send(9);
  EXPECT_EQ(stats().cached_pages, PageCount(9 * (kMoved + 2)));
}

TEST_F(DepotTest, NothingIsRefusedForIt) {
  send(9);
  EXPECT_EQ(must(2048).pages, PageCount(2048)) << "all there is";
}

TEST_F(DepotTest, ReclaimBringsItBack) {
  send(9);
  send(5, Contiguity::never);
  arena.allocator.reclaim();
  EXPECT_EQ(stats().free_pages, PageCount(2048));
  EXPECT_EQ(stats().cached_pages, PageCount(0));
  send(9);
  EXPECT_EQ(stats().cached_pages, PageCount(9 * (kMoved + 2))) << "it is open again";
}

TEST_F(DepotTest, ItIsGivenUpBeforeAnythingIsMapped) {
  send(9);
  must(stats().free_pages.value - 10);
  EXPECT_EQ(must(100).kind, Kind::contiguous) << "around those that were handed over";
  EXPECT_EQ(stats().maps, 0U);
  EXPECT_EQ(stats().drains, 0U) << "nobody else was disturbed";
}

TEST_F(DepotTest, AMappingTakesWhatItHas) {
  for (int i = 0; i != 100; ++i) must(9);  // the rest is more than the slots keep
  send(9);
  const PageCount left = stats().free_pages;
  EXPECT_EQ(must(left.value + 20, Contiguity::never).kind, Kind::mapped);
  EXPECT_EQ(stats().drains, 0U);
}

TEST_F(DepotTest, ThePagesOfOneSlotAreTheLimit) {
  for (int round = 0; round != 5; ++round) {
    send(9);
    EXPECT_LE(stats().cached_pages, PageCount(3 * 256)) << "two slots and the depot";
    arena.allocator.check();
  }
}

TEST_F(DepotTest, WhatNobodyTakesGoesForWhatComes) {
  send(9);
  send(8);
  const PageCount free = stats().free_pages;
  send(7);  // 14 * (9 + 8 + 7) pages are more than 256
  EXPECT_EQ(stats().free_pages + PageCount(16 * 7), free + PageCount(14 * 9)) << "the oldest left";
}

TEST_F(DepotTest, DrainingWhatIsNearEmptiesIt) {
  send(9);
  EXPECT_TRUE(arena.allocator.drain_near()) << "CPU 0 itself has nothing";
  EXPECT_EQ(stats().cached_pages, PageCount(2 * 9)) << "what CPU 1 has kept";
  EXPECT_FALSE(arena.allocator.drain_near());
}

TEST_F(DepotTest, FewLargeCompoundsAreHandedOverAsWell) {
  std::vector<Allocation> sent;
  for (int i = 0; i != 7; ++i) sent.push_back(must(40));
  FakePlatform::set_cpu(1);
  for (const Allocation& a : sent) EXPECT_EQ(arena.allocator.free(a.address), Misuse::none);
  FakePlatform::set_cpu(0);
  const PageCount free = stats().free_pages;
  must(40);
  EXPECT_EQ(stats().free_pages, free) << "a hand and five of 40 pages fill a slot of 256";
}

TEST_F(DepotTest, WhereBlockingIsForbiddenItServes) {
  send(9);
  const PageCount free = stats().free_pages;
  FakePlatform::set_no_block(true);
  must(9);
  FakePlatform::set_no_block(false);
  EXPECT_EQ(stats().free_pages, free);
}

/// A home where whoever waits for the slot of CPU 0 lets its owner leave.
class WaitingPlatform : public SpyPlatform {
 public:
  using SpyPlatform::SpyPlatform;
  void relax() {
    ++waited;
    slots()[0].busy.store_release(0);
  }
  int waited = 0;
};

TEST(DepotReclaim, WaitsForWhoMayHaveABinInItsHands) {
  FakePlatform::set_cpu(0);
  WaitingPlatform platform(FakeOptions{});
  CompoundAllocator<WaitingPlatform> allocator(platform);
  ASSERT_TRUE(allocator.open({}).ok());
  ASSERT_TRUE(allocator.allocate({.size = Bytes(9 << 12)}, kSite).ok());  // opens the slot
  platform.slots()[0].busy.store_relaxed(1);  // as after the bin left the depot, before it is here
  FakePlatform::set_cpu(1);
  allocator.reclaim();
  EXPECT_EQ(platform.waited, 1) << "although the slot has nothing";
  FakePlatform::set_cpu(0);
}

}  // namespace
}  // namespace vc
