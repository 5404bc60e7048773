// A freed mapped compound that still is mapped serves a request: as it is, or cut to size.
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <vector>

#include "vcompound/arena.h"
#include "vcompound/compound/allocator.h"
#include "vcompound/platform/fake/fake_platform.h"

namespace vc {
namespace {

constexpr CallSite kSite{"compound_reuse_test.cc", 1};

/// An arena whose slots keep nothing, so that a mapped compound is pending as soon as it is freed.
struct ReuseTest : ::testing::Test {
  ReuseTest() { open({}, {}); }
  ~ReuseTest() override {
    allocator->reclaim();
    allocator->check();
    EXPECT_EQ(platform->stale_uses(), 0U);
  }

  void open(const FakeOptions& fake, AllocatorOptions options) {
    FakePlatform::set_cpu(0);
    platform = std::make_unique<FakePlatform>(fake);
    allocator = std::make_unique<CompoundAllocator<FakePlatform>>(*platform);
    options.slot_cache = PageCount(1);
    ASSERT_TRUE(allocator->open(options).ok());
  }

  Result<Allocation> try_map(std::uint64_t pages, Request request = {}) {
    request.size = Bytes(pages << 12);
    request.contiguity = Contiguity::never;
    return allocator->allocate(request, kSite);
  }
  Allocation map(std::uint64_t pages, const Request& request = {}) {
    const auto result = try_map(pages, request);
    EXPECT_TRUE(result.ok());
    if (!result.ok()) return {};
    const Allocation got = result.value();
    EXPECT_EQ(got.pages, PageCount(pages));
    EXPECT_EQ(got.kind, Kind::mapped);
    for (std::uint64_t i = 0; i < pages; ++i) {
      EXPECT_TRUE(platform->write(0, got.address + Bytes(i << 12), i));
    }
    EXPECT_EQ(allocator->frame_at(got.address + Bytes((pages - 1) << 12)),
              allocator->nth_page(got.head, PageCount(pages - 1)));
    allocator->check();
    return got;
  }
  void free(const Allocation& what) {
    const std::uint64_t pending = allocator->stats().pending_pages.value;
    EXPECT_EQ(allocator->free(what.address), Misuse::none);
    EXPECT_EQ(allocator->stats().pending_pages.value, pending + what.pages.value);
  }

  /// What is free are runs of 16 frames.
  void fragment() {
    std::vector<Allocation> all;
    for (int i = 0; i < 64; ++i) {
      const Request request{.size = kib(64), .contiguity = Contiguity::required};
      all.push_back(allocator->allocate(request, kSite).value());
    }
    for (std::size_t i = 0; i < all.size(); i += 2) {
      EXPECT_EQ(allocator->free(all[i].address), Misuse::none);
    }
  }

