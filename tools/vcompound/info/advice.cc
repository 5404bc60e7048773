// advice.cc — the rules from facts to advice.
#include "tools/vcompound/info/advice.h"

#include <algorithm>
#include <bit>

#include "tools/vcompound/common/sizes.h"

namespace vc::tool {
namespace {

constexpr std::uint64_t kUsualMappings = 65530;
constexpr std::uint64_t kMappingsPerGib = 10000;
constexpr std::uint64_t kKernelBytesPerMapping = 200;
constexpr std::uint64_t kFewFiles = 64;
constexpr const char* kSysctlFile = "/etc/sysctl.d/60-vcompound.conf";

using List = std::vector<Advice>;

std::string sysctl(const std::string& setting) { return "sysctl -w " + setting; }
std::string keep_sysctl(const std::string& setting) {
  return "echo '" + setting + "' >> " + kSysctlFile;
}

void need_memfd(const Machine& machine, const Probes& probes, List& list) {
  if (!probes.memfd.no()) return;
  Advice advice{AdviceLevel::kNeeded, "no memory file can be made (" + probes.memfd.detail + ")",
                "", "",
                "the memory of every arena: run on Linux 3.17 or later, outside a sandbox that "
                "forbids memfd_create"};
  if (machine.memfd_noexec.value_or(0) >= 2) {
    advice.command = sysctl("vm.memfd_noexec=1");
    advice.keep = keep_sysctl("vm.memfd_noexec=1");
    advice.buys = "the memory of every arena: level 2 refuses memory files that do not ask for it";
  }
  list.push_back(advice);
}

void need_alias(const Probes& probes, List& list) {
  if (!probes.alias.no()) return;
  list.push_back(
      {AdviceLevel::kNeeded, "memory cannot be mapped a second time (" + probes.alias.detail + ")",
       "", "",
       "the mapped fallback: lift the limit that the reason names (ulimit -f, ulimit -v, "
       "vm.max_map_count)"});
}

void advise_mappings(const Machine& machine, List& list) {
  if (!machine.max_map_count || !machine.memory.total) return;
  const double gib = static_cast<double>(*machine.memory.total) / static_cast<double>(kGiB);
  const double needed = gib * static_cast<double>(kMappingsPerGib);
  if (static_cast<double>(*machine.max_map_count) >= needed) return;
  const std::uint64_t wanted = wanted_mappings(*machine.memory.total);
  const std::string setting = "vm.max_map_count=" + std::to_string(wanted);
  list.push_back(
      {AdviceLevel::kAdvised,
       "a process may have " + format_count(*machine.max_map_count) + " mappings", sysctl(setting),
       keep_sysctl(setting),
       "fragmented arenas up to all " + format_bytes(*machine.memory.total) +
           " of this machine: each run of a mapped compound is one mapping, and 4 GiB can need "
           "40,000. At most " +
           format_bytes(wanted * kKernelBytesPerMapping) + " of kernel memory if all are used"});
}

void advise_huge_pages(const Machine& machine, const Probes& probes, List& list) {
  if (!probes.collapse.no()) return;
  const HugePageFacts& huge = machine.huge_pages;
  const std::string subject = "no huge pages for arenas (" + probes.collapse.detail + ")";
  const std::string root = "/sys/kernel/mm/transparent_hugepage/";
  const std::string buys = "1.4 to 1.6 times faster random reads, five times faster first use";
  if (!huge.present) {
    list.push_back({AdviceLevel::kAdvised, subject, "", "",
                    buys + ": a kernel with CONFIG_TRANSPARENT_HUGEPAGE (Linux 6.1 or later)"});
    return;
  }
  const bool scarce = machine.memory.free_in_huge_units &&
                      *machine.memory.free_in_huge_units < huge.pmd_size.value_or(2 * kMiB) * 8;
  if (scarce) {
    list.push_back({AdviceLevel::kAdvised, subject, "echo 1 > /proc/sys/vm/compact_memory", "",
                    buys + ": free memory is in small pieces, compaction joins them"});
    return;
  }
  const bool denied = huge.shmem_enabled == "deny" || huge.shmem_enabled == "never";
  if (denied) {
    list.push_back({AdviceLevel::kAdvised, subject, "echo advise > " + root + "shmem_enabled",
                    "add it to /etc/rc.local or a systemd unit", buys});
  }
  if (huge.enabled == "never") {
    list.push_back({AdviceLevel::kAdvised, subject, "echo madvise > " + root + "enabled",
                    "add transparent_hugepage=madvise to the kernel's command line", buys});
  }
}

void advise_limits(const Machine& machine, List& list) {
  if (machine.address_space.known && machine.address_space.soft) {
    list.push_back(
        {AdviceLevel::kAdvised,
         "this process may use " + format_bytes(*machine.address_space.soft) + " of addresses",
         "ulimit -v unlimited", "",
         "addresses for mapped compounds: an arena reserves several times its budget, "
         "which costs no memory"});
  }
  if (machine.open_files.known && machine.open_files.soft.value_or(kFewFiles) < kFewFiles) {
    list.push_back({AdviceLevel::kAdvised,
                    "this process may open " + format_count(*machine.open_files.soft) + " files",
                    "ulimit -n 1024", "", "one file for each arena, beside the program's own"});
  }
}

void advise_overcommit(const Machine& machine, List& list) {
  const MemoryFacts& memory = machine.memory;
  if (memory.overcommit_mode.value_or(0) != 2 || !memory.commit_limit || !memory.committed) return;
  const std::uint64_t left =
      *memory.commit_limit - std::min(*memory.commit_limit, *memory.committed);
  if (left >= memory.available.value_or(0)) return;
  list.push_back({AdviceLevel::kAdvised,
                  "strict overcommit leaves " + format_bytes(left) + " to promise, less than the " +
                      format_bytes(memory.available.value_or(0)) + " available",
                  sysctl("vm.overcommit_ratio=100"), keep_sysctl("vm.overcommit_ratio=100"),
                  "budgets up to the available memory"});
}

/// The tightest group, when it leaves less than the machine has.
void advise_cgroup(const Machine& machine, List& list) {
  const CgroupLevel* tightest = nullptr;
  for (const CgroupLevel& level : machine.cgroups) {
    if (!level.limit) continue;
    if (tightest == nullptr || *level.limit < *tightest->limit) tightest = &level;
  }
  if (tightest == nullptr || !machine.memory.available) return;
  if (usable_memory(machine) >= *machine.memory.available) return;
  list.push_back(
      {AdviceLevel::kPossible,
       "the control group " + tightest->path + " is limited to " + format_bytes(*tightest->limit),
       "", "",
       "budgets above " + format_bytes(usable_memory(machine)) +
           ": raise the group's limit where it was set (systemd: MemoryMax=, docker: "
           "--memory, Kubernetes: resources.limits.memory); until then give a smaller "
           "budget"});
}

void advise_hugetlb(const Machine& machine, const Probes& probes, List& list) {
  const bool any_page =
      std::any_of(machine.pools.begin(), machine.pools.end(),
                  [](const HugetlbPool& pool) { return pool.total_pages.value_or(0) != 0; });
  if (machine.pools.empty() || any_page || probes.collapse.yes()) return;
  list.push_back({AdviceLevel::kPossible, "every hugetlb pool is empty",
                  sysctl("vm.nr_hugepages=512"), keep_sysctl("vm.nr_hugepages=512"),
                  "arenas on reserved huge pages that are never split or swapped: 512 pages of "
                  "2 MiB are 1 GiB, which no other use can take"});
}

}  // namespace

const char* advice_level_name(AdviceLevel level) {
  switch (level) {
    case AdviceLevel::kNeeded: return "needed";
    case AdviceLevel::kAdvised: return "advised";
    default: return "possible";
  }
}

std::uint64_t wanted_mappings(std::uint64_t memory_bytes) {
  const std::uint64_t gib = std::min(memory_bytes / kGiB + 1, std::uint64_t{1} << 20);
  const std::uint64_t rounded = std::bit_ceil(gib * kMappingsPerGib);
  return std::clamp<std::uint64_t>(rounded, kUsualMappings, std::uint64_t{1} << 30);
}

std::vector<Advice> advise(const Machine& machine, const Probes& probes) {
  List list;
  need_memfd(machine, probes, list);
  need_alias(probes, list);
  advise_mappings(machine, list);
  advise_huge_pages(machine, probes, list);
  advise_limits(machine, list);
  advise_overcommit(machine, list);
  advise_cgroup(machine, list);
  advise_hugetlb(machine, probes, list);
  std::stable_sort(list.begin(), list.end(),
                   [](const Advice& a, const Advice& b) { return a.level < b.level; });
  return list;
}

}  // namespace vc::tool
