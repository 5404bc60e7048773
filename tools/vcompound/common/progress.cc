// progress.cc — drawing of the progress line.
#include "tools/vcompound/common/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "tools/vcompound/common/sizes.h"
#include "tools/vcompound/common/text_table.h"

namespace vc::tool {
namespace {

constexpr std::size_t kBarColumns = 20;
constexpr auto kRedrawInterval = std::chrono::milliseconds(100);

std::size_t terminal_columns() {
  const char* terminal = std::getenv("TERM");
  if (isatty(STDERR_FILENO) == 0) return 0;
  if (terminal != nullptr && std::string_view(terminal) == "dumb") return 0;
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

std::string amount(std::uint64_t value, ProgressUnit unit) {
  return unit == ProgressUnit::kBytes ? format_bytes(value) : format_count(value);
}

std::string bar(double ratio) {
  const auto filled = static_cast<std::size_t>(ratio * static_cast<double>(kBarColumns));
  std::string out(filled, '=');
  if (filled < kBarColumns) out += '>';
  out.resize(kBarColumns, ' ');
  return "[" + out + "]";
}

/// Keeps whole code points while they fit.
std::string cut(const std::string& text, std::size_t columns) {
  std::size_t end = text.size();
  while (end > 0 && display_width(std::string_view(text).substr(0, end)) > columns) {
    do {
      --end;
    } while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U);
  }
  return text.substr(0, end);
}

}  // namespace

std::string render_progress(const ProgressState& state, std::size_t columns) {
  const std::uint64_t done = state.total == 0 ? state.done : std::min(state.done, state.total);
  std::string line = printable(state.label) + "  ";
  if (state.total != 0) {
    const double ratio = static_cast<double>(done) / static_cast<double>(state.total);
    line += bar(ratio) + "  " + format_percent(ratio, 0) + "  ";
  }
  line += amount(done, state.unit);
  if (state.total != 0) line += " of " + amount(state.total, state.unit);
  if (done != 0 && state.elapsed_seconds > 0) {
    const double rate = static_cast<double>(done) / state.elapsed_seconds;
    line += "  " + amount(static_cast<std::uint64_t>(std::min(rate, 1e18)), state.unit) + "/s";
    if (state.total != 0) {
      line += "  " + format_seconds(static_cast<double>(state.total - done) / rate) + " left";
    }
  }
  return cut(line, columns);
}

Progress::Progress(std::string label, std::uint64_t total, ProgressUnit unit)
    : state_{std::move(label), 0, total, 0, unit},
      start_(Clock::now()),
      next_draw_(start_ + kRedrawInterval),
      columns_(terminal_columns()) {}

Progress::~Progress() { finish(); }

void Progress::set(std::uint64_t done) {
  state_.done = done;
  if (columns_ == 0) return;
  const Clock::time_point now = Clock::now();
  if (now >= next_draw_) draw(now);
}

void Progress::draw(Clock::time_point now) {
  state_.elapsed_seconds = std::chrono::duration<double>(now - start_).count();
  const std::string line = render_progress(state_, columns_ - 1);
  std::fprintf(stderr, "\r%s\x1b[K", line.c_str());
  std::fflush(stderr);
  drawn_ = true;
  next_draw_ = now + kRedrawInterval;
}

void Progress::finish() {
  if (drawn_) {
    std::fputs("\r\x1b[K", stderr);
    std::fflush(stderr);
  }
  drawn_ = false;
  columns_ = 0;
}

}  // namespace vc::tool
