// After fork: the child sees what it should, allocates nothing, harms nothing.
#include <cstring>

#include "linux_platform_testing.h"

namespace vc::testing {
namespace {

/// A platform with one committed unit, frame 3 mapped at the start of the vmap range.
std::unique_ptr<LinuxPlatform> prepared(LinuxOptions::AfterFork after_fork) {
  LinuxOptions options;
  options.budget = kMiB * 4;
  options.after_fork = after_fork;
  auto platform = make_platform(options);
  EXPECT_TRUE(platform->commit({Pfn(0), kUnit}).ok());
  EXPECT_TRUE(platform->map(platform->vmap_range().start, {Pfn(3), PageCount(1)}).ok());
  byte_at(direct_address(*platform, Pfn(3))) = 42;
  return platform;
}

/// Are commit, decommit and map refused as the parent's?
bool refuses_everything(LinuxPlatform& platform) {
  const PlatformStatus answers[] = {
      platform.commit({Pfn(512), kUnit}), platform.decommit({Pfn(0), kUnit}),
      platform.map(platform.vmap_range().start + kMiB, {Pfn(1), PageCount(1)})};
  for (const PlatformStatus& answer : answers) {
    if (answer.reason != Reason::policy) return false;
    if (std::strstr(answer.detail, "parent process") == nullptr) return false;
  }
  return true;
}

TEST(LinuxPlatformFork, ASharingChildSeesTheSameMemory) {
  const auto platform = prepared(LinuxOptions::AfterFork::share);
  const VirtAddr alias = platform->vmap_range().start;
  const ChildEnd end = run_in_child([&] {
    if (!platform->in_child()) return 1;
    if (byte_at(alias) != 42) return 2;
    byte_at(direct_address(*platform, Pfn(3))) = 43;
    if (byte_at(alias) != 43) return 3;
    return refuses_everything(*platform) ? 0 : 4;
  });
  EXPECT_EQ(end, (ChildEnd{.exit_code = 0}));
  EXPECT_FALSE(platform->in_child());
  EXPECT_EQ(byte_at(alias), 43) << "the memory is shared, not copied";
  EXPECT_TRUE(platform->commit({Pfn(512), kUnit}).ok()) << "the parent is untouched";
}

TEST(LinuxPlatformFork, AChildsDestructorLeavesTheParentsMemory) {
  auto platform = prepared(LinuxOptions::AfterFork::share);
  const ChildEnd end = run_in_child([&] {
    platform.reset();
    return 0;
  });
  EXPECT_EQ(end, (ChildEnd{.exit_code = 0}));
  EXPECT_EQ(byte_at(platform->vmap_range().start), 42);
  EXPECT_EQ(byte_at(direct_address(*platform, Pfn(3))), 42);
}

TEST(LinuxPlatformFork, AnExcludingChildFaultsCleanly) {
  const auto platform = prepared(LinuxOptions::AfterFork::exclude);
  const VirtAddr places[] = {platform->vmap_range().start, direct_address(*platform, Pfn(3))};
  for (const VirtAddr place : places) {
    const ChildEnd end = run_in_child([&] { return byte_at(place) == 42 ? 1 : 2; });
    EXPECT_EQ(end, (ChildEnd{.exit_code = -1, .signal = SIGSEGV}));
  }
  EXPECT_EQ(byte_at(places[0]), 42);
}

TEST(LinuxPlatformFork, AnExcludingChildRefusesAndDestroysCleanly) {
  auto platform = prepared(LinuxOptions::AfterFork::exclude);
  const ChildEnd end = run_in_child([&] {
    if (!platform->in_child() || platform->fd() != -1) return 1;
    if (!refuses_everything(*platform)) return 2;
    // The addresses stay taken: nothing else can land there.
    if (platform->verify(platform->direct_map()).absent != platform->direct_map().size) return 3;
    platform.reset();
    return 0;
  });
  EXPECT_EQ(end, (ChildEnd{.exit_code = 0}));
  EXPECT_EQ(byte_at(direct_address(*platform, Pfn(3))), 42);
}

TEST(LinuxPlatformFork, AChildMayMakeAnArenaOfItsOwn) {
  const auto platform = prepared(LinuxOptions::AfterFork::exclude);
  ASSERT_LT(LinuxPlatform::slot(), LinuxPlatform::kSlots);
  const ChildEnd end = run_in_child([&] {
    LinuxOptions options;
    options.budget = kMiB * 2;
    auto own = LinuxPlatform::create(options);
    if (!own.ok() || own.value()->in_child()) return 1;
    if (!own.value()->commit({Pfn(0), kUnit}).ok()) return 2;
    if (!own.value()->map(own.value()->vmap_range().start, {Pfn(0), PageCount(2)}).ok()) return 3;
    LinuxPlatform::heavy_barrier();
    return run_in_child([&] { return own.value()->in_child() ? 0 : 1; }).exit_code;
  });
  EXPECT_EQ(end, (ChildEnd{.exit_code = 0}));
}

}  // namespace
}  // namespace vc::testing
