// Slot: bins by page count, and the cache they make, seen through an allocator.
#include "vcompound/compound/slot.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <vector>

#include "vcompound/instance/fake_arena.h"

namespace vc {
namespace {

constexpr CallSite kSite{"slot_test.cc", 1};

Allocation must(FakeArena& arena, std::uint64_t pages) {
  auto result = arena.allocator.allocate({.size = Bytes(pages << 12)}, kSite);
  EXPECT_TRUE(result.ok()) << pages << " pages";
  return result.ok() ? result.value() : Allocation{};
}

struct SlotTest : ::testing::Test {
  void SetUp() override { FakePlatform::set_cpu(0); }
  void TearDown() override { FakePlatform::set_cpu(0); }
};

TEST(Slot, SmallPageCountsHaveABinEach) {
  const auto slot = std::make_unique<Slot>();
  std::set<const Bin*> bins;
  for (std::uint64_t pages = 1; pages <= Slot::kSmallBins; ++pages) {
    bins.insert(&slot->bin_for(pages));
  }
  EXPECT_EQ(bins.size(), Slot::kSmallBins);
}

TEST(Slot, EveryPageCountHasABinInTheSlot) {
  const auto slot = std::make_unique<Slot>();
  for (std::uint64_t pages = 0; pages < 100'000; pages += 17) {
    const Bin* bin = &slot->bin_for(pages);
    EXPECT_GE(bin, slot->bins);
    EXPECT_LT(bin, slot->bins + Slot::kBins);
    EXPECT_EQ(pages > Slot::kSmallBins || pages == 0, bin >= slot->bins + Slot::kSmallBins);
  }
  EXPECT_GE(&slot->bin_for(~std::uint64_t{0}), slot->bins + Slot::kSmallBins);
}

TEST_F(SlotTest, AFreedCompoundIsUsedAgainWhole) {
  FakeArena arena;
  const Allocation a = must(arena, 5);
  EXPECT_EQ(arena.allocator.free(a.address), Misuse::none);
  EXPECT_EQ(arena.allocator.stats().cached_pages, PageCount(5));
  const Allocation b = must(arena, 5);
  EXPECT_EQ(b.address, a.address);
  EXPECT_EQ(arena.allocator.stats().cache_hits, 1U);
  EXPECT_EQ(arena.allocator.stats().cached_pages, PageCount(0));
  arena.allocator.check();
}

TEST_F(SlotTest, AnotherCpuHasAnotherCache) {
  FakeArena arena;
  const Allocation a = must(arena, 5);
  EXPECT_EQ(arena.allocator.free(a.address), Misuse::none);
  FakePlatform::set_cpu(1);
  EXPECT_NE(must(arena, 5).address, a.address);
}

TEST_F(SlotTest, WithoutASlotEverythingStillWorks) {
  FakeArena arena;
  FakePlatform::set_cpu(kNoSlot);
  const Allocation a = must(arena, 5);
  EXPECT_EQ(arena.allocator.free(a.address), Misuse::none);
  EXPECT_EQ(arena.allocator.stats().cached_pages, PageCount(0));
  EXPECT_EQ(arena.allocator.stats().frees, 1U);
  arena.allocator.check();
}

TEST_F(SlotTest, TheCacheIsLimited) {
  FakeArena arena({}, {.slot_cache = PageCount(20)});
  std::vector<Allocation> all;
  for (int i = 0; i < 40; ++i) all.push_back(must(arena, 3));
  for (const Allocation& a : all) {
    EXPECT_EQ(arena.allocator.free(a.address), Misuse::none);
    EXPECT_LE(arena.allocator.stats().cached_pages, PageCount(20 + 20)) << "the depot has as much";
    arena.allocator.check();
  }
}

TEST_F(SlotTest, ABatchStaysWithinTheLimit) {
  FakeArena arena({}, {.slot_cache = PageCount(64)});
  arena.allocator.set_always_map(Trigger::off());
  EXPECT_EQ(arena.allocator.free(must(arena, 60).address), Misuse::none);
  must(arena, 1);  // would keep fifteen more
  EXPECT_EQ(arena.allocator.stats().cached_pages, PageCount(64));
  arena.allocator.check();
}

TEST_F(SlotTest, ABatchOfSingleFramesIsAligned) {
  FakeArena arena;
  arena.allocator.set_always_map(Trigger::off());
  must(arena, 3);
  EXPECT_EQ(must(arena, 1).head.value % 16, 0U);
  EXPECT_EQ(arena.allocator.stats().cached_pages, PageCount(Bin::kCapacity));
}

TEST_F(SlotTest, WhatABatchKeepsIsNotZeroed) {
  FakeArena arena;
  auto& a = arena.allocator;
  a.set_always_map(Trigger::off());
  const Allocation before = must(arena, 16);
  for (std::uint64_t i = 0; i < 16; ++i) {
    ASSERT_TRUE(arena.platform.write(0, before.address + Bytes(i << 12), 7));
  }
  EXPECT_EQ(a.free(before.address), Misuse::none);
  a.reclaim();
  const auto one = a.allocate({.size = Bytes(4096), .zero = Zero::yes}, kSite);
  ASSERT_TRUE(one.ok());
  ASSERT_EQ(one->head, before.head);
  ASSERT_EQ(a.stats().cached_pages, PageCount(Bin::kCapacity)) << "a batch";
  EXPECT_EQ(arena.platform.stamp(one->head), 0U);
  EXPECT_EQ(arena.platform.stamp(one->head + PageCount(1)), 7U);
}

TEST_F(SlotTest, ABatchIsTheCallersCompoundAndOneBinFull) {
  FakeArena arena({.nodes = {PageCount(4096)}, .commit_unit = PageCount(0)});
  auto& a = arena.allocator;
  a.set_always_map(Trigger::off());
  for (const std::uint64_t pages : {std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{3}}) {
    const PageCount before = a.free_pages(0);
    static_cast<void>(must(arena, pages));
    EXPECT_EQ(before - a.free_pages(0), PageCount(pages * (1 + Bin::kCapacity)));
    a.check();
    for (std::uint32_t i = 0; i != Bin::kCapacity; ++i) {
      const Allocation next = must(arena, pages);
      for (std::uint64_t page = 0; page != pages; ++page) {
        EXPECT_EQ(a.head_of(next.head + PageCount(page)), next.head);
      }
    }
    EXPECT_EQ(before - a.free_pages(0), PageCount(pages * (1 + Bin::kCapacity)));
  }
}

TEST_F(SlotTest, ASwitchClosesTheCachedPathsOfEveryCpu) {
  FakeArena arena;
  auto& a = arena.allocator;
  a.set_always_map(Trigger::off());
  const auto is_served = [&a](std::uint32_t cpu) {
    FakePlatform::set_cpu(cpu);
    return a.allocate_hot(Bytes(5 << 12), kSite).pages == PageCount(5);
  };
  const auto keep_one = [&](std::uint32_t cpu) {
    FakePlatform::set_cpu(cpu);
    EXPECT_EQ(a.free(must(arena, 5).address), Misuse::none);
  };
  for (const std::uint32_t cpu : {0U, 1U}) {
    keep_one(cpu);
    keep_one(cpu);  // by now the site is known here
  }
  a.set_watched(true);
  EXPECT_FALSE(is_served(0));
  EXPECT_FALSE(is_served(1));
  a.reclaim();  // seizes both slots and lets their owners in again
  for (const std::uint32_t cpu : {0U, 1U}) {
    keep_one(cpu);
    EXPECT_FALSE(is_served(cpu)) << "the switch is still on";
  }
  a.set_watched(false);
  EXPECT_TRUE(is_served(0));
  EXPECT_TRUE(is_served(1));
  a.check();
}

TEST_F(SlotTest, AFullBinMakesRoomForTheNewest) {
  FakeArena arena;
  std::vector<Allocation> all;
  for (std::uint32_t i = 0; i <= Bin::kCapacity; ++i) all.push_back(must(arena, 2));
  for (const Allocation& a : all) EXPECT_EQ(arena.allocator.free(a.address), Misuse::none);
  arena.allocator.check();
  EXPECT_EQ(must(arena, 2).address, all.back().address);
}

/// What is in the hand then waits on the deferred stack while the slot is drained.
TEST_F(SlotTest, ReclaimBringsBackTheHandOfAFullBin) {
  FakeArena arena;
  arena.allocator.set_always_map(Trigger::off());
  std::vector<Allocation> all;
  for (std::uint32_t i = 0; i <= Bin::kCapacity; ++i) all.push_back(must(arena, 2));
  for (const Allocation& a : all) EXPECT_EQ(arena.allocator.free(a.address), Misuse::none);
  arena.allocator.reclaim();
  const Stats stats = arena.allocator.stats();
  EXPECT_EQ(stats.deferred_pages, PageCount(0));
  EXPECT_EQ(stats.free_pages, stats.total_pages);
  arena.allocator.check();
}

TEST_F(SlotTest, CachesAreDrainedBeforeAnythingIsRefused) {
  FakeArena arena({}, {.slot_cache = PageCount(1024)});
  for (const std::uint32_t cpu : {0U, 1U, 2U}) {
    FakePlatform::set_cpu(cpu);
    const Allocation a = must(arena, 300);
    EXPECT_EQ(arena.allocator.free(a.address), Misuse::none);
  }
  EXPECT_EQ(arena.allocator.stats().cached_pages, PageCount(900));
  EXPECT_EQ(must(arena, 1024).pages, PageCount(1024));
  EXPECT_EQ(arena.allocator.stats().cached_pages, PageCount(0));
}

TEST_F(SlotTest, OnlyWhatIsNeededForARunIsGivenBack) {
  FakeArena arena({.nodes = {PageCount(1024)}}, {.slot_cache = PageCount(1024)});
  const Allocation small = must(arena, 10);
  const Allocation large = must(arena, 300);
  must(arena, 1024 - 310);  // nothing is free
  for (const Allocation& a : {small, large}) {
    EXPECT_EQ(arena.allocator.free(a.address), Misuse::none);
  }
  const Allocation run = must(arena, 200);
  EXPECT_EQ(run.address, large.address);
  EXPECT_EQ(run.kind, Kind::contiguous);
  EXPECT_EQ(arena.allocator.stats().cached_pages, PageCount(10)) << "what did not help stays";
  EXPECT_EQ(arena.allocator.stats().free_pages, PageCount(100));
  arena.allocator.check();
}

TEST_F(SlotTest, TwoCompoundsThatAreGivenBackMayBeOneRun) {
  FakeArena arena({.nodes = {PageCount(1024)}}, {.slot_cache = PageCount(1024)});
  const Allocation first = must(arena, 100);
  const Allocation second = must(arena, 150);
  must(arena, 1024 - 250);
  for (const Allocation& a : {first, second}) {
    EXPECT_EQ(arena.allocator.free(a.address), Misuse::none);
  }
  EXPECT_EQ(must(arena, 240).kind, Kind::contiguous);
  EXPECT_EQ(arena.allocator.stats().cached_pages, PageCount(0));
  arena.allocator.check();
}

TEST_F(SlotTest, WhatIsGivenBackIsTakenOnTheNodeThatIsWanted) {
  for (const std::uint32_t wanted : {0U, 1U}) {  // whichever bin is emptied first
    FakeArena arena({.nodes = {PageCount(512), PageCount(512)}}, {.slot_cache = PageCount(1024)});
    const auto on_node = [&](std::uint64_t pages, std::uint32_t node) {
      const Request request{.size = Bytes(pages << 12), .placement = Placement::on(node)};
      const auto result = arena.allocator.allocate(request, kSite);
      EXPECT_TRUE(result.ok());
      return result.ok() ? result.value() : Allocation{};
    };
    const Allocation cached[] = {on_node(300, 0), on_node(200, 1)};
    on_node(212, 0);
    on_node(312, 1);
    for (const Allocation& a : cached) EXPECT_EQ(arena.allocator.free(a.address), Misuse::none);
    EXPECT_EQ(on_node(100, wanted).address, cached[wanted].address);
    arena.allocator.check();
  }
}

TEST_F(SlotTest, WhatIsInvalidIsRefusedAlsoWhenTheCacheHasIt) {
  FakeArena arena;
  const Allocation first = must(arena, 3);
  ASSERT_EQ(first.address.value % (1ULL << 31), 0U) << "fits even the absurd alignment";
  EXPECT_EQ(arena.allocator.free(first.address), Misuse::none);
  const Request absurd{.size = Bytes(3 << 12), .alignment = Bytes(1ULL << 31)};
  const auto refused = arena.allocator.allocate(absurd, kSite);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().reason, Reason::invalid);
}

TEST_F(SlotTest, ARequestTakesOnlyWhatFitsIt) {
  FakeArena arena;
  arena.allocator.set_always_map(Trigger::always());
  const Allocation mapped = must(arena, 4);
  ASSERT_EQ(mapped.kind, Kind::mapped);
  EXPECT_EQ(arena.allocator.free(mapped.address), Misuse::none);
  arena.allocator.set_always_map(Trigger::off());
  const Request required{.size = Bytes(4 << 12), .contiguity = Contiguity::required};
  const auto contiguous = arena.allocator.allocate(required, kSite);
  ASSERT_TRUE(contiguous.ok());
  EXPECT_EQ(contiguous->kind, Kind::contiguous);
  EXPECT_EQ(must(arena, 4).address, mapped.address) << "`preferred` may have the mapped one";
}

/// A sequence may be interrupted between its last store and the count (docs/locking.md).
TEST(SlotFront, AHitThatIsCountedLateIsNotLost) {
  static Slot slot;
  RecentSite& first = slot.sites[0];
  RecentSite& second = slot.sites[1];
  first.site = CallSite{"slot_test.cc", 1};
  second.site = CallSite{"slot_test.cc", 2};
  const auto hit = [] {
    slot.hits.store_relaxed(slot.hits.load_relaxed() + 1);
  };
  slot.make_hot(&first);
  hit();
  slot.make_hot(nullptr);
  hit();
  slot.make_hot(&second);
  hit();
  slot.move_hits();
  EXPECT_EQ(first.hits[0], 1U);
  EXPECT_EQ(second.hits[0], 2U) << "its own, and the late one";
  EXPECT_EQ(slot.mark, second.site.mark());
  EXPECT_EQ(CallSite{}.mark(), 0U);
  first.site.where = 1U << 17;
  slot.make_hot(&first);
  EXPECT_EQ(slot.mark, Slot::kNoMark) << "a line that is too large has none";
}

TEST_F(SlotTest, FreesOfWhatAnotherCpuAllocatesDoNotWait) {
  FakeArena arena;
  for (int i = 0; i < 50; ++i) {
    FakePlatform::set_cpu(0);
    const Allocation allocation = must(arena, 3);
    FakePlatform::set_cpu(1);
    EXPECT_EQ(arena.allocator.free(allocation.address), Misuse::none);
  }
  const Stats stats = arena.allocator.stats();
  EXPECT_EQ(stats.deferred_pages, PageCount(0));
  EXPECT_LE(stats.cached_pages, PageCount(3 * 15 * 3)) << "a bin and a hand each, and the depot";
}

TEST_F(SlotTest, AFullBinIsHandedOverBeforeTheHandIsLaidDown) {
  FakeArena arena;
  std::vector<Allocation> all;
  while (all.size() < 16) all.push_back(must(arena, 3));
  const PageCount free = arena.allocator.stats().free_pages;
  for (const Allocation& a : all) EXPECT_EQ(arena.allocator.free(a.address), Misuse::none);
  EXPECT_EQ(arena.allocator.stats().free_pages, free) << "none went to the zone";
  FakePlatform::set_cpu(1);
  for (std::uint32_t i = 0; i != Bin::kCapacity; ++i) must(arena, 3);
  EXPECT_EQ(arena.allocator.stats().free_pages, free) << "the 14 of the bin";
  must(arena, 3);
  EXPECT_LT(arena.allocator.stats().free_pages, free)
      << "what was in the hand, and the last one, are in the slot";
}

TEST_F(SlotTest, AFreeThatIsKeptDoesWhatWasDeferred) {
  FakeArena arena({}, {.slot_cache = PageCount(20)});
  const Allocation large = must(arena, 30);
  arena.allocator.set_always_map(Trigger::always());
  const Allocation mapped = must(arena, 2);
  FakePlatform::set_no_block(true);
  EXPECT_EQ(arena.allocator.free(large.address), Misuse::none);
  FakePlatform::set_no_block(false);
  EXPECT_EQ(arena.allocator.stats().deferred_pages, PageCount(30));
  EXPECT_EQ(arena.allocator.free(mapped.address), Misuse::none);
  EXPECT_EQ(arena.allocator.stats().cached_pages, PageCount(2));
  EXPECT_EQ(arena.allocator.stats().deferred_pages, PageCount(0));
}

TEST_F(SlotTest, WhatAFullBinDidNotTakeWaitsOnlyWhileItIsLittle) {
  FakeArena arena;
  std::uint64_t most = 0;
  for (int i = 0; i < 200; ++i) {  // CPU 1 frees what CPU 0 sent, and sends something larger back
    FakePlatform::set_cpu(0);
    const Allocation request = must(arena, 2);
    FakePlatform::set_cpu(1);
    EXPECT_EQ(arena.allocator.free(request.address), Misuse::none);
    const Allocation reply = must(arena, 3);
    FakePlatform::set_cpu(0);
    EXPECT_EQ(arena.allocator.free(reply.address), Misuse::none);
    most = std::max(most, arena.allocator.stats().deferred_pages.value);
  }
  EXPECT_GT(most, 0U) << "or this test is about nothing";
  EXPECT_LE(most, 1024U / 64 + 2);
}

/// Frees a compound, and between the look at its tag and its change another CPU does the same:
/// exactly one of the two counts. Answers what the other one is told.
Misuse free_on_two_cpus(FakeArena& arena, const Allocation& allocation) {
  CompoundAllocator<FakePlatform>& allocator = arena.allocator;
  Misuse other = Misuse::closed;
  FakeSlots::set_in_between([&] {
    FakePlatform::set_cpu(1);
    other = allocator.free(allocation.address);
    FakePlatform::set_cpu(0);
  });
  const Stats before = allocator.stats();
  const Misuse mine = allocator.free(allocation.address);
  const Stats after = allocator.stats();
  EXPECT_EQ(other, Misuse::none);
  EXPECT_EQ(after.misuses, before.misuses + 1);
  EXPECT_EQ(after.frees, before.frees + 1);
  EXPECT_EQ(after.available(), before.available() + allocation.pages);
  allocator.check();
  return mine;
}

TEST_F(SlotTest, OfTwoFreesAtTheSameTimeOneCounts) {
  FakeArena arena;
  const Allocation into_the_hand = must(arena, 5);
  const Allocation into_its_bin = must(arena, 6);
  const Allocation one_page = must(arena, 1);
  arena.allocator.set_always_map(Trigger::always());
  const Allocation mapped = must(arena, 7);
  arena.allocator.set_always_map(Trigger::off());

  EXPECT_EQ(free_on_two_cpus(arena, into_the_hand), Misuse::already_freed);
  EXPECT_EQ(arena.allocator.free(one_page.address), Misuse::none);  // into the hand of CPU 0
  EXPECT_EQ(free_on_two_cpus(arena, into_its_bin), Misuse::already_freed);
  EXPECT_EQ(free_on_two_cpus(arena, mapped), Misuse::already_freed);
}

TEST_F(SlotTest, OfTwoFreesAtTheSameTimeOneCountsAlsoBeyondTheCaches) {
  FakeArena arena({}, {.slot_cache = PageCount(4)});
  EXPECT_EQ(free_on_two_cpus(arena, must(arena, 5)), Misuse::not_allocated);
  EXPECT_EQ(free_on_two_cpus(arena, must(arena, 100)), Misuse::not_allocated);
}

}  // namespace
}  // namespace vc
