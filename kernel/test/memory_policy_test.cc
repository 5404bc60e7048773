// What becomes of a request: the boot parameters policy=, always_map= and fragment= decide.
#include <gtest/gtest.h>

#include "kernel/memory/memory.h"
#include "kernel/parameters.h"
#include "kernel/thread/wait.h"
#include "vcompound/platform/x86_64/cpu.h"

namespace vc::kernel {
namespace {

constexpr Bytes kPage{4096};

/// A request of more than one page, which has a fallback.
TEST(MemoryPolicy, TheParametersDecide) {
  const Parameters& p = parameters();
  const auto first = allocate({.size = kPage * 2});
  ASSERT_TRUE(first.ok());
  const bool forced = p.policy == Policy::preferred &&
                      (p.always_map.mode == Trigger::Mode::always || p.forced_site_count != 0);
  const bool may_be = p.always_map.mode != Trigger::Mode::off;
  if (forced) {
    EXPECT_EQ(first->kind, Kind::mapped);
  } else if (!may_be) {
    EXPECT_EQ(first->kind, Kind::contiguous);
  }
  free(first->address);
  arena().allocator.reclaim();
}

/// Of compounds that all live at once (so that none comes from a cache), how many are mapped?
std::uint64_t mapped_of(std::uint64_t count, CallSite site) {
  static VirtAddr held[300];
  std::uint64_t mapped = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto got = allocate({.size = kPage * 2}, site);
    EXPECT_TRUE(got.ok());
    if (!got.ok()) return 0;
    held[i] = got->address;
    mapped += got->kind == Kind::mapped ? 1U : 0U;
  }
  for (std::uint64_t i = 0; i < count; ++i) free(held[i]);
  arena().allocator.reclaim();
  return mapped;
}

TEST(MemoryPolicy, TheShareThatIsAskedForIsMapped) {
  const Trigger trigger = parameters().always_map;
  arena().allocator.reclaim();
  if (trigger.mode == Trigger::Mode::every_nth) {
    EXPECT_EQ(mapped_of(300, CallSite::here()), 300 / trigger.parameter);
  } else if (trigger.mode == Trigger::Mode::probability) {
    const std::uint64_t share = std::uint64_t{300} * trigger.parameter >> 32;
    const std::uint64_t mapped = mapped_of(300, CallSite::here());
    EXPECT_GT(mapped, share - share / 4);
    EXPECT_LT(mapped, share + share / 4);
  } else {
    GTEST_SKIP() << "needs always_map=P% or every:N";
  }
}

TEST(MemoryPolicy, OnlyTheNamedSitesAreForced) {
  if (parameters().forced_site_count == 0)
    GTEST_SKIP() << "needs always_map=site:memory_policy_test.cc";
  arena().allocator.reclaim();
  EXPECT_EQ(mapped_of(20, CallSite::here()), 20U);
  EXPECT_EQ(mapped_of(20, CallSite{"kernel/somewhere/else.cc", 1}), 0U);
}

TEST(MemoryPolicy, OnFragmentedMemoryOnlyPreferredGoesOn) {
  const Parameters& p = parameters();
  if (p.fragment_permille == 0) GTEST_SKIP() << "needs fragment=";
  const Bytes size = FrameSize(12).bytes(arena().allocator.stats().largest_run) * 4;
  const auto required = allocate({.size = size, .contiguity = Contiguity::required});
  ASSERT_FALSE(required.ok());
  EXPECT_EQ(required.error().reason, Reason::fragmentation);
  const auto preferred = allocate({.size = size});
  if (p.policy == Policy::contiguous_only) {
    ASSERT_FALSE(preferred.ok());
    EXPECT_EQ(preferred.error().reason, Reason::fragmentation);
  } else {
    ASSERT_TRUE(preferred.ok());
    EXPECT_EQ(preferred->kind, Kind::mapped);
    free(preferred->address);
  }
  arena().allocator.reclaim();
}

TEST(MemoryPolicy, AFreeWithInterruptsOffIsDoneSoon) {
  auto& allocator = arena().allocator;
  const PageCount pages(allocator.stats().total_pages.value / 7);  // more than a cache may keep
  const auto area = allocate({.size = FrameSize(12).bytes(pages), .contiguity = Contiguity::never});
  ASSERT_TRUE(area.ok());
  const std::uint64_t deferred = allocator.stats().deferred_frees;
  {
    const x86::InterruptsOff off;
    free(area->address);
  }
  flush_work();  // somebody must have been asked to do the rest
  const Stats after = allocator.stats();
  EXPECT_EQ(after.deferred_frees, deferred + 1);
  EXPECT_EQ(after.deferred_pages, PageCount(0));
  Allocation found;
  EXPECT_EQ(allocator.find(area->address, found), Misuse::not_allocated);
  allocator.reclaim();
}

}  // namespace
}  // namespace vc::kernel
