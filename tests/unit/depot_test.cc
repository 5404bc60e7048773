// Depot: bins that go from one slot to another.
#include "vcompound/compound/depot.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "vcompound/base/random.h"

namespace vc {
namespace {

constexpr std::uint32_t kHoles = 1;  // place 0 is none

/// A depot and its tables. What leaves has arrived at once.
struct TestDepot {
  using Depot = vc::Depot<std::mutex>;
  explicit TestDepot(std::uint64_t limit = 1'000'000) {
    depot.open(tables.get());
    depot.set_limit(PageCount(limit));
  }
  bool put(Bin& bin, Bin& old) {
    const bool put = depot.put(bin, old);
    depot.arrived(PageCount(old.held()));
    return put;
  }
  /// Puts a bin for which no other has to leave.
  bool put(Bin& bin) {
    Bin old;
    const bool done = put(bin, old);
    EXPECT_EQ(old.count, 0U);
    return done;
  }
  bool take(std::uint64_t pages, Bin& into, std::uint64_t at_most = ~std::uint64_t{0}) {
    const bool taken = depot.take(pages, at_most, into);
    if (taken) depot.arrived(PageCount(into.held()));
    return taken;
  }
  bool take_oldest(Bin& into) {
    const bool taken = depot.take_oldest(into);
    if (taken) depot.arrived(PageCount(into.held()));
    return taken;
  }
  void check() {
    depot.check([](PageCount, Pfn) {});
  }

  std::unique_ptr<Depot::Tables> tables = std::make_unique<Depot::Tables>();
  Depot depot;
};

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
  ASSERT_TRUE(t.put(next, old));
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
  EXPECT_FALSE(t.put(large, old));
  EXPECT_EQ(large.count, 3U);
  EXPECT_EQ(old.heads[0], 500U);
  EXPECT_TRUE(t.depot.empty());
  t.check();
}

TEST(Depot, WhoWantsLessGetsNothing) {
  TestDepot t;
  Bin bin = bin_of(10, 9, 0);
  ASSERT_TRUE(t.put(bin));
  EXPECT_FALSE(t.take(10, bin, 89));
  EXPECT_TRUE(t.take(10, bin, 90));
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
    ASSERT_TRUE(t.put(next, old));
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
    ASSERT_TRUE(t.take_oldest(bin));
    EXPECT_EQ(bin.heads[0], i);
  }
  EXPECT_FALSE(t.take_oldest(bin));
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
  EXPECT_TRUE(t.take_oldest(got));
  EXPECT_EQ(got.heads[0], 10U);
  t.depot.reopen();
  EXPECT_TRUE(t.put(bin));
  EXPECT_TRUE(t.take(2, got));
}

TEST(Depot, WhatLeftCountsUntilItHasArrived) {
  TestDepot t(50);
  Bin bin = bin_of(10, 5, 10);
  ASSERT_TRUE(t.put(bin));
  ASSERT_TRUE(t.depot.take_oldest(bin));
  EXPECT_EQ(t.depot.pages(), PageCount(50));
  Bin next = bin_of(10, 5, 60);
  EXPECT_TRUE(t.put(next)) << "but not for the limit";
  t.depot.arrived(PageCount(50));
  EXPECT_EQ(t.depot.pages(), PageCount(50));
  t.check();
}

/// A lock that somebody else has for the moment.
struct Busy {
  void lock() {}
  bool try_lock() { return false; }
  void unlock() {}
};

TEST(Depot, NobodyWaitsForABin) {
  const auto tables = std::make_unique<Depot<Busy>::Tables>();
  Depot<Busy> depot;
  depot.open(tables.get());
  depot.set_limit(PageCount(100));
  Bin bin = bin_of(2, 3, 10);
  Bin old;
  ASSERT_TRUE(depot.put(bin, old));
  EXPECT_FALSE(depot.take(2, 100, bin));
  EXPECT_TRUE(depot.take_oldest(bin));
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
      ASSERT_EQ(t.put(bin, got), model.put(pages, head, expected));
    } else if (random.below(8) == 0) {
      t.take_oldest(got);
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

}  // namespace
}  // namespace vc
