// Depot: bins that go from one slot to another, alone and through an allocator.
#include "vcompound/compound/depot.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "vcompound/instance/fake_arena.h"

namespace vc {
namespace {

constexpr std::uint32_t kHoles = 1;  // place 0 is none

/// A lock that can be had by waiting only.
struct Busy {
  void lock() {}
  bool try_lock() { return false; }
  void unlock() {}
};

/// A depot and its tables.
template <class Lock>
struct DepotOf {
  using Depot = vc::Depot<Lock>;
  explicit DepotOf(std::uint64_t limit = 1'000'000) {
    depot.open(tables.get());
    depot.set_limit(PageCount(limit));
  }
  /// Puts a bin for which no other has to leave.
  bool put(Bin& bin) {
    Bin old;
    const bool put = depot.put(bin, old);
    EXPECT_EQ(old.count, 0U);
    return put;
  }
  bool take(std::uint64_t pages, Bin& into, typename Depot::Wait wait = Depot::Wait::yes) {
    return depot.take(pages, ~std::uint64_t{0}, into, wait);
  }
  void check() {
    depot.check([](PageCount, Pfn) {});
  }

  std::unique_ptr<typename Depot::Tables> tables = std::make_unique<typename Depot::Tables>();
  Depot depot;
};
using TestDepot = DepotOf<std::mutex>;

/// A bin of `count` compounds of that many pages; `first` is the newest.
Bin bin_of(std::uint32_t pages, std::uint32_t count, std::uint64_t first) {
  Bin bin;
  bin.pages = pages;
  for (std::uint32_t i = count; i-- != 0;) bin.put(Pfn(first + i));
  return bin;
}

/// Two page counts whose bins are the same one.
std::pair<std::uint32_t, std::uint32_t> counts_with_one_bin() {
  constexpr std::uint32_t kFirst = 100;
  std::uint32_t other = kFirst + 1;
  while (Slot::index_of(other) != Slot::index_of(kFirst)) ++other;
  return {kFirst, other};
}

TEST(Depot, ABinLeavesAsItCame) {
  TestDepot t;
  Bin bin = bin_of(5, 14, 1000);
  const Bin same = bin;
  ASSERT_TRUE(t.put(bin));
  EXPECT_EQ(bin.count, 0U);
  EXPECT_EQ(t.depot.pages(), PageCount(5 * 14));
  EXPECT_EQ(t.depot.compounds(), 14U);
  t.check();
  Bin got;
  ASSERT_TRUE(t.take(5, got));
  EXPECT_EQ(got.pages, same.pages);
  EXPECT_EQ(got.count, same.count);
  EXPECT_TRUE(std::equal(got.heads, got.heads + Bin::kCapacity, same.heads));
  EXPECT_TRUE(t.depot.empty());
  EXPECT_FALSE(t.take(5, got));
  t.check();
}

TEST(Depot, TheNewestOfAPageCountLeavesFirst) {
  TestDepot t;
  for (std::uint64_t first = 0; first != 5; ++first) {
    Bin bin = bin_of(3, 2, 100 * first);
    ASSERT_TRUE(t.put(bin));
  }
  Bin got;
  for (std::uint64_t first = 5; first-- != 0;) {
    ASSERT_TRUE(t.take(3, got));
    EXPECT_EQ(got.heads[0], 100 * first);
    t.check();
  }
}

TEST(Depot, PageCountsThatShareAListAreToldApart) {
  TestDepot t;
  const auto [one, other] = counts_with_one_bin();
  Bin first = bin_of(one, 4, 1000);
  Bin second = bin_of(other, 4, 9000);
  ASSERT_TRUE(t.put(first));
  ASSERT_TRUE(t.put(second));
  Bin got;
  ASSERT_TRUE(t.take(one, got)) << "behind the newest";
  EXPECT_EQ(got.heads[0], 1000U);
  EXPECT_FALSE(t.take(one, got));
  t.check();
  ASSERT_TRUE(t.take(other, got));
  EXPECT_EQ(got.heads[0], 9000U);
}

TEST(Depot, TheOldestLeavesForPagesAboveTheLimit) {
  TestDepot t(100);
  Bin large = bin_of(10, 9, 0);
  Bin small = bin_of(1, 10, 500);
  ASSERT_TRUE(t.put(large));
  ASSERT_TRUE(t.put(small)) << "exactly the limit";
  Bin next = bin_of(1, 1, 700);
  Bin old;
  ASSERT_TRUE(t.depot.put(next, old));
  EXPECT_EQ(old.heads[0], 0U);
  EXPECT_EQ(t.depot.pages(), PageCount(10 + 1));
  t.check();
}

TEST(Depot, OneLeavesForAnotherEvenIfThatIsNotEnough) {
  TestDepot t(100);
  Bin small = bin_of(1, 10, 500);
  ASSERT_TRUE(t.put(small));
  Bin large = bin_of(50, 3, 0);
  Bin old;
  EXPECT_FALSE(t.depot.put(large, old));
  EXPECT_EQ(large.count, 3U);
  EXPECT_EQ(old.heads[0], 500U);
  EXPECT_TRUE(t.depot.empty());
  t.check();
}

TEST(Depot, WhoWantsLessGetsNothing) {
  TestDepot t;
  Bin bin = bin_of(10, 9, 0);
  ASSERT_TRUE(t.put(bin));
  EXPECT_FALSE(t.depot.take(10, 89, bin, TestDepot::Depot::Wait::yes));
  EXPECT_TRUE(t.depot.take(10, 90, bin, TestDepot::Depot::Wait::yes));
}

TEST(Depot, TheOldestLeavesForTheNextWhenAllPlacesAreTaken) {
  TestDepot t;
  constexpr std::uint32_t kAll = TestDepot::Depot::kPlaces - kHoles;
  for (std::uint32_t i = 0; i != kAll; ++i) {
    Bin bin = bin_of(1 + i % 7, 1, i);
    ASSERT_TRUE(t.put(bin)) << i;
  }
  for (std::uint32_t i = 0; i != 3 * kAll; ++i) {
    Bin next = bin_of(1 + i % 7, 1, kAll + i);
    Bin old;
    ASSERT_TRUE(t.depot.put(next, old));
    EXPECT_EQ(old.heads[0], i) << "in the order in which they came";
  }
  t.check();
}

TEST(Depot, TheOldestIsFoundBehindHoles) {
  TestDepot t;
  Bin bin;
  for (std::uint32_t i = 0; i != 100; ++i) {
    bin = bin_of(1 + i, 1, i);
    ASSERT_TRUE(t.put(bin));
  }
  for (std::uint32_t i = 0; i != 100; i += 2) ASSERT_TRUE(t.take(1 + i, bin));
  t.check();
  for (std::uint32_t i = 1; i < 100; i += 2) {
    ASSERT_TRUE(t.depot.take_oldest(bin));
    EXPECT_EQ(bin.heads[0], i);
  }
  EXPECT_FALSE(t.depot.take_oldest(bin));
  t.check();
}

TEST(Depot, ClosedItOnlyGivesUpTheOldest) {
  TestDepot t;
  Bin kept = bin_of(2, 3, 10);
  ASSERT_TRUE(t.put(kept));
  t.depot.close();
  Bin bin = bin_of(2, 3, 20);
  EXPECT_FALSE(t.put(bin));
  Bin got;
  EXPECT_FALSE(t.take(2, got));
  EXPECT_TRUE(t.depot.take_oldest(got));
  EXPECT_EQ(got.heads[0], 10U);
  t.depot.reopen();
  EXPECT_TRUE(t.put(bin));
  EXPECT_TRUE(t.take(2, got));
}

TEST(Depot, WhoMustNotWaitDoesNot) {
  DepotOf<Busy> t;
  Bin bin = bin_of(2, 3, 10);
  ASSERT_TRUE(t.put(bin));
  EXPECT_FALSE(t.take(2, bin, vc::Depot<Busy>::Wait::no));
  EXPECT_TRUE(t.take(2, bin, vc::Depot<Busy>::Wait::yes));
}

/// What a depot of bins with one compound each must do, looked up one by one.
class Model {
 public:
  explicit Model(std::uint64_t limit) : limit_(limit) {}

