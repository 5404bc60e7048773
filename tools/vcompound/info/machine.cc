// machine.cc — memory, limits, nodes and mappings of a machine.
#include "tools/vcompound/info/machine.h"

#include <algorithm>
#include <limits>
#include <string_view>

#include "tools/vcompound/common/sizes.h"

namespace vc::tool {
namespace {

/// The value of "Name:   123 kB" among lines, in bytes. `name` may stand anywhere before the
/// colon, as in "Node 0 MemTotal:".
MaybeNumber kib_value(const std::vector<std::string>& lines, std::string_view name) {
  for (const std::string& line : lines) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    if (!std::string_view(line).substr(0, colon).ends_with(name)) continue;
    const auto value = leading_number(std::string_view(line).substr(colon + 1));
    return value ? MaybeNumber(*value * kKiB) : std::nullopt;
  }
  return std::nullopt;
}

/// Adds up the free blocks of /proc/buddyinfo: "Node 0, zone Normal  5 3 0 …", one count per order
/// of 4 KiB pages.
void read_buddies(const SystemFiles& files, std::uint64_t huge_size, MemoryFacts& memory) {
  constexpr std::size_t kFirstCount = 4;
  std::uint64_t all = 0;
  std::uint64_t huge = 0;
  const auto lines = files.lines("/proc/buddyinfo");
  for (const std::string& line : lines) {
    const auto words = words_of(line);
    for (std::size_t at = kFirstCount; at < words.size(); ++at) {
      const std::uint64_t block = 4 * kKiB << (at - kFirstCount);
      const std::uint64_t bytes = leading_number(words[at]).value_or(0) * block;
      all += bytes;
      if (block >= huge_size) huge += bytes;
    }
  }
  if (lines.empty()) return;
  memory.free_in_buddies = all;
  memory.free_in_huge_units = huge;
}

MemoryFacts read_memory(const SystemFiles& files, std::uint64_t huge_size) {
  const auto lines = files.lines("/proc/meminfo");
  MemoryFacts memory;
  memory.total = kib_value(lines, "MemTotal");
  memory.available = kib_value(lines, "MemAvailable");
  memory.swap_total = kib_value(lines, "SwapTotal");
  memory.swap_free = kib_value(lines, "SwapFree");
  memory.commit_limit = kib_value(lines, "CommitLimit");
  memory.committed = kib_value(lines, "Committed_AS");
  memory.overcommit_mode = files.number("/proc/sys/vm/overcommit_memory");
  read_buddies(files, huge_size, memory);
  return memory;
}

/// A line of /proc/self/limits: "Max locked memory   8388608   8388608   bytes".
LimitFact read_limit(const std::vector<std::string>& lines, std::string_view name) {
  for (const std::string& line : lines) {
    if (!std::string_view(line).starts_with(name)) continue;
    const auto words = words_of(std::string_view(line).substr(name.size()));
    if (words.size() < 2) continue;
    return {true, leading_number(words[0]), leading_number(words[1])};
  }
  return {};
}

std::vector<NodeFacts> read_nodes(const SystemFiles& files) {
  constexpr std::string_view kNodes = "/sys/devices/system/node/";
  std::vector<NodeFacts> nodes;
  for (const std::string& name : files.names(kNodes)) {
    if (!name.starts_with("node")) continue;
    const auto id = leading_number(std::string_view(name).substr(4));
    if (!id) continue;
    const std::string folder = std::string(kNodes) + name;
    const auto meminfo = files.lines(folder + "/meminfo");
    nodes.push_back({*id, files.text(folder + "/cpulist").value_or(""),
                     kib_value(meminfo, "MemTotal"), kib_value(meminfo, "MemFree")});
  }
  std::sort(nodes.begin(), nodes.end(),
            [](const NodeFacts& a, const NodeFacts& b) { return a.node < b.node; });
  return nodes;
}

}  // namespace

Machine read_machine(const SystemFiles& files) {
  Machine machine;
  machine.kernel = files.text("/proc/sys/kernel/osrelease").value_or("");
  machine.cpus = list_count(files.text("/sys/devices/system/cpu/online").value_or(""));
  machine.nodes = read_nodes(files);
  machine.huge_pages = read_huge_pages(files);
  machine.memory = read_memory(files, machine.huge_pages.pmd_size.value_or(2 * kMiB));
  machine.pools = read_hugetlb_pools(files);
  machine.cgroups = read_cgroups(files);
  machine.max_map_count = files.number("/proc/sys/vm/max_map_count");
  const std::size_t mappings = files.lines("/proc/self/maps").size();
  if (mappings != 0) machine.mappings_in_use = mappings;
  machine.unprivileged_userfaultfd = files.number("/proc/sys/vm/unprivileged_userfaultfd");
  machine.memfd_noexec = files.number("/proc/sys/vm/memfd_noexec");
  const auto limits = files.lines("/proc/self/limits");
  machine.address_space = read_limit(limits, "Max address space");
  machine.locked_memory = read_limit(limits, "Max locked memory");
  machine.open_files = read_limit(limits, "Max open files");
  return machine;
}

std::uint64_t usable_memory(const Machine& machine) {
  constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t usable = machine.memory.available.value_or(kNoLimit);
  for (const CgroupLevel& level : machine.cgroups) {
    if (!level.limit) continue;
    const std::uint64_t current = level.current.value_or(0);
    const std::uint64_t held = current - std::min(current, level.cache.value_or(0));
    usable = std::min(usable, *level.limit - std::min(*level.limit, held));
  }
  return usable == kNoLimit ? 0 : usable;
}

std::string machine_summary(const Machine& machine) {
  std::string out = "Linux";
  const auto add = [&out](const std::string& text) {
    out += ", " + text;
  };
  if (!machine.kernel.empty()) out += " " + machine.kernel;
  if (machine.cpus != 0) add(std::to_string(machine.cpus) + (machine.cpus == 1 ? " CPU" : " CPUs"));
  if (!machine.nodes.empty()) {
    const std::size_t nodes = machine.nodes.size();
    add(std::to_string(nodes) + (nodes == 1 ? " NUMA node" : " NUMA nodes"));
  }
  if (machine.memory.total) add(format_bytes(*machine.memory.total) + " of memory");
  return out;
}

}  // namespace vc::tool
