// probes.cc — trying of the system calls vcompound lives on.
//
// Constants and structures that older kernel headers lack are spelled out here; their values are
// part of the kernel's interface and cannot change.
#include "tools/vcompound/info/probes.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <string_view>

#include "tools/vcompound/info/system_files.h"

namespace vc::tool {
namespace {

constexpr int kMadvPopulateWrite = 23;
constexpr int kMadvCollapse = 25;
constexpr int kUserModeOnly = 1;
constexpr std::uint64_t kFeatureMove = std::uint64_t{1} << 16;
constexpr int kMembarrierQuery = 0;
constexpr int kMembarrierPrivateExpedited = 1 << 3;
constexpr std::uint64_t kPageIsHuge = std::uint64_t{1} << 6;

/// struct pm_scan_arg of Linux 6.7.
struct ScanArguments {
  std::uint64_t size = sizeof(ScanArguments);
  std::uint64_t flags = 0;
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::uint64_t walk_end = 0;
  std::uint64_t regions = 0;
  std::uint64_t region_count = 0;
  std::uint64_t max_pages = 0;
  std::uint64_t category_inverted = 0;
  std::uint64_t category_mask = 0;
  std::uint64_t category_any_mask = 0;
  std::uint64_t return_mask = 0;
};
static_assert(sizeof(ScanArguments) == 96);
constexpr unsigned long kPagemapScan = _IOWR('f', 16, ScanArguments);

/// struct page_region of Linux 6.7.
struct ScannedRegion {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::uint64_t categories = 0;
};

Probe yes(std::string detail) { return {ProbeResult::kYes, std::move(detail)}; }
Probe no(std::string detail) { return {ProbeResult::kNo, std::move(detail)}; }
Probe refused(const char* call, int error) {
  return no(std::string(call) + ": " + std::strerror(error));
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool ok() const { return fd_ >= 0; }

 private:
  int fd_;
};

/// A reserved range of addresses with a part that is aligned to `alignment`.
class Reservation {
 public:
  Reservation(std::size_t bytes, std::size_t alignment)
      : length_(bytes + alignment),
        base_(mmap(nullptr, length_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
    const auto address = reinterpret_cast<std::uintptr_t>(base_);
    offset_ = (alignment - address % alignment) % alignment;
  }
  ~Reservation() {
    if (ok()) munmap(base_, length_);
  }
  Reservation(const Reservation&) = delete;
  Reservation& operator=(const Reservation&) = delete;
  [[nodiscard]] bool ok() const { return base_ != MAP_FAILED; }
  [[nodiscard]] std::byte* aligned() const { return static_cast<std::byte*>(base_) + offset_; }

 private:
  std::size_t length_;
  void* base_;
  std::size_t offset_ = 0;
};

Descriptor make_memfd() { return Descriptor(memfd_create("vcompound-info", MFD_CLOEXEC)); }

/// Maps `bytes` of a file at `address`; 0 or the error.
int map_at(std::byte* address, std::size_t bytes, int fd, off_t offset) {
  void* got = mmap(address, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, offset);
  return got == MAP_FAILED ? errno : 0;
}

Probe try_memfd() {
  const Descriptor file = make_memfd();
  if (!file.ok()) return refused("memfd_create", errno);
  return yes("memfd_create");
}

/// Maps the second page of a file before its first, as the fallback does, and looks through both
/// mappings.
Probe try_alias(std::size_t page) {
  const Descriptor file = make_memfd();
  const Reservation range(4 * page, page);
  if (!file.ok() || !range.ok()) return refused("setting up", errno);
  if (ftruncate(file.get(), static_cast<off_t>(2 * page)) != 0) return refused("ftruncate", errno);
  std::byte* direct = range.aligned();
  std::byte* alias = direct + 2 * page;
  int error = map_at(direct, 2 * page, file.get(), 0);
  if (error == 0) error = map_at(alias, page, file.get(), static_cast<off_t>(page));
  if (error == 0) error = map_at(alias + page, page, file.get(), 0);
  if (error != 0) return refused("mmap", error);
  direct[0] = std::byte{1};
  direct[page] = std::byte{2};
  const bool same = alias[0] == std::byte{2} && alias[page] == std::byte{1};
  return same ? yes("mmap(MAP_SHARED | MAP_FIXED), seen through both mappings")
              : no("two mappings of one page show different bytes");
}

/// How many bytes of the range the page tables map huge, by PAGEMAP_SCAN; an error below 0.
std::int64_t scan_huge(const std::byte* start, std::size_t bytes) {
  const Descriptor pagemap(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
  if (!pagemap.ok()) return -errno;
  std::array<ScannedRegion, 8> regions{};
  ScanArguments arguments;
  arguments.start = reinterpret_cast<std::uintptr_t>(start);
  arguments.end = arguments.start + bytes;
  arguments.regions = reinterpret_cast<std::uintptr_t>(regions.data());
  arguments.region_count = regions.size();
  arguments.category_mask = kPageIsHuge;
  arguments.return_mask = kPageIsHuge;
  const int count = ioctl(pagemap.get(), kPagemapScan, &arguments);
  if (count < 0) return -errno;
  std::uint64_t huge = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(count) && i < regions.size(); ++i) {
    huge += regions[i].end - regions[i].start;
  }
  return static_cast<std::int64_t>(huge);
}

/// The same from ShmemPmdMapped in /proc/self/smaps, for kernels without PAGEMAP_SCAN.
std::uint64_t smaps_huge(const std::byte* start) {
  std::ifstream smaps("/proc/self/smaps");
  bool inside = false;
  for (std::string line; std::getline(smaps, line);) {
    const std::string_view view(line);
    const std::size_t dash = view.find('-');
    if (dash != std::string_view::npos && dash < view.find(' ')) {
      inside =
          std::stoull(line.substr(0, dash), nullptr, 16) == reinterpret_cast<std::uintptr_t>(start);
    }
    constexpr std::string_view kField = "ShmemPmdMapped:";
    if (inside && view.starts_with(kField)) {
      return leading_number(view.substr(kField.size())).value_or(0) * 1024;
    }
  }
  return 0;
}

Probe judge_collapse(const std::byte* start, std::size_t huge) {
  const std::int64_t scanned = scan_huge(start, huge);
  const std::uint64_t seen = scanned >= 0 ? static_cast<std::uint64_t>(scanned) : smaps_huge(start);
  const char* how = scanned >= 0 ? "PAGEMAP_SCAN" : "smaps";
  if (seen >= huge) return yes(std::string("one huge mapping, as seen by ") + how);
  return no(std::string("MADV_COLLAPSE reports success, yet ") + how + " shows small pages");
}

/// Touches one page of a huge unit, collapses the unit, and looks whether it is mapped huge.
Probe try_collapse(std::size_t huge) {
  const Descriptor file = make_memfd();
  const Reservation range(huge, huge);
  if (!file.ok() || !range.ok()) return refused("setting up", errno);
  if (ftruncate(file.get(), static_cast<off_t>(huge)) != 0) return refused("ftruncate", errno);
  std::byte* start = range.aligned();
  const int error = map_at(start, huge, file.get(), 0);
  if (error != 0) return refused("mmap", error);
  start[0] = std::byte{1};
  if (madvise(start, huge, kMadvCollapse) != 0) return refused("madvise(MADV_COLLAPSE)", errno);
  return judge_collapse(start, huge);
}

Probe try_scan(std::size_t page) {
  const Reservation range(page, page);
  if (!range.ok()) return refused("mmap", errno);
  const std::int64_t scanned = scan_huge(range.aligned(), page);
  if (scanned >= 0) return yes("ioctl(PAGEMAP_SCAN) on /proc/self/pagemap");
  return refused("ioctl(PAGEMAP_SCAN)", static_cast<int>(-scanned));
}

Probe try_populate(std::size_t page) {
  const Descriptor file = make_memfd();
  const Reservation range(page, page);
  if (!file.ok() || !range.ok()) return refused("setting up", errno);
  if (ftruncate(file.get(), static_cast<off_t>(page)) != 0) return refused("ftruncate", errno);
  const int error = map_at(range.aligned(), page, file.get(), 0);
  if (error != 0) return refused("mmap", error);
  if (madvise(range.aligned(), page, kMadvPopulateWrite) != 0) {
    return refused("madvise(MADV_POPULATE_WRITE)", errno);
  }
  return yes("madvise(MADV_POPULATE_WRITE)");
}

Probe try_membarrier() {
  const long commands = syscall(SYS_membarrier, kMembarrierQuery, 0, 0);
  if (commands < 0) return refused("membarrier", errno);
  if ((commands & kMembarrierPrivateExpedited) == 0) {
    return no("membarrier without the private expedited command");
  }
  return yes("membarrier, private expedited");
}

void try_userfaultfd(Probes& probes) {
  const Descriptor fd(
      static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | kUserModeOnly)));
  if (!fd.ok()) {
    probes.userfaultfd = refused("userfaultfd(UFFD_USER_MODE_ONLY)", errno);
    probes.userfault_move = no("there is no userfaultfd");
    return;
  }
  uffdio_api api{};
  api.api = UFFD_API;
  if (ioctl(fd.get(), UFFDIO_API, &api) != 0) {
    probes.userfaultfd = refused("ioctl(UFFDIO_API)", errno);
    probes.userfault_move = no("there is no userfaultfd");
    return;
  }
  probes.userfaultfd = yes("userfaultfd(UFFD_USER_MODE_ONLY)");
  probes.userfault_move = (api.features & kFeatureMove) != 0
                              ? yes("UFFD_FEATURE_MOVE is offered")
                              : no("UFFD_FEATURE_MOVE is not offered (Linux 6.8 has it)");
}

}  // namespace

Probes run_probes(std::uint64_t huge_size) {
  Probes probes;
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  probes.page_size = page;
  probes.memfd = try_memfd();
  probes.alias = try_alias(page);
  probes.collapse = try_collapse(static_cast<std::size_t>(huge_size));
  probes.pagemap_scan = try_scan(page);
  probes.populate = try_populate(page);
  probes.membarrier = try_membarrier();
  try_userfaultfd(probes);
  return probes;
}

}  // namespace vc::tool
