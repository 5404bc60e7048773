// Frames that have memory have descriptors that are there: no allocation waits for them.
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

/// A fake platform that notes what of its first table, the descriptors, is brought in.
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

TEST(CompoundDescriptors, AreResidentInAProcessThatPrecommits) {
  constexpr Bytes kBudget = mib(64);
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
