// System calls made directly: the recorder must not call functions that it replaces itself, nor
// open() and its like, at which a thread can be cancelled: malloc is no such place.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <ctime>

namespace vc::recorder {

inline void* raw_mmap(void* address, std::size_t bytes, int protection, int flags, int descriptor,
                      long offset) {
  // The kernel's answer is an address; syscall() turns errors into -1, which is MAP_FAILED.
  return reinterpret_cast<void*>(
      ::syscall(SYS_mmap, address, bytes, protection, flags, descriptor, offset));
}

inline int raw_munmap(void* address, std::size_t bytes) {
  return static_cast<int>(::syscall(SYS_munmap, address, bytes));
}

inline int raw_open(const char* path, int flags) {
  return static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, flags, S_IRUSR | S_IWUSR));
}

inline void raw_close(int descriptor) { ::syscall(SYS_close, descriptor); }

/// Takes disk space for a part of a file, all of which is then zero or as before; false if there is
/// none, or if the process may not write files of that length (it would be killed for trying).
inline bool raw_fallocate(int descriptor, std::uint64_t offset, std::uint64_t bytes) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_FSIZE, &limit) == 0 && offset + bytes > limit.rlim_cur) return false;
  return ::syscall(SYS_fallocate, descriptor, 0, offset, bytes) == 0;
}

/// Zeroed private memory that a forked child finds zeroed again. Null if there is none.
inline void* map_wiped_on_fork(std::size_t bytes) {
  void* const memory =
      raw_mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  if (::madvise(memory, bytes, MADV_WIPEONFORK) == 0) return memory;
  raw_munmap(memory, bytes);
  return nullptr;
}

inline std::uint64_t now_ns() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(time.tv_nsec);
}

}  // namespace vc::recorder
