// PageTable: which frame is behind which page, in the form that the processor reads.
//
//      root (level 4)        level 3             level 2              level 1
//     +-----------+       +-----------+       +-----------+       +-----------+
//     |           |   +-->|           |   +-->|           |   +-->| frame 700 | a 4 KiB leaf
//     |     o-----|---+   |     o-----|---+   |     o-----|---+   | frame 701 |
//     |           |       | 1 GiB leaf|       | 2 MiB leaf|       |     -     | a hole
//     +-----------+       +-----------+       +-----------+       +-----------+
//
// A tree of 512 ways. An entry that is present is a leaf or leads to a table; a table may be empty:
// unmapping removes leaves and leaves tables, because the next mapping will want them.
//
// Check first, then write. map() finds out which tables it lacks and allocates all of them before
// it writes anything. So a failure has nothing to undo: not one entry was ever visible to a CPU,
// and what was allocated goes straight back. (Undoing would need a shootdown: a processor may keep
// a translation that it has only guessed it would need.)
//
// Retired tables. Processors also keep entries that lead to tables. Where a large leaf takes the
// place of an empty table, the table is therefore only retired, and freed when every CPU has
// dropped all that it kept; and until then, no CPU may use the new leaf:
//
//      before          map()                 every CPU is flushed      free_retired()
//      o--> [empty]    LEAF   [retired]      LEAF   [retired]          LEAF
//
// Retired tables are a chain through their own entry 0. A link has the present bit clear, so it is
// no entry for a CPU that still walks there.
//
// Stretches. A run is mapped in stretches: leaves of one size in one table. The size is the largest
// that address, frame and rest allow; it can only become larger where a table ends, so a stretch
// goes to the end of its table or of the run.
//
// The cursor remembers the level-1 table that was used last. Runs of a compound are neighbours in
// address, so nearly every map and unmap finds its table without a walk.
//
// Invariants (check() proves those of a range):
//   T1  an entry that is present is a leaf whose frame is a multiple of its size, or leads to a
//       table; only levels 1 to 3 have leaves; bits without a meaning are 0
//   T2  a table is led to by one entry, or is retired, never both
//   T3  the chain of retired tables has retired_tables() members
//   T4  the cursor, if set, is the table that a walk finds
//
// Not thread-safe: the caller holds the lock of the tables. Several objects may work under one root
// in windows that share no 2 MiB of addresses. Costs: map and unmap O(leaves + tables).
#pragma once

#include <concepts>
#include <cstdint>

#include "vcompound/base/assert.h"
#include "vcompound/base/atomic.h"
#include "vcompound/base/units.h"
#include "vcompound/platform/contract.h"
#include "vcompound/platform/x86_64/page_entry.h"

namespace vc {

/// Where frames for page tables come from, and go back to.
class TableFrames {
 public:
  /// A frame, zeroed, or kNoPfn. Called with the table lock held: must not map or block.
  virtual Pfn allocate() = 0;
  /// Nobody can reach the frame through any CPU any more. Its contents are of no meaning.
  virtual void free(Pfn frame) = 0;

 protected:
  ~TableFrames() = default;
};

/// How the contents of a table are reached.
template <class M>
concept TableMemory = requires(const M& memory, Pfn table) {
  { memory.entries(table) } -> std::same_as<Atomic<std::uint64_t>*>;
};

/// Tables in memory that is mapped at one constant offset.
struct DirectMemory {
  VirtAddr start{};  ///< of physical address 0

  Atomic<std::uint64_t>* entries(Pfn table) const {
    return reinterpret_cast<Atomic<std::uint64_t>*>(start.value + (table.value << 12));
  }
};

/// Where an address leads.
struct Translation {
  Pfn frame = kNoPfn;  ///< of this very page; kNoPfn: nothing is mapped there
  PageFlags flags{};
  PageCount leaf{};  ///< the pages that its leaf covers

  bool exists() const { return frame != kNoPfn; }
};

/// What was done since a PageTable was made.
struct TableCounters {
  std::uint64_t entries_written = 0;
  std::uint64_t tables_allocated = 0;
  std::uint64_t tables_retired = 0;
  std::uint64_t tables_freed = 0;  ///< given back: retired ones, and those of a map() that failed
};

/// See the head of this file. Addresses and sizes are multiples of 4 KiB.
template <TableMemory M>
class PageTable {
 public:
  /// Works on an existing tree: `root` is its level-4 table.
  PageTable(M memory, Pfn root, TableFrames& frames)
      : memory_(memory), root_(memory_.entries(root)), frames_(frames) {}
  PageTable(const PageTable&) = delete;
  PageTable& operator=(const PageTable&) = delete;

