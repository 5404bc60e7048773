// What the allocator counted.
#pragma once

#include <cstdint>

#include "vcompound/base/atomic.h"
#include "vcompound/base/error.h"
#include "vcompound/base/units.h"
#include "vcompound/compound/request.h"

namespace vc {

/// The number of refusal reasons, for tables indexed by Reason.
inline constexpr std::uint32_t kReasonCount = static_cast<std::uint32_t>(Reason::context) + 1;

/// A snapshot. Counts are since the arena was opened; figures of memory are of the moment. Taken
/// while others allocate, the figures are each right but need not fit together.
struct Stats {
  PageCount total_pages;      ///< the budget
  PageCount free_pages;       ///< in the zones
  PageCount cached_pages;     ///< free, kept whole in the caches of the slots and in the depot
  PageCount pending_pages;    ///< freed, waiting for a shootdown
  PageCount deferred_pages;   ///< freed where blocking was forbidden, not yet looked at
  PageCount committed_pages;  ///< with memory behind them (whole commit units)

  std::uint64_t contiguous_allocations = 0;
  std::uint64_t mapped_allocations = 0;
  std::uint64_t cache_hits = 0;               ///< of these, served from a cache
  std::uint64_t forced_fallbacks = 0;         ///< mapped because always_map said so
  std::uint64_t refusals[kReasonCount] = {};  ///< by Reason
  std::uint64_t frees = 0;
  std::uint64_t deferred_frees = 0;
  std::uint64_t misuses = 0;  ///< wrong pointers that were refused
  std::uint64_t maps = 0;     ///< runs mapped
  std::uint64_t unmaps = 0;   ///< areas unmapped
  std::uint64_t shootdowns = 0;
  std::uint64_t drains = 0;  ///< times all caches were drained
  std::uint64_t mappings_used = 0;
  std::uint64_t mappings_limit = 0;
  PageCount largest_run;  ///< the longest run of free frames
  PageCount largest_gap;  ///< the longest free range of virtual pages

  /// Everything that a request could still get: zones, caches, pending and deferred.
  constexpr PageCount available() const {
    return free_pages + cached_pages + pending_pages + deferred_pages;
  }
  constexpr PageCount live_pages() const { return total_pages - available(); }
};

/// The shared counters behind Stats; those of the fast path are in the slots.
struct Counters {
  Atomic<std::uint64_t> hits;
  Atomic<std::uint64_t> forced;
  Atomic<std::uint64_t> refusals[kReasonCount];
  Atomic<std::uint64_t> prefilled;  ///< compounds that a cache got without a free
  Atomic<std::uint64_t> drained;    ///< compounds that left a cache for the zones
  Atomic<std::uint64_t> frees;      ///< those that no cache took
  Atomic<std::uint64_t> deferred_frees;
  Atomic<std::uint64_t> misuses;
  Atomic<std::uint64_t> maps;
  Atomic<std::uint64_t> unmaps;
  Atomic<std::uint64_t> shootdowns;
  Atomic<std::uint64_t> drains;
};

/// A compound (or a freed one that still has its shape), as a visitor sees it.
struct CompoundInfo {
  Allocation what;
  FrameState state = FrameState::head;
  SiteId site = 0;
  std::uint32_t references = 0;
  std::uint64_t runs = 1;  ///< runs of adjacent frames
};

}  // namespace vc
