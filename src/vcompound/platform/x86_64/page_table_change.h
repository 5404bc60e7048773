// PageTable: unmapping, changing flags, splitting large leaves.
//
// A range changes in rows: neighbouring entries of one table. Large leaves that stick out of the
// range are split first, at both of its ends, so that the rows after that cannot fail.
#pragma once

#include "vcompound/platform/x86_64/page_table.h"

namespace vc {

template <TableMemory M>
PlatformStatus PageTable<M>::unmap(VirtRange range) {
  const std::uint64_t page = range.start.value >> 12;
  const std::uint64_t count = range.size.value >> 12;
  if (page::index(page, 1) + count <= page::kEntries) [[likely]] {
    Entry* const table = find_last_table(page);
    if (table != nullptr) [[likely]] {
      write_row(table + page::index(page, 1), count, 0, 0);
      return {};
    }
  }
  if (!split_at(page) || !split_at(page + count)) return no_table();
  for_each_row(page, page + count, [&](Entry* entry, std::uint64_t entries, std::uint32_t) {
    write_row(entry, entries, 0, 0);
  });
  return {};
}

template <TableMemory M>
PlatformStatus PageTable<M>::protect(VirtRange range, PageFlags flags) {
  const std::uint64_t page = range.start.value >> 12;
  const std::uint64_t end = page + (range.size.value >> 12);
  if (!split_at(page) || !split_at(end)) return no_table();
  for_each_row(page, end, [&](Entry* entry, std::uint64_t entries, std::uint32_t) {
    for (std::uint64_t i = 0; i < entries; ++i) {
      const PageEntry old = read(entry[i]);
      if (old.is_present()) write(entry[i], old.with(flags));
    }
  });
  return {};
}

/// Calls visit(entries, count, level) for each row of leaves in [page, end): the large ones one by
/// one, of a level-1 table all that lie inside, with their holes. Jumps over what is absent.
template <TableMemory M>
template <class Visitor>
void PageTable<M>::for_each_row(std::uint64_t page, std::uint64_t end, Visitor&& visit) {
  while (page < end) {
    Entry* table = root_;
    std::uint32_t level = page::kTopLevel;
    PageEntry entry = read(table[page::index(page, level)]);
    while (entry.is_present() && !entry.is_leaf(level)) {
      table = below(entry);
      if (--level == 1) break;
      entry = read(table[page::index(page, level)]);
    }
    std::uint64_t entries = 1;
    if (level == 1) {
      const std::uint64_t room = page::kEntries - page::index(page, 1);
      entries = room < end - page ? room : end - page;
    }
    if (level == 1 || entry.is_present()) visit(table + page::index(page, level), entries, level);
    page = level == 1 ? page + entries : page::next(page, level);
  }
}

/// Makes `page` the start of a leaf, or of none. False: there was no table for it.
template <TableMemory M>
bool PageTable<M>::split_at(std::uint64_t page) {
  Entry* table = root_;
  for (std::uint32_t level = page::kTopLevel; level != 1; --level) {
    if ((page & (page::pages(level) - 1)) == 0) return true;  // between two entries of this table
    Entry& entry = table[page::index(page, level)];
    if (!read(entry).is_present()) return true;
    if (read(entry).is_leaf(level) && !split(entry, level)) return false;
    table = below(read(entry));
  }
  return true;
}

/// Puts a table of smaller leaves in the place of a large one; translations stay what they are.
template <TableMemory M>
bool PageTable<M>::split(Entry& entry, std::uint32_t level) {
  const Pfn fresh = allocate_table();
  if (fresh == kNoPfn) return false;
  const PageEntry old = read(entry);
  const std::uint64_t bits = PageEntry::leaf(old.frame(), old.flags(), level - 1).bits;
  write_row(memory_.entries(fresh), page::kEntries, bits, page::pages(level - 1) << 12);
  write(entry, PageEntry::table(fresh));
  return true;
}

/// Walks as a CPU does.
template <TableMemory M>
Translation PageTable<M>::translate(VirtAddr address) const {
  const std::uint64_t page = address.value >> 12;
  Entry* table = root_;
  for (std::uint32_t level = page::kTopLevel; level != 0; --level) {
    const PageEntry entry = read(table[page::index(page, level)]);
    if (!entry.is_present()) return {};
    if (entry.is_leaf(level)) {
      const PageCount within(page & (page::pages(level) - 1));
      return {entry.frame() + within, entry.flags(), PageCount(page::pages(level))};
    }
    table = below(entry);
  }
  return {};
}

}  // namespace vc
