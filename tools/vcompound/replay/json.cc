// json.cc — the result of `replay` for machines.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "tools/vcompound/common/program.h"
#include "tools/vcompound/replay/comparison.h"
#include "tools/vcompound/replay/figures.h"

namespace vc::tool {
namespace {

using nlohmann::json;

constexpr double kPercent = 100;
constexpr double kNanosecondsPerMicrosecond = 1000;

double microseconds(std::uint64_t nanoseconds) {
  return static_cast<double>(nanoseconds) / kNanosecondsPerMicrosecond;
}

json refusal_json(const std::optional<Refusal>& refusal) {
  if (!refusal) return nullptr;
  return {{"step", refusal->step},
          {"seconds", refusal->seconds},
          {"live_bytes", refusal->live},
          {"requested", refusal->error.requested.value},
          {"reason", name_of(refusal->error.reason)},
          {"message", to_string(refusal->error)}};
}

json reasons_json(const PlayResult& played) {
  json out = json::object();
  for (std::size_t reason = 0; reason < played.refused_for.size(); ++reason) {
    if (played.refused_for[reason] == 0) continue;
    out[name_of(static_cast<Reason>(reason))] = played.refused_for[reason];
  }
  return out;
}

json least_availability(const PlayResult& played) {
  double least = 1;
  for (const Moment& moment : played.moments) {
    if (!std::isnan(moment.availability_small)) least = std::min(least, moment.availability_small);
  }
  return least * kPercent;
}

json policy_json(const TraceComparison& comparison, const PolicyRow& row) {
  const PlayResult& played = row.played;
  json out = {{"policy", name_of(row.policy)},
              {"budget", comparison.budget},
              {"served", played.served},
              {"refusals", played.refusals},
              {"refused_for", reasons_json(played)},
              {"first_refusal", refusal_json(played.first_refusal)},
              {"peak_live_bytes", comparison.peak_live},
              {"peak_served_bytes", played.peak_live},
              {"contiguous", played.contiguous},
              {"mapped", played.mapped},
              {"alloc_us_median", microseconds(played.alloc_ns.median())},
              {"alloc_us_p99", microseconds(played.alloc_ns.quantile(0.99))},
              {"free_us_median", microseconds(played.free_ns.median())},
              {"mappings_peak", played.mappings_peak},
              {"least_availability_percent", least_availability(played)},
              {"content_errors", played.content_errors},
              {"seconds", played.seconds}};
  out["contiguous_percent"] =
      played.served == 0 ? json(nullptr) : json(kPercent * contiguous_share(played));
  out["tightest_budget_bytes"] = row.tightest ? json(row.tightest->bytes) : json(nullptr);
  out["tightest_confirmed"] = row.tightest ? json(row.tightest->confirmed) : json(nullptr);
  out["fault"] = row.fault.empty() ? json(nullptr) : json(row.fault);
  return out;
}

json trace_json(const TraceComparison& comparison) {
  json policies = json::array();
  for (const PolicyRow& row : comparison.rows) policies.push_back(policy_json(comparison, row));
  return {{"name", comparison.name},
          {"trace", comparison.path},
          {"frame_size", comparison.frame},
          {"budget", comparison.budget},
          {"machine_lacks_memory", comparison.machine_lacks},
          {"peak_live_bytes", comparison.peak_live},
          {"peak_requested_bytes", comparison.stats.peak_live_bytes},
          {"largest_bytes", comparison.stats.largest},
          {"smallest_bytes", comparison.stats.smallest},
          {"allocations", comparison.counts.allocates},
          {"frees", comparison.counts.frees},
          {"frees_unmatched", comparison.counts.frees_unmatched},
          {"failures", comparison.counts.failures},
          {"zero_sized", comparison.counts.zero_sized},
          {"truncated", comparison.counts.truncated},
          {"threads", comparison.stats.threads},
          {"duration_seconds", static_cast<double>(comparison.stats.duration_us) * 1e-6},
          {"availability_piece_bytes", comparison.small_piece},
          {"policies", policies}};
}

}  // namespace

json comparisons_json(const std::vector<TraceComparison>& comparisons) {
  json traces = json::array();
  for (const TraceComparison& comparison : comparisons) traces.push_back(trace_json(comparison));
  json out = traces.size() == 1 ? traces.front() : json::object();
  out["verb"] = "replay";
  out["version"] = program_version();
  out["command"] = command_line();
  out["traces"] = std::move(traces);
  return out;
}

}  // namespace vc::tool
