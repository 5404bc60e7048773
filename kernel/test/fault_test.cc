// Whatever fails, everything is as before: the k-th frame or page table is refused, for every k,
// and memory is taken until little or nothing is left. Allocations in an arena of their own, and
// the kernel's users while they are opened.
#include <gtest/gtest.h>

#include <vector>

#include "kernel/memory/memory.h"
#include "kernel/memory/table_reserve.h"
#include "kernel/net/interface.h"
#include "kernel/parameters.h"
#include "kernel/test/kernel_home.h"
#include "kernel/test/scarcity.h"
#include "kernel/thread/wait.h"
#include "kernel/users/all_users.h"
#include "kernel/users/wait_table.h"

namespace vc::kernel {
namespace {

using testing::KernelHome;

constexpr CallSite kSite{"fault", 1};
constexpr Bytes pages(std::uint64_t n) { return Bytes(n << 12); }

/// What must not change when something is refused.
struct Figures {
  PageCount live;
  std::uint64_t mappings = 0;

  template <class Allocator>
  static Figures of(Allocator& allocator) {
    const Stats s = allocator.stats();
    return {s.live_pages(), s.mappings_used};
  }
  bool operator==(const Figures&) const = default;
};

// ---- page tables --------------------------------------------------------------------------------

/// A home whose free frames lie in runs of two, so that larger compounds are mapped frame by frame.
class CombedHome {
 public:
  CombedHome() : home_(PageCount(kPages)) {
    for (std::uint64_t i = 0; i < kPages / 2; ++i) pairs_.push_back(take(pages(2)));
    free_pairs(0);
    a().reclaim();
  }
  ~CombedHome() {
    free_pairs(1);
    a().reclaim();
    a().check();
    EXPECT_EQ(a().stats().free_pages, PageCount(kPages));
  }
  CombedHome(const CombedHome&) = delete;
  CombedHome& operator=(const CombedHome&) = delete;

  KernelHome& home() { return home_; }
  CompoundAllocator<X86Platform>& a() { return home_.allocator(); }
  void free(VirtAddr address) { EXPECT_EQ(a().free(address), Misuse::none); }

  /// Is nothing of the beginning of the window mapped?
  void expect_no_translation() {
    for (std::uint64_t n = 0; n < 1200; n += 7) {
      EXPECT_TRUE(home_.is_unreachable(a().vmap_range().start + pages(n))) << "page " << n;
    }
  }
  /// Is that compound there on every CPU?
  void expect_usable(const Allocation& what) {
    for (std::uint64_t n = 0; n < what.pages.value; n += 100) {
      home_.write(what.address + pages(n), n + 1);
      EXPECT_EQ(home_.read(what.address + pages(n)), n + 1);
    }
  }

 private:
  static constexpr std::uint64_t kPages = 2048;

  /// Every second pair, in the order of addresses (which is not that of allocation).
  void free_pairs(std::uint64_t parity) {
    for (const VirtAddr pair : pairs_) {
      if ((pair.value / pages(2).value) % 2 == parity) free(pair);
    }
  }
  VirtAddr take(Bytes size) {
    const auto got = a().allocate({.size = size, .contiguity = Contiguity::required}, kSite);
    EXPECT_TRUE(got.ok());
    return got.ok() ? got->address : VirtAddr(0);
  }

