// Stale translations, on real page tables and real TLBs: each test fails when the step that it is
// named for is taken out (tests/mutations, scripts/test_mutations.sh).
//
// What a CPU keeps can be seen: a page that was read through an address stays readable there, with
// its old contents, until that CPU is told to drop it.
#include <gtest/gtest.h>

#include "kernel/arch/machine.h"
#include "kernel/arch/probe.h"
#include "kernel/memory/memory.h"
#include "kernel/test/kernel_home.h"
#include "kernel/test/runner.h"
#include "kernel/thread/wait.h"
#include "vcompound/platform/x86_64/x86_64_platform.h"

namespace vc {
namespace {

using kernel::call_on;
using kernel::cpu_count;
using testing::KernelHome;

constexpr CallSite kSite{"translation_test", 1};
constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kHuge = 512;  ///< frames of a large leaf
constexpr std::uint64_t kNothing = 0xdead;

/// A few values in a row; the kernel's tests do without the heap where they can.
template <class T, std::uint64_t kMost>
struct List {
  void push_back(T value) {
    VC_ASSERT(count < kMost, "a test's list is too short");
    items[count++] = value;
  }
  std::uint64_t size() const { return count; }
  void clear() { count = 0; }
  const T* begin() const { return items; }
  const T* end() const { return items + count; }

  T items[kMost] = {};
  std::uint64_t count = 0;
};

void prepare_windows() {
  static constinit bool prepared = false;
  if (!prepared) kernel::keeps_memory("the tables above the windows of homes are made once");
  prepared = true;
  KernelHome::prepare(false);
}

/// Frames for tables from a home. When one is given back, every CPU must have been flushed: it may
/// not reach `stale` any more, an address that it has read and that is not mapped.
class WatchedTables final : public TableFrames {
 public:
  explicit WatchedTables(TableFrames& from) : from_(from) {}

  Pfn allocate() override { return from_.allocate(); }
  void free(Pfn table) override {
    ++freed;
    if (stale.value != 0) reached_at_free = reached_at_free || reaches_anywhere(stale);
    from_.free(table);
  }

  /// What CPU `cpu` reads there; kNothing if it faults.
  static std::uint64_t read_on(std::uint32_t cpu, VirtAddr address) {
    struct Look {
      VirtAddr address;
      std::uint64_t word = kNothing;
    } look{.address = address};
    call_on(
        cpu,
        [](void* argument) {
          auto& l = *static_cast<Look*>(argument);
          if (!kernel::probe_read(l.address, l.word)) l.word = kNothing;
        },
        &look);
    return look.word;
  }
  static bool reaches_anywhere(VirtAddr address) {
    for (std::uint32_t cpu = 0; cpu < cpu_count(); ++cpu) {
      if (read_on(cpu, address) != kNothing) return true;
    }
    return false;
  }

  std::uint32_t freed = 0;
  VirtAddr stale{};
  bool reached_at_free = false;

 private:
  TableFrames& from_;
};

/// A platform without an allocator, in the window and on the frames of a home. Frame n begins with
/// the word n.
class TranslationTest : public ::testing::Test {
 protected:
  TranslationTest()
      : home((prepare_windows(), PageCount(1200))), tables(home.tables()), p(options()) {
    for (std::uint64_t n = 0; n < 1100; ++n) *kernel::pointer<std::uint64_t>(direct(n)) = n;
  }
  ~TranslationTest() override { p.close(); }

  X86Options options() {
    X86Options o;
    o.nodes[0] = home.platform().node_frames(0);
    o.node_count = 1;
    o.direct_map = home.platform().direct_map();
    o.vmap = home.platform().vmap_range();
    o.root = PhysAddr(x86::read_cr3() & ~std::uint64_t{0xfff});
    o.tables = &tables;
    return o;
  }
  PfnRange run(std::uint64_t n, std::uint64_t count) const {
    return {home_frames().first + PageCount(n), PageCount(count)};
  }
  PfnRange home_frames() const { return p.node_frames(0); }
  VirtAddr direct(std::uint64_t n) const {
    return p.direct_map().start + Bytes((home_frames().first.value + n) * kPage);
  }
  VirtAddr page(std::uint64_t n) const { return p.vmap_range().start + Bytes(n * kPage); }
  VirtRange pages(std::uint64_t n, std::uint64_t count) const {
    return {page(n), Bytes(count * kPage)};
  }
  void shoot(Unmapped stale) {
    [[maybe_unused]] const Invalidated proof = p.shootdown(static_cast<Unmapped&&>(stale));
  }
  static std::uint64_t read(VirtAddr address) {
    std::uint64_t word = kNothing;
    return kernel::probe_read(address, word) ? word : kNothing;
  }
  static std::uint64_t read_on(std::uint32_t cpu, VirtAddr address) {
    return WatchedTables::read_on(cpu, address);
  }
  /// The first frame of the home that can have a large leaf.
  std::uint64_t first_huge() const {
    return align_up(home_frames().first.value, kHuge) - home_frames().first.value;
  }

