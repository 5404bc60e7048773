// machine.h — the facts about a machine that matter to vcompound, as read from /proc and /sys.
//
// Every figure in bytes unless its name says otherwise. A fact that the kernel does not tell is an
// empty optional (or an empty text); nothing is assumed in its place.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/vcompound/info/system_files.h"

namespace vc::tool {

using MaybeNumber = std::optional<std::uint64_t>;

/// From /proc/meminfo and /proc/sys/vm.
struct MemoryFacts {
  MaybeNumber total;
  MaybeNumber available;
  MaybeNumber swap_total;
  MaybeNumber swap_free;
  MaybeNumber commit_limit;
  MaybeNumber committed;
  MaybeNumber overcommit_mode;     ///< 0 heuristic, 1 always, 2 strict
  MaybeNumber free_in_buddies;     ///< free bytes of all zones, from /proc/buddyinfo
  MaybeNumber free_in_huge_units;  ///< the part of it in free blocks that hold a huge page
};

/// What may be huge for one page size of many (multi-size THP, Linux 6.8 and later).
struct HugeSizeMode {
  std::uint64_t size = 0;
  std::string enabled;
  std::string shmem_enabled;  ///< empty where the kernel has no such file
};

/// From /sys/kernel/mm/transparent_hugepage.
struct HugePageFacts {
  bool present = false;
  std::string enabled;
  std::string shmem_enabled;
  std::string defrag;
  MaybeNumber pmd_size;
  std::vector<HugeSizeMode> sizes;
};

/// A hugetlb pool on one node.
struct NodePool {
  std::uint64_t node = 0;
  MaybeNumber total_pages;
  MaybeNumber free_pages;
};

/// A hugetlb pool of one page size.
struct HugetlbPool {
  std::uint64_t size = 0;
  MaybeNumber total_pages;
  MaybeNumber free_pages;
  MaybeNumber reserved_pages;
  MaybeNumber overcommit_pages;
  std::vector<NodePool> nodes;
};

/// The memory limit of one control group, from this process's own up to the root.
struct CgroupLevel {
  int version = 2;
  std::string path;     ///< within the hierarchy as mounted here, for example "/user.slice"
  MaybeNumber limit;    ///< memory.max or memory.limit_in_bytes; empty: no limit
  MaybeNumber high;     ///< memory.high (version 2); empty: none
  MaybeNumber current;  ///< memory in use by the group
  MaybeNumber cache;    ///< the part of `current` that is file cache, which the kernel can drop
};

/// A resource limit of this process; an empty number means "unlimited".
struct LimitFact {
  bool known = false;
  MaybeNumber soft;
  MaybeNumber hard;
};

/// One NUMA node.
struct NodeFacts {
  std::uint64_t node = 0;
  std::string cpus;
  MaybeNumber total;
  MaybeNumber free;
};

/// The whole machine.
struct Machine {
  std::string kernel;  ///< release, for example "6.18.44"
  std::size_t cpus = 0;
  std::vector<NodeFacts> nodes;
  MemoryFacts memory;
  HugePageFacts huge_pages;
  std::vector<HugetlbPool> pools;
  std::vector<CgroupLevel> cgroups;  ///< from the process's own group to the root
  MaybeNumber max_map_count;
  MaybeNumber mappings_in_use;  ///< of this process
  MaybeNumber unprivileged_userfaultfd;
  MaybeNumber memfd_noexec;
  LimitFact address_space;
  LimitFact locked_memory;
  LimitFact open_files;
};

/// Reads all of it. Facts that cannot be read stay empty. Takes a few milliseconds.
Machine read_machine(const SystemFiles& files);

/// The most an arena can take now: the available memory or what the tightest control group still
/// gives, whichever is less. Swap is not counted. 0 when the machine does not tell.
std::uint64_t usable_memory(const Machine& machine);

/// "Linux 6.18.44, 2 CPUs, 1 NUMA node, 23.5 GiB": for the title block of reports.
std::string machine_summary(const Machine& machine);

// The parts of read_machine, each in its own file.
HugePageFacts read_huge_pages(const SystemFiles& files);
std::vector<HugetlbPool> read_hugetlb_pools(const SystemFiles& files);
std::vector<CgroupLevel> read_cgroups(const SystemFiles& files);

}  // namespace vc::tool
