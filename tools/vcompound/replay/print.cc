// print.cc — the table of one replayed trace.
#include <algorithm>
#include <cmath>

#include "tools/vcompound/common/sizes.h"
#include "tools/vcompound/common/text_table.h"
#include "tools/vcompound/replay/comparison.h"
#include "tools/vcompound/replay/figures.h"

namespace vc::tool {
namespace {

std::string heading(const TraceComparison& comparison) {
  const TraceStats& stats = comparison.stats;
  std::string out = "Trace " + printable(comparison.name) + ": " +
                    format_count(comparison.counts.allocates) + " allocations of " +
                    format_bytes(stats.smallest) + " to " + format_bytes(stats.largest) + ", " +
                    format_count(stats.threads) + (stats.threads == 1 ? " thread" : " threads") +
                    "\n  peak of live pages: " + format_bytes(comparison.peak_live) + " (" +
                    format_count(comparison.peak_live / comparison.frame) + " frames of " +
                    format_bytes(comparison.frame) + "); replayed in arenas of " +
                    format_bytes(comparison.budget) + "\n";
  if (comparison.machine_lacks) {
    out += "  note: the machine has no more memory to give, so some allocations must be refused\n";
  }
  return out + "\n";
}

TextTable table_of(const TraceComparison& comparison) {
  constexpr Align kRight = Align::kRight;
  TextTable table({{"policy"},
                   {"refusals", kRight},
                   {"tightest budget", kRight},
                   {"x peak", kRight},
                   {"contiguous", kRight},
                   {"alloc median", kRight},
                   {"p99", kRight},
                   {"free median", kRight},
                   {"mappings", kRight}});
  for (const PolicyRow& row : comparison.rows) {
    const PlayResult& played = row.played;
    table.add_row({std::string(name_of(row.policy)), format_count(played.refusals),
                   tightest_text(row), ratio_text(comparison, row), contiguous_text(row),
                   time_text(played.alloc_ns.median()), time_text(played.alloc_ns.quantile(0.99)),
                   time_text(played.free_ns.median()), format_count(played.mappings_peak)});
  }
  return table;
}

bool at_peak(const std::vector<TraceComparison>& comparisons) {
  return std::all_of(comparisons.begin(), comparisons.end(), [](const TraceComparison& comparison) {
    return comparison.budget == comparison.peak_live;
  });
}

/// One group of rows for each trace.
TextTable grouped_table(const std::vector<TraceComparison>& comparisons) {
  constexpr Align kRight = Align::kRight;
  TextTable table({{"trace"},
                   {"allocations", kRight},
                   {"budget", kRight},
                   {"policy"},
                   {"refusals", kRight},
                   {"tightest", kRight},
                   {"x peak", kRight},
                   {"contiguous", kRight},
                   {"median", kRight},
                   {"p99", kRight},
                   {"mappings", kRight}});
  for (const TraceComparison& comparison : comparisons) {
    std::vector<std::string> cells = {printable(comparison.name),
                                      format_count(comparison.counts.allocates),
                                      format_bytes(comparison.budget)};
    for (const PolicyRow& row : comparison.rows) {
      const PlayResult& played = row.played;
      cells.resize(3);
      cells.insert(
          cells.end(),
          {std::string(name_of(row.policy)), format_count(played.refusals), tightest_text(row),
           ratio_text(comparison, row), contiguous_text(row), time_text(played.alloc_ns.median()),
           time_text(played.alloc_ns.quantile(0.99)), format_count(played.mappings_peak)});
      table.add_row(cells);
      cells = {"", "", ""};
    }
  }
  return table;
}

enum class Notes { kAll, kFaults };

std::string remarks(const TraceComparison& comparison, Notes notes) {
  std::string out;
  for (const PolicyRow& row : comparison.rows) {
    const std::string name(name_of(row.policy));
    if (!row.fault.empty()) {
      out += "  FOUND with " + name + ": " + row.fault + "\n";
    } else if (!row.note.empty() && notes == Notes::kAll) {
      out += "  " + name + ": " + row.note + "\n";
    }
    if (row.tightest && !row.tightest->confirmed) {
      out += "  " + name + ": its tightest budget is from the model; the machine has less memory\n";
    }
  }
  return out;
}

std::string row_counts(const TraceCounts& counts) {
  std::string out;
  const auto add = [&out](std::uint64_t count, const char* what) {
    if (count == 0) return;
    out += (out.empty() ? "  rows passed over: " : ", ") + format_count(count) + " " + what;
  };
  add(counts.frees_unmatched, "frees of memory allocated before");
  add(counts.failures, "allocations that had failed");
  add(counts.zero_sized, "of 0 bytes");
  if (!out.empty()) out += "\n";
  if (counts.truncated) out += "  note: the end of the trace is cut off\n";
  return out;
}

}  // namespace

std::string time_text(std::uint64_t nanoseconds) {
  return format_seconds(static_cast<double>(nanoseconds) * 1e-9);
}

std::string tightest_text(const PolicyRow& row) {
  return row.tightest ? format_bytes(row.tightest->bytes) : "-";
}

std::string ratio_text(const TraceComparison& comparison, const PolicyRow& row) {
  if (!row.tightest) return "-";
  const double ratio =
      static_cast<double>(row.tightest->bytes) / static_cast<double>(comparison.peak_live);
  std::string text = std::to_string(std::llround(ratio * 1000));
  if (text.size() < 4) text.insert(0, 4 - text.size(), '0');
  return text.insert(text.size() - 3, ".");
}

double contiguous_share(const PlayResult& played) {
  return static_cast<double>(played.contiguous) / static_cast<double>(played.served);
}

std::string contiguous_text(const PolicyRow& row) {
  return row.played.served == 0 ? "-" : format_percent(contiguous_share(row.played));
}

std::string comparisons_text(const std::vector<TraceComparison>& comparisons) {
  if (comparisons.size() == 1) {
    const TraceComparison& only = comparisons.front();
    return heading(only) + table_of(only).str(2) + "\n" + remarks(only, Notes::kAll) +
           row_counts(only.counts);
  }
  std::string out = "Recorded traces, each in arenas of " +
                    std::string(at_peak(comparisons) ? "its peak of live pages" : "one budget") +
                    "\n\n" + grouped_table(comparisons).str(2) + "\n";
  for (const TraceComparison& comparison : comparisons) {
    const std::string found = remarks(comparison, Notes::kFaults);
    if (!found.empty()) out += "  " + printable(comparison.name) + ":\n" + found;
  }
  out +=
      "  Refusals: in an arena of that budget. Tightest budget: the smallest without any; x peak: "
      "as a\n  multiple of the peak of live pages, which is what a perfect allocator needs.\n";
  return out;
}

}  // namespace vc::tool
