// The other converted users in the kernel (xor buffer, call-site table, hot-added memory), and all
// of them together.
#include <gtest/gtest.h>

#include "kernel/memory/table_reserve.h"
#include "kernel/test/users_testing.h"
#include "kernel/users/hot_added_memory.h"
#include "kernel/users/site_table.h"
#include "kernel/users/xor_buffer.h"
#include "vcompound/base/random.h"

namespace vc::kernel {
namespace {

// ---- the xor buffer -----------------------------------------------------------------------------

class XorBufferTest : public UsersTest {
 protected:
  void open(Layout layout) {
    const LayoutScope scope(layout);
    ASSERT_TRUE(speed_.open());
    expect_kind({.pages = PageCount(4), .kind = speed_.buffer_kind()}, layout);
  }
  XorSpeed speed_;
};

TEST_F(XorBufferTest, ChoosesTheFastestOfRightRoutines) {
  for (const Layout layout : {Layout::as_it_comes, Layout::forced}) {
    ASSERT_NO_FATAL_FAILURE(open(layout));
    for (std::uint32_t i = 0; i < kXorRoutineCount; ++i) {
      EXPECT_TRUE(speed_.result(i).right) << kXorRoutines[i].name;
      EXPECT_GT(speed_.result(i).best, 0U);
    }
    const XorRoutine& fastest = speed_.fastest();
    for (std::uint32_t i = 0; i < kXorRoutineCount; ++i) {
      if (fastest.run == kXorRoutines[i].run) continue;
      const std::uint64_t chosen = static_cast<std::uint64_t>(&fastest - kXorRoutines);
      EXPECT_LE(speed_.result(static_cast<std::uint32_t>(chosen)).best, speed_.result(i).best);
    }
    EXPECT_EQ(live_pages(), live_at_start()) << "the buffer was given back";
    speed_.close();
  }
}

TEST_F(XorBufferTest, ARefusalLeavesItClosed) {
  arena().allocator.set_injection(Trigger::nth(1));
  EXPECT_FALSE(speed_.open());
  EXPECT_FALSE(speed_.is_open());
}

// ---- the call-site table ------------------------------------------------------------------------

class SiteTableTest : public UsersTest {
 protected:
  static constexpr CallSite kSite{"kernel/test/of_nobody.cc", 42};

  void TearDown() override {
    table_.close();
    UsersTest::TearDown();
  }
  const SiteUse* find(CallSite site) const {
    for (std::uint32_t i = 0; i < table_.uses().size(); ++i) {
      const SiteUse& use = table_.uses()[i];
      if (!precedes(use.site, site) && !precedes(site, use.site)) return &use;
    }
    return nullptr;
  }
  void follows_a_site(Layout layout);

