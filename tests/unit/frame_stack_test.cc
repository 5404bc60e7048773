// FrameStack: last in first out, taken as a whole, linked outside of managed memory.
#include "vcompound/compound/frame_stack.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

namespace vc {
namespace {

struct Frames {
  explicit Frames(std::uint64_t count)
      : memory(std::make_unique<Frame[]>(count)), table(memory.get(), {Pfn(0), PageCount(count)}) {}

  std::unique_ptr<Frame[]> memory;
  FrameTable table;
};

std::vector<Pfn> follow(const FrameTable& table, Pfn chain) {
  std::vector<Pfn> all;
  for (Pfn p = chain; p != kNoPfn; p = table[p].next()) all.push_back(p);
  return all;
}

TEST(FrameStack, TakesTheWholeChainNewestFirst) {
  const Frames frames(10);
  FrameStack stack;
  EXPECT_TRUE(stack.empty());
  EXPECT_EQ(stack.take_all(), kNoPfn);
  stack.push(frames.table, Pfn(3), PageCount(2));
  stack.push(frames.table, Pfn(0), PageCount(1));
  stack.push(frames.table, Pfn(7), PageCount(3));
  EXPECT_FALSE(stack.empty());
  EXPECT_EQ(stack.pages(), PageCount(6));
  EXPECT_EQ(follow(frames.table, stack.take_all()), (std::vector<Pfn>{Pfn(7), Pfn(0), Pfn(3)}));
  EXPECT_TRUE(stack.empty());
}

TEST(FrameStack, PagesCountUntilTheyAreElsewhere) {
  const Frames frames(4);
  FrameStack stack;
  stack.push(frames.table, Pfn(1), PageCount(2));
  (void)stack.take_all();
  EXPECT_EQ(stack.pages(), PageCount(2)) << "in transit, but not yet available elsewhere";
  stack.removed(PageCount(2));
  EXPECT_EQ(stack.pages(), PageCount(0));
}

TEST(FrameStack, KeepsTheOtherWordOfTheDescriptor) {
  const Frames frames(4);
  FrameStack stack;
  frames.table[Pfn(1)].set_pages(PageCount(77));
  frames.table[Pfn(2)].set_first_page(Vpn(5));
  stack.push(frames.table, Pfn(1), PageCount(77));
  stack.push(frames.table, Pfn(2), PageCount(1));
  EXPECT_EQ(frames.table[Pfn(1)].pages(), PageCount(77));
  EXPECT_EQ(frames.table[Pfn(2)].first_page(), Vpn(5));
}

TEST(FrameStack, LosesNothingBetweenThreads) {
  static constexpr std::uint64_t kThreads = 3;
  static constexpr std::uint64_t kEach = 4000;
  const Frames frames(kThreads * kEach);
  FrameStack stack;
  std::vector<std::thread> pushers;
  for (std::uint64_t t = 0; t < kThreads; ++t) {
    pushers.emplace_back([&, t] {
      for (std::uint64_t i = 0; i < kEach; ++i) {
        stack.push(frames.table, Pfn(t * kEach + i), PageCount(1));
      }
    });
  }
  std::vector<int> seen(kThreads * kEach, 0);
  std::uint64_t found = 0;
  while (found != kThreads * kEach) {
    for (const Pfn p : follow(frames.table, stack.take_all())) {
      ++seen[p.value];
      ++found;
      stack.removed(PageCount(1));
    }
  }
  for (std::thread& pusher : pushers) pusher.join();
  EXPECT_EQ(seen, std::vector<int>(kThreads * kEach, 1));
  EXPECT_EQ(stack.pages(), PageCount(0));
}

}  // namespace
}  // namespace vc