  /// Maps `run` at `address` with the largest leaves that fit, up to `largest`. PRE: nothing is
  /// mapped there. POST: it is mapped; or Reason::page_tables, and nothing was written. If tables
  /// were retired, the new translations must not be used before the CPUs are flushed.
  PlatformStatus map(VirtAddr address, PfnRange run, PageFlags flags, LeafSize largest);
  /// The same, but only if all of it goes into the level-1 table that was used last: else false,
  /// and nothing was done.
  bool map_here(VirtAddr address, PfnRange run, PageFlags flags);
  /// Maps the runs of an area one behind the other: see page_table_map.h.
  class Mapper;
  /// Removes every translation of `range`, which may have holes. A large leaf that lies partly
  /// inside is split; if there is no table for that: Reason::page_tables, and every translation is
  /// as it was.
  PlatformStatus unmap(VirtRange range);
  /// Gives what is mapped in `range` other flags. Splits and fails like unmap().
  PlatformStatus protect(VirtRange range, PageFlags flags);
  Translation translate(VirtAddr address) const;

  /// Retires every table that covers nothing outside `range`. PRE: nothing is mapped there.
  void retire_tables(VirtRange range);
  /// May be read without the lock.
  std::uint64_t retired_tables() const { return retired_count_.load_relaxed(); }
  /// Takes the retired tables out: for free_retired(), when every CPU has been flushed in between.
  Pfn take_retired();
  void free_retired(Pfn chain);

  /// May be read without the lock.
  TableCounters counters() const;
  /// Checks what leads to `range`, and panics at the first broken invariant. Returns the number of
  /// tables below the root, retired ones not counted.
  std::uint64_t check(VirtRange range) const;

 private:
  using Entry = Atomic<std::uint64_t>;
  /// Leaves of one size in one table.
  struct Stretch {
    std::uint32_t level;
    std::uint64_t leaves;
    std::uint64_t pages() const { return leaves << page::shift(level); }
  };
  static constexpr std::uint64_t kNowhere = ~std::uint64_t{0};

  static PageEntry read(const Entry& entry) { return {entry.load_relaxed()}; }
  void write(Entry& entry, PageEntry value) {
    entry.store_release(value.bits);
    entries_written_.add_single_writer(1);
  }
  Entry* below(PageEntry entry) const { return memory_.entries(entry.frame()); }
  static PlatformStatus no_table() {
    return {Reason::page_tables, 0, "no frame is left for a page table"};
  }

  // page_table_map.h
  Entry* find_last_table(std::uint64_t page);
  PlatformStatus map_stretches(std::uint64_t page, PfnRange run, PageFlags flags, LeafSize largest);
  static Stretch stretch_at(std::uint64_t page, PfnRange rest, LeafSize largest);
  bool allocate_missing(std::uint64_t page, PfnRange run, LeafSize largest, Pfn& spare);
  bool add_missing(std::uint64_t page, std::uint32_t level, std::uint64_t* counted, Pfn& spare);
  Entry* reach(std::uint64_t page, std::uint32_t level, Pfn& spare);
  void write_leaves(Entry* entry, Stretch stretch, Pfn frame, PageFlags flags);
  static void store_row(Entry* entry, std::uint64_t count, std::uint64_t bits, std::uint64_t step);
  void write_row(Entry* entry, std::uint64_t count, std::uint64_t bits, std::uint64_t step);

  // page_table_change.h
  template <class Visitor>
  void for_each_row(std::uint64_t page, std::uint64_t end, Visitor&& visit);
  bool split_at(std::uint64_t page);
  bool split(Entry& entry, std::uint32_t level);

  // page_table_tables.h
  Pfn allocate_table();
  void free_table(Pfn table);
  void push(Pfn& chain, Pfn table) const;
  Pfn pop(Pfn& chain) const;
  void retire(PageEntry entry, std::uint32_t level);
  void retire_below(Entry* table, std::uint32_t level, std::uint64_t base, std::uint64_t page,
                    std::uint64_t end);
  std::uint64_t check_table(Entry* table, std::uint32_t level, std::uint64_t base,
                            std::uint64_t page, std::uint64_t end) const;

  M memory_;
  Entry* root_;
  TableFrames& frames_;
  std::uint64_t cursor_block_ = kNowhere;  ///< page >> 9 of what the cursor's table covers
  Entry* cursor_ = nullptr;
  Pfn retired_ = kNoPfn;
  Atomic<std::uint64_t> retired_count_;
  Atomic<std::uint64_t> entries_written_;
  Atomic<std::uint64_t> tables_allocated_;
  Atomic<std::uint64_t> tables_retired_;
  Atomic<std::uint64_t> tables_freed_;
};

}  // namespace vc

#include "vcompound/platform/x86_64/page_table_change.h"  // IWYU pragma: export
#include "vcompound/platform/x86_64/page_table_map.h"     // IWYU pragma: export
#include "vcompound/platform/x86_64/page_table_tables.h"  // IWYU pragma: export