  SiteTable table_;
};

/// Every page in use is some site's, and a site's figures follow what it allocates and frees.
void SiteTableTest::follows_a_site(Layout layout) {
  constexpr std::uint32_t kCompounds = 20;
  Allocation held[kCompounds];
  PageCount pages{};
  std::uint64_t mapped = 0;
  {
    const LayoutScope scope(layout);
    for (std::uint32_t i = 0; i < kCompounds; ++i) {
      auto result = allocate({.size = Bytes(std::uint64_t{i + 1} << 12)}, kSite);
      ASSERT_TRUE(result.ok());
      held[i] = *result;
      pages += held[i].pages;
      mapped += held[i].kind == Kind::mapped ? 1 : 0;
      expect_kind(held[i], layout);
    }
  }
  EXPECT_TRUE(table_.collect());
  const SiteUse* use = find(kSite);
  ASSERT_NE(use, nullptr);
  EXPECT_EQ(use->compounds, kCompounds);
  EXPECT_EQ(use->mapped, mapped);
  EXPECT_EQ(use->pages, pages);
  EXPECT_EQ(pages, PageCount(210));
  PageCount sum{};
  for (std::uint32_t i = 0; i < table_.uses().size(); ++i) sum += table_.uses()[i].pages;
  EXPECT_EQ(sum, arena().allocator.stats().live_pages());
  table_.print();
  for (std::uint32_t i = 1; i < table_.uses().size(); ++i) {
    EXPECT_GE(table_.uses()[i - 1].pages, table_.uses()[i].pages) << "not ranked";
  }
  for (const Allocation& each : held) free(each.address);
  EXPECT_TRUE(table_.collect());
  EXPECT_EQ(find(kSite), nullptr);
}

TEST_F(SiteTableTest, FollowsWhatASiteHolds) {
  ASSERT_TRUE(table_.open(64));
  follows_a_site(Layout::as_it_comes);
}

TEST_F(SiteTableTest, FollowsWhatASiteHoldsMapped) {
  ASSERT_TRUE(table_.open(64));
  follows_a_site(Layout::forced);
}

/// Sites that exist only here; enough that a table of one page has no room for them.
bool add_sites(SiteTable& table, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    if (!table.add({{"kernel/test/of_many.cc", mix64(i)}, 1, 0, PageCount(i)})) return false;
  }
  return true;
}

TEST_F(SiteTableTest, GrowsWithoutLosingASite) {
  for (const Layout layout : {Layout::as_it_comes, Layout::forced}) {
    const LayoutScope scope(layout);
    ASSERT_TRUE(table_.open(1));
    ASSERT_TRUE(table_.collect());
    EXPECT_EQ(table_.uses().missing(), 0U);
    EXPECT_NE(table_.growths(), 0U) << "the table's own site, and somebody's stack";
    const std::uint32_t before = table_.uses().size();
    ASSERT_TRUE(add_sites(table_, 2000));
    EXPECT_EQ(table_.uses().size(), before + 2000);
    EXPECT_GE(table_.growths(), 11U);
    expect_kind(table_.memory().what(), layout);
    for (std::uint64_t i = 0; i < 2000; i += 100) {
      const SiteUse* use = find({"kernel/test/of_many.cc", mix64(i)});
      ASSERT_NE(use, nullptr);
      EXPECT_EQ(use->pages, PageCount(i));
    }
    table_.close();
  }
}

TEST_F(SiteTableTest, ARefusalWhileGrowingKeepsWhatItHas) {
  ASSERT_TRUE(table_.open(1));
  ASSERT_TRUE(table_.collect());
  const std::uint32_t capacity = table_.uses().capacity();
  ASSERT_TRUE(add_sites(table_, capacity - table_.uses().size()));
  const std::uint32_t size = table_.uses().size();
  arena().allocator.set_injection(Trigger::always());
  EXPECT_FALSE(table_.add({{"kernel/test/one_more.cc", 1}, 1, 0, PageCount(1)}));
  arena().allocator.set_injection(Trigger::off());
  EXPECT_EQ(table_.uses().size(), size);
  EXPECT_EQ(table_.uses().capacity(), capacity);
  EXPECT_TRUE(table_.add({{"kernel/test/one_more.cc", 1}, 1, 0, PageCount(1)}));
  EXPECT_EQ(table_.uses().size(), size + 1);
}

// ---- hot-added memory ---------------------------------------------------------------------------

class HotAddedMemoryTest : public UsersTest {
 protected:
  void SetUp() override {
    UsersTest::SetUp();
    if (withheld_memory().empty()) GTEST_SKIP() << "boot with hot_add=32m";
  }
  void TearDown() override {
    EXPECT_EQ(memory_.close(), Removal::removed);
    UsersTest::TearDown();
  }
  void open(Layout layout) {
    const LayoutScope scope(layout);
    ASSERT_TRUE(memory_.open());
    ASSERT_TRUE(memory_.is_open());
    for (std::uint32_t i = 0; i < memory_.table_count(); ++i) expect_kind(memory_.table(i), layout);
  }
  void serves(Trigger trigger);

