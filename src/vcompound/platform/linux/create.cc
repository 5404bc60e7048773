// Making a LinuxPlatform: check, open the file, reserve addresses, map, take memory ahead.
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <new>

#include "vcompound/platform/linux/linux_platform.h"

namespace vc {
namespace {

constexpr Bytes kGiB{1ULL << 30};

Error failure(Reason reason, Bytes size, const char* detail, int system_error) {
  return Error{.reason = reason, .requested = size, .system_error = system_error, .detail = detail};
}

/// Takes the whole pool part now: what hugetlbfs cannot give later, it answers with SIGBUS.
Error take_huge_pages(const os::MemoryFile& file, Bytes size) {
  const int error = file.allocate(PhysAddr(0), size);
  if (error == 0) return {};
  return failure(Reason::backing, size,
                 "hugetlb backing: the pool of huge pages ran out while the budget was taken from "
                 "it; nothing was kept; raise sysctl vm.nr_hugepages (or the hugetlb limit of the "
                 "control group), or take memfd backing",
                 error);
}

/// A default size is a wish: where addresses are scarce, less will do.
Result<os::Reservation> reserve_vmap(os::LinuxPlan& plan) {
  Bytes& space = plan.options.vmap_space;
  while (true) {
    Result<os::Reservation> got = os::Reservation::create(space, kGiB);
    const Bytes half(align_down(space.value / 2, kGiB.value));
    if (got || half < plan.smallest_vmap_space || half.value == 0) return got;
    space = half;
  }
}

}  // namespace

Result<std::unique_ptr<LinuxPlatform>> LinuxPlatform::create(const LinuxOptions& options) {
  try {
    return build(options);
  } catch (const std::bad_alloc&) {
    return failure(Reason::backing, options.budget, "the process has no heap memory left", ENOMEM);
  }
}

Result<std::unique_ptr<LinuxPlatform>> LinuxPlatform::build(const LinuxOptions& options) {
  Result<os::LinuxPlan> planned = os::plan_arena(options, os::SystemLimits());
  if (!planned) return planned.error();
  os::LinuxPlan& plan = *planned;
  const Bytes size = plan.file_size();
  const bool pool = plan.options.backing == LinuxOptions::Backing::hugetlb;

  Result<os::MemoryFile> file = os::MemoryFile::create(
      pool ? os::MemoryFile::Kind::huge : os::MemoryFile::Kind::ordinary, size);
  if (!file) return file.error();
  if (pool) {
    const Error error = take_huge_pages(*file, size);
    if (error.reason != Reason::none) return error;
  }
  Result<os::Reservation> direct = os::Reservation::create(size, kGiB);
  if (!direct) return direct.error();
  Result<os::Reservation> vmap = reserve_vmap(plan);
  if (!vmap) return vmap.error();

  const int error =
      direct->map_file(*file, PhysAddr(0), direct->range(), os::Reservation::Populate::no);
  if (error != 0) {
    return failure(Reason::address_space, size, "the direct map cannot be mapped", error);
  }
  if (plan.options.after_fork == LinuxOptions::AfterFork::exclude &&
      ::madvise(os::pointer(direct->range().start), size.value, MADV_DONTFORK) != 0) {
    return failure(Reason::policy, size, "the arena cannot be kept out of forked children", errno);
  }

  std::unique_ptr<LinuxPlatform> platform(
      new LinuxPlatform(std::move(plan), std::move(*file), std::move(*direct), std::move(*vmap)));
  const PlatformStatus status = platform->precommit();
  if (!status.ok()) return failure(status.reason, size, status.detail, status.system_error);
  return platform;
}

/// Memory that is taken at creation stays: the core then needs no commit at all.
PlatformStatus LinuxPlatform::precommit() {
  if (plan_.options.precommit == LinuxOptions::Precommit::no) return {};
  const PlatformStatus status = committer_.commit_all(plan_.frames, plan_.unit);
  if (status.ok()) commit_unit_ = PageCount(0);
  return status;
}

}  // namespace vc
