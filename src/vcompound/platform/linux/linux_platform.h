// The Linux home: a process with a budget of memory.
//
//      memory file    |0 1 2 3 4 5 6 7 ...                    |   frames are its pages
//                      | | | | | | | |
//      direct map     |0 1 2 3 4 5 6 7 ...                    |   the whole file, once, huge pages
//
//      vmap range     |.....[5 6 7][2]......[0 1].............|   runs of frames, mapped again
//
// The direct map is never changed, so a mapped compound costs its aliases only, and freeing it
// costs only their removal. The price: the memory is shared with a forked child, and each run of a
// mapped compound is one mapping of the process (mapping_budget.h).
//
// The parts: linux_plan (checks of the options), memory_file, reservation (addresses), commit,
// headroom (no kill by the system), mapping_budget, thread_slots, barriers, after_fork, verify.
#pragma once

#include <sched.h>
#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "vcompound/base/result.h"
#include "vcompound/platform/contract.h"
#include "vcompound/platform/linux/after_fork.h"
#include "vcompound/platform/linux/commit.h"
#include "vcompound/platform/linux/headroom.h"
#include "vcompound/platform/linux/linux_options.h"
#include "vcompound/platform/linux/linux_plan.h"
#include "vcompound/platform/linux/mapping_budget.h"
#include "vcompound/platform/linux/memory_file.h"
#include "vcompound/platform/linux/mutex.h"
#include "vcompound/platform/linux/reservation.h"
#include "vcompound/platform/linux/slots/barriers.h"
#include "vcompound/platform/linux/slots/linux_slots.h"
#include "vcompound/platform/linux/slots/no_block_scope.h"
#include "vcompound/platform/linux/slots/thread_slots.h"
#include "vcompound/platform/linux/system_limits.h"
#include "vcompound/platform/linux/verify.h"

namespace vc {

/// A Linux process as the home of an arena. Thread-safe as the contract demands.
class LinuxPlatform final : public LinuxSlots, private os::ForkListener {
 public:
  using Slots = LinuxSlots;
  using Lock = os::Mutex;

  /// Makes a platform: under 10 ms and a few pages, whatever the budget (with precommit or hugetlb
  /// backing: the time it takes to zero the memory). On an error nothing is left behind. Errors:
  /// invalid, backing, address_space, policy; `detail` says what to do, `limit` says how far one
  /// can go.
  static Result<std::unique_ptr<LinuxPlatform>> create(const LinuxOptions& options);
  ~LinuxPlatform();
  LinuxPlatform(const LinuxPlatform&) = delete;
  LinuxPlatform& operator=(const LinuxPlatform&) = delete;

  /// @name The contract (platform/contract.h).
  /// @{
  FrameSize frame_size() const { return plan_.options.frame_size; }
  std::uint32_t node_count() const { return static_cast<std::uint32_t>(plan_.nodes.size()); }
  PfnRange node_frames(std::uint32_t node) const { return plan_.nodes[node]; }
  PfnRange present_frames(std::uint32_t node, Pfn from) const {
    return {from, plan_.nodes[node].end() - from};
  }

  PageCount commit_unit() const { return commit_unit_; }
  PlatformStatus commit(PfnRange run);
  PlatformStatus decommit(PfnRange run);

  VirtRange direct_map() const { return direct_.range(); }
  VirtRange vmap_range() const { return vmap_.range(); }
  PageCount huge_pages() const;

  PlatformStatus map(VirtAddr address, PfnRange run);
  Unmapped unmap(VirtRange range);
  Unmapped unmap_part(VirtRange range);
  /// The kernel has invalidated all CPUs before unmap() returned.
  Invalidated shootdown(Unmapped unmapped) { return Invalidated(unmapped); }
  bool charge_mappings(std::uint64_t n) { return mappings_.charge(n); }
  void refund_mappings(std::uint64_t n) { mappings_.refund(n); }
  std::uint64_t mappings_used() const { return mappings_.used(); }
  std::uint64_t mappings_limit() const { return mappings_.limit(); }
  void zero(VirtRange range) { __builtin_memset(os::pointer(range.start), 0, range.size.value); }

  static void heavy_barrier() { os::heavy_barrier(); }
  static void relax() { ::sched_yield(); }
  static bool may_block() { return !in_no_block_scope(); }

  void* metadata(Bytes size);
  void bring_in(void* table, Bytes size);
  /// @}

  /// @name Beyond the contract.
  /// @{
  /// The options with every default filled in.
  const LinuxOptions& options() const { return plan_.options; }
  /// All frames: 0 to the budget.
  PfnRange frames() const { return {Pfn(0), plan_.frames}; }
  /// The file whose offsets are the physical addresses; -1 in a child that excludes it.
  int fd() const { return file_.fd(); }
  PhysAddr physical(Pfn pfn) const { return PhysAddr(frame_size().bytes(pfn - Pfn(0)).value); }
  /// What the kernel has mapped there (verify.h).
  MappedPages verify(VirtRange range) const { return mapped_pages(range); }
  /// Is this a forked child of the process that made the arena? Then commit, decommit and map are
  /// refused (policy).
  bool in_child() const { return in_child_.load_relaxed(); }
  LinuxStats statistics() const;
  /// Resident bytes of what metadata() gave out, as the kernel tells (verify.h).
  Bytes metadata_resident() const;
  /// @}

 private:
  LinuxPlatform(os::LinuxPlan plan, os::MemoryFile file, os::Reservation direct,
                os::Reservation vmap);

  static Result<std::unique_ptr<LinuxPlatform>> build(const LinuxOptions& options);
  PlatformStatus precommit();
  void now_in_child() override;
  bool belongs_to_parent() const;
  void bind_nodes();
  PlatformStatus cannot_map(int error);

  os::LinuxPlan plan_;
  os::SystemLimits limits_;
  os::Headroom headroom_{limits_};
  os::MappingBudget mappings_;
  os::MemoryFile file_;
  os::Reservation direct_;
  os::Reservation vmap_;
  os::Committer committer_;
  PageCount commit_unit_;
  pid_t owner_;
  Atomic<bool> in_child_{false};

  mutable std::mutex tables_lock_;
  std::vector<VirtRange> tables_;  ///< What metadata() gave out.

  Atomic<std::uint64_t> maps_{0};
  Atomic<std::uint64_t> map_failures_{0};
  Atomic<std::uint64_t> unmaps_{0};
  std::uint32_t nodes_bound_ = 0;
};

static_assert(Platform<LinuxPlatform>);

}  // namespace vc
