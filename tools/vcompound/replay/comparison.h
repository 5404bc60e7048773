// comparison.h — a trace under several policies: what each needed and what each refused.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tools/trace/trace.h"
#include "tools/vcompound/replay/player.h"
#include "tools/vcompound/replay/policy.h"

namespace vc::tool {

/// How a trace is compared.
struct CompareOptions {
  std::uint64_t budget = 0;  ///< bytes; 0: the trace's peak of live pages
  bool tightest = false;     ///< find the smallest budget of each policy too
  bool touch = false;        ///< write and check every byte, not only a word of each page
  std::vector<Policy> policies{kPolicies.begin(), kPolicies.end()};
};

/// The smallest budget that served a trace.
struct TightestBudget {
  std::uint64_t bytes = 0;
  bool confirmed = false;  ///< replayed on real memory; else in the model only
};

/// One policy.
struct PolicyRow {
  Policy policy = Policy::kPreferred;
  PlayResult played;
  std::optional<TightestBudget> tightest;
  std::string fault;  ///< what must not be; empty if all is as promised
  std::string note;   ///< what the reader must know; may be empty
};

/// One trace.
struct TraceComparison {
  std::string name;  ///< the file's name without folder and endings
  std::string path;
  TraceCounts counts;
  TraceStats stats;
  std::uint64_t frame = 0;        ///< bytes
  std::uint64_t peak_live = 0;    ///< bytes of whole frames: what a perfect allocator needs
  std::uint64_t budget = 0;       ///< bytes of the arenas of the rows
  bool machine_lacks = false;     ///< the machine has less memory than `peak_live`
  std::uint64_t small_piece = 0;  ///< bytes: availability over time is for these two sizes
  std::uint64_t large_piece = 0;
  std::vector<PolicyRow> rows;

  /// Did the run find what it must not?
  bool faulty() const;
};

/// The size of a frame in new arenas, which VCOMPOUND_CONF can change. Throws ToolError (kUsage)
/// when that variable makes no sense.
FrameSize configured_frame_size();

/// Replays a trace under each policy. Throws ToolError: kUsage for a trace without allocations,
/// kMachineLacks when the machine cannot give the memory for an arena.
TraceComparison compare(const Trace& trace, const CompareOptions& options);

/// One trace in detail, or several in one table.
std::string comparisons_text(const std::vector<TraceComparison>& comparisons);

/// All of it; docs/man/vcompound-replay.1 lists the keys. With one trace its keys stand at the top
/// too.
nlohmann::json comparisons_json(const std::vector<TraceComparison>& comparisons);

/// Adds one trace to a report.
void add_comparison(Report& report, const TraceComparison& comparison);

/// Adds a table of all traces to a report.
void add_overview(Report& report, const std::vector<TraceComparison>& comparisons);

}  // namespace vc::tool
