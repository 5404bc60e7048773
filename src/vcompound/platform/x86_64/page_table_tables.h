// PageTable: the tables themselves: allocated, chained, retired, freed; and check().
#pragma once

#include "vcompound/platform/x86_64/page_table.h"

namespace vc {

template <TableMemory M>
Pfn PageTable<M>::allocate_table() {
  const Pfn table = frames_.allocate();
  if (table != kNoPfn) tables_allocated_.add_single_writer(1);
  return table;
}

template <TableMemory M>
void PageTable<M>::free_table(Pfn table) {
  frames_.free(table);
  tables_freed_.add_single_writer(1);
}

/// Puts a table in front of a chain. The link is no entry for the processor: it is not present.
template <TableMemory M>
void PageTable<M>::push(Pfn& chain, Pfn table) const {
  memory_.entries(table)->store_relaxed(chain.value << 12);
  chain = table;
}

/// Takes the first table out of a chain; its entry 0 is empty again.
template <TableMemory M>
Pfn PageTable<M>::pop(Pfn& chain) const {
  const Pfn table = chain;
  Entry* const entry = memory_.entries(table);
  chain = Pfn(entry->load_relaxed() >> 12);
  entry->store_relaxed(0);
  return table;
}

/// Retires the table at `level` that an overwritten entry led to, and those below it.
template <TableMemory M>
void PageTable<M>::retire(PageEntry entry, std::uint32_t level) {
  Entry* const table = below(entry);
  for (std::uint64_t i = 0; i < page::kEntries; ++i) {
    const PageEntry inner = read(table[i]);
    if (!inner.is_present()) continue;
    VC_ASSERT(!inner.is_leaf(level), "something is mapped there already");
    retire(inner, level - 1);
  }
  if (table == cursor_) {
    cursor_block_ = kNowhere;
    cursor_ = nullptr;
  }
  push(retired_, entry.frame());
  retired_count_.add_single_writer(1);
  tables_retired_.add_single_writer(1);
}

template <TableMemory M>
void PageTable<M>::retire_tables(VirtRange range) {
  const std::uint64_t page = range.start.value >> 12;
  retire_below(root_, page::kTopLevel, page & ~(page::pages(page::kTopLevel + 1) - 1), page,
               page + (range.size.value >> 12));
}

/// Retires the tables below one that begins at page `base`, as far as they lie in [page, end).
template <TableMemory M>
void PageTable<M>::retire_below(Entry* table, std::uint32_t level, std::uint64_t base,
                                std::uint64_t page, std::uint64_t end) {
  const std::uint64_t size = page::pages(level);
  const std::uint64_t first = page > base ? (page - base) >> page::shift(level) : 0;
  for (std::uint64_t i = first; i < page::kEntries && base + i * size < end; ++i) {
    const std::uint64_t start = base + i * size;
    const PageEntry entry = read(table[i]);
    if (!entry.is_present() || entry.is_leaf(level)) continue;
    if (start >= page && start + size <= end) {
      write(table[i], {});
      retire(entry, level - 1);
    } else if (level > 2) {
      retire_below(below(entry), level - 1, start, page, end);
    }
  }
}

template <TableMemory M>
Pfn PageTable<M>::take_retired() {
  const Pfn chain = retired_;
  retired_ = kNoPfn;
  retired_count_.store_relaxed(0);
  return chain;
}

template <TableMemory M>
void PageTable<M>::free_retired(Pfn chain) {
  while (chain != kNoPfn) free_table(pop(chain));
}

template <TableMemory M>
TableCounters PageTable<M>::counters() const {
  return {entries_written_.load_relaxed(), tables_allocated_.load_relaxed(),
          tables_retired_.load_relaxed(), tables_freed_.load_relaxed()};
}

template <TableMemory M>
std::uint64_t PageTable<M>::check(VirtRange range) const {
  std::uint64_t retired = 0;
  for (Pfn table = retired_; table != kNoPfn; ++retired) {
    table = Pfn(memory_.entries(table)->load_relaxed() >> 12);
    VC_ASSERT(retired < retired_tables(), "T3: the chain of retired tables is too long");
  }
  VC_ASSERT(retired == retired_tables(), "T3: the chain of retired tables is too short");
  const std::uint64_t page = range.start.value >> 12;
  return check_table(root_, page::kTopLevel, page & ~(page::pages(page::kTopLevel + 1) - 1), page,
                     page + (range.size.value >> 12));
}

/// Checks the entries of one table that lead to [page, end); returns the tables below it.
template <TableMemory M>
std::uint64_t PageTable<M>::check_table(Entry* table, std::uint32_t level, std::uint64_t base,
                                        std::uint64_t page, std::uint64_t end) const {
  const std::uint64_t size = page::pages(level);
  const std::uint64_t first = page > base ? (page - base) >> page::shift(level) : 0;
  VC_ASSERT(level != 1 || base >> page::shift(2) != cursor_block_ || table == cursor_,
            "T4: the cursor is not what a walk finds");
  std::uint64_t tables = 0;
  for (std::uint64_t i = first; i < page::kEntries && base + i * size < end; ++i) {
    const PageEntry entry = read(table[i]);
    if (!entry.is_present()) {
      VC_ASSERT(entry.bits == 0, "T1: an entry that is not present is not empty");
    } else if (entry.is_leaf(level)) {
      VC_ASSERT(level != page::kTopLevel, "T1: a leaf in the root");
      VC_ASSERT((entry.frame().value & (size - 1)) == 0, "T1: a leaf of a frame at an odd place");
      VC_ASSERT(entry.bits == PageEntry::leaf(entry.frame(), entry.flags(), level).bits,
                "T1: a leaf with bits that mean nothing");
    } else {
      VC_ASSERT(entry.bits == PageEntry::table(entry.frame()).bits, "T1: an odd entry of a table");
      tables += 1 + check_table(below(entry), level - 1, base + i * size, page, end);
    }
  }
  return tables;
}

}  // namespace vc