  KernelHome home;
  WatchedTables tables;
  X86Platform p;
};

// ---- this CPU -----------------------------------------------------------------------------------

TEST_F(TranslationTest, ATlbKeepsWhatItIsNotToldToDrop) {
  const x86::StayHere here;
  ASSERT_TRUE(p.map(page(5), run(1, 1)).ok());
  EXPECT_EQ(read(page(5)), 1U);
  Unmapped stale = p.unmap(pages(5, 1));
  EXPECT_EQ(read(page(5)), 1U) << "this machine hides what the other tests look for";
  shoot(static_cast<Unmapped&&>(stale));
  EXPECT_EQ(read(page(5)), kNothing);
}

TEST_F(TranslationTest, ThisCpuReadsTheNewFrame) {
  const x86::StayHere here;
  for (const std::uint64_t count : {1U, 3U, 32U, 33U, 300U}) {
    ASSERT_TRUE(p.map(page(7), run(0, count)).ok());
    for (std::uint64_t i = 0; i < count; ++i) ASSERT_EQ(read(page(7 + i)), i);
    shoot(p.unmap(pages(7, count)));
    ASSERT_TRUE(p.map(page(7), run(500, count)).ok());
    for (std::uint64_t i = 0; i < count; ++i) {
      EXPECT_EQ(read(page(7 + i)), 500 + i) << "page " << i << " of " << count;
    }
    shoot(p.unmap(pages(7, count)));
    for (std::uint64_t i = 0; i < count; ++i) EXPECT_EQ(read(page(7 + i)), kNothing);
  }
}

TEST_F(TranslationTest, FewPagesAreDroppedOneByOneAndManyAtOnce) {
  const X86Counters before = p.counters();
  ASSERT_TRUE(p.map(page(7), run(0, 100)).ok());
  shoot(p.unmap(pages(7, 32)));
  EXPECT_EQ(p.counters().invalidations - before.invalidations, 32U);
  EXPECT_EQ(p.counters().full_flushes, before.full_flushes);
  shoot(p.unmap(pages(39, 33)));
  EXPECT_EQ(p.counters().invalidations - before.invalidations, 32U);
  EXPECT_EQ(p.counters().full_flushes - before.full_flushes, 1U);
  EXPECT_EQ(p.counters().shootdowns - before.shootdowns, 2U);
  EXPECT_EQ(p.counters().interrupts_sent - before.interrupts_sent, 2U * (cpu_count() - 1));
}

// ---- the other CPUs -----------------------------------------------------------------------------

TEST_F(TranslationTest, OtherCpusReadTheNewFrame) {
  if (cpu_count() == 1) GTEST_SKIP() << "there is no other CPU";
  for (const std::uint64_t count : {1U, 40U}) {
    ASSERT_TRUE(p.map(page(7), run(0, count)).ok());
    for (std::uint32_t cpu = 0; cpu < cpu_count(); ++cpu) {
      for (std::uint64_t i = 0; i < count; ++i) ASSERT_EQ(read_on(cpu, page(7 + i)), i);
    }
    shoot(p.unmap(pages(7, count)));
    ASSERT_TRUE(p.map(page(7), run(500, count)).ok());
    for (std::uint32_t cpu = 0; cpu < cpu_count(); ++cpu) {
      for (std::uint64_t i = 0; i < count; ++i) {
        EXPECT_EQ(read_on(cpu, page(7 + i)), 500 + i) << "CPU " << cpu << ", page " << i;
      }
    }
    shoot(p.unmap(pages(7, count)));
    EXPECT_FALSE(WatchedTables::reaches_anywhere(page(7)));
  }
}

// ---- large leaves -------------------------------------------------------------------------------

TEST_F(TranslationTest, ALargeLeafTakesThePlaceOfAnEmptyTable) {
  const std::uint64_t n = first_huge();
  if (n + kHuge > 1100) GTEST_SKIP() << "no large leaf fits";
  ASSERT_TRUE(p.map(page(kHuge + 3), run(1, 1)).ok());
  for (std::uint32_t cpu = 0; cpu < cpu_count(); ++cpu) {
    ASSERT_EQ(read_on(cpu, page(kHuge + 3)), 1U);
  }
  shoot(p.unmap(pages(kHuge + 3, 1)));
  EXPECT_EQ(tables.freed, 0U);

  // A translation that is kept everywhere, to tell who has been flushed when the table is freed.
  ASSERT_TRUE(p.map(page(3 * kHuge), run(2, 1)).ok());
  for (std::uint32_t cpu = 0; cpu < cpu_count(); ++cpu) {
    ASSERT_EQ(read_on(cpu, page(3 * kHuge)), 2U);
  }
  Unmapped stale = p.unmap(pages(3 * kHuge, 1));
  tables.stale = page(3 * kHuge);

  ASSERT_TRUE(p.map(page(kHuge), run(n, kHuge)).ok());
  EXPECT_EQ(p.translate(page(kHuge)).leaf, PageCount(kHuge));
  EXPECT_EQ(p.counters().tables_retired, 1U);
  EXPECT_EQ(tables.freed, 1U) << "the empty table is not needed any more";
  EXPECT_FALSE(tables.reached_at_free) << "a CPU may still walk through the table";
  for (std::uint32_t cpu = 0; cpu < cpu_count(); ++cpu) {
    EXPECT_EQ(read_on(cpu, page(kHuge + 3)), n + 3);
    EXPECT_EQ(read_on(cpu, page(2 * kHuge - 1)), n + kHuge - 1);
  }
  tables.stale = {};
  shoot(static_cast<Unmapped&&>(stale));
  shoot(p.unmap(pages(kHuge, kHuge)));
  EXPECT_FALSE(WatchedTables::reaches_anywhere(page(kHuge + 3)));
}

TEST_F(TranslationTest, WhoCannotWaitGetsSmallLeavesAndTheTableStays) {
  const std::uint64_t n = first_huge();
  if (n + kHuge > 1100) GTEST_SKIP() << "no large leaf fits";
  ASSERT_TRUE(p.map(page(kHuge + 3), run(1, 1)).ok());
  shoot(p.unmap(pages(kHuge + 3, 1)));
  const X86Counters before = p.counters();
  {
    const x86::InterruptsOff off;
    ASSERT_TRUE(p.map(page(kHuge), run(n, kHuge)).ok());
  }
  EXPECT_EQ(p.translate(page(kHuge)).leaf, PageCount(1));
  EXPECT_EQ(p.counters().tables_retired, before.tables_retired);
  EXPECT_EQ(p.counters().interrupts_sent, before.interrupts_sent);
  EXPECT_EQ(read(page(kHuge + 3)), n + 3);
  shoot(p.unmap(pages(kHuge, kHuge)));
}

TEST_F(TranslationTest, AMapWithoutATableChangesNothing) {
  ASSERT_TRUE(p.map(page(0), run(3, 1)).ok());
  const std::uint64_t outstanding = home.tables().outstanding();
  // Into a table that exists and over two that do not.
  for (std::uint64_t k = 1; k <= 2; ++k) {
    home.tables().fail(k);
    const PlatformStatus status = p.map(page(kHuge - 5), run(5, kHuge + 50));
    EXPECT_EQ(status.reason, Reason::page_tables);
    EXPECT_EQ(home.tables().outstanding(), outstanding) << "the tables were not given back";
    for (std::uint64_t i = 0; i < kHuge + 50; ++i) {
      ASSERT_FALSE(p.translate(page(kHuge - 5 + i)).exists()) << i;
    }
  }
  home.tables().fail(0);
  ASSERT_TRUE(p.map(page(kHuge - 5), run(5, kHuge + 50)).ok());
  EXPECT_EQ(read(page(kHuge + 40)), 50U);
  shoot(p.unmap(pages(0, 3 * kHuge)));
}

// ---- compounds ----------------------------------------------------------------------------------

/// A compound larger than what a slot keeps, mapped, and known to every CPU.
class StaleCompoundTest : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kBudget = 1024;
  static constexpr std::uint64_t kPages = 200;  // a slot keeps 128 pages

