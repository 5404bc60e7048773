// Hot-added memory: frames that come into use after boot, with an arena of their own whose frame
// table is a virtual compound of the main arena.
//
//      main arena                                       the arena of the hot-added frames
//      +------------------------------------------+     +--------------------------------+
//      | ... [frame table] [vmap entries] [gaps]   | <-- | frames that the parameter      |
//      |     [sites] [slots]   virtual compounds   |     | hot_add=SIZE kept back         |
//      +------------------------------------------+     +--------------------------------+
//                                                          and a vmap window of its own
//
// That is what 2008 proposed for the memmap of sparse memory: a table that is far larger than what
// a fragmented machine has in one piece, and that need not be in one piece.
//
// close() takes the memory away again if nobody uses any of it, and gives every table back.
#pragma once

#include "vcompound/base/units.h"
#include "vcompound/instance/x86_64_arena.h"

namespace vc::kernel {

/// Why hot-added memory could not be taken away.
enum class Removal : std::uint8_t { removed, in_use };

/// One range of hot-added frames. Opened and closed by one thread; the arena in between is
/// thread-safe.
class HotAddedMemory {
 public:
  constexpr HotAddedMemory() = default;
  HotAddedMemory(const HotAddedMemory&) = delete;
  HotAddedMemory& operator=(const HotAddedMemory&) = delete;

  /// Takes the withheld frames into use. True with nothing done if none were withheld; false if a
  /// table was refused, which is said, with nothing left behind.
  [[nodiscard]] bool open();
  /// Takes the memory away again; if somebody uses some of it, says so and changes nothing. Done if
  /// closed.
  Removal close();
  bool is_open() const { return arena_ != nullptr; }

  /// The arena. PRE: open.
  X86Arena& arena() { return *arena_; }
  /// The memory that the tables take in the main arena.
  PageCount table_pages() const;
  /// The tables, in the order in which they were asked for.
  std::uint32_t table_count() const { return table_count_; }
  const Allocation& table(std::uint32_t i) const { return tables_[i]; }
  /// One line: how much memory, how large the tables are and how they lie.
  void print();

 private:
  static constexpr std::uint32_t kMaxTables = 8;

  static void* allocate_table(void* self, Bytes size);
  void free_tables();

  Allocation tables_[kMaxTables]{};
  std::uint32_t table_count_ = 0;
  X86Arena* arena_ = nullptr;  ///< in place_, while open
  alignas(X86Arena) unsigned char place_[sizeof(X86Arena)]{};
};

/// The one that boot opens.
HotAddedMemory& hot_added_memory();

}  // namespace vc::kernel
