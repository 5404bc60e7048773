// Loads a trace in a forked child, which leaves the steps in shared memory: what the reader took
// from the heap ends with the child.
#include "bench/compare/rows/replay_steps.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "tools/trace/trace.h"

namespace vc::compare {

namespace {

constexpr std::size_t kRegionBytes = std::size_t{64} << 20;
constexpr std::size_t kErrorBytes = 512;

/// The shared memory: this, and the steps behind it.
struct Region {
  static constexpr std::size_t kMostSteps =
      (kRegionBytes - kErrorBytes - 8 * sizeof(std::uint64_t)) / sizeof(ReplayStep);

  std::uint64_t count;
  std::uint64_t objects;
  std::uint64_t peak_bytes;
  std::uint64_t peak_frames;
  std::uint64_t peak_step;
  char error[kErrorBytes];

  ReplayStep* steps() { return reinterpret_cast<ReplayStep*>(this + 1); }  // NOLINT
  void fail(const char* why) { std::snprintf(error, sizeof(error), "%s", why); }
};

void add_step(Region& region, const TraceStep& step, std::uint64_t& live) {
  const bool is_free = step.action == TraceAction::kFree;
  const std::uint64_t bytes = whole_frames(step.size);
  live = is_free ? live - bytes : live + bytes;
  if (live > region.peak_frames) {
    region.peak_frames = live;
    region.peak_step = region.count;
  }
  region.steps()[region.count++] = {.size = is_free ? 0 : step.size, .object = step.object};
}

void load_into(Region& region, const std::string& path) {
  TraceError error;
  const std::optional<Trace> trace = load_trace(path, {}, error);
  if (!trace) return region.fail(error.message.c_str());
  if (trace->steps.size() > Region::kMostSteps) return region.fail("the trace is too long");
  std::uint64_t live = 0;
  for (const TraceStep& step : trace->steps) {
    if (step.action != TraceAction::kAllocateFailure) add_step(region, step, live);
  }
  region.objects = trace->object_count;
  region.peak_bytes = trace->stats.peak_live_bytes;
}

}  // namespace

ReplaySteps load_replay_steps(const std::string& name) {
  void* memory = mmap(nullptr, kRegionBytes, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return {.error = "no memory for the steps of a trace"};
  auto& region = *static_cast<Region*>(memory);
  const pid_t child = fork();
  if (child == 0) {
    load_into(region, VC_COMPARE_TRACES "/" + name + ".csv.zst");
    _exit(0);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
    return {.error = "the process that reads the trace failed"};
  }
  if (region.error[0] != '\0') return {.error = region.error};
  return {.all = {region.steps(), region.count},
          .objects = region.objects,
          .peak_bytes = region.peak_bytes,
          .peak_frames = region.peak_frames,
          .peak_step = region.peak_step};
}

}  // namespace vc::compare