  std::unique_ptr<FakePlatform> platform;
  std::unique_ptr<CompoundAllocator<FakePlatform>> allocator;
};

TEST_F(ReuseTest, AnAreaOfTheSameLengthIsUsedAsItIs) {
  const Allocation first = map(8);
  const Stats before = allocator->stats();
  free(first);
  const Allocation again = map(8);
  const Stats after = allocator->stats();
  EXPECT_EQ(again.address, first.address);
  EXPECT_EQ(after.maps, before.maps);
  EXPECT_EQ(after.unmaps, before.unmaps);
  EXPECT_EQ(after.free_pages, before.free_pages);
  EXPECT_EQ(after.pending_pages, PageCount(0));
  EXPECT_EQ(after.mappings_used, before.mappings_used);
  EXPECT_EQ(after.mapped_allocations, before.mapped_allocations + 1);
  EXPECT_EQ(allocator->free(again.address), Misuse::none);
  EXPECT_EQ(allocator->free(again.address), Misuse::already_freed);
}

TEST_F(ReuseTest, ALongerOneIsCutAndTheRestIsFree) {
  const Allocation first = map(12);  // frames 6..11, then 0..5
  const Stats before = allocator->stats();
  free(first);
  const Allocation again = map(8);
  const Stats after = allocator->stats();
  EXPECT_EQ(again.address, first.address);
  EXPECT_EQ(after.maps, before.maps);
  EXPECT_EQ(after.unmaps, before.unmaps + 1);
  EXPECT_EQ(after.shootdowns, before.shootdowns + 1);
  EXPECT_EQ(after.free_pages, before.free_pages + PageCount(4));
  EXPECT_EQ(after.pending_pages, PageCount(0));
  EXPECT_EQ(after.mappings_used, before.mappings_used) << "the cut went through a run";
  EXPECT_FALSE(platform->is_mapped(again.address + Bytes(8 << 12)));
  free(again);
  EXPECT_EQ(map(7).address, first.address) << "and again";
}

TEST_F(ReuseTest, WhatIsCutOffGivesItsMappingsBack) {
  fragment();
  const Allocation three_runs = map(40);
  EXPECT_EQ(allocator->stats().mappings_used, 4U) << "and the guard page";
  free(three_runs);
  EXPECT_EQ(map(33).address, three_runs.address);
  EXPECT_EQ(allocator->stats().mappings_used, 4U);
  EXPECT_EQ(allocator->free(three_runs.address), Misuse::none);
  EXPECT_EQ(map(20).address, three_runs.address);
  EXPECT_EQ(allocator->stats().mappings_used, 3U);
}

TEST_F(ReuseTest, OneThatIsMoreThanTwiceAsLongIsLeftAlone) {
  fragment();
  const Allocation first = map(40);
  free(first);
  EXPECT_NE(map(19).address, first.address);
  EXPECT_EQ(allocator->stats().pending_pages, PageCount(40));
}

TEST_F(ReuseTest, WhatMustNotBeContiguousIsNot) {
  const Allocation first = map(16);  // two runs of eight
  free(first);
  const Allocation half = map(8);
  EXPECT_NE(half.address, first.address);
  EXPECT_NE(allocator->nth_page(half.head, PageCount(7)), half.head + PageCount(7));
}

TEST_F(ReuseTest, AlignmentAndNodesAreHeeded) {
  const Allocation first = map(8);
  ASSERT_NE(first.address.value % (8 << 12), 0U);
  free(first);
  const Allocation aligned = map(8, {.alignment = Bytes(8 << 12)});
  EXPECT_EQ(aligned.address.value % (8 << 12), 0U);
  EXPECT_NE(map(8, {.placement = Placement::on(0)}).address, first.address);
  EXPECT_EQ(map(8).address, first.address);
}

TEST_F(ReuseTest, NothingIsCutWithoutAMappingToSpare) {
  const Allocation first = map(12);
  free(first);
  std::uint64_t used = allocator->stats().mappings_used;
  for (const FakeCall call : {FakeCall::charge, FakeCall::unmap_part}) {
    platform->fail(call, 1);
    const Allocation other = map(8);
    EXPECT_TRUE(platform->has_failed(call));
    EXPECT_NE(other.address, first.address);
    EXPECT_EQ(allocator->stats().pending_pages, PageCount(12));
    EXPECT_EQ(allocator->stats().mappings_used, used += 3) << "two runs and the guard page";
    EXPECT_EQ(allocator->free(other.address), Misuse::none);
    EXPECT_EQ(map(8).address, other.address);  // stays, so that the next request wants the first
  }
  platform->fail(FakeCall::charge, 1);
  EXPECT_EQ(map(12).address, first.address) << "as it is, it needs none";
  EXPECT_FALSE(platform->has_failed(FakeCall::charge));
}

TEST_F(ReuseTest, NothingIsCutWhereCutsAreTooDear) {
  open({}, {.reuse = Reuse::whole});
  const Allocation first = map(12);
  free(first);
  EXPECT_NE(map(8).address, first.address);
  EXPECT_EQ(map(12).address, first.address);
}

TEST_F(ReuseTest, NothingIsUsedAgainWhereThatIsNotWanted) {
  open({}, {.reuse = Reuse::none});
  const Allocation first = map(12);
  free(first);
  EXPECT_NE(map(12).address, first.address);
}

TEST_F(ReuseTest, HugeEntriesAreNotCut) {
  open({.huge_pages = PageCount(8)}, {});
  const Allocation first = map(32);
  ASSERT_EQ(platform->mapped_huge(), PageCount(32));
  free(first);
  EXPECT_NE(map(28).address, first.address);
  const PageCount huge = platform->mapped_huge();
  EXPECT_EQ(map(24).address, first.address);
  EXPECT_EQ(platform->mapped_huge() + PageCount(8), huge);
}

TEST_F(ReuseTest, BeforeARefusalAllOfItIsBroughtBack) {
  open({}, {.pending_limit = PageCount(1024)});
  const Allocation most = map(1000);
  free(most);
  EXPECT_EQ(allocator->stats().free_pages, PageCount(24));
  const auto run =
      allocator->allocate({.size = Bytes(400 << 12), .contiguity = Contiguity::required}, kSite);
  EXPECT_TRUE(run.ok());
}

TEST(Reuse, ZerosAreWrittenAgain) {
  auto arena = Arena::create({.budget = mib(64), .thread_cache = kib(4)});
  ASSERT_TRUE(arena.ok());
  const Request request{.size = kib(40), .contiguity = Contiguity::never, .zero = Zero::yes};
  void* const first = arena->try_allocate(request);
  ASSERT_NE(first, nullptr);
  std::memset(first, 0xff, kib(40).value);
  EXPECT_EQ(arena->free(first), Misuse::none);
  const auto* const again = static_cast<const char*>(arena->try_allocate(request));
  ASSERT_EQ(again, first);
  for (std::uint64_t i = 0; i < kib(40).value; ++i) ASSERT_EQ(again[i], 0) << "byte " << i;
}

}  // namespace
}  // namespace vc
