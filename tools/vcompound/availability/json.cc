// json.cc — the result of `availability` for machines.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string_view>

#include "tools/vcompound/availability/result.h"
#include "tools/vcompound/common/program.h"

namespace vc::tool {
namespace {

using nlohmann::json;

constexpr double kPercent = 100;
constexpr double kNanosecondsPerMicrosecond = 1000;

json percent_or_null(const std::optional<double>& share) {
  return share ? json(*share * kPercent) : json(nullptr);
}

double microseconds(std::uint64_t nanoseconds) {
  return static_cast<double>(nanoseconds) / kNanosecondsPerMicrosecond;
}

json huge_percent(const HandOut& way) {
  if (way.seen_bytes == 0) return nullptr;
  return kPercent * static_cast<double>(way.huge_bytes) / static_cast<double>(way.seen_bytes);
}

/// Two hexadecimal digits per cell: the share of frames in a use, from 00 (none) to ff (all).
std::string digits(const std::vector<ArenaCell>& cells, FrameUse use) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const ArenaCell& cell : cells) {
    const double share = std::clamp(cell.share[static_cast<std::size_t>(use)], 0.0, 1.0);
    const auto value = static_cast<std::size_t>(std::lround(share * 255));
    out += kDigits[value / 16];
    out += kDigits[value % 16];
  }
  return out;
}

json map_json(const std::vector<ArenaCell>& cells) {
  return {{"contiguous", digits(cells, FrameUse::kContiguous)},
          {"mapped", digits(cells, FrameUse::kMapped)}};
}

json row_json(const AvailabilityRow& row) {
  const HandOut& way = row.preferred;
  json out = {{"size", row.size},
              {"pieces_possible", row.possible},
              {"published_percent", percent_or_null(row.published)},
              {"model_percent", row.model * kPercent},
              {"contiguous_percent", percent_or_null(row.contiguous_share())},
              {"vcompound_percent", percent_or_null(row.preferred_share())},
              {"contiguous_pieces", row.contiguous.pieces},
              {"vcompound_pieces", way.pieces},
              {"mapped_pieces", way.mapped_pieces},
              {"runs_median", way.runs.median()},
              {"runs_most", way.runs.quantile(1)},
              {"mappings_peak", way.mappings},
              {"alloc_us_median", microseconds(way.alloc_ns.median())},
              {"alloc_us_p99", microseconds(way.alloc_ns.quantile(0.99))},
              {"contiguous_alloc_us_median", microseconds(row.contiguous.alloc_ns.median())},
              {"huge_percent", huge_percent(way)},
              {"contiguous_huge_percent", huge_percent(row.contiguous)},
              {"content_errors", row.contiguous.content_errors + way.content_errors},
              {"stopped_by", name_of(way.refusal.reason)},
              {"contiguous_stopped_by", name_of(row.contiguous.refusal.reason)},
              {"seconds", row.contiguous.seconds + way.seconds}};
  out["fault"] = row.fault.empty() ? json(nullptr) : json(row.fault);
  return out;
}

}  // namespace

json availability_json(const AvailabilityResult& result) {
  json rows = json::array();
  for (const AvailabilityRow& row : result.rows) rows.push_back(row_json(row));
  json out = {{"verb", "availability"},
              {"version", program_version()},
              {"command", command_line()},
              {"machine", result.machine},
              {"budget", result.budget},
              {"budget_asked", result.asked},
              {"scaled_down", result.scaled_down},
              {"frame_size", result.frame},
              {"block", result.setting.block},
              {"freed", result.setting.freed},
              {"seed", result.setting.seed},
              {"blocks", result.state.blocks},
              {"blocks_live", result.state.blocks_live},
              {"free_bytes", result.state.free_bytes},
              {"free_runs", result.state.free_runs},
              {"largest_run", result.state.largest_run},
              {"fingerprint", result.state.fingerprint},
              {"mappings_limit", result.mappings_limit},
              {"seconds", result.seconds},
              {"rows", rows}};
  out["maps"] = {{"size", result.maps.size},
                 {"before", map_json(result.maps.before)},
                 {"contiguous_only", map_json(result.maps.contiguous)},
                 {"vcompound", map_json(result.maps.preferred)}};
  return out;
}

}  // namespace vc::tool
