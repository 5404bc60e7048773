// report.h — one self-contained HTML page with text, tables and pictures.
//
// The page needs no network, no script and no other file: style sheet and pictures (SVG) are
// inside. It is well-formed XML, follows the reader's light or dark setting, and can be read on a
// telephone. Everything given here is escaped; nothing is taken as mark-up.
//
//   Report report("Availability of large pieces");
//   report.add_fact("Arena", "3.5 GiB");
//   report.add_figures({{"100 %", "of free memory usable", "in pieces of 8 MiB"}});
//   report.add_text("Free memory is in many small runs, …");
//   report.add_curves(chart);
//   report.write("out.html");
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vc::tool {

/// How an axis runs. The logarithmic ones show positive values only; points at or below 0 are left
/// out. Their ticks stand at powers of two, or of ten.
enum class AxisScale { kLinear, kLog2, kLog10 };

/// How the numbers at an axis are written, and at which values its ticks stand.
enum class AxisUnit {
  kCount,        ///< 1,000
  kBytes,        ///< 32 KiB; ticks at powers of two
  kPercent,      ///< values from 0 to 100, written 50 %
  kSeconds,      ///< seconds, written 3 s, 20 ms, …
  kMicroseconds  ///< microseconds, written 850 ns, 12 µs, 4 ms, …
};

/// One axis of a picture.
struct Axis {
  std::string label;  ///< what is shown, for example "piece size"
  AxisUnit unit = AxisUnit::kCount;
  AxisScale scale = AxisScale::kLinear;
  std::optional<double> least = std::nullopt;  ///< where it starts; from the data when absent
  std::optional<double> most = std::nullopt;   ///< where it ends; from the data when absent
};

/// One point of a curve.
struct Point {
  double x;
  double y;
};

/// How a curve is drawn: measured values stand out, models and references step back.
enum class CurveStyle {
  kLine,    ///< solid, with markers: measured
  kDashed,  ///< dashed, no markers: computed by a model
  kMarkers  ///< markers only: published by others
};

/// A colour with a fixed meaning, so that it is the same in every picture of a page.
enum class SeriesColour {
  kByPosition,  ///< the first series gets the first colour, and so on
  kVcompound,   ///< our results
  kContiguous,  ///< results of contiguous memory only
  kAlwaysMap,   ///< results of forced fallback
  kReference    ///< models, limits, published values
};

/// One curve. Points must be sorted by x; points that are not finite are left out.
struct Series {
  std::string name;
  std::vector<Point> points;
  CurveStyle style = CurveStyle::kLine;
  SeriesColour colour = SeriesColour::kByPosition;
};

/// Curves over a common x axis.
struct LineChart {
  std::string title;
  std::string caption;  ///< how to read the picture
  Axis x;
  Axis y;
  std::vector<Series> series;  ///< up to eight have colours of their own
};

/// One set of bars: one value for each group, NaN for none.
struct BarSeries {
  std::string name;
  std::vector<double> values;
  SeriesColour colour = SeriesColour::kByPosition;
};

/// Groups of bars side by side.
struct BarChart {
  std::string title;
  std::string caption;
  std::string x_label;
  Axis y;
  std::vector<std::string> groups;
  std::vector<BarSeries> series;
};

/// Step lines that share one y axis: each value holds until the next point.
struct TimePanel {
  Axis y;
  std::vector<Series> series;  ///< the style kDashed is for limits; others are solid
};

/// Something that happened at a time.
struct TimeEvent {
  double x;
  std::string label;
};

/// Panels above each other with one time axis: bytes in the first, mappings in the second, say.
/// Long series are thinned to the picture's width; the highest and lowest values stay.
struct TimeLine {
  std::string title;
  std::string caption;
  Axis x;
  std::vector<TimePanel> panels;
  std::vector<TimeEvent> events;
};

/// What a page frame of the arena is used for. kFree is drawn as the background.
enum class FrameUse { kFree, kContiguous, kMapped, kCached, kUncommitted };
inline constexpr std::size_t kFrameUses = 5;

/// One piece of the arena: which share of its frames is in which use. The sum is 1 at most.
struct ArenaCell {
  double share[kFrameUses] = {1, 0, 0, 0, 0};  // NOLINT: a plain aggregate, indexed by FrameUse
};

/// The arena as a picture: its frames in address order, left to right, line after line.
struct ArenaMap {
  std::string title;
  std::string caption;
  std::uint64_t arena_bytes = 0;
  std::vector<ArenaCell> cells;  ///< equal pieces of the arena in address order
};

/// Collects the runs of an arena into the cells of a picture.
///
///   ArenaMapBuilder builder(frames);              // every frame starts as kFree
///   for (run : runs) builder.mark(run.first, run.count, FrameUse::kContiguous);
///   map.cells = builder.cells();
///
/// Frames marked twice count in both uses, so mark each once. O(cells touched) per mark.
class ArenaMapBuilder {
 public:
  /// An arena of `frames` frames shown by at most `cells` cells; both at least 1.
  explicit ArenaMapBuilder(std::uint64_t frames, std::size_t cells = 20480);
  /// Frames [first, first + count) are in use `use`; the part outside the arena is ignored.
  void mark(std::uint64_t first, std::uint64_t count, FrameUse use);
  /// The cells so far.
  [[nodiscard]] std::vector<ArenaCell> cells() const;

 private:
  [[nodiscard]] std::uint64_t start_of(std::size_t cell) const;
  [[nodiscard]] std::size_t cell_of(std::uint64_t frame) const;
  std::uint64_t frames_;
  std::vector<ArenaCell> cells_;
};

/// One number that deserves large type.
struct Figure {
  std::string value;  ///< "100 %"
  std::string label;  ///< "of free memory usable"
  std::string note;   ///< "in pieces of 8 MiB"; may be empty
};

/// How a table column is aligned.
enum class CellAlign { kText, kNumber };

/// A heading of a table.
struct TableHead {
  std::string text;
  CellAlign align = CellAlign::kNumber;
};

/// `text` with & < > " ' replaced, control characters and bytes that are not UTF-8 by U+FFFD: safe
/// in the text and in the attributes of the page.
std::string escape_html(std::string_view text);

/// Collects the parts of a page in the order in which they are added, and writes it. Not
/// thread-safe.
class Report {
 public:
  /// `title` is the heading of the page and the name of the browser's tab.
  explicit Report(std::string title) : title_(std::move(title)) {}

  /// One sentence under the title.
  void set_subtitle(std::string subtitle) { subtitle_ = std::move(subtitle); }
  /// The command that made the page; the command line of this run unless set.
  void set_command(std::string command) { command_ = std::move(command); }
  /// A line of the title block ("Machine", "2 CPUs, 23.5 GiB, Linux 6.18").
  void add_fact(std::string name, std::string value);

  /// A heading for the parts that follow.
  void add_heading(std::string_view text);
  /// A paragraph.
  void add_text(std::string_view paragraph);
  /// Numbers in large type, side by side.
  void add_figures(const std::vector<Figure>& figures);
  /// A table; missing cells are empty. The caption says how to read it and may be empty.
  void add_table(const std::vector<TableHead>& heads,
                 const std::vector<std::vector<std::string>>& rows, std::string_view caption);
  /// Curves.
  void add_curves(const LineChart& chart);
  /// Bars.
  void add_bars(const BarChart& chart);
  /// Step lines over time.
  void add_time_line(const TimeLine& line);
  /// A picture of the arena.
  void add_arena_map(const ArenaMap& map);

  /// The whole page.
  [[nodiscard]] std::string html() const;
  /// Writes the page to `path` in one step, as write_file does; throws a ToolError (kUsage) when
  /// that fails.
  void write(const std::string& path) const;

 private:
  std::string title_;
  std::string subtitle_;
  std::string command_;
  std::vector<std::pair<std::string, std::string>> facts_;
  std::string body_;
  int next_figure_ = 1;
};

}  // namespace vc::tool
