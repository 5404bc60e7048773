// PageTable: mapping. Find the table, or allocate all that are missing; then write.
//
// A Mapper maps many runs one behind the other. It remembers the next entry, and how many more
// there are in the table, so a short run costs its stores and a handful of instructions.
#pragma once

#include "vcompound/platform/x86_64/page_table.h"

namespace vc {

/// See the head of this file. Like the table, under its lock from the first call to finish().
template <TableMemory M>
class PageTable<M>::Mapper {
 public:
  Mapper(PageTable& table, VirtAddr start, PageFlags flags, LeafSize largest)
      : table_(table), page_(start.value >> 12), flags_(flags), largest_(largest) {
    find_entry();
  }
  Mapper(const Mapper&) = delete;
  Mapper& operator=(const Mapper&) = delete;

  /// Maps a run behind the runs before: as map(), with its promises.
  PlatformStatus add(PfnRange run) {
    if (run.count.value > room_) [[unlikely]]
      return add_elsewhere(run);
    if (entry_ == nullptr) __builtin_unreachable();  // there is room
    const std::uint64_t bits = PageEntry::leaf(run.first, flags_, 1).bits;
    VC_DEBUG_ASSERT(!read(*entry_).is_present(), "something is mapped there already");
    if (run.count.value == 1) {
      entry_->store_relaxed(bits);
    } else {
      store_row(entry_, run.count.value, bits, std::uint64_t{1} << 12);
    }
    entry_ += run.count.value;
    room_ -= run.count.value;
    return {};
  }
  /// Brings the counters of the table up to date. The last call.
  void finish() { table_.entries_written_.add_single_writer(found_room_ - room_); }
  /// Did a large leaf take the place of a table? (Others may have retired tables as well.)
  bool has_retired() const { return has_retired_; }

 private:
  [[gnu::noinline]] PlatformStatus add_elsewhere(PfnRange run) {
    finish();
    page_ += found_room_ - room_;
    const std::uint64_t retired = table_.retired_tables();
    const PlatformStatus status = table_.map(VirtAddr(page_ << 12), run, flags_, largest_);
    if (status.ok()) page_ += run.count.value;
    if (table_.retired_tables() != retired) has_retired_ = true;
    find_entry();
    return status;
  }
  /// Never a whole table: that is for add_elsewhere(), which may know a larger leaf.
  void find_entry() {
    Entry* const table = table_.find_last_table(page_);
    const std::uint64_t index = page::index(page_, 1);
    const std::uint64_t room = page::kEntries - (index != 0 ? index : 1);
    entry_ = table != nullptr ? table + index : nullptr;
    found_room_ = room_ = table != nullptr ? room : 0;
  }

