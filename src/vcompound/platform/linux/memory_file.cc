// memfd_create, ftruncate, fallocate.
#include "vcompound/platform/linux/memory_file.h"

#include <fcntl.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

namespace vc::os {
namespace {

Error failure(Reason reason, Bytes size, const char* detail, int system_error) {
  return Error{.reason = reason, .requested = size, .system_error = system_error, .detail = detail};
}

/// Opens the file; kernels before 6.3 do not know MFD_NOEXEC_SEAL.
int open_file(MemoryFile::Kind kind) {
  unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  if (kind == MemoryFile::Kind::huge) flags |= MFD_HUGETLB | MFD_HUGE_2MB;
  const int fd = ::memfd_create("vcompound", flags | MFD_NOEXEC_SEAL);
  if (fd >= 0 || errno != EINVAL) return fd;
  return ::memfd_create("vcompound", flags);
}

const char* why_not_opened(int error) {
  switch (error) {
    case EMFILE: return "memfd_create: this process has no file descriptor left; raise `ulimit -n`";
    case ENFILE:
      return "memfd_create: the system has no file descriptor left; raise sysctl fs.file-max";
    case EPERM:
    case ENOSYS: return "memfd_create: forbidden here (a seccomp filter?); allow the system call";
    default: return "memfd_create failed; hugetlb backing needs a kernel with 2 MiB huge pages";
  }
}

/// A file beyond RLIMIT_FSIZE would end the process with SIGXFSZ instead of an error.
bool above_file_size_limit(Bytes size) {
  rlimit limit{};
  return ::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
         limit.rlim_cur < size.value;
}

int fallocate_whole(int fd, int mode, PhysAddr offset, Bytes size) {
  int result = 0;
  do {
    result =
        ::fallocate(fd, mode, static_cast<off_t>(offset.value), static_cast<off_t>(size.value));
  } while (result != 0 && errno == EINTR);
  return result == 0 ? 0 : errno;
}

}  // namespace

Result<MemoryFile> MemoryFile::create(Kind kind, Bytes size) {
  if (above_file_size_limit(size)) {
    return failure(Reason::policy, size,
                   "the budget is above this process's file size limit; raise `ulimit -f`", EFBIG);
  }
  MemoryFile file(open_file(kind));
  if (file.fd_ < 0) return failure(Reason::backing, size, why_not_opened(errno), errno);
  if (::ftruncate(file.fd_, static_cast<off_t>(size.value)) != 0) {
    return failure(Reason::backing, size, "the memory file cannot be made as large as the budget",
                   errno);
  }
  // Whoever gets the descriptor cannot cut the file under our mappings. Old kernels do without.
  static_cast<void>(::fcntl(file.fd_, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW));
  return file;
}

MemoryFile::~MemoryFile() { close(); }

MemoryFile::MemoryFile(MemoryFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

int MemoryFile::allocate(PhysAddr offset, Bytes size) const {
  return fallocate_whole(fd_, 0, offset, size);
}

int MemoryFile::punch(PhysAddr offset, Bytes size) const {
  return fallocate_whole(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, size);
}

Bytes MemoryFile::allocated() const {
  struct stat status {};
  if (::fstat(fd_, &status) != 0) return Bytes(0);
  return Bytes(static_cast<std::uint64_t>(status.st_blocks) * 512);
}

void MemoryFile::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

}  // namespace vc::os
