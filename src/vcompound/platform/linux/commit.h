// Commit: memory behind frames, on huge pages where the kernel can.
//
//      unit (2 MiB)    |p...............|p...............|p...            p: one page touched
//      MADV_COLLAPSE   |====== huge ====|====== huge ====|
//      populate                                          |ssss            the partial unit: small
//
// An empty unit cannot be collapsed, so one page of each whole unit is touched first; then one
// MADV_COLLAPSE makes huge pages of all whole units of the run, zeroing the rest of each. It needs
// no privilege and works where shmem huge pages are set to `never`. What it leaves, and a partial
// unit, is populated with small pages. Every step answers with an error, not with a signal.
//
// What came of it is asked of the kernel (verify.h) and remembered, one bit per unit.
#pragma once

#include <cstdint>
#include <vector>

#include "vcompound/base/atomic.h"
#include "vcompound/base/units.h"
#include "vcompound/platform/contract.h"
#include "vcompound/platform/linux/headroom.h"
#include "vcompound/platform/linux/linux_options.h"
#include "vcompound/platform/linux/memory_file.h"

namespace vc::os {

/// Commits and decommits frames through their direct map. Thread-safe for disjoint runs.
class Committer {
 public:
  /// `direct` is where the whole file is mapped; its start is a multiple of the huge page.
  Committer(const MemoryFile& file, VirtRange direct, const LinuxOptions& options,
            Headroom& headroom);

  /// Puts memory behind `run`: it reads as zero; or an error (backing) and nothing changed.
  PlatformStatus commit(PfnRange run);
  /// Gives the memory behind `run` back.
  PlatformStatus decommit(PfnRange run);
  /// Commits all frames [0, frames), some at a time.
  PlatformStatus commit_all(PageCount frames, PageCount unit);
  /// Adds what is counted here.
  void add_to(LinuxStats& stats) const;

 private:
  VirtRange range_of(PfnRange run) const;
  PhysAddr offset_of(PfnRange run) const {
    return PhysAddr(frame_size_.bytes(run.first - Pfn(0)).value);
  }
  /// The whole huge pages of a range; empty when huge pages are not wanted.
  VirtRange huge_part(VirtRange range) const;

  PlatformStatus commit_ordinary(PfnRange run);
  PlatformStatus commit_huge_pool(PfnRange run);
  /// 0, or the errno of what cannot be populated.
  int populate_run(VirtRange range);
  void collapse(VirtRange whole);
  void remember_huge(VirtRange whole);
  void forget_huge(VirtRange range);
  std::uint64_t unit_of(VirtAddr address) const;

  const MemoryFile& file_;
  VirtRange direct_;
  FrameSize frame_size_;
  LinuxOptions::Backing backing_;
  LinuxOptions::Huge huge_;
  Headroom& headroom_;
  std::vector<Atomic<std::uint64_t>> huge_units_;  ///< One bit per huge page of the file.

  Atomic<std::uint64_t> committed_bytes_{0};
  Atomic<std::uint64_t> huge_bytes_{0};
  Atomic<std::uint64_t> commits_{0};
  Atomic<std::uint64_t> commit_failures_{0};
  Atomic<std::uint64_t> decommits_{0};
  Atomic<std::uint64_t> collapse_failures_{0};
};

/// Puts pages behind those of the process's own memory, as a write to each would, and leaves what
/// is in them. Best effort: does nothing on kernels before 5.14.
void bring_in(VirtRange range);

}  // namespace vc::os
