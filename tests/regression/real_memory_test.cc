// Two of the seven old mistakes that need real memory to show.
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <vector>

#include "vcompound/instance/linux_arena.h"

namespace vc {
namespace {

constexpr CallSite kSite{"real_memory_test.cc", 1};

std::unique_ptr<LinuxArena> make_arena() {
  LinuxOptions options;
  options.budget = Bytes(16ULL << 20);
  auto arena = LinuxArena::create(options, {.slot_cache = PageCount(1)});
  EXPECT_TRUE(arena.ok());
  return arena.ok() ? std::move(arena.value()) : nullptr;
}

Allocation must(LinuxArena& arena, std::uint64_t pages, Contiguity contiguity) {
  const Request request{.size = Bytes(pages << 12), .contiguity = contiguity};
  auto result = arena.allocator.allocate(request, kSite);
  EXPECT_TRUE(result.ok());
  return result.ok() ? result.value() : Allocation{};
}

void scribble(const Allocation& a) {
  std::memset(os::pointer(a.address), 0xff, a.pages.value << 12);
}

/// The work item of a deferred free stood in the freed memory: whoever still wrote there, or freed
/// again, destroyed the queue. Ours stands in the descriptors.
TEST(OldMistakesInRealMemory, OldMistake4_DeferredFreeKeepsItsItemInTheFreedMemory) {
  const auto arena = make_arena();
  ASSERT_NE(arena, nullptr);
  std::vector<Allocation> all;
  for (int i = 0; i < 8; ++i) {
    all.push_back(must(*arena, 3, i % 2 == 0 ? Contiguity::required : Contiguity::never));
  }
  {
    const NoBlockScope no_block;
    for (const Allocation& a : all) {
      EXPECT_EQ(arena->allocator.free(a.address), Misuse::none);
      scribble(a);  // a stale owner; a deferred compound is still mapped
      EXPECT_EQ(arena->allocator.free(a.address), Misuse::already_freed);
    }
  }
  EXPECT_EQ(arena->allocator.stats().deferred_pages, PageCount(24));
  arena->allocator.reclaim();
  arena->allocator.check();
  const Stats s = arena->allocator.stats();
  EXPECT_EQ(s.free_pages, s.total_pages);
}

/// Memory was freed through another allocator than it came from.
TEST(OldMistakesInRealMemory, OldMistake7_FreeThroughADifferentAllocator) {
  const auto one = make_arena();
  const auto other = make_arena();
  ASSERT_TRUE(one != nullptr && other != nullptr);
  for (const Contiguity contiguity : {Contiguity::required, Contiguity::never}) {
    const Allocation mine = must(*one, 4, contiguity);
    const Allocation theirs = must(*other, 4, contiguity);
    std::memset(os::pointer(mine.address), 0x5a, 4 << 12);
    EXPECT_EQ(other->allocator.free(mine.address), Misuse::foreign);
    EXPECT_EQ(other->allocator.get(mine.address), Misuse::foreign);
    EXPECT_EQ(other->allocator.put(mine.address), Misuse::foreign);
    const auto heap = std::make_unique<char[]>(8192);
    EXPECT_EQ(one->allocator.free(os::address_of(heap.get())), Misuse::foreign);
    EXPECT_EQ(one->allocator.free(VirtAddr(0)), Misuse::foreign);
    other->allocator.check();
    one->allocator.check();
    EXPECT_EQ(static_cast<char*>(os::pointer(mine.address))[8191], 0x5a);
    EXPECT_EQ(one->allocator.free(mine.address), Misuse::none);
    EXPECT_EQ(other->allocator.free(theirs.address), Misuse::none);
  }
  EXPECT_EQ(one->allocator.stats().misuses, 4U);
  EXPECT_EQ(other->allocator.stats().misuses, 6U);
}

}  // namespace
}  // namespace vc
