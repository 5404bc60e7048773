// Making a LinuxPlatform: exact budgets, refusals that name the reason, nothing left behind.
#include <sys/resource.h>

#include <cstring>
#include <string>

#include "linux_platform_testing.h"

namespace vc::testing {
namespace {

using os::SystemLimits;

Error refusal(const LinuxOptions& options) {
  auto made = LinuxPlatform::create(options);
  EXPECT_FALSE(made.ok()) << "this was expected to be refused";
  return made.ok() ? Error{} : made.error();
}

LinuxOptions with_budget(Bytes budget) {
  LinuxOptions options;
  options.budget = budget;
  return options;
}

TEST(LinuxPlatformCreate, BudgetIsExactInFrames) {
  const auto platform = make_platform(Bytes(1001 * kPage + 1000));
  EXPECT_EQ(platform->frames(), (PfnRange{Pfn(0), PageCount(1001)}));
  EXPECT_EQ(platform->node_count(), 1U);
  EXPECT_EQ(platform->node_frames(0), platform->frames());
  EXPECT_EQ(platform->direct_map().size, Bytes(1001 * kPage));
  EXPECT_EQ(platform->commit_unit(), kUnit);

  ASSERT_TRUE(platform->commit({Pfn(0), kUnit}).ok());
  ASSERT_TRUE(platform->commit({Pfn(512), PageCount(489)}).ok());
  byte_at(direct_address(*platform, Pfn(1000)) + Bytes(kPage - 1)) = 7;
  EXPECT_EQ(byte_at(direct_address(*platform, Pfn(1000)) + Bytes(kPage - 1)), 7);
  EXPECT_EQ(platform->statistics().committed, Bytes(1001 * kPage));
}

TEST(LinuxPlatformCreate, OneFrameIsABudget) {
  const auto platform = make_platform(Bytes(kPage));
  ASSERT_TRUE(platform->commit({Pfn(0), PageCount(1)}).ok());
  EXPECT_EQ(byte_at(direct_address(*platform, Pfn(0))), 0);
}

TEST(LinuxPlatformCreate, AddressesAreAligned) {
  const auto platform = make_platform(Bytes(5 * kPage));
  EXPECT_EQ(platform->direct_map().start.value % kGiB.value, 0U);
  EXPECT_EQ(platform->vmap_range().start.value % kGiB.value, 0U);
  EXPECT_EQ(platform->vmap_range().size, kGiB);
  EXPECT_EQ(make_platform(kMiB * 100)->vmap_range().size, kGiB * 2) << "16 x 100 MiB, whole GiB";
}

TEST(LinuxPlatformCreate, PhysicalAddressIsTheOffsetInTheFile) {
  const auto platform = make_platform(kMiB * 4);
  ASSERT_TRUE(platform->commit({Pfn(0), kUnit}).ok());
  byte_at(direct_address(*platform, Pfn(17)) + Bytes(5)) = 99;
  unsigned char read = 0;
  const PhysAddr where = platform->physical(Pfn(17)) + Bytes(5);
  ASSERT_EQ(::pread(platform->fd(), &read, 1, static_cast<off_t>(where.value)), 1);
  EXPECT_EQ(read, 99);
}

TEST(LinuxPlatformCreate, BudgetBelowOneFrameIsInvalid) {
  for (const std::uint64_t size : {std::uint64_t{0}, kPage - 1}) {
    const Error error = refusal(with_budget(Bytes(size)));
    EXPECT_EQ(error.reason, Reason::invalid);
    EXPECT_NE(std::strstr(error.detail, "smaller than one frame"), nullptr) << error.detail;
  }
}

TEST(LinuxPlatformCreate, FrameSizesOutsideThePageSizeAndTwoMebibytesAreInvalid) {
  for (const std::uint32_t shift : {0U, 11U, 22U, 63U}) {
    LinuxOptions options = with_budget(kMiB * 16);
    options.frame_size = FrameSize(shift);
    EXPECT_EQ(refusal(options).reason, Reason::invalid) << shift;
  }
}

TEST(LinuxPlatformCreate, LargerFramesHaveSmallerUnits) {
  for (const std::uint32_t shift : {13U, 16U, 21U}) {
    LinuxOptions options = with_budget(kMiB * 8);
    options.frame_size = FrameSize(shift);
    const auto platform = make_platform(options);
    EXPECT_EQ(platform->commit_unit(), PageCount(std::uint64_t{1} << (21 - shift)));
    EXPECT_EQ(platform->frames().count, PageCount(std::uint64_t{1} << (23 - shift)));
    ASSERT_TRUE(platform->commit(platform->frames()).ok());
    EXPECT_EQ(platform->statistics().committed, kMiB * 8);
  }
}

TEST(LinuxPlatformCreate, BudgetAboveTheMachineIsRefusedUnlessAllowed) {
  const Bytes promise = SystemLimits().memory().promise;
  ASSERT_NE(promise, os::kUnlimited);
  LinuxOptions options = with_budget(promise + kGiB);
  const Error error = refusal(options);
  EXPECT_EQ(error.reason, Reason::backing);
  EXPECT_EQ(error.limit, promise);
  EXPECT_EQ(error.requested,
            options.frame_size.bytes(options.frame_size.whole_pages(options.budget)));
  EXPECT_NE(std::strstr(error.detail, "overcommit"), nullptr) << error.detail;

  options.overcommit = LinuxOptions::Overcommit::yes;
  EXPECT_EQ(make_platform(options)->frames().count.value, options.budget.value / kPage);
}

TEST(LinuxPlatformCreate, PrecommitAboveWhatIsAvailableIsRefusedAtOnce) {
  const Bytes available = SystemLimits().memory().available;
  LinuxOptions options = with_budget(available + kGiB);
  options.overcommit = LinuxOptions::Overcommit::yes;
  options.precommit = LinuxOptions::Precommit::yes;
  const Error error = refusal(options);
  EXPECT_EQ(error.reason, Reason::backing);
  EXPECT_LE(error.limit, options.budget);
  EXPECT_NE(std::strstr(error.detail, "precommit"), nullptr) << error.detail;
}

TEST(LinuxPlatformCreate, PrecommitTakesEverything) {
  LinuxOptions options = with_budget(Bytes(3000 * kPage));
  options.precommit = LinuxOptions::Precommit::yes;
  const auto platform = make_platform(options);
  EXPECT_EQ(platform->commit_unit(), PageCount(0));
  EXPECT_EQ(platform->statistics().committed, Bytes(3000 * kPage));
  EXPECT_EQ(platform->verify(platform->direct_map()).absent, Bytes(0));
}

TEST(LinuxPlatformCreate, MoreFramesThanNumbersIsAnAddressSpaceError) {
  LinuxOptions options = with_budget(Bytes(0x1'0000'0000 * kPage));
  options.overcommit = LinuxOptions::Overcommit::yes;
  EXPECT_EQ(refusal(options).reason, Reason::address_space);
  options = with_budget(kMiB);
  options.vmap_space = Bytes(0x1'0000'0000 * kPage);
  EXPECT_EQ(refusal(options).reason, Reason::address_space);
}

TEST(LinuxPlatformCreate, ScarceAddressesShrinkTheDefaultButNotTheWish) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer alone needs more than the 4 GiB of this test";
  const ChildEnd end = run_in_child([] {
    // Room for the arena and 4 GiB, not for 16 GiB.
    const rlimit limit{4 * kGiB.value, RLIM_INFINITY};
    if (::setrlimit(RLIMIT_AS, &limit) != 0) return 1;
    LinuxOptions options = with_budget(kMiB * 512);
    auto made = LinuxPlatform::create(options);
    if (!made.ok()) return 2;
    if (made.value()->vmap_range().size >= kGiB * 4) return 4;
    if (made.value()->vmap_range().size < kGiB) return 5;
    options.vmap_space = kGiB * 8;
    auto refused = LinuxPlatform::create(options);
    return !refused.ok() && refused.error().reason == Reason::address_space ? 0 : 6;
  });
  EXPECT_EQ(end, (ChildEnd{.exit_code = 0}));
}

TEST(LinuxPlatformCreate, FileSizeLimitIsAnErrorNotASignal) {
  const ChildEnd end = run_in_child([] {
    const rlimit limit{kMiB.value, RLIM_INFINITY};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
    const Error error = LinuxPlatform::create(with_budget(kMiB * 2)).error();
    return error.reason == Reason::policy && error.system_error == EFBIG ? 0 : 2;
  });
  EXPECT_EQ(end, (ChildEnd{.exit_code = 0}));
}

TEST(LinuxPlatformCreate, NoDescriptorLeftIsNamed) {
  if (kSanitized) GTEST_SKIP() << "UBSan opens a pipe to check a pointer, and none can be had here";
  const ChildEnd end = run_in_child([] {
    const rlimit limit{3, 3};
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return 1;
    const Error error = LinuxPlatform::create(with_budget(kMiB * 2)).error();
    if (error.reason != Reason::backing || error.system_error != EMFILE) return 2;
    return std::strstr(error.detail, "ulimit -n") != nullptr ? 0 : 3;
  });
  EXPECT_EQ(end, (ChildEnd{.exit_code = 0}));
}

TEST(LinuxPlatformCreate, DestructionLeavesNothing) {
  if (kSanitized) GTEST_SKIP() << "mappings are counted, and a sanitizer makes its own";
  { const auto warm_up = make_platform(kMiB * 8); }
  const std::uint64_t before = count_mappings();
  const int lowest_fd = ::dup(0);
  ::close(lowest_fd);
  {
    const auto platform = make_platform(kMiB * 8);
    ASSERT_NE(platform->metadata(kMiB), nullptr);
    ASSERT_TRUE(platform->commit({Pfn(0), kUnit}).ok());
    ASSERT_TRUE(platform->map(platform->vmap_range().start, {Pfn(3), PageCount(2)}).ok());
    EXPECT_GT(count_mappings(), before);
  }
  EXPECT_EQ(count_mappings(), before);
  const int again = ::dup(0);
  ::close(again);
  EXPECT_EQ(again, lowest_fd);
}

TEST(LinuxPlatformCreate, ATebibyteTouchesAlmostNothing) {
#ifdef VC_THREAD_SANITIZER
  GTEST_SKIP() << "ThreadSanitizer leaves a process less than 2 TiB of addresses";
#endif
  LinuxOptions options = with_budget(kGiB * 1024);
  options.overcommit = LinuxOptions::Overcommit::yes;
  const auto platform = make_platform(options);
  EXPECT_EQ(platform->frames().count, PageCount(1ULL << 28));
  void* const tables = platform->metadata(Bytes(platform->frames().count.value * 12));
  ASSERT_NE(tables, nullptr);
  const VirtRange range{os::address_of(tables), Bytes(platform->frames().count.value * 12)};
  EXPECT_EQ(platform->verify(range).absent, range.size) << "no table is resident";
  byte_at(range.start + kGiB) = 1;
  EXPECT_EQ(platform->verify(range).small, Bytes(kPage)) << "only the touched page is";
  EXPECT_EQ(platform->verify(platform->direct_map()).absent, platform->direct_map().size);
}

TEST(LinuxPlatformCreate, MetadataIsZeroAlignedAndBounded) {
  const auto platform = make_platform(kMiB * 2);
  void* const table = platform->metadata(Bytes(100));
  ASSERT_NE(table, nullptr);
  EXPECT_EQ(os::address_of(table).value % 64, 0U);
  EXPECT_TRUE(all_bytes_are({os::address_of(table), Bytes(100)}, 0));
  EXPECT_EQ(platform->metadata(Bytes(0)), nullptr);
  EXPECT_EQ(platform->metadata(Bytes(1ULL << 60)), nullptr);
}

TEST(LinuxPlatformCreate, NodesShareTheFramesInWholeUnits) {
  LinuxOptions options = with_budget(Bytes((512 * 7 + 100) * kPage));
  options.nodes = 3;
  const auto platform = make_platform(options);
  ASSERT_EQ(platform->node_count(), 3U);
  EXPECT_EQ(platform->node_frames(0), (PfnRange{Pfn(0), PageCount(3 * 512)}));
  EXPECT_EQ(platform->node_frames(1), (PfnRange{Pfn(3 * 512), PageCount(3 * 512)}));
  EXPECT_EQ(platform->node_frames(2), (PfnRange{Pfn(6 * 512), PageCount(612)}));
  EXPECT_LE(platform->statistics().nodes_bound, 3U);
  ASSERT_TRUE(platform->commit({Pfn(6 * 512), kUnit}).ok());
}

TEST(LinuxPlatformCreate, NodesAreAtMostTheUnits) {
  const auto ranges = os::split_evenly(PageCount(513), PageCount(512), 8);
  ASSERT_EQ(ranges.size(), 2U);
  EXPECT_EQ(ranges[1], (PfnRange{Pfn(512), PageCount(1)}));
  LinuxOptions options = with_budget(kMiB * 8);
  options.nodes = 0;
  EXPECT_GE(make_platform(options)->node_count(), 1U);
}

}  // namespace
}  // namespace vc::testing
