// Memory behind frames: zeroed, huge where the kernel can, given back when asked.
#include <sys/stat.h>

#include "linux_platform_testing.h"

namespace vc::testing {
namespace {

/// The memory behind the file of a platform, as the file system counts it.
Bytes file_memory(const LinuxPlatform& platform) {
  struct stat status {};
  EXPECT_EQ(::fstat(platform.fd(), &status), 0);
  return Bytes(static_cast<std::uint64_t>(status.st_blocks) * 512);
}

VirtRange direct_range(const LinuxPlatform& platform, PfnRange run) {
  return {direct_address(platform, run.first), platform.frame_size().bytes(run.count)};
}

void fill(VirtRange range, int value) {
  __builtin_memset(os::pointer(range.start), value, range.size.value);
}

TEST(LinuxPlatformCommit, FramesReadAsZeroAndAreBacked) {
  const auto platform = make_platform(kMiB * 8);
  EXPECT_EQ(file_memory(*platform), Bytes(0));
  const PfnRange run{Pfn(512), PageCount(1024)};
  ASSERT_TRUE(platform->commit(run).ok());
  EXPECT_EQ(file_memory(*platform), kMiB * 4);
  EXPECT_TRUE(all_bytes_are(direct_range(*platform, run), 0));
  const MappedPages found = platform->verify(direct_range(*platform, run));
  EXPECT_EQ(found.absent, Bytes(0)) << "no fault is left for later";
  EXPECT_EQ(platform->verify(platform->direct_map()).absent, kMiB * 4) << "and nothing else";
}

TEST(LinuxPlatformCommit, WholeUnitsAreHuge) {
  if (!kernel_can_collapse()) GTEST_SKIP() << "this kernel cannot collapse shared memory";
  const auto platform = make_platform(Bytes(8 * 512 * kPage + 7 * kPage));
  ASSERT_TRUE(platform->commit({Pfn(0), kUnit * 8}).ok());
  ASSERT_TRUE(platform->commit({Pfn(8 * 512), PageCount(7)}).ok());
  const MappedPages found = platform->verify(platform->direct_map());
  EXPECT_EQ(found.huge, kMiB * 16);
  EXPECT_EQ(found.small, Bytes(7 * kPage)) << "the partial unit has exactly its frames";
  const LinuxStats stats = platform->statistics();
  EXPECT_EQ(stats.huge, kMiB * 16);
  EXPECT_EQ(stats.small, Bytes(7 * kPage));
  EXPECT_EQ(stats.commits, 2U);
  EXPECT_EQ(stats.collapse_failures, 0U);
}

TEST(LinuxPlatformCommit, HugeNeverMeansSmallPages) {
  LinuxOptions options;
  options.budget = kMiB * 4;
  options.huge = LinuxOptions::Huge::never;
  const auto platform = make_platform(options);
  EXPECT_EQ(platform->huge_pages(), PageCount(1));
  ASSERT_TRUE(platform->commit(platform->frames()).ok());
  EXPECT_EQ(platform->statistics().small, kMiB * 4);
  EXPECT_EQ(platform->statistics().huge, Bytes(0));
  EXPECT_EQ(platform->verify(platform->direct_map()).absent, Bytes(0));
}

TEST(LinuxPlatformCommit, PartOfAUnitMayBeCommittedBeforeTheRest) {
  const auto platform = make_platform(kMiB * 2);
  ASSERT_TRUE(platform->commit({Pfn(100), PageCount(50)}).ok());
  fill(direct_range(*platform, {Pfn(100), PageCount(50)}), 0x5a);
  ASSERT_TRUE(platform->commit({Pfn(0), PageCount(100)}).ok());
  ASSERT_TRUE(platform->commit({Pfn(150), PageCount(362)}).ok());
  EXPECT_TRUE(all_bytes_are(direct_range(*platform, {Pfn(0), PageCount(100)}), 0));
  EXPECT_TRUE(all_bytes_are(direct_range(*platform, {Pfn(100), PageCount(50)}), 0x5a));
  EXPECT_TRUE(all_bytes_are(direct_range(*platform, {Pfn(150), PageCount(362)}), 0));
}

TEST(LinuxPlatformCommit, DecommitGivesMemoryBackAndRecommitIsZero) {
  const auto platform = make_platform(kMiB * 8);
  ASSERT_TRUE(platform->commit(platform->frames()).ok());
  fill(platform->direct_map(), 0xff);
  const PfnRange middle{Pfn(512), PageCount(1024)};
  ASSERT_TRUE(platform->decommit(middle).ok());
  EXPECT_EQ(file_memory(*platform), kMiB * 4);
  EXPECT_EQ(platform->statistics().committed, kMiB * 4);
  EXPECT_EQ(platform->verify(direct_range(*platform, middle)).absent, kMiB * 4);

  ASSERT_TRUE(platform->commit(middle).ok());
  EXPECT_TRUE(all_bytes_are(direct_range(*platform, middle), 0));
  EXPECT_TRUE(all_bytes_are(direct_range(*platform, {Pfn(0), PageCount(512)}), 0xff));
  EXPECT_TRUE(all_bytes_are(direct_range(*platform, {Pfn(1536), PageCount(512)}), 0xff));
}

TEST(LinuxPlatformCommit, StatisticsFollowHugeUnitsExactly) {
  if (!kernel_can_collapse()) GTEST_SKIP() << "this kernel cannot collapse shared memory";
  const auto platform = make_platform(kMiB * 8);
  ASSERT_TRUE(platform->commit(platform->frames()).ok());
  ASSERT_TRUE(platform->decommit({Pfn(512), kUnit}).ok());
  EXPECT_EQ(platform->statistics().huge, kMiB * 6);
  ASSERT_TRUE(platform->decommit({Pfn(0), PageCount(10)}).ok()) << "splits a huge page";
  const LinuxStats stats = platform->statistics();
  EXPECT_EQ(stats.huge, kMiB * 4);
  EXPECT_EQ(stats.small, Bytes(502 * kPage));
  EXPECT_EQ(stats.decommits, 2U);
}

TEST(LinuxPlatformCommit, ZeroWritesZeros) {
  const auto platform = make_platform(kMiB * 2);
  ASSERT_TRUE(platform->commit(platform->frames()).ok());
  const VirtRange range = direct_range(*platform, {Pfn(4), PageCount(8)});
  fill(platform->direct_map(), 0x77);
  platform->zero(range);
  EXPECT_TRUE(all_bytes_are(range, 0));
  EXPECT_EQ(byte_at(range.start - Bytes(1)), 0x77);
  EXPECT_EQ(byte_at(range.end()), 0x77);
}

TEST(LinuxPlatformVerify, TheTwoWaysAgree) {
  const auto platform = make_platform(kMiB * 16);
  ASSERT_TRUE(platform->commit({Pfn(0), kUnit * 3}).ok());
  const MappedPages scanned = os::scan_pagemap(platform->direct_map());
  const MappedPages parsed = os::parse_smaps(platform->direct_map());
  ASSERT_EQ(parsed.method, MappedPages::Method::smaps);
  EXPECT_EQ(parsed.huge + parsed.small, kMiB * 6);
  EXPECT_EQ(parsed.absent, kMiB * 10);
  if (scanned.method == MappedPages::Method::none) GTEST_SKIP() << "no PAGEMAP_SCAN here";
  EXPECT_EQ(scanned.huge, parsed.huge);
  EXPECT_EQ(scanned.small, parsed.small);
  EXPECT_EQ(scanned.absent, parsed.absent);
}

TEST(LinuxPlatformVerify, ScansMoreRegionsThanOneCallReturns) {
  const auto platform = make_platform(kMiB * 2);
  ASSERT_TRUE(platform->commit(platform->frames()).ok());
  const VirtRange window{platform->vmap_range().start, kMiB * 2};
  for (std::uint64_t i = 0; i < 200; ++i) {
    ASSERT_TRUE(platform->map(window.start + Bytes(2 * i * kPage), {Pfn(i), PageCount(1)}).ok());
  }
  const MappedPages found = platform->verify(window);
  EXPECT_EQ(found.small, Bytes(200 * kPage));
  EXPECT_EQ(found.absent, window.size - Bytes(200 * kPage));
}

}  // namespace
}  // namespace vc::testing
