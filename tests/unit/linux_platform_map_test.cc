// Aliases: the same bytes at another address, counted mappings, a clean answer at the limit.
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <thread>
#include <vector>

#include "linux_platform_testing.h"

namespace vc::testing {
namespace {

class LinuxPlatformMap : public ::testing::Test {
 protected:
  LinuxPlatformMap() : platform_(make_platform(kMiB * 16)) {
    EXPECT_TRUE(platform_->commit(platform_->frames()).ok());
  }
  /// The address of a page of the vmap range.
  VirtAddr page(std::uint64_t number) const {
    return platform_->vmap_range().start + Bytes(number * kPage);
  }
  void unmap(VirtRange range) {
    const Invalidated done = platform_->shootdown(platform_->unmap(range));
    static_cast<void>(done);
  }

  std::unique_ptr<LinuxPlatform> platform_;
};

TEST_F(LinuxPlatformMap, ScatteredRunsReachTheBytesOfTheDirectMap) {
  const std::vector<PfnRange> runs{{Pfn(40), PageCount(3)},
                                   {Pfn(7), PageCount(1)},
                                   {Pfn(1000), PageCount(16)},
                                   {Pfn(512), PageCount(5)}};
  std::uint64_t at = 1;
  unsigned char mark = 1;
  for (const PfnRange run : runs) {
    ASSERT_TRUE(platform_->map(page(at), run).ok());
    for (std::uint64_t i = 0; i < run.count.value; ++i, ++mark) {
      byte_at(page(at + i) + Bytes(i)) = mark;
      EXPECT_EQ(byte_at(direct_address(*platform_, run.first + PageCount(i)) + Bytes(i)), mark);
      byte_at(direct_address(*platform_, run.first + PageCount(i)) + Bytes(100)) = mark;
      EXPECT_EQ(byte_at(page(at + i) + Bytes(100)), mark);
    }
    at += run.count.value;
  }
  EXPECT_EQ(platform_->verify({page(1), Bytes(25 * kPage)}).absent, Bytes(0)) << "populated";
  unmap({page(1), Bytes(25 * kPage)});
  EXPECT_EQ(platform_->verify({page(0), Bytes(27 * kPage)}).absent, Bytes(27 * kPage));
}

TEST_F(LinuxPlatformMap, AdjacentRunsShareOneMapping) {
  ASSERT_TRUE(platform_->map(page(10), {Pfn(100), PageCount(4)}).ok());
  const std::uint64_t one_run = count_mappings();
  ASSERT_TRUE(platform_->map(page(14), {Pfn(104), PageCount(4)}).ok());
  EXPECT_EQ(count_mappings(), one_run);
  ASSERT_TRUE(platform_->map(page(18), {Pfn(200), PageCount(4)}).ok());
  EXPECT_EQ(count_mappings(), one_run + 1);
}

TEST_F(LinuxPlatformMap, UnmappingReturnsEveryMapping) {
  const std::uint64_t before = count_mappings();
  for (std::uint64_t i = 0; i < 50; ++i) {
    ASSERT_TRUE(platform_->map(page(1 + i * 3), {Pfn(i * 10), PageCount(2)}).ok());
  }
  EXPECT_EQ(count_mappings(), before + 100) << "a run and the gap behind it";
  unmap({page(1), Bytes(60 * kPage)});
  EXPECT_EQ(count_mappings(), before + 60) << "20 runs and the gaps behind them";
  unmap({page(1), Bytes(150 * kPage)});
  EXPECT_EQ(count_mappings(), before) << "a range with holes";
  EXPECT_EQ(platform_->statistics().maps, 50U);
  EXPECT_EQ(platform_->statistics().unmaps, 2U);
}

TEST_F(LinuxPlatformMap, AlignedRunsAreMappedHuge) {
  if (!kernel_can_collapse()) GTEST_SKIP() << "this kernel cannot collapse shared memory";
  ASSERT_EQ(platform_->huge_pages(), kUnit);
  const VirtAddr at = platform_->vmap_range().start + kMiB * 4;
  ASSERT_TRUE(platform_->map(at, {Pfn(1024), kUnit}).ok());
  byte_at(at) = 1;
  EXPECT_EQ(platform_->verify({at, kMiB * 2}).huge, kMiB * 2);
  ASSERT_TRUE(platform_->map(at + kMiB * 2 + Bytes(kPage), {Pfn(1536), kUnit}).ok());
  EXPECT_EQ(platform_->verify({at + kMiB * 2 + Bytes(kPage), kMiB * 2}).small, kMiB * 2);
}

TEST_F(LinuxPlatformMap, AnUnmappedRangeCannotBeAccessed) {
  ASSERT_TRUE(platform_->map(page(5), {Pfn(0), PageCount(2)}).ok());
  byte_at(page(6)) = 1;
  unmap({page(5), Bytes(2 * kPage)});
  const ChildEnd end = run_in_child([this] { return byte_at(page(6)) == 1 ? 0 : 1; });
  EXPECT_EQ(end, (ChildEnd{.exit_code = -1, .signal = SIGSEGV}));
}

TEST_F(LinuxPlatformMap, FramesSurviveTheirMapping) {
  ASSERT_TRUE(platform_->map(page(0), {Pfn(9), PageCount(1)}).ok());
  byte_at(page(0)) = 123;
  unmap({page(0), Bytes(kPage)});
  EXPECT_EQ(byte_at(direct_address(*platform_, Pfn(9))), 123);
}

TEST_F(LinuxPlatformMap, ThreadsMapAndUnmapDisjointRanges) {
  constexpr std::uint64_t kThreads = 4;
  const std::uint64_t before = count_mappings();
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (std::uint64_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([this, t, &wrong] {
      for (std::uint64_t round = 0; round < 50; ++round) {
        const VirtAddr at = page(t * 64 + round % 8 * 3 + 1);
        const PfnRange run{Pfn(t * 512 + round * 2), PageCount(2)};
        if (!platform_->map(at, run).ok() || !platform_->charge_mappings(2)) ++wrong;
        byte_at(at + Bytes(kPage)) = static_cast<unsigned char>(t + 1);
        if (byte_at(direct_address(*platform_, run.first + PageCount(1))) != t + 1) ++wrong;
        unmap({at, Bytes(2 * kPage)});
        platform_->refund_mappings(2);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong.load(), 0);
  EXPECT_EQ(platform_->mappings_used(), 0U);
  EXPECT_EQ(platform_->verify({page(0), Bytes(300 * kPage)}).absent, Bytes(300 * kPage));
  if (!kSanitized) {
    // The threads' stacks may stay for reuse: two mappings each, and a heap for each.
    EXPECT_LE(count_mappings(), before + kThreads * 4);
  }
}

TEST(LinuxMappingBudget, OwnLimitBinds) {
  LinuxOptions options;
  options.budget = kMiB * 2;
  options.mapping_limit = 100;
  const auto platform = make_platform(options);
  EXPECT_EQ(platform->mappings_limit(), 100U);
  EXPECT_TRUE(platform->charge_mappings(60));
  EXPECT_FALSE(platform->charge_mappings(41));
  EXPECT_EQ(platform->mappings_used(), 60U) << "a refusal changes nothing";
  EXPECT_TRUE(platform->charge_mappings(40));
  EXPECT_FALSE(platform->charge_mappings(~std::uint64_t{0}));
  platform->refund_mappings(100);
  EXPECT_EQ(platform->mappings_used(), 0U);
}

TEST(LinuxMappingBudget, ArenasOfAProcessShareWhatTheSystemLeaves) {
  const auto first = make_platform(kMiB * 2);
  const auto second = make_platform(kMiB * 2);
  const std::uint64_t limit = first->mappings_limit();
  const os::SystemLimits system;
  EXPECT_GT(limit, 0U);
  EXPECT_LE(limit, system.max_map_count() - os::MappingBudget::margin(system.max_map_count()));
  ASSERT_TRUE(first->charge_mappings(limit));
  EXPECT_FALSE(second->charge_mappings(1));
  EXPECT_EQ(second->mappings_limit(), 0U);
  first->refund_mappings(limit);
  EXPECT_TRUE(second->charge_mappings(1));
  second->refund_mappings(1);
}

TEST(LinuxMappingBudget, ADestroyedArenaGivesItsMappingsBack) {
  const auto stays = make_platform(kMiB * 2);
  const std::uint64_t limit = stays->mappings_limit();
  {
    const auto goes = make_platform(kMiB * 2);
    ASSERT_TRUE(goes->charge_mappings(1000));
    EXPECT_EQ(stays->mappings_limit(), limit - 1000);
  }
  EXPECT_EQ(stays->mappings_limit(), limit);
}

/// Where make_one_mapping() makes the next one. Not where one was just removed.
VirtAddr next_place{std::uint64_t{1} << 44};
constexpr Bytes kPlace{2 * kPage};

/// A mapping that merges with no other; false if the kernel refuses.
bool make_one_mapping() {
  next_place += kPlace;
  return ::mmap(os::pointer(next_place), kPage, PROT_READ,
                MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) != MAP_FAILED;
}

/// Removes the mappings at the last 100 places.
void give_mappings_back() { ::munmap(os::pointer(next_place - kPlace * 100), kPlace.value * 100); }

/// Makes mappings until the kernel refuses every further mmap().
bool use_all_mappings(std::uint64_t max_map_count) {
  // Most of them two at a time: every other page of an area gets another protection.
  const std::uint64_t pages = 2 * max_map_count + 16;
  void* const area =
      ::mmap(nullptr, pages * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (area == MAP_FAILED) return false;
  for (std::uint64_t i = 0; i < pages; i += 2) {
    if (::mprotect(static_cast<char*>(area) + i * kPage, kPage, PROT_READ) != 0) break;
  }
  for (int i = 0; i < 100; ++i) {
    if (!make_one_mapping()) return errno == ENOMEM;
  }
  return false;
}

/// The i-th of the pages that are mapped before the limit is reached, none beside another.
VirtRange mapped_page(const LinuxPlatform& platform, std::uint64_t i) {
  return {platform.vmap_range().start + Bytes((2 * i + 1) * kPage), Bytes(kPage)};
}

bool unmapped_cleanly(LinuxPlatform& platform, std::uint64_t i) {
  const VirtRange page = mapped_page(platform, i);
  if (platform.verify(page).small != Bytes(kPage)) return false;
  const Unmapped unmapped = platform.unmap(page);
  return platform.verify(unmapped.range()).absent == Bytes(kPage);
}

/// Takes the spare mappings of the reservations away; no other page here is of their kind.
void steal_spares() {
  std::FILE* const maps = std::fopen("/proc/self/maps", "re");
  char line[512];
  while (std::fgets(line, sizeof line, maps) != nullptr) {
    std::uint64_t start = 0;
    std::uint64_t end = 0;
    char mode[8];
    if (std::sscanf(line, "%lx-%lx %7s", &start, &end, mode) != 3) continue;
    if (std::strcmp(mode, "---s") == 0 && std::strstr(line, "/dev/zero") != nullptr) {
      ::munmap(os::pointer(VirtAddr(start)), end - start);
    }
  }
  static_cast<void>(std::fclose(maps));
}

/// At the real limit of the system; the number of the first expectation that failed.
int behave_at_the_limit(LinuxPlatform& platform, std::uint64_t max_map_count) {
  if (!use_all_mappings(max_map_count)) return 1;
  const VirtRange new_page = mapped_page(platform, 20);
  const PlatformStatus status = platform.map(new_page.start, {Pfn(1), PageCount(1)});
  if (status.reason != Reason::mappings || status.system_error != ENOMEM) return 2;
  if (std::strstr(status.detail, "max_map_count") == nullptr) return 3;
  if (platform.verify(new_page).absent != new_page.size) return 4;

  // Unmapping works where every mmap() is refused, and lowers the number of mappings.
  while (make_one_mapping()) continue;
  const std::uint64_t at_limit = count_mappings();
  if (!unmapped_cleanly(platform, 1)) return 5;
  if (count_mappings() != at_limit - 2) return 6;

  // Even when the spare mapping is gone: then it is the access that goes.
  while (make_one_mapping()) continue;
  steal_spares();
  while (make_one_mapping()) continue;
  const VirtAddr gone = mapped_page(platform, 3).start;
  if (platform.unmap(mapped_page(platform, 3)).range().start != gone) return 7;
  if (run_in_child([gone] { return byte_at(gone) != 0 ? 1 : 0; }).signal != SIGSEGV) return 8;

  // And with room again, everything is as before.
  give_mappings_back();
  if (!unmapped_cleanly(platform, 5)) return 9;
  if (!unmapped_cleanly(platform, 6)) return 10;
  return platform.map(gone, {Pfn(1), PageCount(1)}).ok() ? 0 : 11;
}

TEST(LinuxMappingBudget, TheRealLimitIsACleanError) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer ends a process that has no mapping left";
  const std::uint64_t max_map_count = os::SystemLimits().max_map_count();
  if (max_map_count > 1'100'000) GTEST_SKIP() << "vm.max_map_count is too large to be reached";
  // In a process of its own: at the limit, malloc has nothing left either.
  const ChildEnd end = run_in_child([max_map_count] {
    LinuxOptions options;
    options.budget = kMiB * 2;
    auto made = LinuxPlatform::create(options);
    if (!made.ok() || !made.value()->commit({Pfn(0), kUnit}).ok()) return 100;
    for (std::uint64_t i = 0; i < 10; ++i) {
      const VirtAddr at = mapped_page(*made.value(), i).start;
      if (!made.value()->map(at, {Pfn(i * 3), PageCount(1)}).ok()) return 101;
    }
    return behave_at_the_limit(*made.value(), max_map_count);
  });
  EXPECT_EQ(end, (ChildEnd{.exit_code = 0}));
}

}  // namespace
}  // namespace vc::testing
