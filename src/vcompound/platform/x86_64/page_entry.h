// The entries of x86-64 page tables: what their bits mean, and the arithmetic of levels.
//
//      63   62..52      51..12       11..9    8    7    6   5    4   3    2    1   0
//     +----+--------+--------------+-------+----+----+----+---+-------+------+---+---+
//     | NX | unused | frame number | unused| G  | PS | D  | A | PCD/  | user | W | P |
//     +----+--------+--------------+-------+----+----+----+---+-PWT---+------+---+---+
//
//   level   an entry covers   a leaf there   index: bits of the address
//     4        512 GiB            -               39..47
//     3          1 GiB          1 GiB             30..38
//     2          2 MiB          2 MiB             21..29
//     1          4 KiB          4 KiB             12..20
//
// A and D are set from the start, so that the processor never writes to an entry.
#pragma once

#include <cstdint>

#include "vcompound/base/units.h"

namespace vc {

/// What may be done with a page. Without any flag: read, by the kernel, through the caches.
struct PageFlags {
  std::uint64_t bits = 0;  ///< as in an entry, but bit 63 means "executable"

  static constexpr PageFlags none() { return {}; }
  static constexpr PageFlags writable() { return {std::uint64_t{1} << 1}; }
  /// Neither cached nor combined: registers of devices.
  static constexpr PageFlags uncached() { return {std::uint64_t{3} << 3}; }
  /// Stays in a TLB when the root is loaded: for mappings that never change.
  static constexpr PageFlags global() { return {std::uint64_t{1} << 8}; }
  static constexpr PageFlags executable() { return {std::uint64_t{1} << 63}; }

  constexpr bool has(PageFlags other) const { return (bits & other.bits) == other.bits; }
  friend constexpr PageFlags operator|(PageFlags a, PageFlags b) { return {a.bits | b.bits}; }
  constexpr bool operator==(const PageFlags&) const = default;
};

/// The size of a leaf; the value is the level of the table that it stands in.
enum class LeafSize : std::uint32_t { kib4 = 1, mib2 = 2, gib1 = 3 };

namespace page {

inline constexpr std::uint32_t kTopLevel = 4;
inline constexpr std::uint64_t kEntries = 512;  ///< of a table

/// log2 of the pages that an entry at that level covers.
constexpr std::uint32_t shift(std::uint32_t level) { return 9 * (level - 1); }
/// The pages that an entry at that level covers.
constexpr std::uint64_t pages(std::uint32_t level) { return std::uint64_t{1} << shift(level); }
/// Which entry of a table at that level leads to a page.
constexpr std::uint64_t index(std::uint64_t page, std::uint32_t level) {
  return page >> shift(level) & (kEntries - 1);
}
/// The first page behind what the entry that leads to `page` covers.
constexpr std::uint64_t next(std::uint64_t page, std::uint32_t level) {
  return (page | (pages(level) - 1)) + 1;
}

}  // namespace page

/// The value of an entry.
struct PageEntry {
  static constexpr std::uint64_t kPresent = 1;
  static constexpr std::uint64_t kLarge = std::uint64_t{1} << 7;
  static constexpr std::uint64_t kNoExecute = std::uint64_t{1} << 63;
  static constexpr std::uint64_t kUsed = 0x60;  ///< accessed and dirty
  static constexpr std::uint64_t kFrame = 0x000f'ffff'ffff'f000;
  static constexpr std::uint64_t kFlags = PageFlags::writable().bits | PageFlags::uncached().bits |
                                          PageFlags::global().bits | kNoExecute;

  std::uint64_t bits = 0;

  static constexpr PageEntry leaf(Pfn frame, PageFlags flags, std::uint32_t level) {
    return {frame.value << 12 | (flags.bits ^ kNoExecute) | kPresent | kUsed |
            (level > 1 ? kLarge : 0)};
  }
  /// Leads to a table; what may be done with the pages below is said by the leaves alone.
  static constexpr PageEntry table(Pfn frame) {
    return {frame.value << 12 | kPresent | kUsed | PageFlags::writable().bits};
  }

  constexpr bool is_present() const { return (bits & kPresent) != 0; }
  constexpr bool is_leaf(std::uint32_t level) const { return level == 1 || (bits & kLarge) != 0; }
  constexpr Pfn frame() const { return Pfn((bits & kFrame) >> 12); }
  constexpr PageFlags flags() const { return {(bits & kFlags) ^ kNoExecute}; }
  /// The same leaf with other flags.
  constexpr PageEntry with(PageFlags flags) const {
    return {(bits & ~kFlags) | (flags.bits ^ kNoExecute)};
  }
};

}  // namespace vc