  KernelHome home_;
  std::vector<VirtAddr> pairs_;
};

/// Does a request fail cleanly when its k-th page table is refused, for every k? In a home of its
/// own each time, so that all tables are wanted anew. Returns how many refusals there were.
std::uint64_t refuse_each_table(const Request& request) {
  KernelHome::prepare(false);
  for (std::uint64_t k = 1;; ++k) {
    SCOPED_TRACE(k);
    CombedHome combed;
    const Figures before = Figures::of(combed.a());
    combed.home().tables().fail(k);
    auto got = combed.a().allocate(request, kSite);
    combed.home().tables().fail(0);
    const bool refused = !got.ok();
    EXPECT_EQ(refused, combed.home().tables().has_failed());
    if (refused) {
      EXPECT_EQ(got.error().reason, Reason::page_tables);
      EXPECT_EQ(Figures::of(combed.a()), before);
      combed.a().check();
      combed.expect_no_translation();
      got = combed.a().allocate(request, kSite);
    }
    EXPECT_TRUE(got.ok()) << "the same request, when tables are there";
    if (!got.ok()) return 0;
    EXPECT_EQ(got->kind, Kind::mapped);
    combed.expect_usable(*got);
    combed.free(got->address);
    if (!refused) return k - 1;
  }
}

TEST(FaultTables, EveryTableOfASmallMapping) {
  EXPECT_EQ(refuse_each_table({.size = pages(8)}), 1U) << "one table of the lowest level";
}
TEST(FaultTables, EveryTableOfALargeMapping) {
  EXPECT_EQ(refuse_each_table({.size = pages(1000)}), 2U) << "1000 pages lie in two tables";
}
TEST(FaultTables, EveryTableOfAZeroedAlignedMapping) {
  EXPECT_EQ(refuse_each_table({.size = pages(1000),
                               .alignment = Bytes(4 << 20),
                               .contiguity = Contiguity::never,
                               .zero = Zero::yes}),
            2U);
}

/// One run that needs three tables: what was allocated before the one that is refused goes back.
TEST(FaultTables, EveryTableOfOneLongRun) {
  KernelHome::prepare(false);
  for (std::uint64_t k = 1;; ++k) {
    SCOPED_TRACE(k);
    KernelHome home(PageCount(2048));
    X86Platform& p = home.platform();
    const PfnRange run{p.node_frames(0).first + PageCount(1), PageCount(1200)};
    const VirtAddr address = p.vmap_range().start + pages(100);
    home.tables().fail(k);
    const PlatformStatus status = p.map(address, run);
    home.tables().fail(0);
    EXPECT_EQ(status.ok(), !home.tables().has_failed());
    if (status.ok()) {
      home.write(address + pages(1199), 7);
      EXPECT_EQ(home.read(p.direct_map().start + pages(run.end().value - 1)), 7U);
      [[maybe_unused]] const Invalidated proof = p.shootdown(p.unmap({address, pages(1200)}));
      EXPECT_EQ(k, 4U) << "three tables were refused";
      return;
    }
    EXPECT_EQ(status.reason, Reason::page_tables);
    EXPECT_EQ(home.tables().outstanding(), 0U);
    for (std::uint64_t n = 0; n < 1200; n += 99) {
      EXPECT_TRUE(home.is_unreachable(address + pages(n))) << "page " << n;
    }
  }
}

// ---- requests -----------------------------------------------------------------------------------

/// Every kind of request; returns how many were refused, all by injection.
std::uint64_t run_script(KernelHome& home, std::vector<VirtAddr>& live) {
  const Request script[] = {
      {.size = pages(1)},
      {.size = pages(7), .zero = Zero::yes},
      {.size = pages(30), .contiguity = Contiguity::never},
      {.size = pages(600), .alignment = pages(512), .contiguity = Contiguity::required},
      {.size = pages(1), .may_block = MayBlock::no},
  };
  std::uint64_t refused = 0;
  for (const Request& request : script) {
    const Figures before = Figures::of(home.allocator());
    const auto got = home.allocator().allocate(request, kSite);
    if (got.ok()) {
      live.push_back(got->address);
      continue;
    }
    ++refused;
    EXPECT_EQ(got.error().reason, Reason::injected);
    EXPECT_EQ(Figures::of(home.allocator()), before);
  }
  return refused;
}

TEST(FaultRequests, EachMayBeRefusedOnce) {
  for (const bool forced : {false, true}) {
    KernelHome::prepare(forced);
    for (std::uint32_t k = 1; k <= 6; ++k) {
      SCOPED_TRACE(k);
      KernelHome home(PageCount(2048));
      std::vector<VirtAddr> live;
      home.allocator().set_injection(Trigger::nth(k));
      EXPECT_EQ(run_script(home, live), k <= 5 ? 1U : 0U);
      home.allocator().set_injection(Trigger::off());
      for (const VirtAddr address : live) EXPECT_EQ(home.allocator().free(address), Misuse::none);
      home.allocator().reclaim();
      home.allocator().check();
      EXPECT_EQ(home.allocator().stats().free_pages, PageCount(2048));
    }
  }
}

// ---- users --------------------------------------------------------------------------------------

/// Starts without users, ends with those that were there.
class FaultUsers : public ::testing::Test {
 protected:
  void SetUp() override {
    were_open_ = wait_tables().is_open();
    if (were_open_) ASSERT_TRUE(close_all_users());
    before_ = figures();
  }
  void TearDown() override {
    stop_failing();
    if (were_open_) EXPECT_TRUE(open_all_users());
  }

  static Figures figures() {
    arena().allocator.reclaim();
    return Figures::of(arena().allocator);
  }
  static void stop_failing() {
    arena().allocator.set_injection(Trigger::off());
    table_reserve().set_injection(Trigger::off());
    arena().allocator.set_always_map(parameters().always_map);
  }
  /// Opens a user with the k-th frame allocation refused, for every k; returns how many were.
  std::uint64_t refuse_each_frame(const User& user) {
    SCOPED_TRACE(user.name);
    for (std::uint32_t k = 1;; ++k) {
      arena().allocator.set_injection(Trigger::nth(k));
      const bool opened = user.open();
      arena().allocator.set_injection(Trigger::off());
      if (opened) {
        EXPECT_TRUE(user.close());
        EXPECT_EQ(figures(), before_);
        return k - 1;
      }
      EXPECT_EQ(figures(), before_) << "after refusal number " << k;
      arena().allocator.check();
    }
  }
  /// The same with page tables: refuses each that the user wants anew, and returns how many did.
  /// One that was granted stays, so after the first it is always the second that is refused.
  std::uint64_t refuse_each_table(const User& user) {
    SCOPED_TRACE(user.name);
    const FullTables none_to_spare;
    const Figures start = figures();
    constexpr std::uint64_t kTooMany = 100;
    for (std::uint64_t refused = 0; refused < kTooMany; ++refused) {
      table_reserve().set_injection(Trigger::nth(refused == 0 ? 1 : 2));
      const bool opened = user.open();
      table_reserve().set_injection(Trigger::off());
      if (opened) EXPECT_TRUE(user.close());
      EXPECT_EQ(figures(), start) << "after refusal number " << refused + 1;
      arena().allocator.check();
      if (opened) return refused;
    }
    ADD_FAILURE() << "it never opened";
    return kTooMany;
  }

