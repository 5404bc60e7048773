// The seven mistakes of the patches that were posted in 2007 and 2008, each by name.
#include <gtest/gtest.h>

#include <concepts>
#include <vector>

#include "vcompound/instance/fake_arena.h"

namespace vc {
namespace {

constexpr CallSite kSite{"old_mistakes_test.cc", 1};
constexpr Contiguity kBothWays[] = {Contiguity::required, Contiguity::never};

constexpr Bytes pages(std::uint64_t n) { return Bytes(n << 12); }

struct OldMistakes : ::testing::Test {
  void SetUp() override {
    FakePlatform::set_cpu(0);
    FakePlatform::set_no_block(false);
  }
  void TearDown() override { FakePlatform::set_no_block(false); }
};

Allocation must(FakeArena& arena, const Request& request) {
  auto result = arena.allocator.allocate(request, kSite);
  EXPECT_TRUE(result.ok());
  return result.ok() ? result.value() : Allocation{};
}

/// The posted code set the tail mark on every page of a compound, the head included, so freeing the
/// head tripped over it.
TEST_F(OldMistakes, OldMistake1_HeadMarkedAsTail) {
  FakeArena arena;
  for (const Contiguity way : kBothWays) {
    const Allocation a = must(arena, {.size = pages(4), .contiguity = way});
    EXPECT_EQ(arena.allocator.head_of(a.head), a.head);
    EXPECT_EQ(arena.allocator.nth_page(a.head, PageCount(0)), a.head);
    EXPECT_EQ(arena.allocator.page_address(a.head), a.address);
    EXPECT_EQ(arena.allocator.references(a.head), 1U);
    arena.allocator.check();
    EXPECT_EQ(arena.allocator.free(a.address), Misuse::none) << "the free trips";
    arena.allocator.check();
  }
}

/// The contiguous attempt did not ask for a compound, so only the first page was freed.
TEST_F(OldMistakes, OldMistake2_ContiguousTryWithoutCompoundMarking) {
  FakeArena arena({}, {.slot_cache = PageCount(1)});
  for (std::uint64_t n = 1; n <= 70; ++n) {
    const Allocation a = must(arena, {.size = pages(n)});
    ASSERT_EQ(a.kind, Kind::contiguous);
    for (std::uint64_t i = 0; i < n; ++i) {
      ASSERT_EQ(arena.allocator.head_of(a.head + PageCount(i)), a.head) << "page " << i;
    }
    EXPECT_EQ(arena.allocator.head_of(a.head + PageCount(n)), kNoPfn);
    EXPECT_EQ(arena.allocator.describe(a.head).pages, PageCount(n));
    EXPECT_EQ(arena.allocator.free(a.address), Misuse::none);
    arena.allocator.reclaim();
    ASSERT_EQ(arena.allocator.stats().free_pages, PageCount(1024)) << "frames lost of " << n;
  }
}

/// When mapping failed, the address range leaked and the pages already mapped stayed mapped.
TEST_F(OldMistakes, OldMistake3_MappingFailsAndTheAreaLeaks) {
  const auto fragmented = [](FakeArena& arena) {  // every second page is free
    std::vector<Allocation> all;
    while (all.size() < 1024) all.push_back(must(arena, {.size = pages(1)}));
    for (const Allocation& page : all) {
      if (page.head.value % 2 != 0) continue;
      EXPECT_EQ(arena.allocator.free(page.address), Misuse::none);
    }
    arena.allocator.reclaim();
  };
  FakeArena arena;
  fragmented(arena);
  const PageCount gap = arena.allocator.stats().largest_gap;
  for (std::uint64_t k = 1; k <= 20; ++k) {
    arena.platform.fail(FakeCall::map, k);
    const auto refused = arena.allocator.allocate({.size = pages(20)}, kSite);
    ASSERT_FALSE(refused.ok()) << k;
    EXPECT_EQ(refused.error().reason, Reason::page_tables);
    EXPECT_EQ(arena.platform.mapped_small() + arena.platform.mapped_huge(), PageCount(0))
        << "a half-made mapping was left";
    EXPECT_EQ(arena.allocator.stats().largest_gap, gap) << "the area leaked";
    EXPECT_EQ(arena.platform.mappings_used(), 0U);
    EXPECT_EQ(arena.allocator.stats().free_pages, PageCount(512));
    arena.allocator.check();
  }
}

/// The deferred free kept its work item inside the memory being freed; a second free, or a late
/// write, corrupted the queue. (deferred_memory_test.cc writes into real memory.)
TEST_F(OldMistakes, OldMistake4_DeferredFreeKeepsItsItemInTheFreedMemory) {
  FakeArena arena({}, {.slot_cache = PageCount(1)});  // nothing is cached: every free is deferred
  std::vector<Allocation> all;
  for (std::uint64_t i = 0; i < 6; ++i) {
    all.push_back(must(arena, {.size = pages(3 + i % 2), .contiguity = kBothWays[i % 2]}));
  }
  FakePlatform::set_no_block(true);
  for (int round = 0; round < 3; ++round) {
    for (const Allocation& a : all) {
      const Misuse got = arena.allocator.free(a.address);
      EXPECT_EQ(got, round == 0 ? Misuse::none : Misuse::already_freed);
    }
  }
  FakePlatform::set_no_block(false);
  arena.allocator.check();
  EXPECT_EQ(arena.allocator.stats().deferred_pages, PageCount(3 * 3 + 3 * 4));
  EXPECT_EQ(arena.allocator.stats().deferred_frees, 6U);
  arena.allocator.poll();
  arena.allocator.reclaim();
  arena.allocator.check();
  EXPECT_EQ(arena.allocator.stats().free_pages, PageCount(1024)) << "a free was lost or made twice";
}

/// A caller passed a size in bytes where an order was meant. The diagnostics: tests/compile_fail.
template <class T>
concept MeansAnOrder = std::constructible_from<Order, T> && std::convertible_to<T, Order>;

TEST_F(OldMistakes, OldMistake5_SizeWhereAnOrderIsMeant) {
  static_assert(!MeansAnOrder<int> && !MeansAnOrder<std::size_t>);
  static_assert(!std::constructible_from<Order, Bytes>);
  static_assert(!std::constructible_from<Order, PageCount>);
  static_assert(!std::constructible_from<Bytes, Order>);
  // And a number of pages where bytes are meant: sizes are named by their unit in a request.
  static_assert(!std::convertible_to<PageCount, Bytes>);
  static_assert(!std::convertible_to<std::uint64_t, Bytes>);
  FakeArena arena;
  // What a size taken for an order would be: refused as absurd, not shifted into nonsense.
  const auto absurd = arena.allocator.allocate({.size = Bytes(1ULL << 47)}, kSite);
  ASSERT_FALSE(absurd.ok());
  EXPECT_EQ(absurd.error().reason, Reason::invalid);
}

/// Zeroing was done on one of the two paths only.
TEST_F(OldMistakes, OldMistake6_ZeroingLostOnOneOfTheTwoPaths) {
  enum class Source { fresh, dirty, cached, forced, partly_committed };
  for (const Source source :
       {Source::fresh, Source::dirty, Source::cached, Source::forced, Source::partly_committed}) {
    for (const Contiguity way : kBothWays) {
      const bool keeps = source == Source::cached || source == Source::forced;
      FakeArena arena({.commit_unit = PageCount(16)}, {.slot_cache = PageCount(keeps ? 512 : 1)});
      Request request{.size = pages(40), .contiguity = way};
      if (source != Source::fresh) {
        const Allocation dirty = must(arena, request);
        for (std::uint64_t n = 0; n < 40; ++n) {
          EXPECT_TRUE(arena.platform.write(0, dirty.address + pages(n), 0xbad));
        }
        EXPECT_EQ(arena.allocator.free(dirty.address), Misuse::none);
      }
      if (source == Source::forced) {
        arena.allocator.set_always_map(Trigger::always());
        request.contiguity = Contiguity::preferred;
      }
      if (source == Source::partly_committed) request.size = pages(100);
      request.zero = Zero::yes;
      const Allocation a = must(arena, request);
      for (std::uint64_t n = 0; n < a.pages.value; ++n) {
        std::uint64_t seen = 1;
        EXPECT_TRUE(arena.platform.read(n % 4, a.address + pages(n), seen));
        ASSERT_EQ(seen, 0U) << "page " << n << ", source " << static_cast<int>(source) << ", "
                            << name_of(a.kind);
      }
    }
  }
}

}  // namespace
}  // namespace vc
