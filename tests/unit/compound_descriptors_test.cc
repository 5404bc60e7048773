// Descriptors: they are there when their frames have memory, so that no allocation waits for them;
// and the few hints of a contiguous compound lead to its head from each of its pages.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "vcompound/arena.h"
#include "vcompound/compound/allocator.h"
#include "vcompound/platform/fake/fake_platform.h"

namespace vc {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

/// A fake platform that knows its first table, the descriptors, and notes what of it is brought in.
class NotingPlatform : public FakePlatform {
 public:
  using FakePlatform::FakePlatform;
  void* metadata(Bytes size) {
    void* const table = FakePlatform::metadata(size);
    if (descriptors_ == nullptr) descriptors_ = static_cast<Frame*>(table);
    return table;
  }
  void bring_in(void* table, Bytes size) {
    brought_in.emplace_back(static_cast<Frame*>(table) - descriptors_, size.value / sizeof(Frame));
  }
  const Frame& frame(Pfn pfn) const { return descriptors_[pfn.value]; }
  std::vector<std::pair<std::ptrdiff_t, std::uint64_t>> brought_in;  ///< first frame, frames

 private:
  Frame* descriptors_ = nullptr;
};
static_assert(Platform<NotingPlatform>);

TEST(CompoundDescriptors, AreBroughtInWithTheUnitOfTheirFrames) {
  NotingPlatform platform({.nodes = {PageCount(1024)}, .commit_unit = PageCount(128)});
  CompoundAllocator<NotingPlatform> allocator(platform);
  ASSERT_TRUE(allocator.open({}).ok());
  EXPECT_THAT(platform.brought_in, IsEmpty());
  const auto allocate = [&](std::uint64_t pages) {
    return allocator.allocate({.size = Bytes(pages << 12)}, CallSite{"here", 1}).ok();
  };
  EXPECT_TRUE(allocate(100));
  EXPECT_THAT(platform.brought_in, ElementsAre(Pair(0, 128)));
  EXPECT_TRUE(allocate(256));
  EXPECT_THAT(platform.brought_in, ElementsAre(Pair(0, 128), Pair(256, 256)));
}

TEST(CompoundDescriptors, AreBroughtInAtOnceWhereFramesNeedNoCommit) {
  NotingPlatform platform({.nodes = {PageCount(1024)}, .commit_unit = PageCount(0)});
  CompoundAllocator<NotingPlatform> allocator(platform);
  ASSERT_TRUE(allocator.open({}).ok());
  EXPECT_THAT(platform.brought_in, ElementsAre(Pair(0, 1024)));
}

/// An arena that keeps nothing in caches, and the ways from its pages to their heads.
struct HintsTest : ::testing::Test {
  HintsTest() : platform({.nodes = {PageCount(256)}, .huge_pages = PageCount(1)}) {
    EXPECT_TRUE(allocator.open({.slot_cache = PageCount(1)}).ok());
  }
  Allocation allocate(std::uint64_t pages, Contiguity contiguity) {
    const auto got = allocator.allocate({.size = Bytes(pages << 12), .contiguity = contiguity},
                                        CallSite{"here", 1});
    EXPECT_TRUE(got.ok());
    return got.ok() ? got.value() : Allocation{};
  }
  void expect_all_pages_lead_to_the_head_of(const Allocation& what) {
    for (PageCount n{}; n < what.pages; n += PageCount(1)) {
      const Pfn page = allocator.nth_page(what.head, n);
      const VirtAddr address = what.address + Bytes(n.value << 12);
      EXPECT_EQ(allocator.head_of(page), what.head) << "page " << n.value;
      EXPECT_EQ(allocator.page_address(page), address) << "page " << n.value;
      EXPECT_EQ(allocator.frame_at(address), page) << "page " << n.value;
    }
    allocator.check();
  }

  NotingPlatform platform;
  CompoundAllocator<NotingPlatform> allocator{platform};
};

TEST_F(HintsTest, LeadToTheHeadWhereverTheCompoundBegins) {
  for (std::uint64_t first = 1; first <= 33; ++first) {
    const Allocation before = allocate(first, Contiguity::required);
    const Allocation what = allocate(100, Contiguity::required);
    expect_all_pages_lead_to_the_head_of(what);
    EXPECT_EQ(allocator.head_of(what.head + what.pages), kNoPfn) << "behind it";
    EXPECT_EQ(allocator.free(what.address), Misuse::none);
    EXPECT_EQ(allocator.head_of(what.head + PageCount(1)), kNoPfn) << "freed";
    EXPECT_EQ(allocator.free(before.address), Misuse::none);
    allocator.reclaim();
  }
}

TEST_F(HintsTest, OfLongAgoDoNotMislead) {
  const Allocation mapped = allocate(200, Contiguity::never);
  expect_all_pages_lead_to_the_head_of(mapped);
  EXPECT_EQ(allocator.free(mapped.address), Misuse::none);
  allocator.reclaim();
  const Allocation run = allocate(240, Contiguity::required);
  std::uint64_t stale = 0;
  for (PageCount n{}; n < run.pages; n += PageCount(1)) {
    if (platform.frame(run.head + n).tag().kind == Kind::mapped) ++stale;
  }
  EXPECT_GT(stale, 100U) << "or this test proves nothing";
  expect_all_pages_lead_to_the_head_of(run);
  for (std::uint64_t n = 0; n < 200; ++n) {
    EXPECT_EQ(allocator.frame_at(mapped.address + Bytes(n << 12)), kNoPfn) << "page " << n;
  }
}

TEST(CompoundDescriptors, AreResidentInAProcessThatPrecommits) {
  static constexpr Bytes kBudget = mib(64);
  const Bytes descriptors = FrameTable::size_of(PageCount(kBudget.value / 4096));
  const auto resident = [](Precommit precommit) {
    const Result<Arena> arena = Arena::create({.budget = kBudget, .precommit = precommit});
    return arena ? arena->metadata_resident() : Bytes(0);
  };
  EXPECT_GE(resident(Precommit::yes), descriptors);
  EXPECT_LT(resident(Precommit::no), descriptors);
}

}  // namespace
}  // namespace vc
