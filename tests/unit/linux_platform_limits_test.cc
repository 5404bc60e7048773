// What the system grants, read from trees of files that look like /proc and /sys.
#include <filesystem>
#include <fstream>
#include <string>

#include "linux_platform_testing.h"

namespace vc::testing {
namespace {

using os::Headroom;
using os::kUnlimited;
using os::MemoryView;
using os::SystemLimits;

/// A folder that stands for the root of a system; removed at the end.
class FakeRoot : public ::testing::Test {
 protected:
  FakeRoot() {
    std::string name = ::testing::TempDir() + "limits_XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
  }
  ~FakeRoot() override { std::filesystem::remove_all(root_); }

  void write(const std::string& path, const std::string& text) const {
    const std::filesystem::path file = root_ + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  void write_machine(const std::string& total_kib, const std::string& available_kib) const {
    write("/proc/meminfo", "MemTotal:       " + total_kib + " kB\nMemFree:        1 kB\n" +
                               "MemAvailable:   " + available_kib + " kB\nCached: 9 kB\n");
  }
  void write_version2(const std::string& group) const {
    write("/proc/self/mountinfo",
          "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
          "30 22 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n");
    write("/proc/self/cgroup", "0::" + group + "\n");
  }
  MemoryView memory() const { return SystemLimits(root_).memory(); }

  std::string root_;
};

TEST_F(FakeRoot, MachineWithoutGroups) {
  write_machine("16000000", "8000000");
  const MemoryView view = memory();
  EXPECT_EQ(view.promise, Bytes(16000000ULL * 1024));
  EXPECT_EQ(view.available, Bytes(8000000ULL * 1024));
  EXPECT_EQ(view.group_limit, kUnlimited);
}

TEST_F(FakeRoot, NothingReadableMeansNoLimit) {
  const MemoryView view = memory();
  EXPECT_EQ(view.promise, kUnlimited);
  EXPECT_EQ(view.available, kUnlimited);
  EXPECT_EQ(SystemLimits(root_).max_map_count(), 65530U);
  EXPECT_EQ(SystemLimits(root_).mappings(), 0U);
  EXPECT_FALSE(SystemLimits(root_).huge_pool(kMiB * 2).present);
  EXPECT_EQ(SystemLimits(root_).memory_nodes(), std::vector<std::uint32_t>{0});
}

TEST_F(FakeRoot, EveryGroupUpTheHierarchyBinds) {
  write_machine("16000000", "8000000");
  write_version2("/user.slice/db.service/job");
  write("/sys/fs/cgroup/user.slice/db.service/job/memory.max", "max\n");
  write("/sys/fs/cgroup/user.slice/db.service/memory.max", "4294967296\n");
  write("/sys/fs/cgroup/user.slice/db.service/memory.current", "1073741824\n");
  write("/sys/fs/cgroup/user.slice/memory.max", "2147483648\n");
  write("/sys/fs/cgroup/user.slice/memory.current", "1610612736\n");
  const MemoryView view = memory();
  EXPECT_EQ(view.promise, kGiB * 2) << "the limit in the middle";
  EXPECT_EQ(view.group_limit, kGiB * 2);
  EXPECT_EQ(view.available, kMiB * 512);
}

TEST_F(FakeRoot, FileCacheIsNotUsage) {
  write_machine("16000000", "8000000");
  write_version2("/job");
  write("/sys/fs/cgroup/job/memory.max", "1073741824\n");
  write("/sys/fs/cgroup/job/memory.current", "1073741824\n");
  write("/sys/fs/cgroup/job/memory.stat",
        "anon 1000\nfile 734003200\ninactive_file 209715200\nactive_file 104857600\nshmem 5\n");
  EXPECT_EQ(memory().available, kMiB * 300);
}

TEST_F(FakeRoot, UsageAboveTheLimitLeavesNothing) {
  write_machine("16000000", "8000000");
  write_version2("/job");
  write("/sys/fs/cgroup/job/memory.max", "1000000\n");
  write("/sys/fs/cgroup/job/memory.current", "2000000\n");
  EXPECT_EQ(memory().available, Bytes(0));
}

TEST_F(FakeRoot, VersionOneWithAContainersMount) {
  write_machine("16000000", "8000000");
  write("/proc/self/mountinfo",
        "31 22 0:27 /docker/abc /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
        "32 22 0:28 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
  write("/proc/self/cgroup", "5:cpu:/docker/abc\n4:memory:/docker/abc/child\n");
  write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "536870912\n");
  write("/sys/fs/cgroup/memory/memory.usage_in_bytes", "268435456\n");
  write("/sys/fs/cgroup/memory/memory.stat", "inactive_file 7\ntotal_inactive_file 104857600\n");
  write("/sys/fs/cgroup/memory/child/memory.limit_in_bytes", "9223372036854771712\n");
  const MemoryView view = memory();
  EXPECT_EQ(view.promise, kMiB * 512);
  EXPECT_EQ(view.available, kMiB * 356);
}

TEST_F(FakeRoot, AGroupThatTheMountDoesNotShowCountsAsItsTop) {
  write_machine("16000000", "8000000");
  write("/proc/self/mountinfo", "32 22 0:28 /pod /sys/fs/cgroup rw - cgroup2 cgroup rw\n");
  write("/proc/self/cgroup", "0::/other/place\n");
  write("/sys/fs/cgroup/memory.max", "1048576\n");
  EXPECT_EQ(memory().promise, kMiB);
}

TEST_F(FakeRoot, HostileFilesAreNoLimits) {
  write("/proc/meminfo", "MemTotal: \nMemAvailable: lots kB\nMemTotal");
  write("/proc/self/mountinfo", "\n-\n - cgroup2\n1 2 3 4\n30 1 0:1 / /c rw - cgroup2 x rw\n");
  write("/proc/self/cgroup", "\n:::\n0:\n0::/../../etc\nx");
  write("/c/memory.max", "99999999999999999999999\n");
  const MemoryView view = memory();
  EXPECT_EQ(view.promise, kUnlimited);
  EXPECT_EQ(view.available, kUnlimited);
}

TEST_F(FakeRoot, CountsAndPools) {
  write("/proc/sys/vm/max_map_count", "262144\n");
  write("/proc/self/maps", std::string(5000, 'x') + "\na\nb\n");
  write("/sys/devices/system/node/has_memory", "0-1,4\n");
  const std::string pool = "/sys/kernel/mm/hugepages/hugepages-2048kB/";
  write(pool + "nr_hugepages", "100\n");
  write(pool + "free_hugepages", "60\n");
  write(pool + "resv_hugepages", "20\n");
  write(pool + "nr_overcommit_hugepages", "10\n");
  write(pool + "surplus_hugepages", "4\n");
  const SystemLimits limits(root_);
  EXPECT_EQ(limits.max_map_count(), 262144U);
  EXPECT_EQ(limits.mappings(), 3U);
  EXPECT_EQ(limits.memory_nodes(), (std::vector<std::uint32_t>{0, 1, 4}));
  EXPECT_TRUE(limits.huge_pool(kMiB * 2).present);
  EXPECT_EQ(limits.huge_pool(kMiB * 2).total, 100U);
  EXPECT_EQ(limits.huge_pool(kMiB * 2).free, 46U) << "60 - 20 promised + 6 more on demand";
  EXPECT_FALSE(limits.huge_pool(kGiB).present);
}

TEST_F(FakeRoot, HeadroomIsReadAgainWhenTheAllowanceIsSpent) {
  write_machine("1048576", "131072");
  const SystemLimits limits(root_);
  Headroom headroom(limits);
  EXPECT_EQ(headroom.usable(), kMiB * 128 - Headroom::kReserve);
  EXPECT_FALSE(headroom.take(kMiB * 128));
  EXPECT_TRUE(headroom.take(kMiB * 26)) << "leaves 100 MiB: an allowance of 25 MiB";
  write_machine("1048576", "0");
  EXPECT_TRUE(headroom.take(kMiB * 20)) << "out of the allowance";
  EXPECT_FALSE(headroom.take(kMiB * 6)) << "above the rest of it: read anew, nothing left";
  EXPECT_FALSE(headroom.take(kMiB)) << "a refusal ends the allowance";
  write_machine("1048576", "131072");
  EXPECT_TRUE(headroom.take(kMiB));
}

TEST(LinuxSystemLimits, TheRunningSystemAnswers) {
  const SystemLimits limits;
  const MemoryView view = limits.memory();
  EXPECT_NE(view.promise, kUnlimited);
  EXPECT_LE(view.available, view.promise);
  EXPECT_GT(view.available, kMiB);
  EXPECT_EQ(limits.mappings(), count_mappings());
}

}  // namespace
}  // namespace vc::testing
