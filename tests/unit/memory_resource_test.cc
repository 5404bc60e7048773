// The std::pmr resource and the standard allocator, alone and under the containers they are for.
#include "vcompound/memory_resource.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <list>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace vc {
namespace {

class MemoryResourceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (std::optional<Arena>* arena : {&first_, &second_}) {
      auto made = Arena::create({.budget = mib(16), .warn_above = kNeverWarn});
      ASSERT_TRUE(made) << to_string(made.error());
      arena->emplace(std::move(*made));
    }
  }
  void TearDown() override {
    for (Arena* arena : {&first(), &second()}) {
      EXPECT_EQ(arena->stats().live_pages(), PageCount(0)) << "memory was lost";
      arena->check();
    }
  }
  Arena& first() { return *first_; }
  Arena& second() { return *second_; }
  PageCount live() { return first().stats().live_pages(); }

 private:
  std::optional<Arena> first_;
  std::optional<Arena> second_;
};

TEST_F(MemoryResourceTest, HandsOutFramesAndTakesThemBack) {
  MemoryResource resource(first());
  void* p = resource.allocate(1, 1);
  EXPECT_EQ(first().size_of(p), 4096U);
  resource.deallocate(p, 1, 1);
  void* nothing = resource.allocate(0, 1);
  EXPECT_NE(nothing, nullptr);
  resource.deallocate(nothing, 0, 1);
}

TEST_F(MemoryResourceTest, KeepsAlignmentsAboveAFrame) {
  MemoryResource resource(first());
  void* p = resource.allocate(10000, 1 << 16);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(p) % (1 << 16), 0U);
  resource.deallocate(p, 10000, 1 << 16);
}

TEST_F(MemoryResourceTest, ARefusalThrowsAndLeavesItsReason) {
  MemoryResource resource(first());
  EXPECT_THROW(static_cast<void>(resource.allocate(std::size_t{1} << 30)), std::bad_alloc);
  EXPECT_EQ(Arena::last_error().reason, Reason::budget);
  EXPECT_EQ(Arena::last_error().requested, gib(1));
}

TEST_F(MemoryResourceTest, TheWishHoldsForEveryRequest) {
  MemoryResource mapped(first(), {.contiguity = Contiguity::never, .zero = Zero::yes});
  auto* p = static_cast<unsigned char*>(mapped.allocate(1 << 16));
  EXPECT_EQ(first().kind_of(p), Kind::mapped);
  for (std::size_t i = 0; i < (1 << 16); ++i) ASSERT_EQ(p[i], 0);
  mapped.deallocate(p, 1 << 16);
}

TEST_F(MemoryResourceTest, ResourcesOfOneArenaAreEqual) {
  MemoryResource a(first());
  MemoryResource b(first());
  MemoryResource other(second());
  EXPECT_TRUE(a.is_equal(b));
  EXPECT_FALSE(a.is_equal(other));
  EXPECT_FALSE(a.is_equal(*std::pmr::new_delete_resource()));
}

TEST_F(MemoryResourceTest, AllocationsBelongToTheLineOfTheResource) {
  MemoryResource resource(first());
  const auto line = static_cast<std::uint64_t>(__LINE__ - 1);
  void* p = resource.allocate(1 << 16);
  const std::vector<AreaInfo> areas = first().areas();
  ASSERT_EQ(areas.size(), 1U);
  EXPECT_EQ(areas.front().site.where, line);
  EXPECT_THAT(areas.front().site.file, ::testing::EndsWith("memory_resource_test.cc"));
  resource.deallocate(p, 1 << 16);
}

TEST_F(MemoryResourceTest, APoolOnTopServesSmallObjects) {
  MemoryResource pages(first());
  std::pmr::unsynchronized_pool_resource pool(&pages);
  std::pmr::map<int, std::pmr::string> words(&pool);
  for (int i = 0; i < 5000; ++i) words.emplace(i, std::string(40, static_cast<char>('a' + i % 26)));
  for (int i = 0; i < 5000; ++i) {
    ASSERT_EQ(std::string_view(words.at(i)), std::string(40, static_cast<char>('a' + i % 26)));
  }
  EXPECT_LT(live(), PageCount(1000)) << "small objects must share frames";
}

// ---- the allocator ------------------------------------------------------------------------------

template <class T>
using Vector = std::vector<T, Allocator<T>>;

TEST_F(MemoryResourceTest, AVectorGrowsInTheArena) {
  Vector<int> numbers{Allocator<int>(first())};
  for (int i = 0; i < 1'000'000; ++i) numbers.push_back(i);
  for (int i = 0; i < 1'000'000; ++i) ASSERT_EQ(numbers[static_cast<std::size_t>(i)], i);
  EXPECT_GE(live(), PageCount(4'000'000 / 4096));
  EXPECT_EQ(first().head_of(&numbers[500'000]), numbers.data());
}

TEST_F(MemoryResourceTest, AllocatorsOfOneArenaAreEqualWhateverTheirType) {
  const Allocator<int> ints(first());
  const Allocator<char> chars(ints);
  EXPECT_TRUE(ints == chars);
  EXPECT_FALSE(ints != chars);
  EXPECT_TRUE(ints != Allocator<int>(second()));
}

TEST_F(MemoryResourceTest, ContainersTakeTheAllocatorAlong) {
  Vector<int> a({1, 2, 3}, Allocator<int>(first()));
  Vector<int> b({4, 5}, Allocator<int>(second()));
  std::swap(a, b);
  EXPECT_EQ(&a.get_allocator().arena(), &second());
  EXPECT_EQ(a, Vector<int>({4, 5}, Allocator<int>(second())));
  b = std::move(a);
  EXPECT_EQ(&b.get_allocator().arena(), &second());
  EXPECT_EQ(b.size(), 2U);
}

TEST_F(MemoryResourceTest, ImpossibleLengthsThrow) {
  Allocator<std::uint64_t> allocator(first());
  EXPECT_THROW(static_cast<void>(allocator.allocate(~std::size_t{0})), std::bad_array_new_length);
  EXPECT_THROW(static_cast<void>(allocator.allocate(std::size_t{1} << 40)), std::bad_alloc);
}

TEST_F(MemoryResourceTest, OverAlignedTypesAreAligned) {
  struct alignas(1 << 14) Wide {
    char bytes[1 << 14];
  };
  Vector<Wide> wide(3, Allocator<Wide>(first()));
  for (const Wide& w : wide) EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&w) % (1 << 14), 0U);
}

TEST_F(MemoryResourceTest, AnExceptionInAConstructorLosesNothing) {
  struct Fragile {
    explicit Fragile(int i) {
      if (i == 3) throw std::runtime_error("no");
    }
  };
  std::list<Fragile, Allocator<Fragile>> list{Allocator<Fragile>(first())};
  const auto fill = [&] {
    for (int i = 0; i < 5; ++i) list.emplace_back(i);
  };
  EXPECT_THROW(fill(), std::runtime_error);
  EXPECT_EQ(list.size(), 3U);
}

}  // namespace
}  // namespace vc