  /// Puts one; `old` is the head of what left for it, or 0.
  bool put(std::uint32_t pages, std::uint32_t head, std::uint32_t& old) {
    old = 0;
    if (!has_place_for(pages)) old = take_oldest();
    if (!has_place_for(pages)) return false;
    entries_.push_back({pages, head, ++puts_});
    return true;
  }
  /// The head of the newest with that many pages, or 0.
  std::uint32_t take(std::uint32_t pages) {
    const auto newest = std::find_if(entries_.rbegin(), entries_.rend(),
                                     [&](const Entry& entry) { return entry.pages == pages; });
    return newest == entries_.rend() ? 0 : remove(std::next(newest).base());
  }
  std::uint32_t take_oldest() { return entries_.empty() ? 0 : remove(entries_.begin()); }
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::uint32_t pages;
    std::uint32_t head;
    std::uint32_t number;  ///< it was the n-th that came
  };
  /// Places follow each other around the ring.
  bool has_place_for(std::uint32_t pages) const {
    std::uint64_t sum = pages;
    for (const Entry& entry : entries_) {
      sum += entry.pages;
      if (entry.number + TestDepot::Depot::kPlaces - kHoles == puts_ + 1) return false;
    }
    return sum <= limit_;
  }
  std::uint32_t remove(std::vector<Entry>::iterator entry) {
    const std::uint32_t head = entry->head;
    entries_.erase(entry);
    return head;
  }

