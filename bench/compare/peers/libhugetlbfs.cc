// Peer: libhugetlbfs, by its interface for buffers: get_hugepage_region(), free_hugepage_region().
//
// What it was known for, malloc on huge pages (HUGETLB_MORECORE), is gone: it hung on glibc's
// __morecore hook, which glibc 2.34 removed. A region is one mmap of the system's reserved huge
// pages; freeing it reads /proc/self/maps to find its length.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "bench/compare/peer.h"
#include "bench/compare/peers/library.h"

namespace vc::compare {

namespace {

constexpr unsigned long kStrict = 0x1000'0000;  ///< GHR_STRICT: huge pages or nothing
constexpr unsigned long kColor = 0x4000'0000;   ///< GHR_COLOR, of its default: spread the starts
constexpr const char* kNoPages =
    "no huge pages are reserved in this system: sysctl vm.nr_hugepages=N, N times 2 MiB, for the "
    "largest row 640";

using Get = void*(std::size_t, unsigned long);
Get* get_region = nullptr;

unsigned long free_huge_pages() {
  std::FILE* file = std::fopen("/proc/meminfo", "re");
  if (file == nullptr) return 0;
  char line[128];
  unsigned long count = 0;
  while (std::fgets(line, sizeof(line), file) != nullptr) {
    if (std::sscanf(line, "HugePages_Free: %lu", &count) == 1) break;
  }
  std::fclose(file);
  return count;
}

/// The page size of the mapping that holds an address, in KiB, as the system shows it.
unsigned long page_size_of(const void* pointer) {
  std::FILE* file = std::fopen("/proc/self/smaps", "re");
  if (file == nullptr) return 0;
  char line[512];
  const auto address = reinterpret_cast<std::uintptr_t>(pointer);
  bool inside = false;
  unsigned long found = 0;
  while (found == 0 && std::fgets(line, sizeof(line), file) != nullptr) {
    std::uintptr_t from = 0;
    std::uintptr_t to = 0;
    if (std::sscanf(line, "%lx-%lx ", &from, &to) == 2) inside = from <= address && address < to;
    unsigned long size = 0;
    if (inside && std::sscanf(line, "KernelPageSize: %lu", &size) == 1) found = size;
  }
  std::fclose(file);
  return found;
}

Opened open_libhugetlbfs(const Setting& setting) {
  if (setting.budget != 0) {
    return "libhugetlbfs has no fixed budget: its pool is the whole system's";
  }
  if (free_huge_pages() == 0) return kNoPages;
  setenv("HUGETLB_VERBOSE", "0", 0);  // a refusal is told by the row, not by the library
  Library library("libhugetlbfs.so.0");
  Peer peer{.name = "libhugetlbfs", .version = "2 (it does not tell)"};
  get_region = library.symbol<Get>("get_hugepage_region");
  peer.allocate = [](std::size_t size) {
    return get_region(size, kStrict | kColor);
  };
  peer.free = library.symbol<void(void*)>("free_hugepage_region");
  if (!library.reason().empty()) return library.reason();
  void* probe = peer.allocate(kProbe);
  if (probe == nullptr) return "libhugetlbfs refused a region although huge pages are free";
  const unsigned long page = page_size_of(probe);
  peer.free(probe);
  if (page < 2048) return "libhugetlbfs did not use huge pages";
  peer.remark = "one mmap per region of 2 MiB pages; its malloc needs a glibc before 2.34";
  return peer;
}

const PeerRegistration registration{"libhugetlbfs", {.open = open_libhugetlbfs}};

}  // namespace

}  // namespace vc::compare
