// The memory map that the firmware hands over: unsorted, with overlaps, wraps and nonsense. What
// comes out of it is sorted, disjoint, page-aligned, and RAM. Pure: tested on the host.
//
//      firmware     |---- RAM ----------|   |-- RAM --|
//                            |-- not --|  |- RAM -|          (in any order)
//      frames       |   |   |   |   |   |   |   |   |
//      the map       ###                  #########          two ranges
//
// The rule: a frame is usable if one entry that says RAM covers it wholly, and no entry that says
// anything else touches it. So a doubtful byte costs its frame, and never the other way round.
#pragma once

#include <cstdint>

#include "vcompound/base/units.h"

namespace vc::kernel {

/// An entry as the firmware gives it (hvm_memmap_table_entry).
struct FirmwareRange {
  std::uint64_t start;
  std::uint64_t size;
  std::uint32_t type;  ///< 1: RAM; anything else: not
  std::uint32_t reserved;
};

/// Frames from here on are not used: the direct map has room for 2^46 bytes, and a frame number
/// for less than 2^32 frames.
inline constexpr Pfn kFrameLimit{(std::uint64_t{1} << 32) - 2};

/// Usable RAM: ranges of frames, ascending, disjoint, not adjacent.
class MemoryMap {
 public:
  static constexpr std::uint32_t kMaxRanges = 64;

  PfnRange ranges[kMaxRanges] = {};
  std::uint32_t count = 0;
  std::uint32_t ignored = 0;  ///< entries that made no sense, and ranges that had no room

  const PfnRange* begin() const { return ranges; }
  const PfnRange* end() const { return ranges + count; }
  PageCount pages() const;
  /// The longest range; empty if there is none.
  PfnRange longest() const;
  bool contains(PfnRange run) const;

  /// Puts frames in; some of them may be in already. If there is no room for one more range, the
  /// shortest is given up.
  void add(PfnRange range);
  /// Takes frames out (the kernel's image, tables, a limit); what is not RAM is no mistake.
  void remove(PfnRange range);
  /// Takes the highest frames out until no more than `most` are left.
  void limit(PageCount most);

  /// Takes a run out, aligned in frame numbers to a power of two: the lowest that ends at or before
  /// `limit`, or the highest. Empty, with nothing changed, if there is none.
  PfnRange take_lowest(PageCount pages, Pfn limit, PageCount alignment = PageCount(1));
  PfnRange take_highest(PageCount pages, PageCount alignment = PageCount(1));

 private:
  void erase(std::uint32_t first, std::uint32_t end);
  void insert(std::uint32_t at, PfnRange range);
};

/// Makes a map of what the firmware says: RAM is what is called RAM and nothing else. Ranges are
/// cut to whole frames; a range that wraps or lies beyond kFrameLimit is cut; overlaps of RAM are
/// merged.
MemoryMap read_memory_map(const FirmwareRange* entries, std::uint32_t count);

/// The memory that the firmware keeps for itself and that we may want to read (ACPI tables): what
/// is called so, or is reserved right behind RAM or below 1 MiB. Not the reserved ranges of
/// devices. Frames are rounded outwards, so some may be RAM as well.
MemoryMap read_firmware_memory(const FirmwareRange* entries, std::uint32_t count);

/// What was read of a map written as text.
struct MemoryMapText {
  std::uint32_t count = 0;      ///< entries
  const char* error = nullptr;  ///< where it went wrong; nullptr if it did not
};
/// Reads "START:SIZE:TYPE,START:SIZE:TYPE,...", numbers in decimal or with 0x in hexadecimal, the
/// former with k, M or G after them if wanted. At most `room` entries.
MemoryMapText parse_memory_map(const char* text, FirmwareRange* entries, std::uint32_t room);

}  // namespace vc::kernel