  HotAddedMemory& memory_ = hot_added_memory();
};

/// 2,000 random allocations and frees, each filled with its own pattern, which is still there when
/// it is freed.
void HotAddedMemoryTest::serves(Trigger trigger) {
  struct Held {
    Allocation what;
    std::uint64_t pattern;
  };
  static Held held[32];
  auto& allocator = memory_.arena().allocator;
  const PfnRange frames = withheld_memory();
  allocator.set_always_map(trigger);
  Random random(3);
  for (std::uint64_t step = 0; step < 2000; ++step) {
    Held& one = held[random.below(32)];
    if (one.what.pages.value != 0) {
      for (std::uint64_t page = 0; page < one.what.pages.value; ++page) {
        ASSERT_EQ(*pointer<std::uint64_t>(one.what.address + Bytes(page << 12)),
                  one.pattern + page);
      }
      ASSERT_EQ(allocator.free(one.what.address), Misuse::none);
      one.what = {};
      continue;
    }
    auto result =
        allocator.allocate({.size = Bytes((1 + random.below(40)) << 12)}, CallSite::here());
    ASSERT_TRUE(result.ok());
    one = {*result, random.next()};
    ASSERT_TRUE(frames.contains(one.what.head));
    if (trigger == Trigger::always() && one.what.pages.value > 1) {
      ASSERT_EQ(one.what.kind, Kind::mapped);
    }
    for (std::uint64_t page = 0; page < one.what.pages.value; ++page) {
      *pointer<std::uint64_t>(one.what.address + Bytes(page << 12)) = one.pattern + page;
    }
  }
  EXPECT_NE(allocator.stats().live_pages(), PageCount(0));
  EXPECT_EQ(memory_.close(), Removal::in_use) << "it was taken away under its users";
  for (Held& one : held) {
    if (one.what.pages.value != 0) allocator.free(one.what.address);
    one.what = {};
  }
  allocator.reclaim();
  allocator.check();
}

/// The frames that page tables take.
PageCount tables_in_use() {
  return table_reserve().total() - table_reserve().unused() + table_reserve().borrowed();
}

TEST_F(HotAddedMemoryTest, ServesAndIsTakenAwayAgain) {
  const PageCount tables = tables_in_use();
  for (std::uint32_t round = 0; round < 3; ++round) {
    ASSERT_NO_FATAL_FAILURE(open(Layout::as_it_comes));
    serves(Trigger::off());
    serves(Trigger::always());
    EXPECT_EQ(memory_.close(), Removal::removed);
    EXPECT_EQ(live_pages(), live_at_start());
  }
  // Two upper tables cover more than the window, and stay for the next time.
  if (parameters().fragment_permille == 0) EXPECT_LE(tables_in_use(), tables + PageCount(2));
}

TEST_F(HotAddedMemoryTest, ServesWithMappedTables) {
  ASSERT_NO_FATAL_FAILURE(open(Layout::forced));
  EXPECT_GE(memory_.table_pages().value * 4096, withheld_memory().count.value * sizeof(Frame));
  serves(Trigger::off());
  serves(Trigger::always());
}

TEST_F(HotAddedMemoryTest, ARefusalOfAnyTableLeavesNothing) {
  std::uint32_t k = 1;
  for (;; ++k) {
    arena().allocator.set_injection(Trigger::nth(k));
    if (memory_.open()) break;
    EXPECT_FALSE(memory_.is_open());
    EXPECT_EQ(memory_.table_count(), 0U);
    ASSERT_EQ(live_pages(), live_at_start()) << "table " << k;
  }
  arena().allocator.set_injection(Trigger::off());
  EXPECT_EQ(k, memory_.table_count() + 1);
  EXPECT_GE(k, 6U);
}

TEST_F(HotAddedMemoryTest, ARefusalOfAnyPageTableLeavesNothing) {
  ASSERT_NO_FATAL_FAILURE(open(Layout::as_it_comes));
  auto& allocator = memory_.arena().allocator;
  const Request request{.size = Bytes(std::uint64_t{300} << 12), .contiguity = Contiguity::never};
  for (std::uint32_t k = 1;; ++k) {
    table_reserve().set_injection(Trigger::nth(k));
    auto result = allocator.allocate(request, CallSite::here());
    table_reserve().set_injection(Trigger::off());
    if (result.ok()) {
      EXPECT_GT(k, 1U) << "a new window has no tables";
      EXPECT_EQ(allocator.free(result->address), Misuse::none);
      break;
    }
    EXPECT_EQ(result.error().reason, Reason::page_tables);
    allocator.reclaim();
    allocator.check();
    ASSERT_EQ(allocator.stats().live_pages(), PageCount(0)) << "table " << k;
  }
}

TEST_F(HotAddedMemoryTest, ItsUsersAreInTheCallSiteTable) {
  ASSERT_NO_FATAL_FAILURE(open(Layout::as_it_comes));
  constexpr CallSite kSite{"kernel/test/in_hot_added.cc", 7};
  auto result = memory_.arena().allocator.allocate({.size = Bytes(5 << 12)}, kSite);
  ASSERT_TRUE(result.ok());
  SiteTable table;
  ASSERT_TRUE(table.open(64) && table.collect());
  std::uint64_t pages = 0;
  for (std::uint32_t i = 0; i < table.uses().size(); ++i) {
    if (table.uses()[i].site == kSite) pages += table.uses()[i].pages.value;
  }
  EXPECT_EQ(pages, 5U);
  table.close();
  EXPECT_EQ(memory_.arena().allocator.free(result->address), Misuse::none);
}

// ---- all of them --------------------------------------------------------------------------------

using AllUsersTest = UsersTest;

TEST_F(AllUsersTest, OpenPrintAndClose) {
  for (const Layout layout : {Layout::as_it_comes, Layout::forced}) {
    const LayoutScope scope(layout);
    ASSERT_TRUE(open_all_users());
    EXPECT_GT(live_pages(), live_at_start());
    print_all_users();
    EXPECT_TRUE(close_all_users());
    EXPECT_EQ(live_pages(), live_at_start());
  }
}

TEST_F(AllUsersTest, ARefusalOfAnyAllocationLeavesNothing) {
  for (const Layout layout : {Layout::as_it_comes, Layout::forced}) {
    const LayoutScope scope(layout);
    std::uint32_t k = 1;
    for (;; ++k) {
      arena().allocator.set_injection(Trigger::nth(k));
      if (open_all_users()) break;
      ASSERT_EQ(live_pages(), live_at_start()) << "allocation " << k;
    }
    arena().allocator.set_injection(Trigger::off());
    EXPECT_TRUE(close_all_users());
    EXPECT_GE(k, 7U) << "six users with at least that many allocations";
  }
}

}  // namespace
}  // namespace vc::kernel
