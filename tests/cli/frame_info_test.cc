// Facts, advice and printing of `vcompound info`, from fixture trees of /proc and /sys.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tests/cli/scratch.h"
#include "tools/vcompound/common/sizes.h"
#include "tools/vcompound/info/advice.h"
#include "tools/vcompound/info/machine.h"
#include "tools/vcompound/info/print.h"

namespace vc::tool {
namespace {

using test::ScratchFolder;

constexpr const char* kCgroup2Mount =
    "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";

/// A server of 64 GiB with two nodes and a control group of 8 GiB.
void write_server(const ScratchFolder& tree) {
  tree.write("/proc/sys/kernel/osrelease", "6.12.1\n");
  tree.write(
      "/proc/meminfo",
      "MemTotal:       67108864 kB\nMemFree:        1048576 kB\n"
      "MemAvailable:   50331648 kB\nSwapTotal:       2097152 kB\n"
      "SwapFree:        1048576 kB\nCommitLimit:    33554432 kB\nCommitted_AS:    4194304 kB\n");
  tree.write("/proc/buddyinfo",
             "Node 0, zone      DMA      0 0 0 0 0 0 0 0 0 1 2\n"
             "Node 0, zone   Normal    256 0 0 0 0 0 0 0 0 0 0\n");
  tree.write("/proc/sys/vm/overcommit_memory", "0\n");
  tree.write("/proc/sys/vm/max_map_count", "65530\n");
  tree.write("/proc/sys/vm/unprivileged_userfaultfd", "1\n");
  tree.write("/proc/self/maps", "1-2 r--p\n3-4 rw-p\n5-6 rw-p\n");
  tree.write("/proc/self/limits",
             "Limit                     Soft Limit           Hard Limit           Units\n"
             "Max open files            1024                 524288               files\n"
             "Max locked memory         8388608              unlimited            bytes\n"
             "Max address space         unlimited            unlimited            bytes\n");
  tree.write("/proc/self/mountinfo", kCgroup2Mount);
  tree.write("/proc/self/cgroup", "0::/db.slice/redis.service\n");
  tree.write("/sys/fs/cgroup/db.slice/redis.service/memory.max", "max\n");
  tree.write("/sys/fs/cgroup/db.slice/redis.service/memory.current", "1073741824\n");
  tree.write("/sys/fs/cgroup/db.slice/memory.max", "8589934592\n");
  tree.write("/sys/fs/cgroup/db.slice/memory.high", "7516192768\n");
  tree.write("/sys/fs/cgroup/db.slice/memory.current", "3221225472\n");
  tree.write("/sys/fs/cgroup/db.slice/memory.stat",
             "anon 1\nfile 2\ninactive_file 536870912\nactive_file 536870912\n");
  tree.write("/sys/devices/system/cpu/online", "0-3,8-11\n");
  for (const char* node : {"node0", "node1"}) {
    const std::string folder = std::string("/sys/devices/system/node/") + node;
    tree.write(folder + "/cpulist", "0-3\n");
    tree.write(folder + "/meminfo", "Node 0 MemTotal: 33554432 kB\nNode 0 MemFree: 524288 kB\n");
    tree.write(folder + "/hugepages/hugepages-2048kB/nr_hugepages", "8\n");
    tree.write(folder + "/hugepages/hugepages-2048kB/free_hugepages", "5\n");
  }
  const std::string pool = "/sys/kernel/mm/hugepages/hugepages-2048kB";
  tree.write(pool + "/nr_hugepages", "16\n");
  tree.write(pool + "/free_hugepages", "10\n");
  tree.write(pool + "/resv_hugepages", "2\n");
  tree.write(pool + "/nr_overcommit_hugepages", "0\n");
  const std::string thp = "/sys/kernel/mm/transparent_hugepage";
  tree.write(thp + "/enabled", "always [madvise] never\n");
  tree.write(thp + "/shmem_enabled", "always within_size advise [never] deny force\n");
  tree.write(thp + "/defrag", "always defer defer+madvise [madvise] never\n");
  tree.write(thp + "/hpage_pmd_size", "2097152\n");
  tree.write(thp + "/hugepages-64kB/enabled", "always inherit madvise [never]\n");
  tree.write(thp + "/hugepages-128kB/enabled", "always inherit madvise [never]\n");
  tree.write(thp + "/hugepages-2048kB/enabled", "always [inherit] madvise never\n");
}

Probes working_probes() {
  Probes probes;
  for (Probe* probe :
       {&probes.memfd, &probes.alias, &probes.collapse, &probes.pagemap_scan, &probes.populate,
        &probes.membarrier, &probes.userfaultfd, &probes.userfault_move}) {
    *probe = {ProbeResult::kYes, "seen"};
  }
  probes.page_size = 4096;
  return probes;
}

bool advises(const std::vector<Advice>& list, const std::string& command_part) {
  return std::any_of(list.begin(), list.end(), [&](const Advice& advice) {
    return advice.command.find(command_part) != std::string::npos;
  });
}

class Server : public testing::Test {
 protected:
  Server() {
    write_server(tree_);
    machine_ = read_machine(SystemFiles(tree_.str()));
  }
  void reread() { machine_ = read_machine(SystemFiles(tree_.str())); }
  ScratchFolder tree_;
  Machine machine_;
};

TEST_F(Server, MemoryAndMappings) {
  EXPECT_EQ(machine_.kernel, "6.12.1");
  EXPECT_EQ(machine_.cpus, 8U);
  EXPECT_EQ(machine_.memory.total, 64 * kGiB);
  EXPECT_EQ(machine_.memory.available, 48 * kGiB);
  EXPECT_EQ(machine_.memory.swap_free, kGiB);
  EXPECT_EQ(machine_.max_map_count, 65530U);
  EXPECT_EQ(machine_.mappings_in_use, 3U);
  EXPECT_EQ(machine_.unprivileged_userfaultfd, 1U);
  EXPECT_FALSE(machine_.memfd_noexec) << "this kernel has no such file";
}

TEST_F(Server, FreeMemoryInHugeUnits) {
  EXPECT_EQ(machine_.memory.free_in_buddies, kMiB + 2 * kMiB + 8 * kMiB);
  EXPECT_EQ(machine_.memory.free_in_huge_units, 10 * kMiB);
}

TEST_F(Server, HugePages) {
  EXPECT_TRUE(machine_.huge_pages.present);
  EXPECT_EQ(machine_.huge_pages.enabled, "madvise");
  EXPECT_EQ(machine_.huge_pages.shmem_enabled, "never");
  ASSERT_EQ(machine_.huge_pages.sizes.size(), 3U);
  EXPECT_EQ(machine_.huge_pages.sizes[0].size, 64 * kKiB) << "sorted by size, not by name";
  EXPECT_EQ(machine_.huge_pages.sizes[2].enabled, "inherit");
}

TEST_F(Server, HugetlbPoolsPerNode) {
  ASSERT_EQ(machine_.pools.size(), 1U);
  EXPECT_EQ(machine_.pools[0].total_pages, 16U);
  EXPECT_EQ(machine_.pools[0].reserved_pages, 2U);
  ASSERT_EQ(machine_.pools[0].nodes.size(), 2U);
  EXPECT_EQ(machine_.pools[0].nodes[1].node, 1U);
  EXPECT_EQ(machine_.pools[0].nodes[1].free_pages, 5U);
}

TEST_F(Server, LimitsOfTheProcess) {
  EXPECT_TRUE(machine_.address_space.known);
  EXPECT_FALSE(machine_.address_space.soft) << "unlimited";
  EXPECT_EQ(machine_.open_files.soft, 1024U);
  EXPECT_EQ(machine_.locked_memory.soft, 8 * kMiB);
  EXPECT_FALSE(machine_.locked_memory.hard);
}

TEST_F(Server, EveryLevelOfTheControlGroupBinds) {
  ASSERT_EQ(machine_.cgroups.size(), 2U) << "the root has no memory files";
  EXPECT_EQ(machine_.cgroups[0].path, "/db.slice/redis.service");
  EXPECT_FALSE(machine_.cgroups[0].limit) << "max is no limit";
  EXPECT_EQ(machine_.cgroups[1].limit, 8 * kGiB);
  EXPECT_EQ(machine_.cgroups[1].high, 7 * kGiB);
  EXPECT_EQ(usable_memory(machine_), 8 * kGiB - (3 * kGiB - kGiB)) << "file cache can be dropped";
}

TEST_F(Server, AGroupOverItsLimitGivesNothing) {
  tree_.write("/sys/fs/cgroup/db.slice/memory.current", "99999999999\n");
  reread();
  EXPECT_EQ(usable_memory(machine_), 0U);
}

TEST_F(Server, AdviceNamesTheExactCommand) {
  const auto list = advise(machine_, working_probes());
  ASSERT_TRUE(advises(list, "sysctl -w vm.max_map_count=1048576"));
  EXPECT_FALSE(advises(list, "transparent_hugepage")) << "collapse works, nothing to gain";
  EXPECT_FALSE(advises(list, "ulimit"));
  const auto cgroup = std::find_if(list.begin(), list.end(), [](const Advice& advice) {
    return advice.subject.find("/db.slice") != std::string::npos;
  });
  ASSERT_NE(cgroup, list.end());
  EXPECT_NE(cgroup->subject.find("8 GiB"), std::string::npos);
}

TEST_F(Server, NoAdviceWhereNothingIsToGain) {
  tree_.write("/proc/sys/vm/max_map_count", "1048576\n");
  tree_.write("/sys/fs/cgroup/db.slice/memory.max", "max\n");
  reread();
  EXPECT_TRUE(advise(machine_, working_probes()).empty());
  EXPECT_NE(info_text({machine_, working_probes(), {}}).find("Nothing"), std::string::npos);
}

TEST_F(Server, CollapseThatFailsIsExplained) {
  Probes probes = working_probes();
  probes.collapse = {ProbeResult::kNo, "madvise(MADV_COLLAPSE): Invalid argument"};
  tree_.write("/proc/buddyinfo", "Node 0, zone Normal 0 0 0 0 0 0 0 0 0 0 100\n");
  reread();
  EXPECT_TRUE(advises(advise(machine_, probes),
                      "echo advise > /sys/kernel/mm/transparent_hugepage/shmem_enabled"));
  tree_.write("/proc/buddyinfo", "Node 0, zone Normal 9999 0 0 0 0 0 0 0 0 0 0\n");
  reread();
  EXPECT_TRUE(advises(advise(machine_, probes), "/proc/sys/vm/compact_memory"))
      << "free memory is in small pieces";
}

TEST_F(Server, LimitsInTheWayAreNamed) {
  tree_.write("/proc/self/limits",
              "Max open files            16                   16                   files\n"
              "Max address space         4294967296           unlimited            bytes\n");
  tree_.write("/proc/sys/vm/overcommit_memory", "2\n");
  reread();
  const auto list = advise(machine_, working_probes());
  EXPECT_TRUE(advises(list, "ulimit -v unlimited"));
  EXPECT_TRUE(advises(list, "ulimit -n"));
  EXPECT_TRUE(advises(list, "vm.overcommit_ratio"));
}

TEST_F(Server, WhatIsNeededComesFirst) {
  Probes probes = working_probes();
  probes.memfd = {ProbeResult::kNo, "memfd_create: Permission denied"};
  tree_.write("/proc/sys/vm/memfd_noexec", "2\n");
  reread();
  const auto list = advise(machine_, probes);
  ASSERT_FALSE(list.empty());
  EXPECT_EQ(list[0].level, AdviceLevel::kNeeded);
  EXPECT_EQ(list[0].command, "sysctl -w vm.memfd_noexec=1");
  EXPECT_NE(list[0].subject.find("Permission denied"), std::string::npos);
}

TEST_F(Server, TextShowsEverySection) {
  const std::string text =
      info_text({machine_, working_probes(), advise(machine_, working_probes())});
  for (const char* part :
       {"8 CPUs, 2 NUMA nodes, 64 GiB", "Memory\n", "Control groups", "v2 /db.slice", "Huge pages",
        "pages of 64 KiB to 128 KiB", "node 1: 5 of 8 free", "vm.max_map_count", "65,530",
        "UFFDIO_MOVE", "Limits of this process", "NUMA nodes", "What to change"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
}

TEST_F(Server, JsonHoldsTheSameFacts) {
  const auto json = info_json({machine_, working_probes(), advise(machine_, working_probes())});
  EXPECT_EQ(json["memory"]["usable_bytes"], 6 * kGiB);
  EXPECT_EQ(json["cgroups"][1]["limit_bytes"], 8 * kGiB);
  EXPECT_TRUE(json["cgroups"][0]["limit_bytes"].is_null());
  EXPECT_EQ(json["limits"]["address_space_bytes"]["soft"], "unlimited");
  EXPECT_EQ(json["hugetlb_pools"][0]["nodes"].size(), 2U);
  EXPECT_EQ(json["probes"]["madv_collapse"]["works"], true);
  EXPECT_TRUE(json["memfd_noexec"].is_null());
  EXPECT_EQ(json["advice"][0]["level"], "advised");
}

TEST(Cgroups, VersionOneBelowAContainersMount) {
  const ScratchFolder tree;
  tree.write("/proc/self/mountinfo",
             "35 31 0:32 /docker/ab\\040c /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n");
  tree.write("/proc/self/cgroup", "9:name=systemd:/x\n4:memory:/docker/ab c/inner\n");
  tree.write("/sys/fs/cgroup/memory/inner/memory.limit_in_bytes", "9223372036854771712\n");
  tree.write("/sys/fs/cgroup/memory/inner/memory.usage_in_bytes", "4096\n");
  tree.write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "536870912\n");
  tree.write("/sys/fs/cgroup/memory/memory.usage_in_bytes", "104857600\n");
  const Machine machine = read_machine(SystemFiles(tree.str()));
  ASSERT_EQ(machine.cgroups.size(), 2U);
  EXPECT_EQ(machine.cgroups[0].path, "/inner");
  EXPECT_FALSE(machine.cgroups[0].limit) << "the largest number of pages means no limit";
  EXPECT_EQ(machine.cgroups[1].limit, 512 * kMiB);
  EXPECT_EQ(usable_memory(machine), 412 * kMiB);
}

TEST(Cgroups, AGroupOutsideTheMountCountsAsTheMount) {
  for (const char* group : {"/../../elsewhere", "/not/shown", "relative", ""}) {
    const ScratchFolder tree;
    tree.write("/proc/self/mountinfo", kCgroup2Mount);
    tree.write("/proc/self/cgroup", std::string("0::") + group + "\n");
    tree.write("/sys/fs/cgroup/memory.max", "1048576\n");
    const Machine machine = read_machine(SystemFiles(tree.str()));
    ASSERT_EQ(machine.cgroups.size(), 1U) << group;
    EXPECT_EQ(machine.cgroups[0].path, "/") << group;
    EXPECT_EQ(machine.cgroups[0].limit, kMiB) << group;
  }
}

TEST(ReadMachine, AnEmptyTreeGivesNoFactsAndNoCrash) {
  const ScratchFolder tree;
  const Machine machine = read_machine(SystemFiles(tree.str()));
  EXPECT_FALSE(machine.memory.total);
  EXPECT_TRUE(machine.cgroups.empty());
  EXPECT_EQ(usable_memory(machine), 0U);
  EXPECT_TRUE(advise(machine, working_probes()).empty());
  EXPECT_NE(info_text({machine, Probes(), {}}).find("not tried"), std::string::npos);
  EXPECT_TRUE(info_json({machine, Probes(), {}})["memory"]["total_bytes"].is_null());
}

TEST(ReadMachine, GarbageInEveryFileGivesNoCrash) {
  const ScratchFolder tree;
  write_server(tree);
  const std::string garbage[] = {"",
                                 "\n\n\n",
                                 "::::\n",
                                 "-1\n",
                                 "99999999999999999999999\n",
                                 std::string(3000, '/'),
                                 std::string("\0\xFF[\x1b]\n", 6),
                                 "- - -\n"};
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(tree.path())) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  ASSERT_GT(files.size(), 30U);
  for (const std::string& text : garbage) {
    for (const auto& file : files) {
      std::ofstream(file, std::ios::binary) << text;
      const Machine machine = read_machine(SystemFiles(tree.str()));
      const InfoResult result{machine, Probes(), advise(machine, Probes())};
      EXPECT_EQ(info_text(result).find('\x1b'), std::string::npos)
          << "escapes must not get through";
      EXPECT_NO_THROW(static_cast<void>(info_json(result)));
    }
  }
}

TEST(WantedMappings, GrowsWithMemory) {
  EXPECT_EQ(wanted_mappings(kGiB), 65530U);
  EXPECT_EQ(wanted_mappings(64 * kGiB), 1048576U);
  EXPECT_LE(wanted_mappings(~std::uint64_t{0}), std::uint64_t{1} << 30);
}

TEST(SystemFilesParts, ReadKernelSyntax) {
  EXPECT_EQ(chosen_word("always [madvise] never"), "madvise");
  EXPECT_EQ(chosen_word("none"), "none");
  EXPECT_EQ(chosen_word("] ["), "] [");
  EXPECT_EQ(list_count("0-3,8"), 5U);
  EXPECT_EQ(list_count(""), 0U);
  EXPECT_EQ(list_count("3-1"), 0U);
  EXPECT_EQ(leading_number("  12 kB"), 12U);
  EXPECT_FALSE(leading_number("max"));
  EXPECT_FALSE(leading_number("18446744073709551616"));
}

TEST(Probes, OfThisMachineAreTriedAndExplained) {
  const Probes probes = run_probes(2 * kMiB);
  for (const Probe* probe :
       {&probes.memfd, &probes.alias, &probes.collapse, &probes.pagemap_scan, &probes.populate,
        &probes.membarrier, &probes.userfaultfd, &probes.userfault_move}) {
    EXPECT_NE(probe->result, ProbeResult::kNotTried);
    EXPECT_FALSE(probe->detail.empty());
  }
  EXPECT_TRUE(probes.memfd.yes()) << probes.memfd.detail;
  EXPECT_TRUE(probes.alias.yes()) << probes.alias.detail;
}

}  // namespace
}  // namespace vc::tool
