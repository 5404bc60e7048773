// The memory file: what the frames of an arena are.
//
// An anonymous file (memfd) of exactly the arena's size. A frame's physical address is its offset
// in the file. Offsets without memory cost nothing; memory comes by touching a mapping of the file
// or by allocate(), and goes by punch().
#pragma once

#include "vcompound/base/result.h"
#include "vcompound/base/units.h"

namespace vc::os {

/// The size of the huge pages used here.
inline constexpr Bytes kHugePage{2ULL << 20};

/// Owns an anonymous file. Thread-safe after creation.
class MemoryFile {
 public:
  enum class Kind : bool { ordinary, huge };

  /// A file of `size` bytes, all holes. Errors: backing (memfd_create, descriptors, hugetlbfs),
  /// policy (RLIMIT_FSIZE).
  static Result<MemoryFile> create(Kind kind, Bytes size);

  ~MemoryFile();
  MemoryFile(MemoryFile&& other) noexcept;
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  int fd() const { return fd_; }
  /// Puts memory behind [offset, offset + size): 0 or an errno.
  int allocate(PhysAddr offset, Bytes size) const;
  /// Gives the memory behind it back; it then reads as zero: 0 or an errno.
  int punch(PhysAddr offset, Bytes size) const;
  /// The memory behind the file now.
  Bytes allocated() const;
  /// Closes the file; mappings of it stay.
  void close();

 private:
  explicit MemoryFile(int fd) : fd_(fd) {}

  int fd_;
};

}  // namespace vc::os
