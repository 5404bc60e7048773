// PageTable: leaves of each size, holes, splits, retired tables, and failures that change nothing.
#include "vcompound/platform/x86_64/page_table.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/unit/page_table_testing.h"

namespace vc {
namespace {

using testing::TableBox;

constexpr std::uint64_t k2M = 512;  // pages of 4 KiB
constexpr std::uint64_t k1G = 512 * 512;

/// The sizes of the leaves behind [n, n + count), in pages, each once.
std::vector<std::uint64_t> leaves(const TableBox& box, std::uint64_t n, std::uint64_t count) {
  std::vector<std::uint64_t> sizes;
  for (std::uint64_t i = n; i < n + count;) {
    const Translation t = box.at(i);
    if (!t.exists()) return {};
    sizes.push_back(t.leaf.value);
    i += t.leaf.value;
  }
  return sizes;
}

void expect_mapped(const TableBox& box, std::uint64_t n, std::uint64_t frame, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) ASSERT_EQ(box.at(n + i).frame, Pfn(frame + i)) << i;
  EXPECT_FALSE(box.at(n - 1).exists());
  EXPECT_FALSE(box.at(n + count).exists());
}

TEST(PageTable, EntriesHaveTheBitsOfTheProcessor) {
  // Present, writable, accessed, dirty, no execution; frame 5.
  EXPECT_EQ(PageEntry::leaf(Pfn(5), PageFlags::writable(), 1).bits, 0x8000'0000'0000'5063U);
  EXPECT_EQ(PageEntry::leaf(Pfn(512), PageFlags::executable() | PageFlags::global(), 2).bits,
            0x0000'0000'0020'01e1U);
  EXPECT_EQ(PageEntry::leaf(Pfn(5), PageFlags::uncached(), 1).bits, 0x8000'0000'0000'5079U);
  EXPECT_EQ(PageEntry::table(Pfn(7)).bits, 0x7063U);
}

TEST(PageTable, ARunOfSmallLeaves) {
  TableBox box;
  EXPECT_FALSE(box.at(3).exists());
  ASSERT_TRUE(box.map(3, 700, 5).ok());
  expect_mapped(box, 3, 700, 5);
  EXPECT_EQ(box.at(3).leaf, PageCount(1));
  EXPECT_EQ(box.at(3).flags, PageFlags::writable());
  EXPECT_EQ(box.table.counters().tables_allocated, 3U);
  EXPECT_EQ(box.table.counters().entries_written, 3U + 5U);
  ASSERT_TRUE(box.map(8, 100, 2).ok());  // its neighbour needs no table
  EXPECT_EQ(box.table.counters().tables_allocated, 3U);
  EXPECT_EQ(box.table.counters().entries_written, 3U + 5U + 2U);
  EXPECT_TRUE(box.is_sound());
}

TEST(PageTable, ARunOverTheEndOfATable) {
  TableBox box;
  ASSERT_TRUE(box.map(k2M - 3, 9, 8).ok());
  expect_mapped(box, k2M - 3, 9, 8);
  EXPECT_EQ(box.table.counters().tables_allocated, 4U);
  ASSERT_TRUE(box.map(512 * k1G - 1, 77, 2).ok());  // where a whole level-3 table ends
  expect_mapped(box, 512 * k1G - 1, 77, 2);
  EXPECT_EQ(box.table.counters().tables_allocated, 4U + 2U + 3U);
  EXPECT_TRUE(box.is_sound());
}

TEST(PageTable, TheLargestLeavesThatAlignmentAllows) {
  TableBox box;
  ASSERT_TRUE(box.map(0, 5 * k2M, k2M).ok());
  EXPECT_EQ(leaves(box, 0, k2M), (std::vector<std::uint64_t>{k2M}));
  ASSERT_TRUE(box.map(k2M, 3 * k2M + 1, k2M).ok());  // the frame is odd
  EXPECT_EQ(leaves(box, k2M, k2M), std::vector<std::uint64_t>(k2M, 1));
  ASSERT_TRUE(box.map(3 * k2M - 2, 9 * k2M - 2, 2 * k2M + 4).ok());  // both ends stick out
  EXPECT_EQ(leaves(box, 3 * k2M - 2, 2 * k2M + 4),
            (std::vector<std::uint64_t>{1, 1, k2M, k2M, 1, 1}));
  expect_mapped(box, 3 * k2M - 2, 9 * k2M - 2, 2 * k2M + 4);
  EXPECT_TRUE(box.is_sound());
}

TEST(PageTable, AGigabyteIsOneLeafWhereAllowed) {
  TableBox box;
  ASSERT_TRUE(box.map(k1G - k2M, 3 * k1G - k2M, k1G + 2 * k2M, LeafSize::gib1).ok());
  EXPECT_EQ(leaves(box, k1G - k2M, k1G + 2 * k2M), (std::vector<std::uint64_t>{k2M, k1G, k2M}));
  EXPECT_EQ(box.at(k1G + 12345).frame, Pfn(3 * k1G + 12345));
  ASSERT_TRUE(box.map(4 * k1G, 8 * k1G, k1G).ok());
  EXPECT_EQ(leaves(box, 4 * k1G, k1G), std::vector<std::uint64_t>(512, k2M));
  ASSERT_TRUE(box.map(8 * k1G, 8 * k1G, k2M, LeafSize::kib4).ok());
  EXPECT_EQ(leaves(box, 8 * k1G, k2M), std::vector<std::uint64_t>(k2M, 1));
  EXPECT_TRUE(box.is_sound());
}

TEST(PageTable, AMapperPutsRunsOneBehindTheOther) {
  TableBox box;
  const PfnRange runs[] = {{Pfn(900), PageCount(1)},        {Pfn(700), PageCount(1)},
                           {Pfn(750), PageCount(9)},     // over the end of a table
                           {Pfn(2000), PageCount(504)},  // up to the end of the next
                           {Pfn(8 * k2M), PageCount(k2M)},  {Pfn(10 * k2M), PageCount(2 * k2M + 3)},
                           {Pfn(5000), PageCount(k2M - 3)},  // up to the end
                           {Pfn(6001), PageCount(k2M)},      // a whole table, at an odd frame
                           {Pfn(77), PageCount(1)}};
  const std::uint64_t start = k2M - 3;
  TableBox::Table::Mapper mapper(box.table, TableBox::page(start), PageFlags::writable(),
                                 LeafSize::mib2);
  for (const PfnRange run : runs) ASSERT_TRUE(mapper.add(run).ok());
  mapper.finish();
  std::uint64_t n = start;
  std::uint64_t leaves = 0;
  for (const PfnRange run : runs) {
    for (std::uint64_t i = 0; i < run.count.value; ++i, ++n) {
      ASSERT_EQ(box.at(n).frame, run.first + PageCount(i)) << "page " << n;
      if (box.at(n).leaf == PageCount(1) || n % k2M == 0) ++leaves;
    }
  }
  EXPECT_FALSE(box.at(start - 1).exists());
  EXPECT_FALSE(box.at(n).exists());
  EXPECT_EQ(box.at(start + 515).leaf, PageCount(k2M)) << "where a run is long enough";
  const TableCounters counters = box.table.counters();
  EXPECT_EQ(counters.entries_written, leaves + counters.tables_allocated);
  EXPECT_TRUE(box.is_sound());
}

TEST(PageTable, AMapperThatFailsKeepsTheRunsBefore) {
  TableBox box;
  TableBox::Table::Mapper mapper(box.table, TableBox::page(k2M - 2), PageFlags::none(),
                                 LeafSize::mib2);
  ASSERT_TRUE(mapper.add({Pfn(9), PageCount(1)}).ok());
  box.stock.fail(1);
  EXPECT_EQ(mapper.add({Pfn(20), PageCount(3)}).reason, Reason::page_tables);
  EXPECT_FALSE(box.at(k2M - 1).exists());
  ASSERT_TRUE(mapper.add({Pfn(30), PageCount(3)}).ok()) << "what comes next goes there";
  mapper.finish();
  EXPECT_EQ(box.at(k2M - 2).frame, Pfn(9));
  EXPECT_EQ(box.at(k2M + 1).frame, Pfn(32));
  EXPECT_TRUE(box.is_sound());
}

TEST(PageTable, UnmappingSkipsHoles) {
  TableBox box;
  ASSERT_TRUE(box.map(10, 500, 4).ok());
  ASSERT_TRUE(box.map(k2M, k2M, k2M).ok());
  ASSERT_TRUE(box.map(100 * k1G + 7, 900, 600).ok());
  ASSERT_TRUE(box.table.unmap(TableBox::pages(11, 2)).ok());
  EXPECT_TRUE(box.at(10).exists());
  EXPECT_FALSE(box.at(11).exists());
  EXPECT_TRUE(box.at(13).exists());
  const std::uint64_t before = box.table.counters().entries_written;
  ASSERT_TRUE(box.table.unmap(TableBox::kAll).ok());
  // Whole level-1 tables are cleared, everything else is jumped over.
  EXPECT_EQ(box.table.counters().entries_written - before, 512U + 1U + 2U * 512U);
  for (const std::uint64_t n : {10UL, 13UL, k2M, 100 * k1G + 7, 100 * k1G + 606}) {
    EXPECT_FALSE(box.at(n).exists()) << n;
  }
  EXPECT_TRUE(box.is_sound());
}

TEST(PageTable, ALargeLeafIsSplitAtBothEnds) {
  TableBox box;
  ASSERT_TRUE(box.map(0, 0, 2 * k1G, LeafSize::gib1).ok());
  ASSERT_TRUE(box.table.unmap(TableBox::pages(k1G - 1, 3)).ok());
  EXPECT_TRUE(box.at(k1G - 2).exists());
  for (std::uint64_t i = 0; i < 3; ++i) EXPECT_FALSE(box.at(k1G - 1 + i).exists());
  EXPECT_EQ(box.at(k1G - 2).frame, Pfn(k1G - 2));
  EXPECT_EQ(box.at(k1G - 2).leaf, PageCount(1));
  EXPECT_EQ(box.at(k1G + 2).frame, Pfn(k1G + 2));
  EXPECT_EQ(box.at(k1G + k2M).leaf, PageCount(k2M));
  EXPECT_EQ(box.at(k1G + k2M + 3).frame, Pfn(k1G + k2M + 3));
  EXPECT_EQ(box.at(0).leaf, PageCount(k2M)) << "what lies farther away is split once only";
  EXPECT_TRUE(box.is_sound());
}

TEST(PageTable, ProtectionChangesFlagsAndNothingElse) {
  TableBox box;
  ASSERT_TRUE(box.map(0, 4 * k2M, 3 * k2M).ok());
  const PageFlags read_only = PageFlags::global();
  ASSERT_TRUE(box.table.protect(TableBox::pages(k2M, k2M), read_only).ok());
  EXPECT_EQ(box.at(k2M).leaf, PageCount(k2M)) << "a whole leaf need not be split";
  ASSERT_TRUE(box.table.protect(TableBox::pages(2 * k2M + 1, 2), PageFlags::executable()).ok());
  for (std::uint64_t i = 0; i < 3 * k2M; ++i) {
    const Translation t = box.at(i);
    ASSERT_EQ(t.frame, Pfn(4 * k2M + i));
    const bool changed = i == 2 * k2M + 1 || i == 2 * k2M + 2;
    const PageFlags expected = changed                   ? PageFlags::executable()
                               : i >= k2M && i < 2 * k2M ? read_only
                                                         : PageFlags::writable();
    ASSERT_EQ(t.flags, expected) << i;
  }
  ASSERT_TRUE(box.table.protect(TableBox::kAll, PageFlags::none()).ok());  // holes everywhere
  EXPECT_EQ(box.at(5).flags, PageFlags::none());
  EXPECT_FALSE(box.at(3 * k2M).exists()) << "a hole stays a hole";
  EXPECT_TRUE(box.is_sound());
}

TEST(PageTable, ALargeLeafRetiresTheEmptyTable) {
  TableBox box;
  ASSERT_TRUE(box.map(3, 700, 5).ok());
  ASSERT_TRUE(box.table.unmap(TableBox::pages(3, 5)).ok());
  const std::size_t live = box.stock.live();
  ASSERT_TRUE(box.map(0, k2M, k2M).ok());
  EXPECT_EQ(box.at(0).leaf, PageCount(k2M));
  EXPECT_EQ(box.table.retired_tables(), 1U);
  EXPECT_EQ(box.stock.live(), live) << "a CPU may still walk there";
  EXPECT_TRUE(box.is_sound());
  box.free_retired();
  EXPECT_EQ(box.table.retired_tables(), 0U);
  EXPECT_EQ(box.stock.live(), live - 1);
  // The cursor must not lead into the table that is gone.
  ASSERT_TRUE(box.table.unmap(TableBox::pages(0, k2M)).ok());
  ASSERT_TRUE(box.map(3, 700, 5).ok());
  expect_mapped(box, 3, 700, 5);
  EXPECT_TRUE(box.is_sound());
}

TEST(PageTable, AGigabyteLeafRetiresTwoLevels) {
  TableBox box;
  for (std::uint64_t i = 0; i < 3; ++i) ASSERT_TRUE(box.map(i * k2M, 700, 5).ok());
  ASSERT_TRUE(box.table.unmap(TableBox::pages(0, k1G)).ok());
  ASSERT_TRUE(box.map(0, k1G, k1G, LeafSize::gib1).ok());
  EXPECT_EQ(box.table.retired_tables(), 4U);
  for (const auto& [frame, entries] : box.stock.contents()) {
    if (frame == box.stock.root.value) continue;
    // What a CPU still finds there leads nowhere but to other tables.
    for (const std::uint64_t bits : entries) {
      if ((bits & PageEntry::kPresent) == 0 || (bits & PageEntry::kLarge) != 0) continue;
      EXPECT_NE(box.stock.entries(PageEntry{bits}.frame()), nullptr);
    }
  }
  EXPECT_TRUE(box.is_sound());
  box.free_retired();
  EXPECT_EQ(box.stock.live(), 2U);
  EXPECT_TRUE(box.is_sound());
}

TEST(PageTable, TablesOfAWindowAreGivenBack) {
  TableBox box;
  ASSERT_TRUE(box.map(k1G - 5, 700, 10).ok());  // of two level-2 tables
  ASSERT_TRUE(box.map(10 * k1G, k2M, 5 * k2M + 1).ok());
  ASSERT_TRUE(box.table.unmap(TableBox::pages(k1G - k2M, 2 * k2M)).ok());
  box.table.retire_tables(TableBox::pages(k1G - k2M, 2 * k2M));
  EXPECT_EQ(box.table.retired_tables(), 2U) << "only those that cover nothing else";
  EXPECT_TRUE(box.is_sound());
  ASSERT_TRUE(box.table.unmap(TableBox::kAll).ok());
  box.table.retire_tables(TableBox::kAll);
  box.free_retired();
  EXPECT_EQ(box.stock.live(), 1U);
  EXPECT_TRUE(box.is_sound());
}

// ---- failures -----------------------------------------------------------------------------------

/// Runs `action` with the k-th table missing, for every k, until it succeeds. After a failure
/// `expect` judges. Returns how many failures there were.
template <class Action, class Expect>
std::uint64_t fail_each(TableBox& box, const Action& action, const Expect& expect) {
  for (std::uint64_t k = 1; k < 100; ++k) {
    box.stock.fail(k);
    const PlatformStatus status = action();
    if (status.ok()) return k - 1;
    EXPECT_EQ(status.reason, Reason::page_tables);
    EXPECT_STRNE(status.detail, "");
    expect();
    EXPECT_TRUE(box.is_sound());
  }
  ADD_FAILURE() << "it never succeeds";
  return 0;
}

TEST(PageTable, AMapThatFailsWritesNothing) {
  TableBox box;
  ASSERT_TRUE(box.map(2 * k2M + 7, 3, 1).ok());
  const auto before = box.stock.contents();
  // From a table that exists into one that does not.
  const std::uint64_t start = 2 * k2M + 9;
  const auto map = [&] {
    return box.map(start, 9, k2M + 5);
  };
  const auto unchanged = [&] {
    EXPECT_EQ(box.stock.contents(), before);
  };
  EXPECT_EQ(fail_each(box, map, unchanged), 1U);
  expect_mapped(box, start, 9, k2M + 5);
}

TEST(PageTable, AMapOverManyTablesThatFailsWritesNothing) {
  TableBox box;
  const auto before = box.stock.contents();
  const std::uint64_t start = 512 * k1G - k2M - 3;
  const std::uint64_t frame = 8 * k1G - 3;
  const std::uint64_t count = k1G + 2 * k2M + 9;
  const auto map = [&] {
    return box.map(start, frame, count, LeafSize::gib1);
  };
  const auto unchanged = [&] {
    EXPECT_EQ(box.stock.contents(), before);
  };
  // level 3, 2, 1 up to the end of the first 2 MiB; then 1 behind a hole of none; 3, 2 and 1 after.
  EXPECT_GE(fail_each(box, map, unchanged), 6U);
  for (const std::uint64_t i : {0UL, 2UL, 3UL, k2M, k2M + 3, k1G, count - 1}) {
    EXPECT_EQ(box.at(start + i).frame, Pfn(frame + i)) << i;
  }
  EXPECT_FALSE(box.at(start - 1).exists());
  EXPECT_FALSE(box.at(start + count).exists());
}

TEST(PageTable, AFailedSplitChangesNoTranslation) {
  for (const bool unmap : {false, true}) {
    TableBox box;
    ASSERT_TRUE(box.map(0, 2 * k1G, 2 * k1G, LeafSize::gib1).ok());
    const VirtRange range = TableBox::pages(7, k1G);  // 7 pages into each of two leaves of 1 GiB
    const auto action = [&] {
      return unmap ? box.table.unmap(range) : box.table.protect(range, PageFlags::none());
    };
    const auto unchanged = [&] {
      for (std::uint64_t i = 0; i < 2 * k1G; i += i < 1024 || i % k1G > k1G - 512 ? 1U : 97U) {
        ASSERT_EQ(box.at(i).frame, Pfn(2 * k1G + i));
        ASSERT_EQ(box.at(i).flags, PageFlags::writable());
      }
    };
    // The splits that a failed attempt made are there for the next one: one more each time.
    std::uint64_t failures = 0;
    for (; failures < 10; ++failures) {
      box.stock.fail(1);
      const std::size_t live = box.stock.live();
      if (action().ok()) break;
      unchanged();
      EXPECT_EQ(box.stock.live(), live);
      box.stock.fail(2);
      if (action().ok()) break;
      unchanged();
      EXPECT_TRUE(box.is_sound());
    }
    EXPECT_EQ(failures, 3U);
    EXPECT_EQ(box.at(6).frame, Pfn(2 * k1G + 6));
    EXPECT_EQ(box.at(7).exists(), !unmap);
    EXPECT_EQ(box.at(k1G + 6).exists(), !unmap);
    EXPECT_EQ(box.at(k1G + 7).flags, PageFlags::writable());
    EXPECT_TRUE(box.is_sound());
  }
}

// ---- mistakes -----------------------------------------------------------------------------------

TEST(PageTableDeathTest, WhatIsMappedCannotBeMappedOver) {
  TableBox box;
  ASSERT_TRUE(box.map(0, k2M, k2M).ok());
  ASSERT_TRUE(box.map(k2M + 3, 7, 1).ok());
  EXPECT_DEATH((void)box.map(0, 3 * k2M, k2M), "mapped there already");
  EXPECT_DEATH((void)box.map(5, 70, 1), "mapped there already");
  EXPECT_DEATH((void)box.map(k2M, 5 * k2M, k2M), "mapped there already");
}

TEST(PageTableDeathTest, CheckSeesDamage) {
  TableBox box;
  ASSERT_TRUE(box.map(0, k2M, k2M).ok());
  ASSERT_TRUE(box.map(k2M, 7, 1).ok());
  EXPECT_TRUE(box.is_sound());
  const std::uint64_t good = PageEntry::leaf(Pfn(k2M), PageFlags::writable(), 2).bits;
  Atomic<std::uint64_t>* last = nullptr;
  for (const auto& [frame, entries] : box.stock.contents()) {
    if (entries[0] == good) last = box.stock.entries(Pfn(frame));
  }
  ASSERT_NE(last, nullptr);
  for (const std::uint64_t bad : {good | 1 << 12, good | 1 << 9, good & ~std::uint64_t{0x20}}) {
    last[0].store_relaxed(bad);
    EXPECT_DEATH((void)box.is_sound(), "T1");
  }
  last[0].store_relaxed(2);  // not present, but not empty
  EXPECT_DEATH((void)box.is_sound(), "T1");
}

}  // namespace
}  // namespace vc
