// The x86-64 home: RAM behind a direct map, 4-level page tables, invlpg and shootdown by interrupt.
//
//   frames        always there: commit_unit() is 0
//   direct map    the kernel's own
//   map, unmap    page_table.h, on the kernel's root, in a window of its own
//   shootdown     this CPU, then a broadcast to the others; returns when all are done
//   slots         one per CPU; slot() forbids preemption until leave_slot()
//   barriers      the light one is for the compiler only; the heavy one is a broadcast
//
// Several platforms may exist at once, over disjoint frames and windows: the tests make one for
// each case, and hot-added memory is one. They share a root, and so a lock: kernel_tables_lock.
//
// A shootdown, walked through. The core has unmapped what was pending; now, with the caller kept on
// its CPU:
//
//   1  tables that map() retired are taken out, if there are any
//   2  this CPU drops its translations: invlpg for up to 32 pages, else the root is loaded anew,
//      which also drops what the CPU has kept of the upper levels (needed if 1 found something)
//   3  the other CPUs do the same in an interrupt handler; broadcast() returns when all are done
//   4  the retired tables are freed; the caller gets the proof that lets the core free the frames
//
// Nobody holds the lock of the tables in 2 and 3, so a CPU that waits for it can answer.
#pragma once

#include "vcompound/base/atomic.h"
#include "vcompound/base/units.h"
#include "vcompound/platform/contract.h"
#include "vcompound/platform/x86_64/cpu.h"
#include "vcompound/platform/x86_64/cpu_local.h"
#include "vcompound/platform/x86_64/page_table.h"
#include "vcompound/platform/x86_64/spin_lock.h"

namespace vc {

/// For all tables under the kernel's root, of every platform and of the kernel itself. No interrupt
/// handler takes it; the holder sends no broadcast.
inline constinit x86::SpinLock kernel_tables_lock;

/// What an x86-64 platform is made of. Nodes are disjoint and not empty.
struct X86Options {
  static constexpr std::uint32_t kMaxNodes = 8;

  PfnRange nodes[kMaxNodes] = {};
  std::uint32_t node_count = 0;
  /// The frames that exist, ascending and disjoint; nullptr: all of the nodes' do.
  const PfnRange* present = nullptr;
  std::uint32_t present_count = 0;
  VirtRange direct_map{};         ///< starts at physical address 0; covers every frame
  VirtRange vmap{};               ///< this platform's own window; its start is a multiple of 2 MiB
  PhysAddr root{};                ///< the top-level table
  TableFrames* tables = nullptr;  ///< where frames for page tables come from (page_table.h)
  /// Zeroed memory for tables of the core, 64-byte aligned, or nullptr; never given back.
  void* (*metadata)(void* context, Bytes size) = nullptr;
  void* metadata_context = nullptr;
};

/// What a platform has done since it was made; for instruction counts and tests.
struct X86Counters {
  std::uint64_t entries_written = 0;  ///< page-table entries
  std::uint64_t tables_allocated = 0;
  std::uint64_t tables_retired = 0;  ///< empty ones, in whose place a large leaf was put
  std::uint64_t tables_freed = 0;
  std::uint64_t invalidations = 0;  ///< invlpg instructions of the CPU that shot down
  std::uint64_t full_flushes = 0;   ///< shootdowns that reloaded the root instead
  std::uint64_t shootdowns = 0;
  std::uint64_t interrupts_sent = 0;  ///< to other CPUs, for shootdowns and heavy barriers
};

/// A slot is a CPU; who has it stays there.
class X86Slots {
 public:
  static constexpr std::uint32_t kSlots = 16;  ///< the kernel has at most that many CPUs
  static constexpr FrameSize kFrameSize{12};
  static constexpr bool kTellsFreesApart = true;  ///< a kernel has no second chance

  static std::uint32_t slot() {
    x86::forbid_preemption();
    const std::uint32_t number = x86::cpu_number();
    if (number >= kSlots) __builtin_unreachable();
    return number;
  }
  static std::uint32_t slot_offset_at_hand() { return slot() * kSlotStride; }
  static void leave_slot() { x86::allow_preemption(); }
  static void light_barrier() { compiler_barrier(); }
  static void barrier_at_hand() { compiler_barrier(); }
  static constexpr bool has_barrier_at_hand() { return true; }
};

/// See the head of this file. Thread-safe; must outlive its allocator.
class X86Platform : public X86Slots {
 public:
  using Slots = X86Slots;
  using Lock = x86::SpinLock;

