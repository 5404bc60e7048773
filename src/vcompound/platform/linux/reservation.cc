// mmap over a reserved range, and the way out at the limit of mappings.
#include "vcompound/platform/linux/reservation.h"

#include <unistd.h>

#include <cerrno>
#include <utility>

#include "vcompound/base/assert.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

namespace vc::os {
namespace {

constexpr int kNothing = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

/// mmap() without access and without memory; MAP_FAILED on error.
void* map_nothing(VirtAddr at, Bytes size, int more_flags) {
  return ::mmap(pointer(at), size.value, PROT_NONE, kNothing | more_flags, -1, 0);
}

Error cannot_reserve(Bytes size, int error) {
  if (error == EAGAIN) {
    return Error{.reason = Reason::policy,
                 .requested = size,
                 .system_error = error,
                 .detail =
                     "addresses cannot be reserved under mlockall(MCL_FUTURE) above the "
                     "limit of locked memory; raise `ulimit -l`"};
  }
  return Error{.reason = Reason::address_space,
               .requested = size,
               .system_error = error,
               .detail =
                   "the addresses cannot be reserved; raise `ulimit -v` or ask for less "
                   "vmap_space"};
}

}  // namespace

Result<Reservation> Reservation::create(Bytes size, Bytes alignment) {
  // More than needed, so that an aligned range lies inside; the rest is given back.
  const Bytes all = size + alignment;
  if (all < size) return cannot_reserve(size, EOVERFLOW);
  void* const got = map_nothing(VirtAddr(0), all, 0);
  if (got == MAP_FAILED) return cannot_reserve(size, errno);
  const VirtAddr start = address_of(got);
  const VirtAddr aligned(align_up(start.value, alignment.value));
  const VirtAddr end = aligned + size;
  if (aligned != start) ::munmap(got, (aligned - start).value);
  if (end != start + all) ::munmap(pointer(end), ((start + all) - end).value);
  return Reservation(VirtRange{aligned, size});
}

Reservation::Reservation(VirtRange range) : range_(range) { take_spare(); }

Reservation::~Reservation() {
  drop_spare();
  if (range_.size.value != 0) ::munmap(pointer(range_.start), range_.size.value);
}

Reservation::Reservation(Reservation&& other) noexcept
    : range_(std::exchange(other.range_, {})), spare_(other.spare_.exchange(nullptr)) {}

int Reservation::map_file(const MemoryFile& file, PhysAddr offset, VirtRange at,
                          Populate populate) {
  const int flags =
      MAP_SHARED | MAP_FIXED | MAP_NORESERVE | (populate == Populate::yes ? MAP_POPULATE : 0);
  void* const got = ::mmap(pointer(at.start), at.size.value, PROT_READ | PROT_WRITE, flags,
                           file.fd(), static_cast<off_t>(offset.value));
  if (got != MAP_FAILED) return 0;
  const int error = errno;
  clear(at);  // old kernels may have removed what was there before they failed
  return error;
}

void Reservation::clear(VirtRange range) {
  if (range.size.value == 0) return;
  if (map_nothing(range.start, range.size, MAP_FIXED) == MAP_FAILED) clear_at_limit(range);
  if (__builtin_expect(spare_.load_relaxed() == nullptr, 0)) take_spare();
}

bool Reservation::try_clear(VirtRange range) {
  return map_nothing(range.start, range.size, MAP_FIXED) != MAP_FAILED;
}

void Reservation::clear_at_limit(VirtRange range) {
  if (drop_spare() && map_nothing(range.start, range.size, MAP_FIXED) != MAP_FAILED) return;
  // The mappings stay until the addresses are used again, but nothing can be reached by them.
  VC_ASSERT(::mprotect(pointer(range.start), range.size.value, PROT_NONE) == 0,
            "the system refuses to remove translations: neither mmap nor mprotect works");
}

void Reservation::clear_in_child() {
  drop_spare();
  ::munmap(pointer(range_.start), range_.size.value);
  static_cast<void>(map_nothing(range_.start, range_.size, MAP_FIXED_NOREPLACE));
}

/// A page that merges with no neighbour: it is the only one of its kind (shared, no access).
void Reservation::take_spare() {
  void* const page = ::mmap(nullptr, static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)), PROT_NONE,
                            MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (page == MAP_FAILED) return;
  void* expected = nullptr;
  if (!spare_.compare_exchange(expected, page)) {
    ::munmap(page, static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)));
  }
}

bool Reservation::drop_spare() {
  void* const page = spare_.exchange(nullptr);
  return page != nullptr && ::munmap(page, static_cast<std::size_t>(::sysconf(_SC_PAGESIZE))) == 0;
}

}  // namespace vc::os
