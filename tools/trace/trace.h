// A whole trace in memory, ready to be replayed, and its statistics. The one header to include.
//
// Rows name allocations by pointer, and pointers are reused. A Trace names each allocation by a
// dense id instead, so that a replay keeps its handles in a plain array:
//
//    rows    allocate 0x10  allocate 0x20  free 0x10  allocate 0x10  free 0x30     allocate 0x20
//    steps   + object 0     + object 1     - object 0 + object 2     (unmatched)   - object 1
//                                                                                  + object 3
//            └─ an id is allocated exactly once ──────┘    an allocation at a live pointer ─┘
//               and freed at most once                     first frees the old one
//
// Rows that free what was never allocated are counted and leave no step: that memory was allocated
// before the recording or was smaller than its --min-size. What is never freed stays live.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/trace/trace_event.h"
#include "tools/trace/trace_reader.h"
#include "tools/trace/trace_writer.h"

namespace vc {

/// One thing to do in a replay. `kAllocateFailure` steps are there for the time line: do nothing.
struct TraceStep {
  std::uint64_t time_us = 0;
  std::uint64_t size = 0;    ///< bytes; for frees the size that was allocated
  std::uint32_t object = 0;  ///< index below `Trace::object_count`; kNoObject for failures
  std::uint32_t thread = 0;
  TraceAction action = TraceAction::kAllocate;
};
inline constexpr std::uint32_t kNoObject = UINT32_MAX;

/// What the rows were.
struct TraceCounts {
  std::uint64_t rows = 0;             ///< all rows but headers
  std::uint64_t allocates = 0;        ///< became steps
  std::uint64_t frees = 0;            ///< became steps, without `implicit_frees`
  std::uint64_t failures = 0;         ///< `allocate failure` rows
  std::uint64_t zero_sized = 0;       ///< allocations of 0 bytes and frees of null or 0 bytes
  std::uint64_t frees_unmatched = 0;  ///< frees of an unknown pointer
  std::uint64_t implicit_frees = 0;   ///< allocations at a live pointer: the old one was freed
  std::uint64_t size_mismatches = 0;  ///< frees that name another size than was allocated
  bool truncated = false;             ///< the end was cut off, and that was accepted
};

/// What the steps amount to.
struct TraceStats {
  std::uint64_t threads = 0;      ///< different labels
  std::uint64_t duration_us = 0;  ///< from the first row to the last
  std::uint64_t total_bytes = 0;  ///< allocated over the whole time; saturates
  std::uint64_t peak_live_bytes = 0;
  std::uint64_t peak_live_objects = 0;
  std::uint64_t left_live_objects = 0;  ///< never freed
  std::uint64_t left_live_bytes = 0;
  std::uint64_t smallest = 0;  ///< 0 for a trace without allocations
  std::uint64_t largest = 0;
  /// Allocations by size: class k counts sizes in [2^k, 2^(k+1)).
  std::array<std::uint64_t, 64> by_size_class{};
};

/// The steps of one recording.
struct Trace {
  std::string name;  ///< where it came from, for messages
  std::vector<TraceStep> steps;
  std::uint32_t object_count = 0;  ///< ids are 0 … object_count-1, in order of allocation
  TraceCounts counts;
  TraceStats stats;
};

/// Reads the whole of `path`. Empty: `error` tells why. Memory: 32 bytes a row.
std::optional<Trace> load_trace(const std::string& path, const TraceOptions& options,
                                TraceError& error);
/// The same for bytes in memory; `name` is for messages.
std::optional<Trace> parse_trace(std::string_view bytes, const std::string& name,
                                 const TraceOptions& options, TraceError& error);

/// The most page frames live at one time when every allocation is rounded up to whole frames:
/// the budget, in frames of `frame_bytes` (> 0), that a perfect allocator needs.
std::uint64_t peak_live_pages(const Trace& trace, std::uint64_t frame_bytes);

/// Checks that each id is allocated once, then freed at most once, with its own size.
/// True for every Trace this library made; for tests.
bool is_consistent(const Trace& trace);

}  // namespace vc