  /// A shootdown of more pages than this drops everything instead.
  static constexpr std::uint64_t kMostInvalidations = 32;

  explicit X86Platform(const X86Options& options)
      : options_(options),
        table_({options.direct_map.start}, Pfn(options.root.value >> 12), *options.tables) {}
  X86Platform(const X86Platform&) = delete;
  X86Platform& operator=(const X86Platform&) = delete;

  FrameSize frame_size() const { return kFrameSize; }
  std::uint32_t node_count() const { return options_.node_count; }
  PfnRange node_frames(std::uint32_t node) const { return options_.nodes[node]; }
  PfnRange present_frames(std::uint32_t node, Pfn from) const;
  PageCount commit_unit() const { return PageCount(0); }
  PlatformStatus commit(PfnRange) { return {}; }
  PlatformStatus decommit(PfnRange) { return {}; }
  VirtRange direct_map() const { return options_.direct_map; }
  VirtRange vmap_range() const { return options_.vmap; }
  PageCount huge_pages() const { return PageCount(512); }

  /// Maps many runs, one behind the other, for the price of their stores.
  class Mapping;
  PlatformStatus map(VirtAddr address, PfnRange run);
  Unmapped unmap(VirtRange range);
  Unmapped unmap_part(VirtRange range) { return unmap(range); }
  Invalidated shootdown(Unmapped stale);
  bool charge_mappings(std::uint64_t n);
  void refund_mappings(std::uint64_t n) { mappings_.fetch_sub(n); }
  std::uint64_t mappings_used() const { return mappings_.load_relaxed(); }
  std::uint64_t mappings_limit() const { return ~std::uint64_t{0}; }  // there is none
  void zero(VirtRange range);

  void heavy_barrier();
  void relax() { x86::pause(); }
  /// May the caller wait for other CPUs? Not in a handler, with interrupts off, or under a lock.
  bool may_block() const { return x86::is_preemptible() && x86::interrupts_enabled(); }
  void* metadata(Bytes size) { return options_.metadata(options_.metadata_context, size); }
  void bring_in(void*, Bytes) {}

  /// From any context.
  X86Counters counters() const;
  /// What a CPU would find at an address of the window, or of any other under the same root.
  Translation translate(VirtAddr address);
  /// Unmaps all of the window and gives its tables back: the end of a platform that does not live
  /// as long as the machine. Its allocator is not used any more. May block.
  void close();

 private:
  /// What each CPU is to drop.
  struct Flush {
    VirtAddr start;
    std::uint64_t pages;  ///< 0: everything
  };

  PlatformStatus map_elsewhere(VirtAddr address, PfnRange run);
  static void flush_this_cpu(void* argument);
  void free_retired_tables();
  Pfn take_retired();

  X86Options options_;
  PageTable<DirectMemory> table_;
  Atomic<std::uint64_t> mappings_;
  Atomic<std::uint64_t> invalidations_;
  Atomic<std::uint64_t> full_flushes_;
  Atomic<std::uint64_t> shootdowns_;
  Atomic<std::uint64_t> interrupts_sent_;
};

/// Maps runs one behind the other, from an address on. The tables are locked as long as it lives;
/// what it has mapped may be used when it is gone.
class [[nodiscard]] X86Platform::Mapping {
 public:
  /// A large leaf may take the place of an empty table. Then every CPU must drop what it keeps of
  /// that table before the leaf is used; a caller who cannot wait for that gets small leaves.
  Mapping(X86Platform& platform, VirtAddr address)
      : platform_(platform),
        mapper_(locked(platform.table_), address, PageFlags::writable(),
                x86::interrupts_enabled() ? LeafSize::mib2 : LeafSize::kib4) {}
  ~Mapping() {
    mapper_.finish();
    kernel_tables_lock.unlock();
    if (mapper_.has_retired()) [[unlikely]]
      platform_.free_retired_tables();
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  /// PRE and POST as for map(). After a failure the runs before it are still mapped.
  PlatformStatus add(PfnRange run) { return mapper_.add(run); }

 private:
  static PageTable<DirectMemory>& locked(PageTable<DirectMemory>& table) {
    kernel_tables_lock.lock();
    return table;
  }

  X86Platform& platform_;
  PageTable<DirectMemory>::Mapper mapper_;
};

static_assert(Platform<X86Platform>);

}  // namespace vc
