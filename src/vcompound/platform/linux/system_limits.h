// What the system grants this process: memory, mappings, huge pages, NUMA nodes.
//
// Pure reading of /proc and /sys. Every path is taken below a root, so tests feed trees of files.
//
//      MemTotal ......... what the machine has          memory.max ........ what each control group
//      MemAvailable ..... what it could give now        memory.current      above this process may
//      use
//                                                                           and uses
//      promise   = the smallest of MemTotal and all limits        "could ever be given"
//      available = the smallest of MemAvailable and all headrooms "could be given now"
//
// The headroom of a group is its limit - its usage + its file cache (which the kernel drops before
// it kills). Swap is not counted: memory that must be swapped is not memory of the budget.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "vcompound/base/units.h"

namespace vc::os {

/// "No limit" and "not known".
inline constexpr Bytes kUnlimited{std::numeric_limits<std::uint64_t>::max()};

/// The memory this process may have.
struct MemoryView {
  Bytes promise = kUnlimited;         ///< What it could ever be given.
  Bytes available = kUnlimited;       ///< What it could be given now.
  Bytes group_limit = kUnlimited;     ///< The smallest limit of a control group.
  Bytes group_headroom = kUnlimited;  ///< The smallest headroom of a control group.
};

/// A pool of huge pages.
struct HugePool {
  bool present = false;
  std::uint64_t total = 0;  ///< Pages in the pool.
  std::uint64_t free = 0;   ///< Pages neither in use nor promised.
};

/// Reads the limits. Each call reads anew. Thread-safe; a call of memory() costs about 100 us.
class SystemLimits {
 public:
  /// Reads below `root`; empty is the running system.
  explicit SystemLimits(std::string root = {});

  MemoryView memory() const;
  /// vm.max_map_count; 65530 when it cannot be read.
  std::uint64_t max_map_count() const;
  /// The mappings this process has now.
  std::uint64_t mappings() const;
  /// The pool of huge pages of that size.
  HugePool huge_pool(Bytes page) const;
  /// The numbers of the NUMA nodes that have memory; {0} when that cannot be read.
  std::vector<std::uint32_t> memory_nodes() const;

 private:
  /// A hierarchy of control groups that controls memory.
  struct Hierarchy {
    bool found = false;
    std::string mount_point;  ///< Where it is mounted, below the root.
    std::string mounted;      ///< Which group stands at the mount point.
  };
  /// What one version of control groups calls its files.
  struct Names {
    const char* limit;
    const char* usage;
    const char* stat;
    const char* inactive_file;
    const char* active_file;
  };

  static const Names kVersion1;
  static const Names kVersion2;

  void find_hierarchies();
  void account_groups(const Hierarchy& hierarchy, const Names& names, std::string group,
                      MemoryView& view) const;
  void account_group(const std::string& folder, const Names& names, MemoryView& view) const;
  std::string read(const std::string& path) const;

  std::string root_;
  Hierarchy version1_;
  Hierarchy version2_;
};

}  // namespace vc::os
