// Checking the options of an arena.
#include "vcompound/platform/linux/linux_plan.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "vcompound/platform/linux/headroom.h"
#include "vcompound/platform/linux/memory_file.h"

namespace vc::os {
namespace {

constexpr Bytes kGiB{1ULL << 30};
/// Frames and pages are numbered with 32 bits; the last number means "none".
constexpr std::uint64_t kMostFrames = 0xffff'fffe;

Error refusal(Reason reason, Bytes asked, Bytes limit, const char* detail, int system_error = 0) {
  return Error{.reason = reason,
               .requested = asked,
               .limit = limit,
               .system_error = system_error,
               .detail = detail};
}

Error no_error() { return Error{}; }

Error check_frame_size(const LinuxOptions& options) {
  const Bytes frame = options.frame_size.bytes();
  const Bytes page(static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));
  if (options.frame_size.shift() < 40 && frame >= page && frame <= kHugePage) return no_error();
  return refusal(Reason::invalid, options.budget, kHugePage,
                 "frame_size must be between the system's page size and 2 MiB");
}

Error check_budget(const LinuxPlan& plan) {
  const Bytes budget = plan.options.budget;
  const FrameSize frame = plan.options.frame_size;
  if (plan.frames.value == 0) {
    return refusal(Reason::invalid, budget, frame.bytes(),
                   "the budget is smaller than one frame; give at least one frame (hugetlb "
                   "backing has frames of 2 MiB)");
  }
  if (plan.frames.value > kMostFrames) {
    return refusal(Reason::address_space, budget, frame.bytes(PageCount(kMostFrames)),
                   "the budget has more frames than can be numbered; take larger frames "
                   "(frame_size)");
  }
  return no_error();
}

Error check_ordinary_memory(const LinuxPlan& plan, const SystemLimits& limits) {
  const MemoryView memory = limits.memory();
  const Bytes size = plan.file_size();
  if (plan.options.overcommit == LinuxOptions::Overcommit::no && size > memory.promise) {
    return memory.group_limit < size
               ? refusal(Reason::backing, size, memory.group_limit,
                         "the budget is above the limit of a memory control group; lower the "
                         "budget, raise memory.max, or allow overcommit")
               : refusal(Reason::backing, size, memory.promise,
                         "the budget is above the memory of the machine; lower the budget or "
                         "allow overcommit");
  }
  if (plan.options.precommit == LinuxOptions::Precommit::no) return no_error();
  const Bytes usable = memory.available - std::min(memory.available, Headroom::kReserve);
  if (size <= usable) return no_error();
  return refusal(Reason::backing, size, usable,
                 "precommit: the memory available now (MemAvailable, control groups) is less than "
                 "the budget; lower the budget or free memory",
                 ENOMEM);
}

/// The pool is taken whole at creation, so what is free now is the limit.
Error check_huge_pool(const LinuxPlan& plan, const SystemLimits& limits) {
  const HugePool pool = limits.huge_pool(kHugePage);
  const Bytes size = plan.file_size();
  if (!pool.present) {
    return refusal(Reason::backing, size, Bytes(0),
                   "hugetlb backing: this kernel has no pool of 2 MiB huge pages; take memfd "
                   "backing");
  }
  const Bytes free = kHugePage * pool.free;
  if (free >= size) return no_error();
  return refusal(Reason::backing, size, free,
                 "hugetlb backing: the pool has fewer free huge pages than the budget needs; run "
                 "`sysctl vm.nr_hugepages=N` with N at least budget / 2 MiB, or take memfd backing",
                 ENOMEM);
}

Error choose_vmap_space(LinuxPlan& plan) {
  const FrameSize frame = plan.options.frame_size;
  const Bytes most(align_down(frame.bytes(PageCount(kMostFrames)).value, kGiB.value));
  Bytes& space = plan.options.vmap_space;
  if (space > most) {
    return refusal(Reason::address_space, space, most,
                   "vmap_space has more pages than can be numbered; ask for less or take larger "
                   "frames (frame_size)");
  }
  plan.smallest_vmap_space = space;
  if (space.value == 0) {
    const Bytes wanted(align_up(plan.file_size().value * 16, kGiB.value));
    space = std::min(most, wanted);
    plan.smallest_vmap_space = std::min(space, std::max(kGiB, plan.file_size()));
  }
  space = frame.bytes(frame.pages_for(space));
  return no_error();
}

}  // namespace

std::vector<PfnRange> split_evenly(PageCount frames, PageCount unit, std::uint32_t count) {
  const std::uint64_t units = (frames.value + unit.value - 1) / unit.value;
  const std::uint64_t parts = std::min<std::uint64_t>(std::max(count, 1U), units);
  std::vector<PfnRange> ranges;
  Pfn first(0);
  for (std::uint64_t part = 0; part < parts; ++part) {
    const PageCount share = unit * (units / parts + (part < units % parts ? 1 : 0));
    const Pfn end = std::min(first + share, Pfn(frames.value));
    ranges.push_back({first, end - first});
    first = end;
  }
  return ranges;
}

Result<LinuxPlan> plan_arena(const LinuxOptions& options, const SystemLimits& limits) {
  LinuxPlan plan;
  plan.options = options;
  const bool pool = options.backing == LinuxOptions::Backing::hugetlb;
  if (pool) plan.options.frame_size = FrameSize(floor_log2(kHugePage.value));
  Error error = check_frame_size(plan.options);
  if (error.reason != Reason::none) return error;

  const FrameSize frame = plan.options.frame_size;
  plan.frames = frame.whole_pages(options.budget);
  plan.unit = frame.whole_pages(kHugePage);
  error = check_budget(plan);
  if (error.reason == Reason::none) {
    error = pool ? check_huge_pool(plan, limits) : check_ordinary_memory(plan, limits);
  }
  if (error.reason == Reason::none) error = choose_vmap_space(plan);
  if (error.reason != Reason::none) return error;

  const std::uint32_t nodes =
      options.nodes != 0 ? options.nodes : static_cast<std::uint32_t>(limits.memory_nodes().size());
  plan.nodes = split_evenly(plan.frames, plan.unit, nodes);
  return plan;
}

}  // namespace vc::os
