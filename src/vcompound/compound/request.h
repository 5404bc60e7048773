// What a caller asks for, and what the caller gets.
#pragma once

#include <cstdint>

#include "vcompound/base/units.h"
#include "vcompound/frame/frame.h"

namespace vc {

/// Must the memory be physically contiguous?
enum class Contiguity : std::uint8_t {
  preferred,  ///< Contiguous if a run is free, else mapped. Succeeds while enough frames are free.
  required,   ///< Contiguous or refused; for what is used by its physical address (DMA).
  never,      ///< Mapped. A single frame is contiguous all the same: there is nothing to join.
              ///< (It is mapped, as with `preferred`, if no frame lies at the wanted alignment.)
};

/// Where on a machine with several NUMA nodes?
struct Placement {
  static constexpr std::uint32_t kAnyNode = 0xffff'ffff;
  static constexpr std::uint32_t kSpread = 0xffff'fffe;

  std::uint32_t node = kAnyNode;

  /// Anywhere; the first node that can serve the request.
  static constexpr Placement any() { return {}; }
  /// On that node if it can serve the request, else elsewhere. A node that does not exist is
  /// refused.
  static constexpr Placement on(std::uint32_t node) { return {node}; }
  /// In equal parts on every node, whole frames, mapped; for tables that every CPU reads.
  static constexpr Placement spread() { return {kSpread}; }
  constexpr bool operator==(const Placement&) const = default;
};

/// Must the memory read as zero?
enum class Zero : bool { no, yes };
/// May the allocation sleep, wait, or shoot down TLBs?
enum class MayBlock : bool { no, yes };

/// "Any rounding loss will do."
inline constexpr Bytes kAnyLoss{~std::uint64_t{0}};

/// One request for memory. Only `size` has no default.
struct Request {
  Bytes size{};       ///< 1 byte or more; rounded up to whole frames
  Bytes alignment{};  ///< a power of two up to 1 GiB; 0: one frame
  Contiguity contiguity = Contiguity::preferred;
  Zero zero = Zero::no;
  MayBlock may_block = MayBlock::yes;
  Placement placement{};
  Bytes max_loss = kAnyLoss;  ///< refuse (reason `policy`) if rounding up would waste more
};

/// What was handed out.
struct Allocation {
  VirtAddr address{};  ///< its first byte
  PageCount pages{};   ///< its length
  Pfn head{};          ///< its first frame
  Kind kind = Kind::contiguous;
};

/// What is wrong with a pointer that was given to free, get, put or a query.
enum class Misuse : std::uint8_t {
  none,              ///< Nothing: it is the start of a compound in use.
  foreign,           ///< Not an address of this arena.
  misaligned,        ///< Inside a page; compounds start at a page.
  interior,          ///< Inside a compound, not at its start.
  already_freed,     ///< The start of a compound that was freed (double free).
  not_allocated,     ///< In this arena, but no compound in use covers it.
  still_referenced,  ///< Freed while others hold references; put() is the right call.
  closed,            ///< The arena was destroyed, or belongs to the parent of this process.
};

/// A short stable name ("double free", "foreign pointer", ...).
const char* name_of(Misuse misuse);
/// What the caller should look for.
const char* advice_for(Misuse misuse);

/// A short stable name ("contiguous", "mapped").
const char* name_of(Kind kind);

}  // namespace vc
