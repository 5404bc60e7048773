// What a mapped compound is made of: the fewest, longest runs, huge pages whole, and the right
// nodes.
#include <gtest/gtest.h>

#include <vector>

#include "vcompound/instance/fake_arena.h"

namespace vc {
namespace {

constexpr CallSite kSite{"mapped_runs_test.cc", 1};
constexpr Bytes pages(std::uint64_t n) { return Bytes(n << 12); }

/// An arena whose free runs a test chooses.
struct RunsArena : FakeArena {
  explicit RunsArena(const FakeOptions& options, RunChoice choice = RunChoice::longest_first)
      : FakeArena(options, {.slot_cache = PageCount(1), .run_choice = choice}) {
    FakePlatform::set_cpu(0);
    FakePlatform::set_no_block(false);
  }
  /// Takes everything page by page, then frees [first, first + count) of each run.
  void leave_free(const std::vector<PfnRange>& runs) {
    std::vector<Allocation> all;
    for (;;) {
      auto got = allocator.allocate({.size = pages(1)}, kSite);
      if (!got.ok()) break;
      all.push_back(*got);
    }
    for (const Allocation& page : all) {
      for (const PfnRange run : runs) {
        if (!run.contains(page.head)) continue;
        EXPECT_EQ(allocator.free(page.address), Misuse::none);
      }
    }
    allocator.reclaim();
  }
  Allocation must(const Request& request) {
    auto got = allocator.allocate(request, kSite);
    EXPECT_TRUE(got.ok()) << name_of(got.ok() ? Reason::none : got.error().reason);
    allocator.check();
    return got.ok() ? *got : Allocation{};
  }
  std::vector<PfnRange> runs_of(const Allocation& what) const {
    std::vector<PfnRange> runs;
    allocator.for_each_extent(what.head, [&](PfnRange run) { runs.push_back(run); });
    return runs;
  }
  std::vector<std::uint64_t> pages_per_node(const Allocation& what) const {
    std::vector<std::uint64_t> counts(platform.node_count(), 0);
    for (const PfnRange run : runs_of(what))
      counts[allocator.node_of(run.first)] += run.count.value;
    return counts;
  }
};

PfnRange run(std::uint64_t first, std::uint64_t count) { return {Pfn(first), PageCount(count)}; }

TEST(MappedRuns, TheLongestRunsComeFirst) {
  RunsArena arena({.nodes = {PageCount(256)}, .huge_pages = PageCount(1)});
  arena.leave_free({run(0, 4), run(16, 32), run(64, 16), run(100, 2), run(128, 64)});
  const Allocation what = arena.must({.size = pages(100)});
  EXPECT_EQ(arena.runs_of(what).size(), 3U) << "64 + 32 + 4 or 16: the fewest there are";
  EXPECT_EQ(arena.platform.mappings_used(), 4U);
}

TEST(MappedRuns, TheLastRunIsTheSmallestThatSuffices) {
  RunsArena arena({.nodes = {PageCount(256)}, .huge_pages = PageCount(64)});
  arena.leave_free({run(0, 64), run(96, 8), run(128, 64), run(208, 32)});
  const Allocation what = arena.must({.size = pages(64 + 8)});
  EXPECT_EQ(arena.runs_of(what).back(), run(96, 8));
  EXPECT_EQ(arena.allocator.stats().largest_run, PageCount(64)) << "no large run was broken";
}

/// Free runs of every length: 64, 32, 16, 8, 4, 2 and 1 frame.
const std::vector<PfnRange> kRunsOfEveryLength{run(0, 64),  run(96, 32), run(160, 16), run(184, 8),
                                               run(200, 4), run(210, 2), run(220, 1)};

TEST(RunChoice, SmallestFirstTakesTheSmallestOfAll) {
  RunsArena arena({.nodes = {PageCount(256)}}, RunChoice::smallest_first);
  arena.leave_free(kRunsOfEveryLength);
  const Allocation what = arena.must({.size = pages(9), .contiguity = Contiguity::never});
  EXPECT_EQ(arena.runs_of(what),
            (std::vector<PfnRange>{run(220, 1), run(210, 2), run(200, 4), run(184, 2)}));
  EXPECT_EQ(arena.allocator.stats().largest_run, PageCount(64));
}

TEST(RunChoice, SmallestSufficientKeepsTheRunsFew) {
  RunsArena arena({.nodes = {PageCount(256)}}, RunChoice::smallest_sufficient);
  arena.leave_free(kRunsOfEveryLength);
  const Allocation what = arena.must({.size = pages(48), .contiguity = Contiguity::never});
  // A 16th is 3 frames: runs of 4 and more.
  EXPECT_EQ(arena.runs_of(what),
            (std::vector<PfnRange>{run(200, 4), run(184, 8), run(160, 16), run(96, 20)}));
  EXPECT_EQ(arena.allocator.stats().largest_run, PageCount(64)) << "kept for who needs it";
}

TEST(RunChoice, SmallestSufficientTakesTheLongestIfNoneSuffices) {
  RunsArena arena({.nodes = {PageCount(256)}}, RunChoice::smallest_sufficient);
  std::vector<PfnRange> comb{run(100, 4)};
  for (std::uint64_t at = 0; at < 64; at += 2) comb.push_back(run(at, 1));
  arena.leave_free(comb);
  const Allocation what = arena.must({.size = pages(36)});
  EXPECT_EQ(arena.runs_of(what).size(), 33U);
  EXPECT_EQ(arena.allocator.stats().available(), PageCount(0));
}

TEST(RunChoice, AnyChoiceServesWhileFramesAreFree) {
  for (const RunChoice choice :
       {RunChoice::longest_first, RunChoice::smallest_sufficient, RunChoice::smallest_first}) {
    RunsArena arena({.nodes = {PageCount(256)}}, choice);
    arena.leave_free(kRunsOfEveryLength);
    const Allocation what = arena.must({.size = pages(127)});
    EXPECT_EQ(arena.runs_of(what).size(), 7U) << "all there are";
  }
}

TEST(MappedRuns, AdjacentFramesNeedOneMapping) {
  RunsArena arena({.nodes = {PageCount(256)}, .huge_pages = PageCount(16)});
  arena.leave_free({run(10, 50), run(100, 4)});
  const Allocation what = arena.must({.size = pages(54)});
  // 16..47 is whole huge pages and comes first; 48..59 follows it directly.
  EXPECT_EQ(arena.runs_of(what), (std::vector<PfnRange>{run(16, 44), run(10, 6), run(100, 4)}));
  EXPECT_EQ(arena.platform.mappings_used(), 4U) << "the runs and the guard page";
}

TEST(MappedRuns, HugePagesStayWholeAndAligned) {
  RunsArena arena({.nodes = {PageCount(4096)}});
  arena.leave_free({run(100, 500), run(1000, 1100), run(3072, 512)});
  const Allocation what = arena.must({.size = pages(1024 + 512 + 100)});
  ASSERT_EQ(what.kind, Kind::mapped);
  EXPECT_EQ(what.address.value % (512 << 12), 0U);
  EXPECT_GE(arena.platform.mapped_huge(), PageCount(1536))
      << "1024..2047 and 3072..3583; the rest is small and comes behind them";
}

TEST(MappedRuns, AnAreaOfLessThanAHugePageIsNotAligned) {
  RunsArena arena(FakeOptions{});
  const Allocation one = arena.must({.size = pages(3), .contiguity = Contiguity::never});
  const Allocation other = arena.must({.size = pages(3), .contiguity = Contiguity::never});
  EXPECT_EQ(other.address, one.address + pages(4)) << "one guard page between them";
}

const FakeOptions kThreeNodes{.nodes = {PageCount(256), PageCount(256), PageCount(256)},
                              .gap_between_nodes = PageCount(64),
                              .first_frame = Pfn(64),
                              .huge_pages = PageCount(16)};

TEST(Placement, SpreadTakesEqualPartsOfEveryNode) {
  RunsArena arena(kThreeNodes);
  const Allocation what = arena.must({.size = pages(200), .placement = Placement::spread()});
  EXPECT_EQ(what.kind, Kind::mapped);
  EXPECT_EQ(arena.pages_per_node(what), (std::vector<std::uint64_t>{66, 67, 67}));
}

TEST(Placement, SpreadTakesTheRestWhereItIs) {
  RunsArena arena(kThreeNodes);
  arena.leave_free({run(64, 10), run(384, 200), run(704, 40)});
  const Allocation what = arena.must({.size = pages(150), .placement = Placement::spread()});
  const std::vector<std::uint64_t> expected{10, 100, 40};
  EXPECT_EQ(arena.pages_per_node(what), expected);
}

TEST(Placement, SpreadIsMappedEvenWhenARunIsFree) {
  RunsArena arena(kThreeNodes);
  EXPECT_EQ(arena.must({.size = pages(2), .placement = Placement::spread()}).kind, Kind::mapped);
  EXPECT_EQ(arena.must({.size = pages(1), .placement = Placement::spread()}).kind, Kind::contiguous)
      << "one page has nothing to spread";
}

TEST(Placement, OnANodeIfItCanElseElsewhere) {
  RunsArena arena(kThreeNodes);
  const Allocation there = arena.must({.size = pages(200), .placement = Placement::on(2)});
  EXPECT_EQ(arena.pages_per_node(there), (std::vector<std::uint64_t>{0, 0, 200}));
  const Allocation elsewhere = arena.must({.size = pages(100), .placement = Placement::on(2)});
  EXPECT_EQ(elsewhere.kind, Kind::contiguous) << "a run on another node is better than a mapping";
  EXPECT_EQ(arena.pages_per_node(elsewhere)[2], 0U);
  const Allocation mapped = arena.must(
      {.size = pages(100), .contiguity = Contiguity::never, .placement = Placement::on(2)});
  EXPECT_EQ(arena.pages_per_node(mapped)[2], 56U) << "what was left there";
}

TEST(Placement, ARunNeverCrossesNodes) {
  FakeOptions options = kThreeNodes;
  options.gap_between_nodes = PageCount(0);  // frame numbers continue, the memory does not
  RunsArena arena(options);
  EXPECT_FALSE(
      arena.allocator.allocate({.size = pages(257), .contiguity = Contiguity::required}, kSite)
          .ok());
  const Allocation all = arena.must({.size = pages(768)});
  EXPECT_EQ(all.kind, Kind::mapped);
  EXPECT_EQ(arena.runs_of(all).size(), 3U);
}

TEST(Purge, OneShootdownServesMany) {
  RunsArena arena({.nodes = {PageCount(1024)}, .huge_pages = PageCount(1)});
  std::vector<Allocation> all;
  for (int i = 0; i < 10; ++i) {
    all.push_back(arena.must({.size = pages(5), .contiguity = Contiguity::never}));
  }
  for (const Allocation& what : all) EXPECT_EQ(arena.allocator.free(what.address), Misuse::none);
  EXPECT_EQ(arena.allocator.stats().pending_pages, PageCount(50));
  EXPECT_EQ(arena.platform.shootdowns(), 0U);
  arena.allocator.reclaim();
  EXPECT_EQ(arena.platform.shootdowns(), 1U);
  EXPECT_EQ(arena.allocator.stats().unmaps, 1U) << "neighbours are unmapped by one call";
  EXPECT_EQ(arena.allocator.stats().pending_pages, PageCount(0));
}

/// Mapped compounds of 64 pages that are all in use; half of the memory is free.
struct BusyArena : RunsArena {
  BusyArena() : RunsArena({.nodes = {PageCount(8192)}, .huge_pages = PageCount(1)}) {
    for (int i = 0; i < 64; ++i) live.push_back(map(64));
  }
  Allocation map(std::uint64_t count) {
    return must({.size = pages(count), .contiguity = Contiguity::never});
  }
  void free_one() {
    EXPECT_EQ(allocator.free(live.back().address), Misuse::none);
    live.pop_back();
  }
  std::uint64_t pending() { return allocator.stats().pending_pages.value; }

