// Helpers of the tests of the Linux platform.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <memory>
#include <utility>

#include "vcompound/platform/linux/linux_platform.h"

#if defined(__SANITIZE_ADDRESS__)
#define VC_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define VC_ADDRESS_SANITIZER 1
#endif
#endif

namespace vc::testing {

/// A sanitizer makes mappings of its own, and leaves less room for ours.
#if defined(VC_ADDRESS_SANITIZER) || defined(VC_THREAD_SANITIZER)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

inline constexpr PageCount kUnit{512};
inline constexpr std::uint64_t kPage = 4096;
inline constexpr Bytes kMiB{1ULL << 20};
inline constexpr Bytes kGiB{1ULL << 30};

/// A platform that must come into being.
inline std::unique_ptr<LinuxPlatform> make_platform(const LinuxOptions& options) {
  auto made = LinuxPlatform::create(options);
  if (made.ok()) return std::move(made.value());
  ADD_FAILURE() << name_of(made.error().reason) << ": " << made.error().detail;
  std::abort();
}

inline std::unique_ptr<LinuxPlatform> make_platform(Bytes budget) {
  LinuxOptions options;
  options.budget = budget;
  return make_platform(options);
}

/// The byte at an address.
inline volatile unsigned char& byte_at(VirtAddr address) {
  return *static_cast<volatile unsigned char*>(os::pointer(address));
}

/// The address of a frame in the direct map.
inline VirtAddr direct_address(const LinuxPlatform& platform, Pfn pfn) {
  return platform.direct_map().start + platform.frame_size().bytes(pfn - Pfn(0));
}

/// Is every byte of the range equal to `value`?
inline bool all_bytes_are(VirtRange range, unsigned char value) {
  for (VirtAddr at = range.start; at < range.end(); at += Bytes(1)) {
    if (byte_at(at) != value) return false;
  }
  return true;
}

/// The mappings of this process, counted without touching the heap.
inline std::uint64_t count_mappings() {
  const int fd = ::open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  std::uint64_t lines = 0;
  char buffer[4096];
  ssize_t got = 0;
  while ((got = ::read(fd, buffer, sizeof buffer)) > 0) {
    for (ssize_t i = 0; i < got; ++i) lines += buffer[i] == '\n' ? 1 : 0;
  }
  ::close(fd);
  return lines;
}

/// How a child process ended.
struct ChildEnd {
  int exit_code = -1;  ///< -1: by a signal.
  int signal = 0;      ///< 0: by exit.

  bool operator==(const ChildEnd&) const = default;
};

inline std::ostream& operator<<(std::ostream& out, const ChildEnd& end) {
  return out << "exit code " << end.exit_code << ", signal " << end.signal;
}

/// Runs `work` in a forked child; its result is the exit code. A fault ends the child by SIGSEGV,
/// also under a sanitizer.
template <class Work>
ChildEnd run_in_child(const Work& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGSEGV, SIG_DFL);
    std::signal(SIGBUS, SIG_DFL);
    ::_exit(work());
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  if (WIFSIGNALED(status)) return {.exit_code = -1, .signal = WTERMSIG(status)};
  return {.exit_code = WEXITSTATUS(status), .signal = 0};
}

/// Can this kernel collapse shared memory into a huge page? Asked of the kernel directly.
inline bool kernel_can_collapse() {
  constexpr int kPopulateWrite = 23;
  constexpr int kCollapse = 25;
  const std::uint64_t huge = os::kHugePage.value;
  const int fd = ::memfd_create("probe", MFD_CLOEXEC);
  bool collapsed = false;
  if (fd >= 0 && ::ftruncate(fd, static_cast<off_t>(huge)) == 0) {
    char* const room = static_cast<char*>(
        ::mmap(nullptr, 2 * huge, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    void* const at = os::pointer(VirtAddr(align_up(os::address_of(room).value, huge)));
    ::mmap(at, huge, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
    collapsed = ::madvise(at, kPage, kPopulateWrite) == 0 && ::madvise(at, huge, kCollapse) == 0;
    ::munmap(room, 2 * huge);
  }
  ::close(fd);
  return collapsed;
}

}  // namespace vc::testing
