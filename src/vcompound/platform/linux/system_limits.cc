// Reading /proc/meminfo, the control groups, and the rest.
#include "vcompound/platform/linux/system_limits.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <sstream>
#include <string_view>

namespace vc::os {

const SystemLimits::Names SystemLimits::kVersion1{"memory.limit_in_bytes", "memory.usage_in_bytes",
                                                  "memory.stat", "total_inactive_file",
                                                  "total_active_file"};
const SystemLimits::Names SystemLimits::kVersion2{"memory.max", "memory.current", "memory.stat",
                                                  "inactive_file", "active_file"};

namespace {

/// Version 1 writes "no limit" as the largest number of whole pages.
constexpr std::uint64_t kNoLimit = std::uint64_t{1} << 62;

/// The number at the start of `text` after blanks; `otherwise` if there is none ("max").
std::uint64_t number_or(std::string_view text, std::uint64_t otherwise) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() ? value : otherwise;
}

/// The number that follows `key` at the start of a line; `otherwise` if there is no such line.
std::uint64_t field_or(std::string_view text, std::string_view key, std::uint64_t otherwise) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    if (line.starts_with(key)) return number_or(line.substr(key.size()), otherwise);
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
  return otherwise;
}

/// Is `wanted` one of the comma-separated words?
bool lists(std::string_view words, std::string_view wanted) {
  while (!words.empty()) {
    const std::string_view word = words.substr(0, words.find(','));
    if (word == wanted) return true;
    words.remove_prefix(std::min(words.size(), word.size() + 1));
  }
  return false;
}

/// The group's path below the mount point; a group that the mount does not show counts as the
/// mount point itself ("").
std::string below_mount(std::string group, const std::string& mounted) {
  if (mounted != "/") {
    if (!group.starts_with(mounted)) return "";
    group.erase(0, mounted.size());
  }
  if (group.find("/..") != std::string::npos) return "";
  while (group.ends_with('/')) group.pop_back();
  return group.starts_with('/') ? group : "";
}

Bytes kibibytes_or_unlimited(std::string_view meminfo, std::string_view key) {
  const std::uint64_t value = field_or(meminfo, key, kUnlimited.value);
  return value == kUnlimited.value ? kUnlimited : Bytes(value * 1024);
}

}  // namespace

SystemLimits::SystemLimits(std::string root) : root_(std::move(root)) { find_hierarchies(); }

