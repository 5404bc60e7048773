// Frames for page tables: a reserve that is cut at boot, then single frames of the arena.
//
// A mapping must not fail for want of a table while frames are free, and must not block to get one.
// So frames are kept back at boot, one for each 2 MiB of RAM: enough to map all of it once in 4 KiB
// pages. Tables beyond that (a window has four times as many pages) are borrowed from the arena,
// one by one, and go back there when they are free.
//
//      reserve:   | used | used | free |  fresh ........ |      borrowed:  [frame] [frame]
//                               |
//                 free frames are a chain through their first words
//
// Whoever calls allocate() or free() holds kernel_tables_lock; that is all the locking.
#pragma once

#include "kernel/memory/memory_map.h"
#include "vcompound/base/atomic.h"
#include "vcompound/base/units.h"
#include "vcompound/compound/trigger.h"
#include "vcompound/platform/x86_64/page_table.h"

namespace vc::kernel {

/// See the head of this file.
class TableReserve final : public TableFrames {
 public:
  constexpr TableReserve() = default;

  /// Adds frames that belong to nobody else; at most kMaxParts times, during boot.
  void add(PfnRange frames);
  /// From now on the arena may be asked when nothing is left.
  void lend_from_arena() { may_borrow_ = true; }

  Pfn allocate() override;
  void free(Pfn frame) override;

  /// Refuses the chosen allocations, for tests.
  void set_injection(Trigger trigger) { injection_.set(trigger); }

  /// @name Figures; may be read by anyone
  /// @{
  PageCount total() const { return PageCount(total_.load_relaxed()); }
  PageCount unused() const { return PageCount(unused_.load_relaxed()); }
  PageCount borrowed() const { return PageCount(borrowed_.load_relaxed()); }
  /// Allocations that the injection refused.
  std::uint64_t refused() const { return refused_.load_relaxed(); }
  /// @}

 private:
  static constexpr std::uint32_t kMaxParts = 2;

  bool owns(Pfn frame) const;
  Pfn take();
  Pfn borrow();

  PfnRange parts_[kMaxParts] = {};
  PfnRange fresh_[kMaxParts] = {};  ///< what of each part was never used
  std::uint32_t part_count_ = 0;
  Pfn first_ = kNoPfn;  ///< of the chain
  bool may_borrow_ = false;
  TriggerSwitch injection_;
  Atomic<std::uint64_t> total_;
  Atomic<std::uint64_t> unused_;
  Atomic<std::uint64_t> borrowed_;
  Atomic<std::uint64_t> refused_;
};

/// The one of the kernel; every platform takes its tables from it.
TableReserve& table_reserve();

}  // namespace vc::kernel