  PageTable& table_;
  std::uint64_t page_;  ///< of the entry where the room was found
  Entry* entry_ = nullptr;
  std::uint64_t room_ = 0;
  std::uint64_t found_room_ = 0;
  bool has_retired_ = false;
  PageFlags flags_;
  LeafSize largest_;
};

template <TableMemory M>
inline bool PageTable<M>::map_here(VirtAddr address, PfnRange run, PageFlags flags) {
  const std::uint64_t index = page::index(address.value >> 12, 1);
  const bool inside = address.value >> 21 == cursor_block_ && run.count.value < page::kEntries &&
                      index + run.count.value <= page::kEntries;
  if (inside) write_leaves(cursor_ + index, {1, run.count.value}, run.first, flags);
  return inside;
}

/// A run inside one level-1 table that exists: nearly all of them. Everything else by stretches.
template <TableMemory M>
PlatformStatus PageTable<M>::map(VirtAddr address, PfnRange run, PageFlags flags,
                                 LeafSize largest) {
  const std::uint64_t page = address.value >> 12;
  const bool is_short = run.count.value < page::kEntries;
  if (is_short && find_last_table(page) != nullptr && map_here(address, run, flags)) return {};
  return map_stretches(page, run, flags, largest);
}

/// The level-1 table that leads to a page; nullptr if there is none.
template <TableMemory M>
inline auto PageTable<M>::find_last_table(std::uint64_t page) -> Entry* {
  if (page >> page::shift(2) == cursor_block_) [[likely]]
    return cursor_;
  Entry* table = root_;
  for (std::uint32_t level = page::kTopLevel; level != 1; --level) {
    const PageEntry entry = read(table[page::index(page, level)]);
    if (!entry.is_present() || entry.is_leaf(level)) return nullptr;
    table = below(entry);
  }
  cursor_block_ = page >> page::shift(2);
  cursor_ = table;
  return table;
}

template <TableMemory M>
[[gnu::noinline]] PlatformStatus PageTable<M>::map_stretches(std::uint64_t page, PfnRange run,
                                                             PageFlags flags, LeafSize largest) {
  Pfn spare = kNoPfn;
  if (!allocate_missing(page, run, largest, spare)) return no_table();
  while (!run.empty()) {
    const Stretch stretch = stretch_at(page, run, largest);
    Entry* const table = reach(page, stretch.level, spare);
    write_leaves(table + page::index(page, stretch.level), stretch, run.first, flags);
    page += stretch.pages();
    run = {run.first + PageCount(stretch.pages()), run.count - PageCount(stretch.pages())};
  }
  VC_ASSERT(spare == kNoPfn, "a page table was allocated that nothing needs");
  return {};
}

/// The largest leaves that fit at `page` for the first of the `rest`, and how many of them.
template <TableMemory M>
auto PageTable<M>::stretch_at(std::uint64_t page, PfnRange rest, LeafSize largest) -> Stretch {
  auto level = static_cast<std::uint32_t>(largest);
  const auto fits = [&] {
    const std::uint64_t size = page::pages(level);
    return ((page | rest.first.value) & (size - 1)) == 0 && rest.count.value >= size;
  };
  while (level > 1 && !fits()) --level;
  const std::uint64_t room = page::kEntries - page::index(page, level);
  const std::uint64_t wanted = rest.count.value >> page::shift(level);
  return {level, room < wanted ? room : wanted};
}

/// Allocates every table that mapping `run` will link, as a chain of which no CPU knows; or none.
template <TableMemory M>
bool PageTable<M>::allocate_missing(std::uint64_t page, PfnRange run, LeafSize largest,
                                    Pfn& spare) {
  std::uint64_t counted[page::kTopLevel + 1] = {};
  while (!run.empty()) {
    const Stretch stretch = stretch_at(page, run, largest);
    if (!add_missing(page, stretch.level, counted, spare)) {
      while (spare != kNoPfn) free_table(pop(spare));
      return false;
    }
    page += stretch.pages();
    run = {run.first + PageCount(stretch.pages()), run.count - PageCount(stretch.pages())};
  }
  return true;
}

/// Allocates what is missing between the root and a table at `level`. `counted` holds, for each
/// level, where the entry ends for which a table was allocated last: neighbours share it.
template <TableMemory M>
bool PageTable<M>::add_missing(std::uint64_t page, std::uint32_t level, std::uint64_t* counted,
                               Pfn& spare) {
  Entry* table = root_;
  for (std::uint32_t at = page::kTopLevel; at != level; --at) {
    const PageEntry entry = table != nullptr ? read(table[page::index(page, at)]) : PageEntry{};
    if (entry.is_present()) {
      VC_ASSERT(!entry.is_leaf(at), "something is mapped there already");
      table = below(entry);
      continue;
    }
    table = nullptr;
    if (counted[at] == page::next(page, at)) continue;
    counted[at] = page::next(page, at);
    const Pfn fresh = allocate_table();
    if (fresh == kNoPfn) return false;
    push(spare, fresh);
  }
  return true;
}

/// The table at `level` that leads to a page; missing ones are linked, from the chain of spares.
template <TableMemory M>
auto PageTable<M>::reach(std::uint64_t page, std::uint32_t level, Pfn& spare) -> Entry* {
  Entry* table = root_;
  for (std::uint32_t at = page::kTopLevel; at != level; --at) {
    Entry& entry = table[page::index(page, at)];
    if (!read(entry).is_present()) write(entry, PageEntry::table(pop(spare)));
    table = below(read(entry));
  }
  return table;
}

template <TableMemory M>
inline void PageTable<M>::write_leaves(Entry* entry, Stretch stretch, Pfn frame, PageFlags flags) {
  const std::uint64_t bits = PageEntry::leaf(frame, flags, stretch.level).bits;
  const std::uint64_t step = page::pages(stretch.level) << 12;
  if (stretch.level == 1) {
    VC_DEBUG_ASSERT(!read(*entry).is_present(), "something is mapped there already");
    write_row(entry, stretch.leaves, bits, step);
    return;
  }
  for (std::uint64_t i = 0; i < stretch.leaves; ++i) {
    const PageEntry old = read(entry[i]);
    VC_ASSERT(!old.is_present() || !old.is_leaf(stretch.level),
              "something is mapped there already");
    write(entry[i], {bits + i * step});
    if (old.is_present()) retire(old, stretch.level - 1);
  }
}

/// Writes a row of entries, each `step` above the one before. Eight at a time: the loop itself
/// costs more instructions than the stores.
template <TableMemory M>
inline void PageTable<M>::write_row(Entry* entry, std::uint64_t count, std::uint64_t bits,
                                    std::uint64_t step) {
  entries_written_.add_single_writer(count);
  store_row(entry, count, bits, step);
}

/// Eight at a time: the loop itself costs more instructions than the stores.
template <TableMemory M>
inline void PageTable<M>::store_row(Entry* entry, std::uint64_t count, std::uint64_t bits,
                                    std::uint64_t step) {
  for (; count >= 8; count -= 8, entry += 8) {
    entry[0].store_relaxed(bits);
    entry[1].store_relaxed(bits += step);
    entry[2].store_relaxed(bits += step);
    entry[3].store_relaxed(bits += step);
    entry[4].store_relaxed(bits += step);
    entry[5].store_relaxed(bits += step);
    entry[6].store_relaxed(bits += step);
    entry[7].store_relaxed(bits += step);
    bits += step;
  }
  for (; count != 0; --count, ++entry, bits += step) entry->store_relaxed(bits);
}

}  // namespace vc
