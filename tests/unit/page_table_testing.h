// Page tables of a machine that does not exist: for tests of the walker.
#pragma once

#include <array>
#include <cstdlib>
#include <map>
#include <memory>

#include "vcompound/platform/x86_64/page_table.h"

namespace vc::testing {

/// Frames for tables, out of thin air. Can be told to fail.
class TableStock final : public TableFrames {
 public:
  using Table = std::array<Atomic<std::uint64_t>, page::kEntries>;

  TableStock() { root = allocate(); }

  Pfn allocate() override {
    ++asked;
    if (asked == fail_at || live() >= most) return kNoPfn;
    const Pfn table(next_++);
    tables_[table.value] = std::make_unique<Table>();
    return table;
  }
  void free(Pfn table) override {
    if (tables_.erase(table.value) != 1) std::abort();  // never allocated, or freed twice
  }
  /// Aborts when a table is read or written that is not allocated.
  Atomic<std::uint64_t>* entries(Pfn table) const { return tables_.at(table.value)->data(); }
  std::size_t live() const { return tables_.size(); }

  /// Everything that is written anywhere.
  std::map<std::uint64_t, std::array<std::uint64_t, page::kEntries>> contents() const {
    std::map<std::uint64_t, std::array<std::uint64_t, page::kEntries>> all;
    for (const auto& [frame, table] : tables_) {
      for (std::size_t i = 0; i < page::kEntries; ++i) all[frame][i] = (*table)[i].load_relaxed();
    }
    return all;
  }
  /// The k-th allocation from now on fails.
  void fail(std::uint64_t k) { fail_at = asked + k; }

  Pfn root{};
  std::uint64_t asked = 0;
  std::uint64_t fail_at = 0;
  std::size_t most = ~std::size_t{0};  ///< tables that may live at once

 private:
  std::uint64_t next_ = 0x1000;
  std::map<std::uint64_t, std::unique_ptr<Table>> tables_;
};

struct StockMemory {
  const TableStock* stock;
  Atomic<std::uint64_t>* entries(Pfn table) const { return stock->entries(table); }
};

/// A root, and the walker on it.
struct TableBox {
  static constexpr VirtAddr kStart{0xffff'c000'0000'0000};
  static constexpr VirtRange kAll{kStart, Bytes(std::uint64_t{1} << 40)};

  using Table = PageTable<StockMemory>;

  TableBox() = default;

  static VirtAddr page(std::uint64_t n) { return kStart + Bytes(n << 12); }
  static VirtRange pages(std::uint64_t n, std::uint64_t count) {
    return {page(n), Bytes(count << 12)};
  }
  PlatformStatus map(std::uint64_t n, std::uint64_t frame, std::uint64_t count,
                     LeafSize largest = LeafSize::mib2) {
    return table.map(page(n), {Pfn(frame), PageCount(count)}, PageFlags::writable(), largest);
  }
  Translation at(std::uint64_t n) const { return table.translate(page(n)); }
  /// As if every CPU had been flushed.
  void free_retired() { table.free_retired(table.take_retired()); }
  /// Checks all of it: every table that is allocated is led to, or retired, or the root.
  bool is_sound() const { return table.check(kAll) + table.retired_tables() + 1 == stock.live(); }

  TableStock stock;
  Table table{StockMemory{&stock}, stock.root, stock};
};

}  // namespace vc::testing