  std::uint64_t limit_;
  std::uint32_t puts_ = 0;
  std::vector<Entry> entries_;
};

/// Steps that put more than they take out, until either the places or the pages come to an end.
void compare_with_model(std::uint64_t limit, std::uint32_t most_pages) {
  TestDepot t(limit);
  Model model(limit);
  Random random(7);
  for (std::uint32_t head = 1; head != 20'000; ++head) {
    const auto pages = static_cast<std::uint32_t>(1 + random.below(most_pages));
    Bin got;
    std::uint32_t expected = 0;
    if (random.below(2) == 0) {
      Bin bin = bin_of(pages, 1, head);
      ASSERT_EQ(t.depot.put(bin, got), model.put(pages, head, expected));
    } else if (random.below(8) == 0) {
      t.depot.take_oldest(got);
      expected = model.take_oldest();
    } else {
      t.take(pages, got);
      expected = model.take(pages);
    }
    ASSERT_EQ(got.count == 0 ? 0 : got.heads[0], expected);
    ASSERT_EQ(t.depot.compounds(), model.size());
    if (head % 64 == 0) t.check();
  }
  EXPECT_NE(model.size(), 0U);
}

TEST(Depot, ManyStepsAgreeWithAModelWherePlacesEnd) { compare_with_model(100'000, 60); }
TEST(Depot, ManyStepsAgreeWithAModelWherePagesEnd) { compare_with_model(1'500, 60); }

/// A depot with a bin at place 1, to be damaged.
struct DepotCheckDeathTest : ::testing::Test {
  DepotCheckDeathTest() {
    Bin bin = bin_of(5, 3, 10);
    EXPECT_TRUE(t.put(bin));
    t.check();
  }
  TestDepot t;
};

TEST_F(DepotCheckDeathTest, D2PagesThatDoNotAddUp) {
  t.tables->bins[1].pages = 6;
  EXPECT_DEATH(t.check(), "D2: the pages in the depot do not add up");
}

TEST_F(DepotCheckDeathTest, D2MoreThanTheLimit) {
  t.depot.set_limit(PageCount(14));
  EXPECT_DEATH(t.check(), "D2: the pages in the depot do not add up");
}

TEST_F(DepotCheckDeathTest, D3ABinInNoList) {
  t.tables->newest[Slot::index_of(5)] = 0;
  EXPECT_DEATH(t.check(), "D3: a bin is in no list");
}

TEST_F(DepotCheckDeathTest, D3ABinInTheListOfOthers) {
  std::swap(t.tables->newest[Slot::index_of(5)], t.tables->newest[Slot::index_of(6)]);
  EXPECT_DEATH(t.check(), "D3: a bin in a wrong list");
}

TEST_F(DepotCheckDeathTest, D3AListThatDoesNotEnd) {
  t.tables->older[1] = 1;
  EXPECT_DEATH(t.check(), "D3");
}

TEST_F(DepotCheckDeathTest, D3ABinThatDoesNotKnowItsNeighbour) {
  t.tables->newer[1] = 2;
  EXPECT_DEATH(t.check(), "D3: a bin does not know its neighbour");
}

TEST_F(DepotCheckDeathTest, D4APlaceThatIsMarkedWrongly) {
  t.tables->bins[2].count = 1;
  EXPECT_DEATH(t.check(), "D4: a place is marked wrongly");
}

// ---- through an allocator -----------------------------------------------------------------------

constexpr CallSite kSite{"depot_test.cc", 1};
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
  FakePlatform::set_cpu(1);
  EXPECT_TRUE(arena.allocator.drain_own_slot());
  EXPECT_EQ(stats().cached_pages, PageCount(9 * kMoved)) << "what is in the depot";
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
  send(3);
  send(9);
  const std::uint64_t drained_frames = stats().free_pages.value;
  send(9);  // a third and a fourth bin of 126 pages are too much for 256
  EXPECT_GE(stats().free_pages.value + 2 * 9, drained_frames) << "the oldest left for the newest";
  EXPECT_EQ(stats().deferred_pages, PageCount(0));
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

}  // namespace
}  // namespace vc
