// A reservation: addresses that belong to the arena, whatever is mapped there.
//
//      reserved   |....................................................|   one mapping, no access
//      map_file   |......[file 7..9][file 3]...........................|   four mappings
//      clear      |....................................................|   one mapping again
//
// A range that is cleared joins its neighbours, so the number of mappings really falls. Between
// map_file() and clear() the addresses never belong to nobody: another thread's mmap() could land
// there.
//
// clear() must work even when the process has reached its limit of mappings, where the kernel
// refuses every mmap(), also one that would lower the number. For that moment the reservation owns
// a spare mapping, which it drops to make room for one. If even that does not help, access is
// taken away (mprotect), which needs no mapping.
#pragma once

#include <sys/mman.h>

#include "vcompound/base/atomic.h"
#include "vcompound/base/result.h"
#include "vcompound/base/units.h"
#include "vcompound/platform/linux/memory_file.h"

namespace vc::os {

/// The pointer to an address.
inline void* pointer(VirtAddr address) {
  return reinterpret_cast<void*>(address.value);  // NOLINT: an allocator makes addresses
}
/// The address of a pointer.
inline VirtAddr address_of(const void* p) {
  return VirtAddr(reinterpret_cast<std::uintptr_t>(p));  // NOLINT: an allocator makes addresses
}

/// Owns a range of addresses. map_file() and clear() are thread-safe for disjoint ranges.
class Reservation {
 public:
  enum class Populate : bool { no, yes };

  /// Reserves `size` bytes at a multiple of `alignment`. Errors: address_space, policy.
  static Result<Reservation> create(Bytes size, Bytes alignment);

  ~Reservation();
  Reservation(Reservation&& other) noexcept;
  Reservation(const Reservation&) = delete;
  Reservation& operator=(const Reservation&) = delete;

  VirtRange range() const { return range_; }

  /// Maps [offset, offset + size) of the file at `at`: 0, or an errno and the range is clear.
  /// `populate` enters translations for what has memory behind it.
  int map_file(const MemoryFile& file, PhysAddr offset, VirtRange at, Populate populate);
  /// Removes every translation of `range`, which begins and ends where mappings do. Cannot fail.
  void clear(VirtRange range);
  /// The same for a range that begins or ends inside a mapping, which needs one mapping more for a
  /// moment. False, and nothing has changed, if the process has none left.
  bool try_clear(VirtRange range);
  /// Gives the whole range up and reserves it anew; for a forked child, before it has threads.
  void clear_in_child();

 private:
  explicit Reservation(VirtRange range);

  void clear_at_limit(VirtRange range);
  void take_spare();
  bool drop_spare();

  VirtRange range_{};
  Atomic<void*> spare_{nullptr};
};

}  // namespace vc::os