  Figures before_;
  bool were_open_ = false;
};

TEST_F(FaultUsers, EachFrameAllocationOfEachUserMayBeRefused) {
  for (const Trigger layout : {Trigger::off(), Trigger::always()}) {
    arena().allocator.set_always_map(layout);
    for (std::uint32_t i = 0; i < kUserCount; ++i) {
      const std::uint64_t refusals = refuse_each_frame(user(i));
      const bool last = i + 1 == kUserCount;  // opens only where memory was kept back (hot_add=)
      if (!last) EXPECT_GT(refusals, 0U) << user(i).name;
    }
  }
}

TEST_F(FaultUsers, EachTableAllocationOfEachUserMayBeRefused) {
  const FragmentedMemory only_mappings_help;
  std::uint32_t users = 0;
  for (std::uint32_t i = 0; i < kUserCount; ++i) {
    if (refuse_each_table(user(i)) != 0) ++users;
  }
  EXPECT_GE(users, 3U) << "connection table, swap map and xor buffer have no run to lie in";
}

/// All memory but that many frames.
class Hog {
 public:
  explicit Hog(PageCount left) {
    auto& a = arena().allocator;
    for (;;) {
      a.reclaim();
      const Stats s = a.stats();
      if (s.available() <= left) return;
      const PageCount excess = s.available() - left;
      const PageCount piece = excess < s.largest_run ? excess : s.largest_run;
      const auto got =
          a.allocate({.size = pages(piece.value), .contiguity = Contiguity::required}, kSite);
      if (!got.ok()) return;
      taken_.push_back(got->address);
    }
  }
  ~Hog() {
    for (const VirtAddr address : taken_) {
      EXPECT_EQ(arena().allocator.free(address), Misuse::none);
    }
  }
  Hog(const Hog&) = delete;
  Hog& operator=(const Hog&) = delete;

 private:
  std::vector<VirtAddr> taken_;
};

TEST_F(FaultUsers, OpenOnTheLastFramesOrLeaveNothing) {
  std::uint32_t refused = 0;
  std::uint32_t opened = 0;
  for (std::uint64_t left = 0; left <= 16384; left = left == 0 ? 1 : left * 4) {
    const Hog hog{PageCount(left)};
    const Figures before = figures();
    for (std::uint32_t i = 0; i < kUserCount; ++i) {
      if (user(i).open()) {
        ++opened;
        EXPECT_TRUE(user(i).close());
      } else {
        ++refused;
      }
      EXPECT_EQ(figures(), before) << user(i).name << " with " << left << " frames left";
    }
  }
  EXPECT_GT(refused, 0U);
  EXPECT_GT(opened, 0U);
}

// ---- the network --------------------------------------------------------------------------------
// (net_test.cc refuses the frames.)

constinit net::NetworkInterface interface(net::first_card);

TEST(FaultNetwork, EachTableAllocationMayBeRefused) {
  if (!interface.probe()) GTEST_SKIP() << "no network card: boot with -device e1000";
  auto& a = arena().allocator;
  const FragmentedMemory only_mappings_help;
  const FullTables none_to_spare;
  const Figures before = Figures::of(a);
  net::InterfaceOptions options;
  options.card = {.descriptors = 512, .mtu = 9000, .report = Report::quiet};
  std::uint32_t refused = 0;
  for (bool failed = true; failed && refused < 100; refused += failed ? 1 : 0) {
    SCOPED_TRACE(refused);
    table_reserve().set_injection(Trigger::nth(refused == 0 ? 1 : 2));
    failed = interface.open(options).failed();
    table_reserve().set_injection(Trigger::off());
    if (!failed) interface.close();
    flush_work();
    a.reclaim();
    EXPECT_EQ(Figures::of(a), before);
    a.check();
  }
  EXPECT_GE(refused, 2U) << "the receive buffers, 2 MiB, lie in two tables";
  EXPECT_LT(refused, 100U) << "it never came up";
}

}  // namespace
}  // namespace vc::kernel
