// Failures outside of allocation: opening, trimming, and refusals that a test asked for.
#include <gtest/gtest.h>

#include "tests/fault/scenario.h"

namespace vc {
namespace {

using testing::FaultArena;
using testing::Figures;
using testing::kFaultSite;

constexpr Bytes pages(std::uint64_t n) { return Bytes(n << 12); }

TEST(OpenFault, EveryTableMayBeRefused) {
  std::uint64_t failures = 0;
  for (std::uint64_t k = 1;; ++k) {
    SCOPED_TRACE("table number " + std::to_string(k));
    FakePlatform platform({.nodes = {PageCount(100), PageCount(200)}});
    CompoundAllocator<FakePlatform> allocator(platform);
    platform.fail(FakeCall::metadata, k);
    const PlatformStatus status = allocator.open({});
    const bool failed = platform.has_failed(FakeCall::metadata);
    platform.fail(FakeCall::metadata, 0);
    EXPECT_EQ(status.ok(), !failed);
    if (!failed) break;
    ++failures;
    EXPECT_EQ(status.reason, Reason::backing);
    EXPECT_STRNE(status.detail, "");
    ASSERT_TRUE(allocator.open({}).ok()) << "the same request succeeds afterwards";
    EXPECT_EQ(allocator.stats().total_pages, PageCount(300));
    EXPECT_EQ(allocator.stats().free_pages, PageCount(300));
    EXPECT_TRUE(allocator.allocate({.size = pages(3)}, kFaultSite).ok());
    allocator.check();
  }
  EXPECT_EQ(failures, 8U)
      << "frames, entries, gaps, commit bits, call sites, slots, words of zones, the depot";
}

TEST(OpenFault, TooManyNodesAreRefused) {
  FakePlatform platform({.nodes = std::vector<PageCount>(9, PageCount(16))});
  CompoundAllocator<FakePlatform> allocator(platform);
  EXPECT_EQ(allocator.open({}).reason, Reason::invalid);
}

TEST(TrimFault, EveryDecommitMayFail) {
  std::uint64_t failures = 0;
  for (std::uint64_t k = 1;; ++k) {
    SCOPED_TRACE("decommit number " + std::to_string(k));
    FaultArena arena({.nodes = {PageCount(1024)}, .commit_unit = PageCount(128)});
    arena.must({.size = pages(1024)});
    arena.free_at(0);
    arena.platform.fail(FakeCall::decommit, k);
    const PageCount trimmed = arena.allocator.trim();
    const bool failed = arena.platform.has_failed(FakeCall::decommit);
    arena.platform.fail(FakeCall::decommit, 0);
    arena.allocator.check();
    const Stats s = arena.allocator.stats();
    EXPECT_EQ(s.free_pages, PageCount(1024)) << "a frame that could not be trimmed is free";
    EXPECT_EQ(s.committed_pages, arena.platform.committed());
    EXPECT_EQ(trimmed + s.committed_pages, PageCount(1024));
    if (!failed) break;
    ++failures;
    arena.allocator.trim();
    EXPECT_EQ(arena.platform.committed(), PageCount(0)) << "the next trim takes it";
    arena.must({.size = pages(1024), .zero = Zero::yes});
    arena.finish();
  }
  EXPECT_EQ(failures, 8U);
}

TEST(TrimFault, APermanentFailureEnds) {
  FaultArena arena({.nodes = {PageCount(1024)}, .commit_unit = PageCount(128)});
  arena.must({.size = pages(100)});
  arena.free_at(0);
  arena.platform.fail(FakeCall::decommit, 1);
  EXPECT_EQ(arena.allocator.trim(), PageCount(0)) << "one unit, which cannot be decommitted";
  EXPECT_EQ(arena.allocator.stats().committed_pages, PageCount(128));
  arena.finish();
}

/// A script of every kind of request; returns how many were refused, all by injection.
std::uint64_t run_script(FaultArena& arena) {
  const Request script[] = {
      {.size = pages(1)},
      {.size = pages(7), .zero = Zero::yes},
      {.size = pages(30), .contiguity = Contiguity::never},
      {.size = pages(30), .alignment = pages(8), .contiguity = Contiguity::required},
      {.size = pages(64), .placement = Placement::spread()},
      {.size = pages(1), .may_block = MayBlock::no},
  };
  std::uint64_t refused = 0;
  for (const Request& request : script) {
    const Figures before(arena);
    auto result = arena.allocator.allocate(request, kFaultSite);
    if (result.ok()) {
      arena.live.push_back(result->address);
      continue;
    }
    ++refused;
    EXPECT_EQ(result.error().reason, Reason::injected);
    EXPECT_EQ(Figures(arena).numbers, before.numbers);
  }
  return refused;
}

TEST(InjectionFault, EveryRequestMayBeRefusedOnce) {
  for (std::uint32_t k = 1; k <= 7; ++k) {
    SCOPED_TRACE("request number " + std::to_string(k));
    FaultArena arena({.nodes = {PageCount(300), PageCount(300)}});
    arena.allocator.set_injection(Trigger::nth(k));
    EXPECT_EQ(run_script(arena), k <= 6 ? 1U : 0U);
    EXPECT_EQ(run_script(arena), k == 7 ? 1U : 0U);
    arena.allocator.check();
    arena.finish();
  }
}

TEST(InjectionFault, AlwaysMeansAlwaysAlsoForCachedSizes) {
  FakeArena arena;
  FakePlatform::set_cpu(0);
  const auto a = arena.allocator.allocate({.size = pages(2)}, kFaultSite);
  ASSERT_TRUE(a.ok());
  EXPECT_EQ(arena.allocator.free(a->address), Misuse::none);  // now in the cache
  arena.allocator.set_injection(Trigger::always());
  EXPECT_EQ(arena.allocator.allocate_hot(pages(2), kFaultSite).pages, PageCount(0));
  const auto b = arena.allocator.allocate({.size = pages(2)}, kFaultSite);
  ASSERT_FALSE(b.ok());
  EXPECT_EQ(b.error().reason, Reason::injected);
  arena.allocator.set_injection(Trigger::off());
  EXPECT_TRUE(arena.allocator.allocate({.size = pages(2)}, kFaultSite).ok());
}

}  // namespace
}  // namespace vc
