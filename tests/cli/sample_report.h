// sample_report.h — a page with every building block, filled with the published fragmentation
// experiment and made-up, seeded data: for the report's tests and for looking at it.
#pragma once

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "tools/vcompound/common/sizes.h"
#include "tools/vcompound/report/report.h"

namespace vc::tool::test {

/// Availability over piece sizes: published values, the model, and two policies.
inline LineChart sample_curves() {
  LineChart chart;
  chart.title = "Share of the free memory that can be handed out";
  chart.caption =
      "Each point: of all free memory, how much could be handed out in pieces of that size. "
      "The dashed line is the chance that a piece's blocks are all free, F^(S/M).";
  chart.x = {"piece size", AxisUnit::kBytes, AxisScale::kLog2};
  chart.y = {"availability", AxisUnit::kPercent};
  Series model{"model F^(S/M)", {}, CurveStyle::kDashed, SeriesColour::kReference};
  Series contiguous{"contiguous only", {}, CurveStyle::kLine, SeriesColour::kContiguous};
  Series ours{"vcompound", {}, CurveStyle::kLine, SeriesColour::kVcompound};
  for (double size = 32 * 1024; size <= 64 * 1024 * 1024; size *= 2) {
    const double expected = 100 * std::pow(0.968, size / (32 * 1024));
    model.points.push_back({size, expected});
    contiguous.points.push_back({size, std::min(100.0, expected * 1.03)});
    ours.points.push_back({size, 100});
  }
  const Series published{"published (2020)",
                         {{1 << 20, 36.5}, {2 << 20, 14.1}, {4 << 20, 2.1}, {8 << 20, 0}},
                         CurveStyle::kMarkers};
  chart.series = {ours, contiguous, model, published};
  return chart;
}

/// A seeded random walk of live bytes and of mappings, with a limit and events.
inline TimeLine sample_time_line() {
  std::mt19937 random(42);
  TimeLine line;
  line.title = "Memory of the trace over time";
  line.caption = "Live bytes are what the program holds. Every step is one allocation or free.";
  line.x = {"time", AxisUnit::kSeconds};
  Series live{"live bytes", {}, CurveStyle::kLine};
  Series mapped{"of them mapped", {}, CurveStyle::kLine};
  Series budget{"budget", {{0, 4e9}, {118, 4e9}}, CurveStyle::kDashed};
  Series mappings{"mappings", {}, CurveStyle::kLine};
  double bytes = 0;
  for (int i = 0; i < 20000; ++i) {
    const double step = static_cast<double>(random() % 2001) - 985;
    bytes = std::max(0.0, std::min(4e9, bytes + step * 1e5));
    const double time = i * 118.0 / 20000;
    live.points.push_back({time, bytes});
    mapped.points.push_back({time, bytes * 0.2 * (1 + std::sin(time / 9))});
    mappings.points.push_back({time, 200 + bytes / 2e6 * (1 + std::sin(time / 9))});
  }
  line.panels = {{{"bytes", AxisUnit::kBytes}, {live, mapped, budget}},
                 {{"mappings", AxisUnit::kCount}, {mappings}}};
  line.events = {{21, "first mapped compound"}, {24.5, "purge"}, {26, "trim"}, {90, "peak"}};
  return line;
}

/// An arena of 3.5 GiB filled with 32 KiB blocks of which 96.8 % were freed, with some larger
/// compounds on top.
inline ArenaMap sample_arena_map() {
  const std::uint64_t frames = 3584 * 256;
  ArenaMapBuilder builder(frames);
  std::mt19937 random(42);
  std::uint64_t frame = 0;
  for (; frame < frames * 6 / 10; frame += 8) {
    if (random() % 1000 < 32) builder.mark(frame, 8, FrameUse::kContiguous);
  }
  for (; frame < frames * 75 / 100; frame += 64) {
    builder.mark(frame, 48, FrameUse::kMapped);
    if (random() % 4 == 0) builder.mark(frame + 56, 8, FrameUse::kCached);
  }
  builder.mark(frame, frames / 10, FrameUse::kContiguous);
  builder.mark(frames * 9 / 10, frames, FrameUse::kUncommitted);
  return {
      "The arena, frame by frame",
      "Addresses run left to right and line by line. Colour shows what the frames are used for; "
      "grey is free. A contiguous piece of 8 MiB needs grey without interruption.",
      frames * 4096, builder.cells()};
}

/// A page with all of it.
inline Report sample_report() {
  Report report("Availability of large pieces in fragmented memory");
  report.set_subtitle(
      "A budget of 3.5 GiB is filled with 32 KiB blocks, 96.8 % of them are freed at random, and "
      "large pieces are handed out until one is refused.");
  report.set_command("vcompound availability --budget 3.5GiB --report report.html");
  report.add_fact("Program", "vcompound 0.1.0");
  report.add_fact("Machine", "Linux 6.18.44, 2 CPUs, 1 NUMA node, 23.54 GiB of memory");
  report.add_fact("Arena", "3.5 GiB in 114,688 blocks, 3.35 GiB free");
  report.add_figures({{"100 %", "of free memory usable", "in pieces of 8 MiB, mapped"},
                      {"0 %", "with contiguous memory only", "published: 0 %"},
                      {"5,212", "mappings at the peak", "of 65,530"},
                      {"9.7 µs", "for an 8 MiB piece", "median"}});
  report.add_heading("Result");
  report.add_text("Free memory lies in many small runs: large pieces exist only when joined.");
  report.add_table({{"size", CellAlign::kText},
                    {"published"},
                    {"model"},
                    {"contiguous"},
                    {"vcompound"},
                    {"runs"},
                    {"mappings"},
                    {"median"}},
                   {{"1 MiB", "36.5 %", "35.3 %", "36.2 %", "100 %", "2", "3,431", "4.1 µs"},
                    {"2 MiB", "14.1 %", "12.5 %", "13.8 %", "100 %", "3", "4,020", "6.6 µs"},
                    {"8 MiB", "0 %", "0 %", "0 %", "100 %", "9", "5,212", "9.7 µs"}},
                   "Availability in per cent of the free memory.");
  report.add_curves(sample_curves());
  report.add_bars({"Smallest budget that serves the trace",
                   "Lower is better: 100 % is the peak of live bytes.",
                   "trace",
                   {"budget / peak", AxisUnit::kPercent},
                   {"redis", "ffmpeg", "gcc", "sqlite3"},
                   {{"contiguous only", {131, 112, 104, 101}, SeriesColour::kContiguous},
                    {"vcompound", {100, 100, 100, 100}, SeriesColour::kVcompound}}});
  report.add_time_line(sample_time_line());
  report.add_arena_map(sample_arena_map());
  return report;
}

}  // namespace vc::tool::test