  StaleCompoundTest() : home((prepare_windows(), PageCount(kBudget))) {}

  static Request mapped(std::uint64_t count) {
    return {.size = Bytes(count * kPage), .contiguity = Contiguity::never};
  }
  Allocation allocate_known() {
    const auto got = home.allocator().allocate(mapped(kPages), kSite);
    VC_ASSERT(got.ok() && got->kind == Kind::mapped, "a test's compound");
    for (std::uint64_t i = 0; i < kPages; ++i) {
      ours.push_back(home.allocator().nth_page(got->head, PageCount(i)));
      for (std::uint32_t cpu = 0; cpu < cpu_count(); ++cpu) {
        (void)WatchedTables::read_on(cpu, got->address + Bytes(i * kPage));
      }
    }
    return *got;
  }
  bool is_ours(Pfn frame) const {
    for (const Pfn own : ours) {
      if (own == frame) return true;
    }
    return false;
  }
  /// Takes single frames until there is none; says whether one of ours is among them.
  bool take_all(MayBlock may_block) {
    bool found = false;
    const Request one{.size = Bytes(kPage), .may_block = may_block};
    for (;;) {
      const auto got = home.allocator().allocate(one, kSite);
      if (!got.ok()) return found;
      taken.push_back(got->address);
      found = found || is_ours(got->head);
    }
  }
  void free_taken() {
    for (const VirtAddr address : taken) {
      EXPECT_EQ(home.allocator().free(address), Misuse::none);
    }
    taken.clear();
  }
  void expect_no_shootdown_since(const X86Counters& before) {
    const X86Counters now = home.platform().counters();
    EXPECT_EQ(now.shootdowns, before.shootdowns);
    EXPECT_EQ(now.entries_written, before.entries_written);
  }
  void expect_deferred_then_done(const Allocation& compound, const X86Counters& before);

