// player.cc — the steps of a replay, its books, and its contents.
#include "tools/vcompound/replay/player.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "tools/vcompound/availability/memory.h"
#include "tools/vcompound/availability/pattern.h"

namespace vc::tool {
namespace {

constexpr double kMicrosecond = 1e-6;
constexpr std::size_t kMapCells = 40960;
constexpr std::uint64_t kProgressSteps = 4096;

/// Keeps the pieces and the books of one replay.
class Player {
 public:
  Player(const Trace& trace, ReplayMemory& memory, const PlayOptions& options)
      : trace_(trace), memory_(memory), options_(options), pieces_(trace.object_count) {
    result_.refused_for.resize(kReasonCount);
    if (options.moments != 0) plan_moments();
  }

  PlayResult run() {
    const Stopwatch watch;
    for (step_ = 0; step_ < trace_.steps.size(); ++step_) {
      const TraceStep& step = trace_.steps[step_];
      if (step.action == TraceAction::kAllocate) allocate(step);
      if (step.action == TraceAction::kFree) free(step.object);
      if (options_.stop_at_refusal && result_.refusals != 0) break;
      if (options_.moments != 0) look(step);
      if (step_ % kProgressSteps == 0 && options_.progress) options_.progress(step_);
    }
    for (std::uint32_t object = 0; object < trace_.object_count; ++object) free(object);
    result_.seconds = watch.seconds();
    return std::move(result_);
  }

 private:
  /// Where most is live if everything is served: the moment for the picture.
  void plan_moments() {
    every_ = std::max<std::uint64_t>(1, trace_.steps.size() / options_.moments);
    std::uint64_t live = 0;
    std::uint64_t most = 0;
    for (std::size_t i = 0; i < trace_.steps.size(); ++i) {
      const TraceStep& step = trace_.steps[i];
      const std::uint64_t bytes = frames_bytes(step.size);
      if (step.action == TraceAction::kAllocate) live += bytes;
      if (step.action == TraceAction::kFree) live -= bytes;
      if (live <= most) continue;
      most = live;
      peak_step_ = i;
    }
  }

  std::uint64_t frames_bytes(std::uint64_t size) const {
    return (size + options_.frame - 1) / options_.frame * options_.frame;
  }

  void allocate(const TraceStep& step) {
    const Stopwatch watch;
    Result<Piece> got = memory_.allocate(Bytes(step.size));
    const std::uint64_t spent = watch.nanoseconds();
    if (!got) {
      refuse(step, got.error());
      return;
    }
    const Piece piece = *got;
    pieces_[step.object] = piece;
    ++result_.served;
    result_.alloc_ns.add(spent);
    live_ += piece.bytes;
    result_.peak_live = std::max(result_.peak_live, live_);
    if (piece.kind == Kind::mapped) {
      ++result_.mapped;
      mapped_ += piece.bytes;
      result_.mappings_peak = std::max(result_.mappings_peak, memory_.mappings_used());
    } else {
      ++result_.contiguous;
    }
    write(piece, step.object);
  }

  void refuse(const TraceStep& step, const Error& error) {
    const Refusal refusal{step_ + 1, static_cast<double>(step.time_us) * kMicrosecond, live_,
                          error};
    ++result_.refusals;
    ++result_.refused_for[static_cast<std::size_t>(error.reason)];
    if (!result_.first_refusal) result_.first_refusal = refusal;
    const std::uint64_t room = options_.budget - std::min(options_.budget, live_);
    const bool had_room = frames_bytes(step.size) <= room;
    if (had_room && !is_named_limit(error.reason) && !result_.wrong_refusal) {
      result_.wrong_refusal = refusal;
    }
  }

  void free(std::uint32_t object) {
    const Piece piece = std::exchange(pieces_[object], Piece{});
    if (piece.data == nullptr) return;  // it was refused, or is freed already
    check(piece, object);
    const Stopwatch watch;
    const bool freed = memory_.free(piece);  // NOLINT(clang-analyzer-unix.Malloc): not free()
    result_.free_ns.add(watch.nanoseconds());
    live_ -= piece.bytes;
    if (piece.kind == Kind::mapped) mapped_ -= piece.bytes;
    if (!freed) note_error(object, "its pointer was refused by free");
  }

  void write(const Piece& piece, std::uint32_t object) {
    if (options_.contents == Contents::kMarked) {
      fill_sparse_pattern(piece.data, piece.bytes, options_.frame, object);
    } else if (options_.contents == Contents::kFull) {
      fill_pattern(piece.data, piece.bytes, object);
    }
  }

  void check(const Piece& piece, std::uint32_t object) {
    std::optional<std::size_t> offset;
    if (options_.contents == Contents::kMarked) {
      offset = find_sparse_pattern_error(piece.data, piece.bytes, options_.frame, object);
    } else if (options_.contents == Contents::kFull) {
      offset = find_pattern_error(piece.data, piece.bytes, object);
    }
    if (offset) {
      note_error(object, "its contents are wrong at offset " + std::to_string(*offset) + " of " +
                             std::to_string(piece.bytes));
    }
  }

  void note_error(std::uint32_t object, const std::string& what) {
    if (++result_.content_errors != 1) return;
    result_.first_content_error = "allocation " + std::to_string(object + 1) +
                                  " of the trace, at step " + std::to_string(step_ + 1) + ": " +
                                  what;
  }

  void look(const TraceStep& step) {
    const bool is_peak = step_ == peak_step_;
    if (is_peak) draw();
    if (!is_peak && step_ % every_ != 0 && step_ + 1 != trace_.steps.size()) return;
    const Stats stats = memory_.stats();
    Moment moment;
    moment.seconds = static_cast<double>(step.time_us) * kMicrosecond;
    moment.step = step_;
    moment.live = live_;
    moment.mapped = mapped_;
    moment.largest_run = stats.largest_run.value * options_.frame;
    moment.mappings = stats.mappings_used;
    moment.availability_small = availability(options_.small_piece);
    moment.availability_large = availability(options_.large_piece);
    result_.moments.push_back(moment);
  }

  double availability(std::uint64_t piece) const {
    const bool holds_one = options_.budget - std::min(options_.budget, live_) >= piece;
    return holds_one ? memory_.availability(Bytes(piece))
                     : std::numeric_limits<double>::quiet_NaN();
  }

  void draw() {
    const std::uint64_t frames = std::max<std::uint64_t>(1, options_.budget / options_.frame);
    ArenaMapBuilder map(frames,
                        static_cast<std::size_t>(std::min<std::uint64_t>(frames, kMapCells)));
    for (const Piece& piece : pieces_) {
      if (piece.data != nullptr) memory_.mark(piece, map);
    }
    result_.peak_map = map.cells();
  }

  const Trace& trace_;
  ReplayMemory& memory_;
  const PlayOptions& options_;
  std::vector<Piece> pieces_;  // by object; data is nullptr unless it is live
  PlayResult result_;
  std::size_t step_ = 0;
  std::size_t peak_step_ = 0;
  std::uint64_t every_ = 1;
  std::uint64_t live_ = 0;
  std::uint64_t mapped_ = 0;
};

}  // namespace

PlayResult play(const Trace& trace, ReplayMemory& memory, const PlayOptions& options) {
  return Player(trace, memory, options).run();
}

}  // namespace vc::tool
