// PAGEMAP_SCAN, and /proc/self/smaps where that is unknown.
#include "vcompound/platform/linux/verify.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <string_view>

namespace vc {
namespace os {
namespace {

/// Linux's interface, as far as it is used here; headers before 6.7 do not have it.
/// @{
struct PageRegion {
  std::uint64_t start;
  std::uint64_t end;
  std::uint64_t categories;
};
struct PagemapScan {
  std::uint64_t size;
  std::uint64_t flags;
  std::uint64_t start;
  std::uint64_t end;
  std::uint64_t walk_end;
  std::uint64_t vec;
  std::uint64_t vec_len;
  std::uint64_t max_pages;
  std::uint64_t category_inverted;
  std::uint64_t category_mask;
  std::uint64_t category_anyof_mask;
  std::uint64_t return_mask;
};
constexpr unsigned long kPagemapScan = _IOWR('f', 16, PagemapScan);
constexpr std::uint64_t kPresent = 1U << 3;
constexpr std::uint64_t kHuge = 1U << 6;
/// @}

/// One call's worth of regions.
using Regions = std::array<PageRegion, 64>;

/// Scans until the end or a full vector; false if the kernel does not know the call.
bool scan_some(int fd, VirtRange range, VirtAddr& next, MappedPages& found) {
  Regions regions;
  PagemapScan scan{};
  scan.size = sizeof scan;
  scan.start = next.value;
  scan.end = range.end().value;
  scan.vec = reinterpret_cast<std::uintptr_t>(regions.data());  // NOLINT: the kernel's interface
  scan.vec_len = regions.size();
  scan.category_mask = kPresent;
  scan.return_mask = kPresent | kHuge;
  const int count = ::ioctl(fd, kPagemapScan, &scan);
  if (count < 0) return false;
  for (int i = 0; i < count; ++i) {
    const PageRegion& region = regions[static_cast<std::size_t>(i)];
    const Bytes size(region.end - region.start);
    ((region.categories & kHuge) != 0 ? found.huge : found.small) += size;
  }
  next = VirtAddr(scan.walk_end);
  return true;
}

/// A mapping of smaps that overlaps the range.
struct SmapsEntry {
  Bytes overlap{};
  Bytes resident{};
  Bytes huge{};
  Bytes hugetlb{};

  void add_to(MappedPages& found) const {
    const Bytes in_huge = std::min(overlap, huge + hugetlb);
    const Bytes in_small = std::min(overlap - in_huge, resident - std::min(resident, huge));
    found.huge += in_huge;
    found.small += in_small;
  }
};

/// A line "Name:   123 kB" of an entry.
void read_field(std::string_view line, SmapsEntry& entry) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  const std::string_view name = line.substr(0, colon);
  line.remove_prefix(std::min(line.find_first_not_of(" \t", colon + 1), line.size()));
  std::uint64_t kib = 0;
  if (std::from_chars(line.data(), line.data() + line.size(), kib).ec != std::errc()) return;
  const Bytes size(kib * 1024);
  if (name == "Rss") entry.resident = size;
  if (name == "ShmemPmdMapped" || name == "FilePmdMapped" || name == "AnonHugePages") {
    entry.huge += size;
  }
  if (name == "Shared_Hugetlb" || name == "Private_Hugetlb") entry.hugetlb += size;
}

/// A line "START-END mode ..." that begins an entry; empty for any other line.
VirtRange read_range(std::string_view line) {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  const char* const stop = line.data() + line.size();
  const auto first = std::from_chars(line.data(), stop, start, 16);
  if (first.ec != std::errc() || first.ptr == stop || *first.ptr != '-') return {};
  const auto second = std::from_chars(first.ptr + 1, stop, end, 16);
  if (second.ec != std::errc() || second.ptr == stop || *second.ptr != ' ') return {};
  return {VirtAddr(start), Bytes(end - start)};
}

Bytes overlap_of(VirtRange a, VirtRange b) {
  const VirtAddr from = std::max(a.start, b.start);
  const VirtAddr to = std::min(a.end(), b.end());
  return from < to ? to - from : Bytes(0);
}

}  // namespace

MappedPages scan_pagemap(VirtRange range) {
  const int fd = ::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  MappedPages found{.method = MappedPages::Method::pagemap_scan};
  bool known = true;
  for (VirtAddr next = range.start; known && next < range.end();) {
    known = scan_some(fd, range, next, found);
  }
  ::close(fd);
  if (!known) return {};
  found.absent = range.size - found.huge - found.small;
  return found;
}

MappedPages parse_smaps(VirtRange range) {
  std::FILE* const file = std::fopen("/proc/self/smaps", "re");
  if (file == nullptr) return {};
  MappedPages found{.method = MappedPages::Method::smaps};
  SmapsEntry entry;
  char line[4352];
  while (std::fgets(line, sizeof line, file) != nullptr) {
    const VirtRange begun = read_range(line);
    if (begun.size.value != 0) {
      entry.add_to(found);
      entry = {.overlap = overlap_of(range, begun)};
    } else {
      read_field(line, entry);
    }
  }
  entry.add_to(found);
  static_cast<void>(std::fclose(file));
  found.absent = range.size - found.huge - found.small;
  return found;
}

}  // namespace os

MappedPages mapped_pages(VirtRange range) {
  const MappedPages scanned = os::scan_pagemap(range);
  return scanned.method != MappedPages::Method::none ? scanned : os::parse_smaps(range);
}

}  // namespace vc
