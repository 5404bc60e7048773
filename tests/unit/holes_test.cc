// Memory with holes, as a machine's memory map has them: frames that do not exist are never used.
#include <gtest/gtest.h>

#include <vector>

#include "vcompound/instance/fake_arena.h"

namespace vc {
namespace {

constexpr CallSite kSite{"holes", 1};

/// 1000 frames from 100 on, in two nodes; the holes cut runs, a border of nodes, and both ends.
class Holes : public ::testing::Test {
 protected:
  static FakeOptions options() {
    FakeOptions o;
    o.nodes = {PageCount(500), PageCount(500)};
    o.first_frame = Pfn(100);
    o.commit_unit = PageCount(0);
    o.holes = {run(100, 10), run(300, 1), run(590, 30), run(1099, 1)};
    return o;
  }
  static PfnRange run(std::uint64_t first, std::uint64_t count) {
    return {Pfn(first), PageCount(count)};
  }
  static bool is_hole(Pfn frame) {
    for (const PfnRange& hole : options().holes) {
      if (hole.contains(frame)) return true;
    }
    return false;
  }
  Result<Allocation> take(std::uint64_t pages, Contiguity contiguity) {
    return arena.allocator.allocate({.size = Bytes(pages << 12), .contiguity = contiguity}, kSite);
  }

  FakeArena arena{options()};
};

TEST_F(Holes, OnlyWhatExistsIsCounted) {
  ASSERT_TRUE(arena.opened.ok());
  const Stats s = arena.allocator.stats();
  EXPECT_EQ(s.total_pages, PageCount(958));
  EXPECT_EQ(s.free_pages, PageCount(958));
  EXPECT_EQ(arena.allocator.total_pages(0), PageCount(479));
  EXPECT_EQ(arena.allocator.total_pages(1), PageCount(479));
  arena.allocator.check();
}

TEST_F(Holes, TheLastPageIsServedAndNoHoleIsTouched) {
  const auto all = take(958, Contiguity::preferred);
  ASSERT_TRUE(all.ok());
  EXPECT_EQ(all->kind, Kind::mapped);
  std::uint64_t frames = 0;
  arena.allocator.for_each_extent(all->head, [&](PfnRange extent) {
    for (Pfn p = extent.first; p < extent.end(); p += PageCount(1), ++frames) {
      EXPECT_FALSE(is_hole(p)) << p.value;
    }
  });
  EXPECT_EQ(frames, 958U);
  EXPECT_EQ(take(1, Contiguity::preferred).error().reason, Reason::budget);
  EXPECT_EQ(arena.allocator.free(all->address), Misuse::none);
  arena.allocator.reclaim();
  arena.allocator.check();
}

TEST_F(Holes, NoRunReachesOverAHole) {
  const auto too_long = take(480, Contiguity::required);
  ASSERT_FALSE(too_long.ok());
  EXPECT_EQ(too_long.error().reason, Reason::fragmentation);
  for (const PfnRange& run : {run(620, 479), run(301, 289), run(110, 190)}) {  // all there are
    const auto longest = take(run.count.value, Contiguity::required);
    ASSERT_TRUE(longest.ok());
    EXPECT_EQ(longest->head, run.first);
  }
  EXPECT_EQ(take(1, Contiguity::preferred).error().reason, Reason::budget);
  EXPECT_EQ(arena.allocator.head_of(Pfn(300)), kNoPfn);
  EXPECT_EQ(arena.allocator.free(arena.allocator.direct_map().start + Bytes(300ULL << 12)),
            Misuse::not_allocated);
}

TEST_F(Holes, SinglePagesFillEverythingThatExists) {
  std::vector<Allocation> all;
  for (;;) {
    const auto one = take(1, Contiguity::preferred);
    if (!one.ok()) break;
    EXPECT_FALSE(is_hole(one->head)) << one->head.value;
    all.push_back(*one);
  }
  EXPECT_EQ(all.size(), 958U);
  for (const Allocation& what : all) EXPECT_EQ(arena.allocator.free(what.address), Misuse::none);
  arena.allocator.reclaim();
  arena.allocator.check();
  EXPECT_EQ(arena.allocator.stats().free_pages, PageCount(958));
}

}  // namespace
}  // namespace vc
