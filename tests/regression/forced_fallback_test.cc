// Forced fallback on fresh memory must not look contiguous by chance, or it hides the very bug that
// it is there to find: code that takes head + n for the n-th page.
#include <gtest/gtest.h>

#include "vcompound/instance/fake_arena.h"

namespace vc {
namespace {

FakeOptions fresh_memory() { return {.nodes = {PageCount(16384)}}; }

/// Is page n of the compound frame head + n, for every n?
bool looks_contiguous(const FakeArena& arena, const Allocation& what) {
  for (PageCount n{}; n < what.pages; n += PageCount(1)) {
    if (arena.allocator.nth_page(what.head, n) != what.head + n) return false;
  }
  return true;
}

TEST(ForcedFallback, IsNeverContiguousByChance) {
  for (const std::uint64_t pages : {2U, 3U, 5U, 511U, 512U, 513U, 1024U, 1025U, 5000U}) {
    FakeArena arena(fresh_memory());
    arena.allocator.set_always_map(Trigger::always());
    auto got = arena.allocator.allocate({.size = Bytes(pages * 4096)}, CallSite::here());
    ASSERT_TRUE(got) << pages;
    EXPECT_EQ(got->kind, Kind::mapped);
    EXPECT_FALSE(looks_contiguous(arena, *got)) << pages << " pages";
    arena.allocator.check();
  }
}

TEST(ForcedFallback, NeverMeansMappedAndScattered) {
  FakeArena arena(fresh_memory());
  auto got = arena.allocator.allocate({.size = Bytes(8 * 4096), .contiguity = Contiguity::never},
                                      CallSite::here());
  ASSERT_TRUE(got);
  EXPECT_FALSE(looks_contiguous(arena, *got));
}

TEST(ForcedFallback, KeepsHugePages) {
  FakeArena arena(fresh_memory());
  arena.allocator.set_always_map(Trigger::always());
  auto got = arena.allocator.allocate({.size = Bytes(4 * 512 * 4096)}, CallSite::here());
  ASSERT_TRUE(got);
  EXPECT_EQ(arena.platform.mapped_huge(), PageCount(2048));
}

}  // namespace
}  // namespace vc
