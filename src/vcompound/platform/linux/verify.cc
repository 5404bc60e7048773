// PAGEMAP_SCAN, and /proc/self/smaps where that is unknown.
#include "vcompound/platform/linux/verify.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdio>
#include <cstring>

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
void read_field(const char* line, SmapsEntry& entry) {
  char name[40];
  std::uint64_t kib = 0;
  if (std::sscanf(line, "%39[^:]: %" SCNu64, name, &kib) != 2) return;
  const Bytes size(kib * 1024);
  if (std::strcmp(name, "Rss") == 0) entry.resident = size;
  for (const char* huge : {"ShmemPmdMapped", "FilePmdMapped", "AnonHugePages"}) {
    if (std::strcmp(name, huge) == 0) entry.huge += size;
  }
  for (const char* hugetlb : {"Shared_Hugetlb", "Private_Hugetlb"}) {
    if (std::strcmp(name, hugetlb) == 0) entry.hugetlb += size;
  }
}

Bytes overlap_of(VirtRange range, std::uint64_t start, std::uint64_t end) {
  const std::uint64_t from = std::max(range.start.value, start);
  const std::uint64_t to = std::min(range.end().value, end);
  return Bytes(from < to ? to - from : 0);
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
    std::uint64_t start = 0;
    std::uint64_t end = 0;
    if (std::sscanf(line, "%" SCNx64 "-%" SCNx64 " ", &start, &end) == 2) {
      entry.add_to(found);
      entry = {.overlap = overlap_of(range, start, end)};
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