  std::vector<Allocation> live;
};

TEST(Purge, AFreePurgesAStepAndNotEverything) {
  BusyArena arena;
  while (arena.pending() + 64 <= 1024) arena.free_one();
  EXPECT_EQ(arena.platform.shootdowns(), 0U) << "an eighth of the memory may be pending";
  arena.free_one();
  EXPECT_EQ(arena.platform.shootdowns(), 1U);
  EXPECT_EQ(arena.pending(), 1024U + 64 - 256) << "four areas of 64 pages";
  for (int i = 0; i < 3; ++i) arena.free_one();
  EXPECT_EQ(arena.platform.shootdowns(), 1U) << "not one for each free";
  arena.free_one();
  EXPECT_EQ(arena.platform.shootdowns(), 2U);
  EXPECT_EQ(arena.pending(), 1024U + 64 - 256);
}

TEST(Purge, AFreeOfMuchPurgesAsMuch) {
  BusyArena arena;
  const Allocation large = arena.map(1000);
  while (arena.pending() != 1024) arena.free_one();
  EXPECT_EQ(arena.allocator.free(large.address), Misuse::none);
  EXPECT_EQ(arena.platform.shootdowns(), 1U);
  EXPECT_LE(arena.pending(), 1024U);
}

TEST(Purge, AContiguousAllocationPurgesNothing) {
  BusyArena arena;
  while (arena.pending() != 1024) arena.free_one();
  arena.must({.size = pages(1000)});
  EXPECT_EQ(arena.platform.shootdowns(), 0U);
  EXPECT_EQ(arena.pending(), 1024U);
}

TEST(Purge, AMappingBringsBackWhatItTakes) {
  BusyArena arena;
  while (arena.pending() != 1024) arena.free_one();
  arena.map(3500);
  EXPECT_EQ(arena.platform.shootdowns(), 0U) << "much is free, and the limit is kept";
  arena.map(300);
  EXPECT_EQ(arena.platform.shootdowns(), 1U) << "less than a sixteenth would have stayed free";
  EXPECT_EQ(arena.pending(), 1024U - 320) << "five areas of 64 pages";
  EXPECT_EQ(arena.allocator.stats().refusals[static_cast<int>(Reason::budget)], 0U);
}

TEST(Purge, PendingMemoryIsNotRefused) {
  RunsArena arena({.nodes = {PageCount(256)}});
  const Allocation what = arena.must({.size = pages(256), .contiguity = Contiguity::never});
  EXPECT_EQ(arena.allocator.free(what.address), Misuse::none);
  EXPECT_EQ(arena.must({.size = pages(256), .contiguity = Contiguity::required}).pages,
            PageCount(256));
}

}  // namespace
}  // namespace vc
