// cgroups.cc — the memory limits of this process's control groups, up the whole hierarchy.
//
// /proc/self/cgroup names the group within its hierarchy; /proc/self/mountinfo tells where (which
// part of) that hierarchy is mounted. The limit of any level binds, so all are read:
//
//   0::/user.slice/db.service        /sys/fs/cgroup/user.slice/db.service/memory.max
//                                    /sys/fs/cgroup/user.slice/memory.max
//                                    /sys/fs/cgroup/memory.max      (the root has none; a
//                                                                    container's root may)
#include <algorithm>
#include <string_view>

#include "tools/vcompound/info/machine.h"

namespace vc::tool {
namespace {

/// Version 1 writes "no limit" as the largest number of whole pages; anything near it means that.
constexpr std::uint64_t kVersion1NoLimit = std::uint64_t{1} << 62;

struct Hierarchy {
  int version = 0;
  std::string mount_point;
  std::string mounted_group;  ///< which group the mount point shows
  std::string own_group;      ///< this process's group
};

bool lists(std::string_view comma_list, std::string_view wanted) {
  while (!comma_list.empty()) {
    const std::string_view item = comma_list.substr(0, comma_list.find(','));
    if (item == wanted) return true;
    comma_list.remove_prefix(std::min(comma_list.size(), item.size() + 1));
  }
  return false;
}

/// Blanks in paths of mountinfo are written \040; no other escape matters here.
std::string unescaped(std::string text) {
  for (std::size_t at = 0; (at = text.find("\\040", at)) != std::string::npos; ++at) {
    text.replace(at, 4, " ");
  }
  return text;
}

/// A line of mountinfo: id parent device ROOT MOUNT_POINT options [fields] - TYPE source OPTIONS.
void read_mount(const std::string& line, Hierarchy& v2, Hierarchy& v1) {
  const auto words = words_of(line);
  const auto dash = std::find(words.begin(), words.end(), "-");
  if (words.size() < 6 || words.end() - dash < 4) return;
  const std::string& type = dash[1];
  Hierarchy* found = nullptr;
  if (type == "cgroup2") found = &v2;
  if (type == "cgroup" && lists(dash[3], "memory")) found = &v1;
  if (found == nullptr || !found->mount_point.empty()) return;
  found->mounted_group = unescaped(words[3]);
  found->mount_point = unescaped(words[4]);
}

/// A line of /proc/self/cgroup: "0::/group" (version 2) or "4:memory:/group" (version 1).
void read_group(const std::string& line, Hierarchy& v2, Hierarchy& v1) {
  const std::size_t first = line.find(':');
  const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
  if (second == std::string::npos) return;
  const std::string controllers = line.substr(first + 1, second - first - 1);
  if (controllers.empty()) v2.own_group = line.substr(second + 1);
  if (lists(controllers, "memory")) v1.own_group = line.substr(second + 1);
}

/// The group as a path below the mount point, "" for the mount point itself. A group that the
/// mount does not show (a container without a namespace of its own) counts as the mount point.
std::string group_below_mount(const SystemFiles& files, const Hierarchy& hierarchy) {
  std::string group = hierarchy.own_group;
  if (hierarchy.mounted_group != "/" && group.starts_with(hierarchy.mounted_group)) {
    group.erase(0, hierarchy.mounted_group.size());
  }
  while (group.ends_with('/')) {
    group.pop_back();
  }
  if (!group.starts_with('/')) return "";
  const bool outside = group.find("/..") != std::string::npos;
  return outside || !files.exists(hierarchy.mount_point + group) ? "" : group;
}

MaybeNumber stat_sum(const SystemFiles& files, const std::string& path, std::string_view first,
                     std::string_view second) {
  MaybeNumber sum;
  for (const std::string& line : files.lines(path)) {
    const auto words = words_of(line);
    if (words.size() == 2 && (words[0] == first || words[0] == second)) {
      sum = sum.value_or(0) + leading_number(words[1]).value_or(0);
    }
  }
  return sum;
}

CgroupLevel read_level(const SystemFiles& files, int version, const std::string& folder,
                       const std::string& group) {
  CgroupLevel level;
  level.version = version;
  level.path = group.empty() ? "/" : group;
  const std::string stat = folder + "/memory.stat";
  if (version == 2) {
    level.limit = files.number(folder + "/memory.max");
    level.high = files.number(folder + "/memory.high");
    level.current = files.number(folder + "/memory.current");
    level.cache = stat_sum(files, stat, "inactive_file", "active_file");
    return level;
  }
  level.limit = files.number(folder + "/memory.limit_in_bytes");
  if (level.limit && *level.limit >= kVersion1NoLimit) level.limit.reset();
  level.current = files.number(folder + "/memory.usage_in_bytes");
  level.cache = stat_sum(files, stat, "total_inactive_file", "total_active_file");
  return level;
}

void add_levels(const SystemFiles& files, const Hierarchy& hierarchy,
                std::vector<CgroupLevel>& levels) {
  if (hierarchy.mount_point.empty()) return;
  std::string group = group_below_mount(files, hierarchy);
  for (;;) {
    levels.push_back(read_level(files, hierarchy.version, hierarchy.mount_point + group, group));
    if (group.empty()) return;
    group.erase(group.rfind('/'));
  }
}

}  // namespace

std::vector<CgroupLevel> read_cgroups(const SystemFiles& files) {
  Hierarchy v2{2, "", "", ""};
  Hierarchy v1{1, "", "", ""};
  for (const std::string& line : files.lines("/proc/self/mountinfo")) read_mount(line, v2, v1);
  for (const std::string& line : files.lines("/proc/self/cgroup")) read_group(line, v2, v1);
  std::vector<CgroupLevel> levels;
  add_levels(files, v2, levels);
  add_levels(files, v1, levels);
  // A level that tells neither limit nor use has no memory controller: it binds nothing.
  std::erase_if(levels, [](const CgroupLevel& level) {
    return !level.limit && !level.high && !level.current;
  });
  return levels;
}

}  // namespace vc::tool
