// progress.h — a progress bar on stderr for long work.
//
//   filling   [=========>          ]  46 %  1.6 GiB of 3.5 GiB  2.1 GiB/s  1 s left
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace vc::tool {

/// What a progress bar counts.
enum class ProgressUnit { kCount, kBytes };

/// One state of a progress bar.
struct ProgressState {
  std::string label;
  std::uint64_t done = 0;
  std::uint64_t total = 0;  ///< 0: unknown, so neither bar nor time left is shown
  double elapsed_seconds = 0;
  ProgressUnit unit = ProgressUnit::kCount;
};

/// The line that shows `state`, at most `columns` wide; pure.
std::string render_progress(const ProgressState& state, std::size_t columns);

/// Draws a line on stderr while work is done, and removes it at the end. Draws only when stderr is
/// a terminal (and TERM is not "dumb"), never more than ten times a second. A call costs a clock
/// read on a terminal and nothing otherwise. Not thread-safe: advance it from one thread.
class Progress {
 public:
  Progress(std::string label, std::uint64_t total, ProgressUnit unit = ProgressUnit::kCount);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Adds `amount` to what is done.
  void advance(std::uint64_t amount = 1) { set(state_.done + amount); }
  /// Sets what is done in all.
  void set(std::uint64_t done);
  /// Removes the line; later calls draw nothing. The destructor does the same.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  void draw(Clock::time_point now);

  ProgressState state_;
  Clock::time_point start_;
  Clock::time_point next_draw_;
  std::size_t columns_ = 0;  ///< 0: stderr is no terminal, nothing is drawn
  bool drawn_ = false;
};

}  // namespace vc::tool
