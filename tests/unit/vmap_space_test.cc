// VmapSpace: areas with guard pages, lowest address first, and a check() that sees every damage.
#include "vcompound/vmap/vmap_space.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

namespace vc {
namespace {

struct SpaceBox {
  explicit SpaceBox(std::uint64_t pages, std::uint32_t node_count = 64)
      : entries(std::make_unique<Atomic<std::uint32_t>[]>(pages)), nodes(node_count) {
    space.open({entries.get(), nodes.data(), node_count}, PageCount(pages));
  }

  std::unique_ptr<Atomic<std::uint32_t>[]> entries;
  std::vector<GapNode> nodes;
  VmapSpace space;
};

TEST(VmapSpace, AnAreaHasAGuardPageInFront) {
  SpaceBox box(100);
  EXPECT_EQ(box.space.largest_gap(), PageCount(99));
  EXPECT_EQ(box.space.reserve(PageCount(3)), Vpn(1));
  EXPECT_EQ(box.space.reserve(PageCount(4)), Vpn(5)) << "page 4 is the guard";
  EXPECT_EQ(box.space.pages(Vpn(1)), PageCount(3));
  EXPECT_EQ(box.space.pages(Vpn(5)), PageCount(4));
  EXPECT_EQ(box.space.free_pages(), PageCount(100 - 4 - 5));
  box.space.check();
}

TEST(VmapSpace, TheLowestGapThatFitsIsUsed) {
  SpaceBox box(100);
  const Vpn a = box.space.reserve(PageCount(5));
  const Vpn b = box.space.reserve(PageCount(9));
  const Vpn c = box.space.reserve(PageCount(5));
  ASSERT_NE(box.space.reserve(PageCount(5)), kNoVpn);
  box.space.release(a);
  box.space.release(c);
  EXPECT_EQ(box.space.reserve(PageCount(2)), a);
  EXPECT_EQ(box.space.reserve(PageCount(5)), c) << "what is left of the first gap is too short";
  box.space.release(b);
  box.space.check();
}

TEST(VmapSpace, AlignmentIsOfThePageNumber) {
  SpaceBox box(200);
  EXPECT_EQ(box.space.reserve(PageCount(3), PageCount(16)), Vpn(16));
  EXPECT_EQ(box.space.reserve(PageCount(3)), Vpn(1)) << "what alignment skipped stays free";
  EXPECT_EQ(box.space.reserve(PageCount(20), PageCount(64)), Vpn(64));
  box.space.check();
}

TEST(VmapSpace, ReleaseInEveryNeighbourhoodCoalesces) {
  for (int order = 0; order < 6; ++order) {
    static constexpr int kOrders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                          {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    SpaceBox box(64);
    Vpn areas[3];
    for (Vpn& area : areas) area = box.space.reserve(PageCount(4));
    for (const int which : kOrders[order]) {
      box.space.release(areas[which]);
      box.space.check();
    }
    EXPECT_EQ(box.space.free_pages(), PageCount(64));
    EXPECT_EQ(box.space.largest_gap(), PageCount(63)) << "one gap again";
  }
}

TEST(VmapSpace, TheWholeSpaceCanBeOneArea) {
  SpaceBox box(64);
  EXPECT_EQ(box.space.reserve(PageCount(64)), kNoVpn) << "no room for the guard page";
  EXPECT_EQ(box.space.reserve(PageCount(63)), Vpn(1));
  EXPECT_EQ(box.space.largest_gap(), PageCount(0));
  EXPECT_EQ(box.space.reserve(PageCount(1)), kNoVpn);
  box.space.check();
  box.space.release(Vpn(1));
  EXPECT_EQ(box.space.free_pages(), PageCount(64));
  box.space.check();
}

TEST(VmapSpace, FramesAreFoundByPage) {
  SpaceBox box(64);
  const Vpn first = box.space.reserve(PageCount(3));
  for (std::uint64_t i = 0; i < 3; ++i) box.space.set_frame(first + PageCount(i), Pfn(100 - i));
  const Vpn next = box.space.reserve(PageCount(3));
  box.space.set_frame(next, Pfn(5));
  for (std::uint64_t i = 0; i < 3; ++i) {
    EXPECT_EQ(box.space.frame_at(first + PageCount(i)), Pfn(100 - i));
  }
  EXPECT_EQ(box.space.pages(first), PageCount(3));
}

TEST(VmapSpace, WithoutNodesItSaysNoBeforeItIsTooLate) {
  SpaceBox box(1000, 8);
  std::vector<Vpn> areas;
  for (Vpn v; (v = box.space.reserve(PageCount(1))) != kNoVpn;) areas.push_back(v);
  EXPECT_EQ(areas.size(), 6U) << "eight nodes serve five areas, and one more whose gap is the last";
  for (std::size_t i = 0; i < areas.size(); i += 2) box.space.release(areas[i]);  // worst for gaps
  box.space.check();
  for (std::size_t i = 1; i < areas.size(); i += 2) box.space.release(areas[i]);
  box.space.check();
  EXPECT_EQ(box.space.free_pages(), PageCount(1000));
}

// ---- check() sees damage ------------------------------------------------------------------------

/// Gaps at 0..4, 10..14 and 20..63 of 64 pages; areas between them.
struct ThreeGaps : SpaceBox {
  ThreeGaps() : SpaceBox(64) {
    Vpn areas[4];
    for (Vpn& area : areas) area = space.reserve(PageCount(4));
    space.release(areas[0]);
    space.release(areas[2]);
    space.check();
  }
  /// The node of the gap that starts at `start`.
  GapNode& gap(std::uint32_t start) {
    for (GapNode& node : nodes) {
      if (node.length != 0 && node.start == start) return node;
    }
    ADD_FAILURE() << "no gap at " << start;
    return nodes[0];
  }
};

TEST(VmapSpaceDeathTest, V1AnEmptyGap) {
  ThreeGaps box;
  box.gap(0).length = 0;
  EXPECT_DEATH(box.space.check(), "V1: empty gap");
}

TEST(VmapSpaceDeathTest, V1GapsThatTouch) {
  ThreeGaps box;
  box.gap(0).length = 10;  // up to the next gap
  EXPECT_DEATH(box.space.check(), "V1: gaps overlap, touch, or leave the space");
}

TEST(VmapSpaceDeathTest, V1AGapThatLeavesTheSpace) {
  ThreeGaps box;
  box.gap(20).length += 1;
  EXPECT_DEATH(box.space.check(), "V1: gaps overlap, touch, or leave the space");
}

TEST(VmapSpaceDeathTest, V2ALargestThatIsWrong) {
  ThreeGaps box;
  box.gap(10).largest += 1;
  EXPECT_DEATH(box.space.check(), "V2");
}

TEST(VmapSpaceDeathTest, V4LengthsThatDoNotAddUp) {
  ThreeGaps box;
  GapNode& gap = box.gap(10);
  gap.length -= 1;
  if (gap.largest == 5) gap.largest = 4;
  EXPECT_DEATH(box.space.check(), "V4");
}

/// Twelve gaps of five pages and the rest of the space; no node was ever spare.
struct ManyGaps : SpaceBox {
  ManyGaps() : SpaceBox(200) {
    std::vector<Vpn> areas;
    for (int i = 0; i < 24; ++i) areas.push_back(space.reserve(PageCount(4)));
    for (std::size_t i = 0; i < areas.size(); i += 2) space.release(areas[i]);
    space.check();
    while (used < nodes.size() - 1 && nodes[used + 1].length != 0) ++used;
  }
  /// The link that leads to a node, or nullptr for the root.
  std::uint32_t* link_to(std::uint32_t node) {
    for (std::uint32_t i = 1; i <= used; ++i) {
      if (nodes[i].left == node) return &nodes[i].left;
      if (nodes[i].right == node) return &nodes[i].right;
    }
    return nullptr;
  }
  /// Makes every `largest` right again.
  std::uint32_t recompute(std::uint32_t t) {
    if (t == 0) return 0;
    const std::uint32_t left = recompute(nodes[t].left);
    const std::uint32_t right = recompute(nodes[t].right);
    nodes[t].largest = std::max({nodes[t].length, left, right});
    return nodes[t].largest;
  }
  void recompute_all() {
    for (std::uint32_t i = 1; i <= used; ++i) {
      if (link_to(i) == nullptr && i != lost) recompute(i);
    }
  }

  std::uint32_t used = 0;
  std::uint32_t lost = 0;  ///< a node that was cut off on purpose
};

TEST(VmapSpaceDeathTest, V3ATreeThatIsNoHeap) {
  ManyGaps box;
  // A rotation that insert() would not have made: order and sums stay right, priorities do not.
  std::uint32_t* link = nullptr;
  for (std::uint32_t i = 1; i <= box.used && link == nullptr; ++i) {
    if (box.nodes[i].left != 0) link = box.link_to(i);
  }
  ASSERT_NE(link, nullptr);
  const std::uint32_t upper = *link;
  const std::uint32_t lower = box.nodes[upper].left;
  box.nodes[upper].left = box.nodes[lower].right;
  box.nodes[lower].right = upper;
  *link = lower;
  box.recompute_all();
  EXPECT_DEATH(box.space.check(), "V3: not a heap");
}

TEST(VmapSpaceDeathTest, V5ALostNode) {
  ManyGaps box;
  // A leaf is cut off, and the gap after it takes its pages: only the number of nodes is wrong.
  for (std::uint32_t i = 1; i <= box.used && box.lost == 0; ++i) {
    const GapNode& node = box.nodes[i];
    if (node.left == 0 && node.right == 0 && node.length == 5) box.lost = i;
  }
  ASSERT_NE(box.lost, 0U);
  const GapNode leaf = box.nodes[box.lost];
  *box.link_to(box.lost) = 0;
  for (std::uint32_t i = 1; i <= box.used; ++i) {
    if (box.nodes[i].start != leaf.start + 10) continue;
    box.nodes[i].start -= 5;
    box.nodes[i].length += 5;
  }
  box.recompute_all();
  EXPECT_DEATH(box.space.check(), "V5: a node is lost");
}

TEST(VmapSpaceDeathTest, ReleaseOfWhatIsNotReserved) {
  SpaceBox box(64);
  EXPECT_DEATH(box.space.release(Vpn(5)), "not reserved");
}

}  // namespace
}  // namespace vc
