// Touch, collapse, populate, punch.
#include "vcompound/platform/linux/commit.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "vcompound/platform/linux/reservation.h"
#include "vcompound/platform/linux/verify.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

namespace vc::os {
namespace {

/// How much commit_all() takes at a time: as much as the headroom gate gives out in one reading.
constexpr Bytes kStride = Headroom::kLargestAllowance;

/// Kernels before 5.14 do not know MADV_POPULATE_WRITE: an access does it.
void touch(VirtRange range) {
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  for (Bytes at{}; at < range.size; at += Bytes(page)) {
    *static_cast<volatile char*>(pointer(range.start + at)) = 0;
  }
}

/// Puts pages behind the range and translations before it: 0 or an errno.
int populate(VirtRange range) {
  if (range.size.value == 0) return 0;
  int result = 0;
  do {
    result = ::madvise(pointer(range.start), range.size.value, MADV_POPULATE_WRITE);
  } while (result != 0 && errno == EINTR);
  if (result == 0) return 0;
  if (errno != EINVAL) return errno;
  touch(range);
  return 0;
}

/// Collapses what can be; pages that are briefly in other hands are worth a second try.
bool make_huge(VirtRange whole) {
  for (int tries = 0; tries < 3; ++tries) {
    if (::madvise(pointer(whole.start), whole.size.value, MADV_COLLAPSE) == 0) return true;
    if (errno != EAGAIN && errno != EBUSY) return false;
  }
  return false;
}

PlatformStatus no_memory(int error, const char* detail) {
  return {.reason = Reason::backing, .system_error = error, .detail = detail};
}

}  // namespace

void bring_in(VirtRange range) {
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const VirtAddr start(align_down(range.start.value, page));
  const VirtAddr end(align_up(range.end().value, page));
  static_cast<void>(::madvise(pointer(start), (end - start).value, MADV_POPULATE_WRITE));
}

Committer::Committer(const MemoryFile& file, VirtRange direct, const LinuxOptions& options,
                     Headroom& headroom)
    : file_(file),
      direct_(direct),
      frame_size_(options.frame_size),
      backing_(options.backing),
      huge_(options.huge),
      headroom_(headroom),
      huge_units_(direct.size.value / kHugePage.value / 64 + 1) {}

VirtRange Committer::range_of(PfnRange run) const {
  return {direct_.start + frame_size_.bytes(run.first - Pfn(0)), frame_size_.bytes(run.count)};
}

VirtRange Committer::huge_part(VirtRange range) const {
  const VirtAddr start(align_up(range.start.value, kHugePage.value));
  const VirtAddr end(align_down(range.end().value, kHugePage.value));
  if (huge_ == LinuxOptions::Huge::never || start >= end) return {range.start, Bytes(0)};
  return {start, end - start};
}

std::uint64_t Committer::unit_of(VirtAddr address) const {
  return (address - direct_.start).value / kHugePage.value;
}

PlatformStatus Committer::commit(PfnRange run) {
  const PlatformStatus status =
      backing_ == LinuxOptions::Backing::hugetlb ? commit_huge_pool(run) : commit_ordinary(run);
  if (!status.ok()) {
    commit_failures_.fetch_add(1);
    return status;
  }
  commits_.fetch_add(1);
  committed_bytes_.fetch_add(frame_size_.bytes(run.count).value);
  return status;
}

PlatformStatus Committer::commit_ordinary(PfnRange run) {
  const VirtRange range = range_of(run);
  if (!headroom_.take(range.size)) {
    return no_memory(ENOMEM,
                     "the system or a memory control group has too little memory left to put "
                     "behind the arena's frames; see MemAvailable, memory.max, memory.current");
  }
  const int error = populate_run(range);
  if (error == 0) return {};
  forget_huge(range);
  static_cast<void>(file_.punch(offset_of(run), range.size));
  return no_memory(error, "the kernel could not put memory behind the arena's frames");
}

int Committer::populate_run(VirtRange range) {
  const VirtRange whole = huge_part(range);
  if (whole.size.value == 0) return populate(range);
  for (VirtAddr unit = whole.start; unit < whole.end(); unit += kHugePage) {
    const Bytes page(static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));
    if (const int error = populate({unit, page}); error != 0) return error;
  }
  collapse(whole);
  return populate(range);
}

void Committer::collapse(VirtRange whole) {
  const bool collapsed = make_huge(whole);
  const MappedPages found = mapped_pages(whole);
  const bool believed = found.method == MappedPages::Method::none && collapsed;
  if (found.huge == whole.size || believed) {
    remember_huge(whole);
    return;
  }
  collapse_failures_.fetch_add(1);
  if (found.huge.value == 0) return;
  for (VirtAddr unit = whole.start; unit < whole.end(); unit += kHugePage) {
    if (mapped_pages({unit, kHugePage}).huge == kHugePage) remember_huge({unit, kHugePage});
  }
}

void Committer::remember_huge(VirtRange whole) {
  for (std::uint64_t unit = unit_of(whole.start); unit < unit_of(whole.end()); ++unit) {
    huge_units_[unit / 64].fetch_or(std::uint64_t{1} << (unit % 64));
  }
  huge_bytes_.fetch_add(whole.size.value);
}

void Committer::forget_huge(VirtRange range) {
  for (std::uint64_t unit = unit_of(range.start); unit <= unit_of(range.end() - Bytes(1)); ++unit) {
    const std::uint64_t bit = std::uint64_t{1} << (unit % 64);
    const bool was_huge = (huge_units_[unit / 64].fetch_and(~bit) & bit) != 0;
    if (was_huge) huge_bytes_.fetch_sub(kHugePage.value);
  }
}

/// Allocating in the file instead of touching: an empty pool is an error, not a SIGBUS.
PlatformStatus Committer::commit_huge_pool(PfnRange run) {
  const VirtRange range = range_of(run);
  const int error = file_.allocate(offset_of(run), range.size);
  if (error != 0) {
    static_cast<void>(file_.punch(offset_of(run), range.size));
    return no_memory(error, "the pool of huge pages is empty; raise sysctl vm.nr_hugepages");
  }
  remember_huge(range);
  return {};
}

PlatformStatus Committer::decommit(PfnRange run) {
  const VirtRange range = range_of(run);
  const int error = file_.punch(offset_of(run), range.size);
  if (error != 0) return no_memory(error, "the kernel did not take memory of the arena back");
  forget_huge(range);
  decommits_.fetch_add(1);
  committed_bytes_.fetch_sub(range.size.value);
  return {};
}

PlatformStatus Committer::commit_all(PageCount frames, PageCount unit) {
  const PageCount stride(std::max(unit.value, frame_size_.whole_pages(kStride).value));
  for (Pfn pfn(0); pfn < Pfn(frames.value); pfn += stride) {
    const PageCount left = Pfn(frames.value) - pfn;
    const PlatformStatus status = commit({pfn, std::min(left, stride)});
    if (!status.ok()) return status;
  }
  return {};
}

void Committer::add_to(LinuxStats& stats) const {
  const std::uint64_t huge = huge_bytes_.load_relaxed();
  const std::uint64_t committed = committed_bytes_.load_relaxed();
  stats.committed = Bytes(committed);
  stats.huge = Bytes(std::min(huge, committed));
  stats.small = stats.committed - stats.huge;
  stats.commits = commits_.load_relaxed();
  stats.commit_failures = commit_failures_.load_relaxed();
  stats.decommits = decommits_.load_relaxed();
  stats.collapse_failures = collapse_failures_.load_relaxed();
}

}  // namespace vc::os
