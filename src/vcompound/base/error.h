// Why a request was refused: a reason, and the figures that prove it.
#pragma once

#include <cstdint>

#include "vcompound/base/text.h"
#include "vcompound/base/units.h"

namespace vc {

/// The reasons for which a request can be refused. "Out of memory" is not one of them.
enum class Reason : std::uint8_t {
  none,           ///< Not refused.
  invalid,        ///< The request itself makes no sense (zero or absurd size, bad alignment, ...).
  budget,         ///< Fewer frames are free than the request needs.
  fragmentation,  ///< Enough frames are free, but no run is long enough, and a run was `required`.
  mappings,       ///< The platform's limit on the number of mappings is reached.
  address_space,  ///< No range of virtual addresses is long enough.
  page_tables,    ///< The platform could not build the page table entries.
  backing,        ///< The platform could not put memory behind the frames.
  policy,         ///< A rule forbids it (a forked child, a limit on rounding loss, a closed arena).
  injected,       ///< A test asked for this failure.
  context,        ///< The caller may not block, and the answer would have needed it.
};

/// A short stable name of a reason ("budget", "fragmentation", ...), for logs and for machines.
const char* name_of(Reason reason);

/// What a refusal found. Every figure is of the moment of the refusal.
struct Error {
  Reason reason = Reason::none;
  Bytes requested{};  ///< The size asked for.
  Bytes limit{};      ///< The most that could have been asked for; 0: none named.
  Bytes free{};  ///< What could still be handed out: zones, caches, pending and deferred frees.
  Bytes largest_run{};  ///< The longest run of adjacent free frames that a short search finds.
  Bytes largest_gap{};  ///< The longest free range of virtual addresses.
  std::uint64_t mappings_used = 0;    ///< Mappings in use.
  std::uint64_t mappings_limit = 0;   ///< Mappings that may be in use.
  std::uint64_t mappings_needed = 0;  ///< Mappings that this request needed.
  int system_error = 0;               ///< The platform's own error number, or 0.
  const char* detail = "";            ///< What exactly was wrong; a string literal.
};

/// Writes one sentence: what was refused, the figures, and what to do about it.
void describe(const Error& error, TextWriter& out);

}  // namespace vc
