// arena_map.cc — the arena as lines of memory.
//
//   ▐██▌ ▐█▌██ ▐  ▌      one cell: its uses side by side, each as wide as its share
//   █▌ ▐███████▌ █▌      one line: cells in address order, without gaps between them
//
// A line is drawn over a background that stands for free frames, as strokes of one path for each
// use, so that thousands of cells stay small on the page.
#include <algorithm>
#include <array>
#include <cmath>

#include "tools/vcompound/common/sizes.h"
#include "tools/vcompound/report/charts.h"

namespace vc::tool {
namespace {

constexpr double kWidth = 760;
constexpr double kLineHeight = 9;
constexpr double kLineGap = 2.5;
constexpr std::size_t kLines = 32;  ///< of a picture with enough cells
constexpr std::size_t kLeastPerLine = 16;
constexpr double kLabelWidth = 74;
constexpr double kThinnest = 0.7;  ///< a use narrower than this is widened, to be seen

struct UseStyle {
  FrameUse use;
  const char* name;
  const char* css_class;
};

constexpr std::array<UseStyle, kFrameUses> kUses = {{
    {FrameUse::kFree, "free", "use-free"},
    {FrameUse::kContiguous, "contiguous compounds", "use-contiguous"},
    {FrameUse::kMapped, "mapped compounds", "use-mapped"},
    {FrameUse::kCached, "in caches, ready for reuse", "use-cached"},
    {FrameUse::kUncommitted, "not committed: no memory behind it", "use-uncommitted"},
}};

std::size_t index_of(FrameUse use) { return static_cast<std::size_t>(use); }

double share_of(const ArenaCell& cell, FrameUse use) {
  const double share = cell.share[index_of(use)];
  return std::isfinite(share) ? std::clamp(share, 0.0, 1.0) : 0;
}

std::size_t cells_per_line(std::size_t cells) {
  return std::max(kLeastPerLine, (cells + kLines - 1) / kLines);
}

/// Appends to each use's path the part of it in one line of cells; neighbours are joined.
void add_line(const ArenaMap& map, std::size_t first, std::size_t per_line, double y,
              std::array<std::string, kFrameUses>& paths) {
  const double cell_width = (kWidth - kLabelWidth) / static_cast<double>(per_line);
  std::size_t open_use = kFrameUses;
  double open_x = 0;
  double x = kLabelWidth;
  const auto close = [&](double end) {
    if (open_use < kFrameUses && open_use != index_of(FrameUse::kFree) && end > open_x) {
      paths[open_use] += "M" + coordinate(open_x) + " " + coordinate(y + kLineHeight / 2) + "h" +
                         coordinate(std::max(end - open_x, kThinnest));
    }
  };
  for (std::size_t i = first; i < std::min(first + per_line, map.cells.size()); ++i) {
    const double end = kLabelWidth + cell_width * static_cast<double>(i - first + 1);
    for (const FrameUse use : {FrameUse::kContiguous, FrameUse::kMapped, FrameUse::kCached,
                               FrameUse::kUncommitted, FrameUse::kFree}) {
      const double width = share_of(map.cells[i], use) * cell_width;
      if (width <= 0) continue;
      if (open_use != index_of(use)) {
        close(x);
        open_use = index_of(use);
        open_x = x;
      }
      x = std::min(x + width, end);
    }
    x = end;
  }
  close(x);
}

/// The share of the whole arena in each use, for the legend.
double total_share(const ArenaMap& map, FrameUse use) {
  double sum = 0;
  for (const ArenaCell& cell : map.cells) sum += share_of(cell, use);
  return map.cells.empty() ? 0 : sum / static_cast<double>(map.cells.size());
}

std::vector<Key> keys_of(const ArenaMap& map) {
  std::vector<Key> keys;
  for (const UseStyle& style : kUses) {
    const double share = total_share(map, style.use);
    if (share <= 0) continue;
    keys.push_back(
        {std::string(style.name) + ", " + format_percent(share), KeyShape::kBox, style.css_class});
  }
  return keys;
}

}  // namespace

std::string render_arena_map(const ArenaMap& map) {
  const std::size_t per_line = cells_per_line(map.cells.size());
  const std::size_t lines = (map.cells.size() + per_line - 1) / per_line;
  const double pitch = kLineHeight + kLineGap;
  Svg svg(kWidth, std::max(static_cast<double>(lines) * pitch, pitch) + 6, map.title);
  std::array<std::string, kFrameUses> paths;
  for (std::size_t line = 0; line < lines; ++line) {
    const double y = 2 + static_cast<double>(line) * pitch;
    const std::size_t first = line * per_line;
    const std::size_t count = std::min(per_line, map.cells.size() - first);
    svg.rect(kLabelWidth, y,
             (kWidth - kLabelWidth) * static_cast<double>(count) / static_cast<double>(per_line),
             kLineHeight, "use-free");
    add_line(map, first, per_line, y, paths);
    const double at = static_cast<double>(map.arena_bytes) * static_cast<double>(first) /
                      static_cast<double>(map.cells.size());
    const bool labelled = line % 4 == 0 && map.arena_bytes != 0;
    if (labelled) {
      svg.text(kLabelWidth - 8, y + kLineHeight - 0.5, "end", "tick small",
               format_bytes(static_cast<std::uint64_t>(at)));
    }
  }
  for (const UseStyle& style : kUses) svg.path(paths[index_of(style.use)], style.css_class);
  return legend_html(keys_of(map)) + "<div class=\"plot\">" + svg.str() + "</div>";
}

ArenaMapBuilder::ArenaMapBuilder(std::uint64_t frames, std::size_t cells)
    : frames_(std::max<std::uint64_t>(frames, 1)),
      cells_(static_cast<std::size_t>(
          std::min<std::uint64_t>(frames_, std::max<std::size_t>(cells, 1)))) {}

std::uint64_t ArenaMapBuilder::start_of(std::size_t cell) const {
  const std::uint64_t whole = frames_ / cells_.size();
  const std::uint64_t rest = frames_ % cells_.size();
  return whole * cell + std::min<std::uint64_t>(cell, rest);  // the first `rest` cells get one more
}

std::size_t ArenaMapBuilder::cell_of(std::uint64_t frame) const {
  const std::uint64_t whole = frames_ / cells_.size();
  const std::uint64_t rest = frames_ % cells_.size();
  const std::uint64_t long_frames = rest * (whole + 1);  // frames in the longer cells
  return static_cast<std::size_t>(frame < long_frames ? frame / (whole + 1)
                                                      : rest + (frame - long_frames) / whole);
}

void ArenaMapBuilder::mark(std::uint64_t first, std::uint64_t count, FrameUse use) {
  if (first >= frames_ || count == 0 || use == FrameUse::kFree) return;
  const std::uint64_t end = first + std::min(count, frames_ - first);
  for (std::size_t cell = cell_of(first); cell < cells_.size() && start_of(cell) < end; ++cell) {
    const std::uint64_t cell_first = start_of(cell);
    const std::uint64_t cell_end = start_of(cell + 1);
    const std::uint64_t covered = std::min(end, cell_end) - std::max(first, cell_first);
    const double share = static_cast<double>(covered) / static_cast<double>(cell_end - cell_first);
    double* shares = cells_[cell].share;
    shares[index_of(use)] += share;
    shares[index_of(FrameUse::kFree)] = std::max(0.0, shares[index_of(FrameUse::kFree)] - share);
  }
}

std::vector<ArenaCell> ArenaMapBuilder::cells() const { return cells_; }

}  // namespace vc::tool