std::string SystemLimits::read(const std::string& path) const {
  std::string text;
  const int fd = ::open((root_ + path).c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return text;
  char buffer[4096];
  ssize_t got = 0;
  while ((got = ::read(fd, buffer, sizeof buffer)) > 0) {
    text.append(buffer, static_cast<std::size_t>(got));
  }
  ::close(fd);
  return text;
}

/// Lines of mountinfo: id parent device GROUP MOUNT_POINT options [more] - TYPE source OPTIONS
void SystemLimits::find_hierarchies() {
  std::istringstream lines(read("/proc/self/mountinfo"));
  for (std::string line; std::getline(lines, line);) {
    const std::size_t dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    std::istringstream head(line.substr(0, dash));
    std::istringstream tail(line.substr(dash + 3));
    std::string skip;
    std::string group;
    std::string mount_point;
    std::string type;
    std::string options;
    head >> skip >> skip >> skip >> group >> mount_point;
    tail >> type >> skip >> options;
    Hierarchy* hierarchy = nullptr;
    if (type == "cgroup2") hierarchy = &version2_;
    if (type == "cgroup" && lists(options, "memory")) hierarchy = &version1_;
    if (hierarchy != nullptr && !hierarchy->found) *hierarchy = {true, mount_point, group};
  }
}

MemoryView SystemLimits::memory() const {
  MemoryView view;
  const std::string meminfo = read("/proc/meminfo");
  view.promise = kibibytes_or_unlimited(meminfo, "MemTotal:");
  view.available = kibibytes_or_unlimited(meminfo, "MemAvailable:");

  // Lines: "0::/group" (version 2) or "4:memory:/group" (version 1).
  std::istringstream lines(read("/proc/self/cgroup"));
  for (std::string line; std::getline(lines, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string group = line.substr(second + 1);
    if (controllers.empty()) account_groups(version2_, kVersion2, group, view);
    if (lists(controllers, "memory")) account_groups(version1_, kVersion1, group, view);
  }
  view.promise = std::min(view.promise, view.group_limit);
  view.available = std::min(view.available, view.group_headroom);
  return view;
}

/// The group and every group above it: the limit of each binds.
void SystemLimits::account_groups(const Hierarchy& hierarchy, const Names& names, std::string group,
                                  MemoryView& view) const {
  if (!hierarchy.found) return;
  group = below_mount(std::move(group), hierarchy.mounted);
  while (true) {
    account_group(hierarchy.mount_point + group + "/", names, view);
    if (group.empty()) return;
    group.erase(group.rfind('/'));
  }
}

void SystemLimits::account_group(const std::string& folder, const Names& names,
                                 MemoryView& view) const {
  const std::uint64_t limit = number_or(read(folder + names.limit), kNoLimit);
  if (limit >= kNoLimit) return;
  const std::uint64_t usage = number_or(read(folder + names.usage), 0);
  const std::string stat = read(folder + names.stat);
  const std::uint64_t cache = field_or(stat, std::string(names.inactive_file) + " ", 0) +
                              field_or(stat, std::string(names.active_file) + " ", 0);
  const std::uint64_t hard_usage = usage - std::min(usage, cache);
  view.group_limit = std::min(view.group_limit, Bytes(limit));
  view.group_headroom = std::min(view.group_headroom, Bytes(limit - std::min(limit, hard_usage)));
}

std::uint64_t SystemLimits::max_map_count() const {
  return number_or(read("/proc/sys/vm/max_map_count"), 65530);
}

/// Without the heap: at the limit of mappings malloc may have nothing left either.
std::uint64_t SystemLimits::mappings() const {
  const int fd = ::open((root_ + "/proc/self/maps").c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  std::uint64_t lines = 0;
  char buffer[4096];
  ssize_t got = 0;
  while ((got = ::read(fd, buffer, sizeof buffer)) > 0) {
    lines += static_cast<std::uint64_t>(std::count(buffer, buffer + got, '\n'));
  }
  ::close(fd);
  return lines;
}

HugePool SystemLimits::huge_pool(Bytes page) const {
  const std::string folder =
      "/sys/kernel/mm/hugepages/hugepages-" + std::to_string(page.value / 1024) + "kB/";
  const std::uint64_t total = number_or(read(folder + "nr_hugepages"), kUnlimited.value);
  if (total == kUnlimited.value) return {};
  const std::uint64_t free = number_or(read(folder + "free_hugepages"), 0);
  const std::uint64_t reserved = number_or(read(folder + "resv_hugepages"), 0);
  const std::uint64_t more = number_or(read(folder + "nr_overcommit_hugepages"), 0);
  const std::uint64_t surplus = number_or(read(folder + "surplus_hugepages"), 0);
  return {true, total, free - std::min(free, reserved) + more - std::min(more, surplus)};
}

/// A list such as "0-1,4".
std::vector<std::uint32_t> SystemLimits::memory_nodes() const {
  std::vector<std::uint32_t> nodes;
  std::istringstream items(read("/sys/devices/system/node/has_memory"));
  for (std::string item; std::getline(items, item, ',');) {
    const std::uint64_t first = number_or(item, kNoLimit);
    const std::size_t dash = item.find('-');
    const std::uint64_t last =
        dash == std::string::npos ? first : number_or(item.substr(dash + 1), kNoLimit);
    for (std::uint64_t node = first; node <= last && last < 1024; ++node) {
      nodes.push_back(static_cast<std::uint32_t>(node));
    }
  }
  if (nodes.empty()) nodes.push_back(0);
  return nodes;
}

}  // namespace vc::os
