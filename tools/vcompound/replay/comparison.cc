// comparison.cc — budgets, replays, and what of their results must not be.
#include "tools/vcompound/replay/comparison.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "tools/vcompound/availability/memory.h"
#include "tools/vcompound/common/exit_code.h"
#include "tools/vcompound/common/progress.h"
#include "tools/vcompound/common/sizes.h"
#include "tools/vcompound/replay/tightest.h"

namespace vc::tool {
namespace {

constexpr std::uint64_t kMoments = 400;
/// A search for the tightest budget is given up at this many times the peak.
constexpr std::uint64_t kMostTimesPeak = 64;

/// "traces/redis.csv.zst" is "redis".
std::string short_name(const std::string& path) {
  std::string name = std::filesystem::path(path).filename().string();
  for (const char* ending : {".zst", ".csv"}) {
    if (name.ends_with(ending) && name.size() > 4) name.resize(name.size() - 4);
  }
  return name;
}

void set_pieces(TraceComparison& comparison) {
  constexpr std::uint64_t kManyPieces = 16;
  comparison.small_piece = comparison.peak_live >= kManyPieces * kMiB ? kMiB : 64 * kKiB;
  comparison.large_piece = std::max(comparison.stats.largest, comparison.small_piece);
}

/// The peak of live pages, in bytes, when every allocation that would bring it above `most` is
/// refused.
std::uint64_t peak_below(const Trace& trace, FrameSize frames, std::uint64_t most) {
  std::vector<bool> refused(trace.object_count);
  std::uint64_t live = 0;
  std::uint64_t peak = 0;
  for (const TraceStep& step : trace.steps) {
    if (step.action == TraceAction::kAllocateFailure || refused[step.object]) continue;
    const std::uint64_t bytes = frames.bytes(frames.pages_for(Bytes(step.size))).value;
    if (step.action == TraceAction::kFree) {
      live -= bytes;
    } else if (bytes > most - live) {
      refused[step.object] = true;
    } else {
      live += bytes;
      peak = std::max(peak, live);
    }
  }
  return peak;
}

void set_budget(TraceComparison& comparison, const Trace& trace, const CompareOptions& options) {
  const FrameSize frames = configured_frame_size();
  comparison.budget = comparison.peak_live;
  if (options.budget != 0) {
    comparison.budget = frames.bytes(frames.whole_pages(Bytes(options.budget))).value;
  }
  const std::uint64_t most = largest_budget();
  if (comparison.budget <= most) return;
  if (options.budget != 0) {
    throw ToolError(ExitCode::kMachineLacks,
                    "--budget " + format_bytes(options.budget) + " is above the " +
                        format_bytes(most) + " of memory that this machine can give",
                    "Give a smaller --budget; 'vcompound info' shows the limits.");
  }
  comparison.machine_lacks = true;
  comparison.budget = std::max(frames.bytes().value, peak_below(trace, frames, most));
}

PlayOptions play_options(const TraceComparison& comparison, const CompareOptions& options) {
  PlayOptions play;
  play.contents = options.touch ? Contents::kFull : Contents::kMarked;
  play.frame = comparison.frame;
  play.budget = comparison.budget;
  play.moments = kMoments;
  play.small_piece = comparison.small_piece;
  play.large_piece = comparison.large_piece;
  return play;
}

/// Does a modelled arena of that many frames serve the trace?
bool model_serves(const Trace& trace, std::uint64_t frames, FrameSize frame_size, Policy policy) {
  const auto memory = make_modelled_memory(frames, frame_size, policy);
  if (memory == nullptr) return false;
  PlayOptions play_options;
  play_options.contents = Contents::kNone;
  play_options.frame = frame_size.bytes().value;
  play_options.budget = frame_size.bytes(PageCount(frames)).value;
  play_options.stop_at_refusal = true;
  return play(trace, *memory, play_options).all_served();
}

/// Does a real arena of that many frames?
bool arena_serves(const Trace& trace, std::uint64_t frames, FrameSize frame_size, Policy policy) {
  PlayOptions play_options;
  play_options.contents = Contents::kNone;
  play_options.frame = frame_size.bytes().value;
  play_options.budget = frame_size.bytes(PageCount(frames)).value;
  play_options.stop_at_refusal = true;
  const auto memory = make_real_memory(play_options.budget, policy);
  return play(trace, *memory, play_options).all_served();
}

/// Searches in the model, then confirms on real memory; searches there on if the two disagree, as
/// they do when a limit of the system gets in the way.
std::optional<TightestBudget> search_tightest(const Trace& trace, std::uint64_t least,
                                              FrameSize frame_size, Policy policy) {
  const auto bytes = [&](std::uint64_t frames) {
    return frame_size.bytes(PageCount(frames)).value;
  };
  const std::uint64_t most = least * kMostTimesPeak;
  const auto modelled = find_tightest(least, most, [&](std::uint64_t frames) {
    return model_serves(trace, frames, frame_size, policy);
  });
  const std::uint64_t real_most = frame_size.whole_pages(Bytes(largest_budget())).value;
  if (!modelled) return std::nullopt;
  if (*modelled > real_most) return TightestBudget{bytes(*modelled), false};
  const auto real = find_tightest(*modelled, std::min(most, real_most), [&](std::uint64_t frames) {
    return arena_serves(trace, frames, frame_size, policy);
  });
  if (!real) return std::nullopt;
  return TightestBudget{bytes(*real), true};
}

/// The tightest budget of a policy whose replay at the peak is known.
std::optional<TightestBudget> tightest_of(const Trace& trace, const TraceComparison& comparison,
                                          const PolicyRow& row) {
  if (row.played.all_served()) return TightestBudget{comparison.peak_live, true};
  const FrameSize frame_size(floor_log2(comparison.frame));
  const std::uint64_t least = frame_size.pages_for(Bytes(comparison.peak_live)).value;
  return search_tightest(trace, least + 1, frame_size, row.policy);
}

bool met_named_limit(const PlayResult& played) {
  for (std::size_t reason = 0; reason < played.refused_for.size(); ++reason) {
    if (played.refused_for[reason] != 0 && is_named_limit(static_cast<Reason>(reason))) return true;
  }
  return false;
}

std::string describe(const Refusal& refusal) {
  return "step " + format_count(refusal.step) + ", at " + format_seconds(refusal.seconds) +
         " with " + format_bytes(refusal.live) + " in use: " + to_string(refusal.error);
}

std::string fault_of(const PolicyRow& row, const TraceComparison& comparison, bool tightest) {
  const PlayResult& played = row.played;
  if (played.content_errors != 0) return played.first_content_error;
  if (row.policy == Policy::kContiguousOnly) return "";
  if (played.wrong_refusal) {
    return "a refusal where none may be, " + describe(*played.wrong_refusal);
  }
  const bool has_tightest = row.tightest && row.tightest->bytes == comparison.peak_live;
  if (tightest && !comparison.machine_lacks && !has_tightest && !met_named_limit(played)) {
    return "the tightest budget is not the peak of live pages";
  }
  return "";
}

std::string note_of(const PolicyRow& row) {
  if (!row.played.first_refusal) return "";
  return "first refused at " + describe(*row.played.first_refusal);
}

}  // namespace

bool TraceComparison::faulty() const {
  return std::any_of(rows.begin(), rows.end(),
                     [](const PolicyRow& row) { return !row.fault.empty(); });
}

FrameSize configured_frame_size() {
  const char* const text = std::getenv("VCOMPOUND_CONF");
  const auto options = parse_configuration(text == nullptr ? "" : text, ArenaOptions{});
  if (!options) {
    throw ToolError(ExitCode::kUsage, "VCOMPOUND_CONF: " + options.error().message,
                    "Correct or unset the variable.");
  }
  return FrameSize(floor_log2(options->frame_size.value));
}

TraceComparison compare(const Trace& trace, const CompareOptions& options) {
  if (trace.object_count == 0) {
    throw ToolError(ExitCode::kUsage, trace.name + ": there is no allocation in this trace",
                    "Record again with a smaller --min-size.");
  }
  const FrameSize frame_size = configured_frame_size();
  TraceComparison comparison;
  comparison.name = short_name(trace.name);
  comparison.path = trace.name;
  comparison.counts = trace.counts;
  comparison.stats = trace.stats;
  comparison.frame = frame_size.bytes().value;
  comparison.peak_live =
      frame_size.bytes(PageCount(peak_live_pages(trace, comparison.frame))).value;
  set_budget(comparison, trace, options);
  set_pieces(comparison);
  for (const Policy policy : options.policies) {
    Progress progress(comparison.name + ", " + std::string(name_of(policy)), trace.steps.size());
    PlayOptions play_with = play_options(comparison, options);
    play_with.progress = [&](std::uint64_t steps) {
      progress.set(steps);
    };
    PolicyRow row;
    row.policy = policy;
    row.played = play(trace, *make_real_memory(comparison.budget, policy), play_with);
    if (options.tightest && !comparison.machine_lacks) {
      row.tightest = tightest_of(trace, comparison, row);
    }
    row.fault = fault_of(row, comparison, options.tightest);
    row.note = note_of(row);
    comparison.rows.push_back(std::move(row));
  }
  return comparison;
}

}  // namespace vc::tool
