// The pool of huge pages as backing: taken whole at creation, or a clear refusal; no SIGBUS.
#include <sys/file.h>

#include <cstring>
#include <fstream>
#include <string>

#include "linux_platform_testing.h"

namespace vc::testing {
namespace {

using os::kHugePage;
using os::SystemLimits;

constexpr const char* kPoolSize = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages";

/// The pool, enlarged for a test and restored after it; one test of the machine at a time.
class Pool {
 public:
  /// Makes `pages` more available.
  explicit Pool(std::uint64_t pages) {
    const std::string lock = ::testing::TempDir() + "hugetlb_pool.lock";
    lock_ = ::open(lock.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0666);
    if (lock_ >= 0) ::flock(lock_, LOCK_EX);
    const os::HugePool now = SystemLimits().huge_pool(kHugePage);
    before_ = now.total;
    free_before_ = now.free;
    if (!now.present) return;
    resize(before_ + pages);
    enlarged_ = SystemLimits().huge_pool(kHugePage).free == free_before_ + pages;
  }
  ~Pool() {
    if (SystemLimits().huge_pool(kHugePage).present) resize(before_);
    ::close(lock_);
  }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  bool enlarged() const { return enlarged_; }
  static std::uint64_t free_pages() { return SystemLimits().huge_pool(kHugePage).free; }

 private:
  static void resize(std::uint64_t pages) { std::ofstream(kPoolSize) << pages; }

  int lock_ = -1;
  std::uint64_t before_ = 0;
  std::uint64_t free_before_ = 0;
  bool enlarged_ = false;
};

#define VC_NEED_POOL(pool)                                                                    \
  if (!(pool).enlarged()) {                                                                   \
    GTEST_SKIP() << "the pool of huge pages cannot be enlarged (needs root and free memory)"; \
  }

LinuxOptions hugetlb(std::uint64_t pages) {
  LinuxOptions options;
  options.budget = kHugePage * pages;
  options.backing = LinuxOptions::Backing::hugetlb;
  return options;
}

TEST(LinuxPlatformHugetlb, AnEmptyOrHalfFilledPoolIsAClearRefusal) {
  const Pool pool(0);
  const std::uint64_t free = Pool::free_pages();
  const auto made = LinuxPlatform::create(hugetlb(free + 8));
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().reason, Reason::backing);
  EXPECT_EQ(made.error().requested, kHugePage * (free + 8));
  EXPECT_EQ(made.error().free, kHugePage * free);
  if (SystemLimits().huge_pool(kHugePage).present) {
    EXPECT_NE(std::strstr(made.error().detail, "vm.nr_hugepages"), nullptr);
  }
  EXPECT_EQ(Pool::free_pages(), free) << "nothing is lost";
}

TEST(LinuxPlatformHugetlb, TheBudgetIsTakenAtCreationAndGivenBack) {
  const Pool pool(8);
  VC_NEED_POOL(pool);
  const std::uint64_t free = Pool::free_pages();
  {
    const auto platform = make_platform(hugetlb(8));
    EXPECT_EQ(platform->frame_size(), FrameSize(21));
    EXPECT_EQ(platform->frames().count, PageCount(8));
    EXPECT_EQ(platform->commit_unit(), PageCount(1));
    EXPECT_EQ(Pool::free_pages(), free - 8);
    ASSERT_TRUE(platform->commit(platform->frames()).ok());
    EXPECT_EQ(Pool::free_pages(), free - 8);
    EXPECT_EQ(platform->statistics().huge, kHugePage * 8);
    for (std::uint64_t i = 0; i < 8; ++i) {
      EXPECT_EQ(byte_at(direct_address(*platform, Pfn(i)) + Bytes(12345)), 0);
    }
  }
  EXPECT_EQ(Pool::free_pages(), free);
}

TEST(LinuxPlatformHugetlb, RunsAreMappedHuge) {
  const Pool pool(4);
  VC_NEED_POOL(pool);
  const auto platform = make_platform(hugetlb(4));
  ASSERT_TRUE(platform->commit(platform->frames()).ok());
  const VirtAddr at = platform->vmap_range().start + kHugePage;
  ASSERT_TRUE(platform->map(at, {Pfn(2), PageCount(2)}).ok());
  byte_at(at) = 17;
  EXPECT_EQ(byte_at(direct_address(*platform, Pfn(2))), 17);
  EXPECT_EQ(platform->verify({at, kHugePage * 2}).huge, kHugePage * 2);
  const Unmapped unmapped = platform->unmap({at, kHugePage * 2});
  EXPECT_EQ(platform->verify(unmapped.range()).absent, kHugePage * 2);
}

TEST(LinuxPlatformHugetlb, WhatOthersTookMeanwhileIsAnErrorNotASignal) {
  const Pool pool(4);
  VC_NEED_POOL(pool);
  const std::uint64_t free = Pool::free_pages();
  const auto first = make_platform(hugetlb(free));
  ASSERT_TRUE(first->commit(first->frames()).ok());
  byte_at(direct_address(*first, Pfn(0))) = 1;
  ASSERT_TRUE(first->decommit({Pfn(0), PageCount(2)}).ok());
  EXPECT_EQ(Pool::free_pages(), 2U);
  {
    const auto second = make_platform(hugetlb(1));
    const PlatformStatus status = first->commit({Pfn(0), PageCount(2)});
    EXPECT_EQ(status.reason, Reason::backing);
    EXPECT_EQ(Pool::free_pages(), 1U) << "nothing is kept of what failed";
  }
  ASSERT_TRUE(first->commit({Pfn(0), PageCount(2)}).ok());
  EXPECT_EQ(byte_at(direct_address(*first, Pfn(0))), 0);
}

}  // namespace
}  // namespace vc::testing
