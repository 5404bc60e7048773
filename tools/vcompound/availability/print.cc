// print.cc — the table of `availability`.
#include <cmath>

#include "tools/vcompound/availability/result.h"
#include "tools/vcompound/common/sizes.h"
#include "tools/vcompound/common/text_table.h"

namespace vc::tool {
namespace {

std::string share_text(const std::optional<double>& share) {
  return share ? format_percent(*share) : "-";
}

std::string time_text(std::uint64_t nanoseconds) {
  return format_seconds(static_cast<double>(nanoseconds) * 1e-9);
}

std::string huge_text(const HandOut& way) {
  if (way.seen_bytes == 0) return "-";
  return format_percent(static_cast<double>(way.huge_bytes) / static_cast<double>(way.seen_bytes));
}

std::string heading(const AvailabilityResult& result) {
  const Fragmentation& state = result.state;
  std::string out = "Availability of large pieces: " + format_bytes(result.budget) +
                    " filled with blocks of " + format_bytes(result.setting.block) + ", " +
                    format_percent(result.setting.freed) + " of them freed at random (seed " +
                    std::to_string(result.setting.seed) + ")\n";
  if (result.scaled_down) {
    out += "  note: scaled down from " + format_bytes(result.asked) +
           ": the machine has no more memory to give (see 'vcompound info')\n";
  }
  out += "  free: " + format_bytes(state.free_bytes) + " in " + format_count(state.free_runs) +
         " runs, the longest " + format_bytes(state.largest_run) +
         "; in use: " + format_count(state.blocks_live) + " of " + format_count(state.blocks) +
         " blocks\n\n";
  return out;
}

TextTable table_of(const AvailabilityResult& result) {
  constexpr Align kRight = Align::kRight;
  TextTable table({{"piece", kRight},
                   {"published", kRight},
                   {"model", kRight},
                   {"contiguous", kRight},
                   {"vcompound", kRight},
                   {"pieces", kRight},
                   {"runs each", kRight},
                   {"mappings", kRight},
                   {"median", kRight},
                   {"p99", kRight},
                   {"huge", kRight}});
  for (const AvailabilityRow& row : result.rows) {
    const HandOut& way = row.preferred;
    table.add_row({format_bytes(row.size), share_text(row.published), format_percent(row.model),
                   share_text(row.contiguous_share()), share_text(row.preferred_share()),
                   format_count(way.pieces) + " of " + format_count(row.possible),
                   format_count(way.runs.median()), format_count(way.mappings),
                   time_text(way.alloc_ns.median()), time_text(way.alloc_ns.quantile(0.99)),
                   huge_text(way)});
  }
  return table;
}

/// What the reader must know about single rows.
std::string remarks(const AvailabilityResult& result) {
  std::string out;
  for (const AvailabilityRow& row : result.rows) {
    const std::string size = format_bytes(row.size);
    if (!row.fault.empty()) {
      out += "  FOUND at " + size + ": " + row.fault + "\n";
    } else if (row.possible == 0) {
      out += "  " + size + ": the free memory does not hold one piece\n";
    } else if (row.preferred.pieces < row.possible) {
      out += "  " + size +
             ": stopped by a limit of the system: " + to_string(row.preferred.refusal) + "\n";
    }
  }
  return out;
}

std::uint64_t checked_pieces(const AvailabilityResult& result) {
  std::uint64_t pieces = 0;
  for (const AvailabilityRow& row : result.rows) {
    pieces += row.contiguous.pieces + row.preferred.pieces;
  }
  return pieces;
}

std::uint64_t content_errors(const AvailabilityResult& result) {
  std::uint64_t errors = 0;
  for (const AvailabilityRow& row : result.rows) {
    errors += row.contiguous.content_errors + row.preferred.content_errors;
  }
  return errors;
}

}  // namespace

bool AvailabilityResult::faulty() const {
  for (const AvailabilityRow& row : rows) {
    if (!row.fault.empty()) return true;
  }
  return false;
}

std::optional<double> published_share(std::uint64_t budget, const Setting& setting,
                                      std::uint64_t size) {
  const bool same =
      budget == 3584 * kMiB && setting.block == 32 * kKiB && std::abs(setting.freed - 0.968) < 1e-9;
  if (!same) return std::nullopt;
  switch (size) {
    case kMiB: return 0.365;
    case 2 * kMiB: return 0.141;
    case 4 * kMiB: return 0.021;
    case 8 * kMiB: return 0.0;
    default: return std::nullopt;
  }
}

std::string availability_text(const AvailabilityResult& result) {
  const std::uint64_t errors = content_errors(result);
  std::string out = heading(result) + table_of(result).str(2) + "\n" + remarks(result);
  out +=
      "  %: pieces handed out of those that free memory holds, floor(free / piece). Published:\n"
      "  Redpanda RFC 20201208, the same setting in another allocator. Model: the share of free\n"
      "  aligned places, freed^(piece/block). From \"pieces\" on: vcompound.\n";
  out += "  Every byte of " + format_count(checked_pieces(result)) +
         " pieces and of the blocks in use was written and read again: " +
         (errors == 0 ? "no content error.\n" : format_count(errors) + " CONTENT ERRORS.\n");
  out += "  Took " + format_seconds(result.seconds) + ".\n";
  return out;
}

}  // namespace vc::tool
