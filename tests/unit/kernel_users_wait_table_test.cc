// The pure parts of the wait table: its size, its hash, and the node of a word.
#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "kernel/users/wait_table.h"
#include "vcompound/instance/fake_arena.h"

namespace vc::kernel {
namespace {

TEST(WaitTable, HasAQueueFor256FramesWithinBounds) {
  EXPECT_EQ(wait_queues_for(PageCount(1)), 4U);
  EXPECT_EQ(wait_queues_for(PageCount(6144)), 32U) << "24 MiB";
  EXPECT_EQ(wait_queues_for(PageCount(32768)), 128U) << "128 MiB";
  EXPECT_EQ(wait_queues_for(PageCount(32768 + 256)), 256U);
  EXPECT_EQ(wait_queues_for(PageCount(std::uint64_t{1} << 30)), 4096U);
  for (std::uint64_t frames = 1; frames < 3'000'000; frames = frames * 3 + 1) {
    EXPECT_TRUE(is_power_of_two(wait_queues_for(PageCount(frames))));
  }
}

TEST(WaitTable, TheHashUsesAllQueuesAndEveryBit) {
  std::set<std::uint32_t> by_word;
  std::set<std::uint32_t> by_bit;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const std::uint32_t queue = wait_queue_of(VirtAddr(0xffff'8000'0000'0000 + i * 8), 3, 64);
    EXPECT_LT(queue, 64U);
    by_word.insert(queue);
  }
  for (std::uint32_t bit = 0; bit < 64; ++bit)
    by_bit.insert(wait_queue_of(VirtAddr(4096), bit, 64));
  EXPECT_EQ(by_word.size(), 64U);
  EXPECT_GT(by_bit.size(), 30U);
}

/// Two nodes; every word of every compound is asked about.
struct NodeOfWord : ::testing::Test {
  NodeOfWord() : arena(options()) { FakePlatform::set_cpu(0); }
  static FakeOptions options() {
    FakeOptions o;
    o.nodes = {PageCount(512), PageCount(512)};
    o.gap_between_nodes = PageCount(512);
    return o;
  }
  Allocation must(const Request& request) {
    auto result = arena.allocator.allocate(request, CallSite::here());
    EXPECT_TRUE(result.ok());
    return result.ok() ? *result : Allocation{};
  }
  void expect_node(const Allocation& what, std::uint32_t node) {
    for (std::uint64_t offset = 0; offset < what.pages.value << 12; offset += 1000) {
      const VirtAddr word = what.address + Bytes(offset & ~std::uint64_t{7});
      ASSERT_EQ(node_of_word(arena.allocator, word), node) << "offset " << offset;
    }
  }
  FakeArena arena;
};

TEST_F(NodeOfWord, OfAContiguousCompoundIsItsNode) {
  for (std::uint32_t node = 0; node < 2; ++node) {
    expect_node(must({.size = Bytes(40'000), .placement = Placement::on(node)}), node);
  }
}

TEST_F(NodeOfWord, OfAMappedCompoundIsTheNodeOfItsHead) {
  arena.allocator.set_always_map(Trigger::always());
  for (std::uint32_t node = 0; node < 2; ++node) {
    const Allocation what = must({.size = Bytes(40'000), .placement = Placement::on(node)});
    ASSERT_EQ(what.kind, Kind::mapped);
    expect_node(what, node);
  }
}

TEST_F(NodeOfWord, IsOneForACompoundThatLiesOnBothNodes) {
  const Allocation what = must({.size = Bytes(64 << 12), .placement = Placement::spread()});
  ASSERT_EQ(what.kind, Kind::mapped);
  std::set<std::uint32_t> nodes;
  arena.allocator.for_each_extent(
      what.head, [&](PfnRange run) { nodes.insert(arena.allocator.node_of(run.first)); });
  ASSERT_EQ(nodes.size(), 2U) << "the compound lies on both nodes";
  expect_node(what, arena.allocator.node_of(what.head));
}

TEST_F(NodeOfWord, OfAWordInNoCompoundIsZero) {
  std::uint64_t word = 0;
  const VirtAddr outside(reinterpret_cast<std::uintptr_t>(&word));
  EXPECT_EQ(node_of_word(arena.allocator, outside), 0U);
  const Allocation what = must({.size = Bytes(4096), .placement = Placement::on(1)});
  EXPECT_EQ(node_of_word(arena.allocator, what.address), 1U);
  arena.allocator.free(what.address);
  EXPECT_EQ(node_of_word(arena.allocator, what.address), 0U) << "freed";
}

}  // namespace
}  // namespace vc::kernel