  KernelHome home;
  List<Pfn, kPages> ours;
  List<VirtAddr, kBudget> taken;
};

/// After a free where nothing may block: the compound is deferred, its frames are nobody's until
/// the shootdown, and then they are all there again.
void StaleCompoundTest::expect_deferred_then_done(const Allocation& compound,
                                                  const X86Counters& before) {
  expect_no_shootdown_since(before);
  EXPECT_EQ(home.platform().counters().interrupts_sent, before.interrupts_sent);
  EXPECT_EQ(home.allocator().stats().deferred_frees, 1U);
  EXPECT_FALSE(take_all(MayBlock::no)) << "a frame was given away that CPUs can still reach";
  expect_no_shootdown_since(before);
  EXPECT_EQ(taken.size(), kBudget - kPages);

  EXPECT_TRUE(take_all(MayBlock::yes)) << "the frames are lost";
  EXPECT_EQ(taken.size(), kBudget);
  EXPECT_EQ(home.platform().counters().shootdowns - before.shootdowns, 1U);
  for (std::uint64_t i = 0; i < kPages; ++i) {
    EXPECT_FALSE(WatchedTables::reaches_anywhere(compound.address + Bytes(i * kPage)));
  }
  free_taken();
  home.allocator().reclaim();
  home.allocator().check();
}

struct FreeCall {
  CompoundAllocator<X86Platform>& allocator;
  VirtAddr address;
  Misuse misuse = Misuse::foreign;
  static void run(void* argument) {
    auto& self = *static_cast<FreeCall*>(argument);
    EXPECT_TRUE(x86::in_interrupt());
    self.misuse = self.allocator.free(self.address);
  }
};

TEST_F(StaleCompoundTest, AFreeInAHandlerIsDeferred) {
  const Allocation compound = allocate_known();
  const X86Counters before = home.platform().counters();
  FreeCall call{home.allocator(), compound.address};
  call_on(cpu_count() - 1, &FreeCall::run, &call);
  EXPECT_EQ(call.misuse, Misuse::none);
  expect_deferred_then_done(compound, before);
}

TEST_F(StaleCompoundTest, AFreeWithInterruptsOffIsDeferred) {
  const Allocation compound = allocate_known();
  const X86Counters before = home.platform().counters();
  {
    const x86::InterruptsOff off;
    EXPECT_EQ(home.allocator().free(compound.address), Misuse::none);
  }
  expect_deferred_then_done(compound, before);
}

/// The kernel's own arena: nobody has to ask for what was deferred, a thread does it.
TEST(DeferredFree, IsDoneByTheWorkThread) {
  const auto& allocator = kernel::arena().allocator;
  auto stats = [] {
    return kernel::arena().allocator.stats();
  };
  // Larger than what a slot keeps, of one node or of several.
  PageCount total{};
  for (std::uint32_t i = 0; i < allocator.node_count(); ++i) total += allocator.total_pages(i);
  const Bytes size((total.value / 8 + 1) * kPage);
  for (const std::uint32_t cpu : {cpu_count(), cpu_count() - 1}) {  // the first means: here
    const auto got = kernel::allocate({.size = size, .contiguity = Contiguity::never});
    ASSERT_TRUE(got.ok());
    const std::uint64_t before = stats().deferred_frees;
    if (cpu == cpu_count()) {
      const x86::InterruptsOff off;
      kernel::free(got->address);
    } else {
      VirtAddr address = got->address;
      call_on(
          cpu, [](void* a) { kernel::free(*static_cast<VirtAddr*>(a)); }, &address);
    }
    EXPECT_EQ(stats().deferred_frees, before + 1);
    kernel::flush_work();
    EXPECT_EQ(stats().deferred_pages, PageCount(0));
  }
}

TEST_F(StaleCompoundTest, APurgeOfManyAreasIsOneShootdown) {
  List<VirtAddr, 12> areas;
  List<VirtAddr, 12> between;  // stay in use, so that no two areas are neighbours
  for (std::uint64_t count = 2; count < 14; ++count) {  // each size has a place in the cache
    const auto got = home.allocator().allocate(mapped(count), kSite);
    const auto other = home.allocator().allocate(mapped(2), kSite);
    ASSERT_TRUE(got.ok() && other.ok());
    areas.push_back(got->address);
    between.push_back(other->address);
    for (std::uint32_t cpu = 0; cpu < cpu_count(); ++cpu) {
      (void)WatchedTables::read_on(cpu, got->address);
    }
  }
  for (const VirtAddr address : areas) ASSERT_EQ(home.allocator().free(address), Misuse::none);
  const X86Counters before = home.platform().counters();
  home.allocator().reclaim();
  EXPECT_EQ(home.platform().counters().shootdowns - before.shootdowns, 1U);
  for (const VirtAddr address : areas) EXPECT_FALSE(WatchedTables::reaches_anywhere(address));
  for (const VirtAddr address : between) EXPECT_EQ(home.allocator().free(address), Misuse::none);
  home.allocator().reclaim();
  EXPECT_EQ(home.allocator().stats().free_pages, PageCount(kBudget));
  home.allocator().check();
}

TEST_F(StaleCompoundTest, ACompoundThatCannotBeMappedLeavesNoTranslation) {
  // Two runs, the second of which needs another table.
  for (std::uint64_t k = 1; k <= 2; ++k) {
    const std::uint64_t outstanding = home.tables().outstanding();
    home.tables().fail(k);
    const auto got = home.allocator().allocate(mapped(kHuge + 400), kSite);
    home.tables().fail(0);
    ASSERT_FALSE(got.ok());
    EXPECT_EQ(got.error().reason, Reason::page_tables);
    EXPECT_LE(home.tables().outstanding(), outstanding + 1) << "one that the first run needed";
    const VirtRange window = home.platform().vmap_range();
    for (std::uint64_t i = 0; i < 3 * kHuge; ++i) {
      const VirtAddr page = window.start + Bytes(i * kPage);
      ASSERT_FALSE(home.platform().translate(page).exists()) << "page " << i;
      EXPECT_FALSE(WatchedTables::reaches_anywhere(page)) << "page " << i;
    }
    EXPECT_EQ(home.allocator().stats().available(), PageCount(kBudget));
    home.allocator().check();
  }
}

TEST_F(StaleCompoundTest, CompoundsUseLargeLeavesWhereRunsAllow) {
  // What is asked to be mapped is cut in halves of whole large leaves, the second one first.
  KernelHome large_home(PageCount(2048));
  const auto got = large_home.allocator().allocate(mapped(2 * kHuge + 3), kSite);
  ASSERT_TRUE(got.ok());
  std::uint64_t large = 0;
  for (std::uint64_t i = 0; i < got->pages.value; ++i) {
    const Translation t = large_home.platform().translate(got->address + Bytes(i * kPage));
    ASSERT_EQ(t.frame, large_home.allocator().nth_page(got->head, PageCount(i)));
    ASSERT_EQ(t.flags, PageFlags::writable()) << "not executable, not global";
    if (t.leaf == PageCount(kHuge)) ++large;
  }
  EXPECT_EQ(large, 2 * kHuge);
  EXPECT_EQ(large_home.allocator().free(got->address), Misuse::none);
}

}  // namespace
}  // namespace vc
