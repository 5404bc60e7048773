// Recorded loads.
#include "bench/compare/simulation/replayed.h"

namespace vc::compare {

namespace {

constexpr FrameSize kFrame(12);

PageCount pages_of(const TraceStep& step) { return kFrame.pages_for(Bytes(step.size)); }

}  // namespace

ReplayedLoad::ReplayedLoad(const Trace& trace) : trace_(trace) {
  for (std::size_t i = 0; i < kCopies; ++i) {
    copies_[i].next = length() * i / kCopies;
    copies_[i].live.resize(trace.object_count);
  }
  peak_ = find_peak();
}

void ReplayedLoad::step(SimulatedArena& arena) {
  for (Copy& copy : copies_) step(copy, arena);
}

void ReplayedLoad::step(Copy& copy, SimulatedArena& arena) {
  const TraceStep& row = trace_.steps[copy.next];
  if (row.action == TraceAction::kAllocate) {
    copy.live[row.object] = arena.allocate(pages_of(row));
  } else if (row.action == TraceAction::kFree) {
    arena.free(std::exchange(copy.live[row.object], VirtAddr(0)));
  }
  if (++copy.next == length()) end_pass(copy, arena);
}

/// What the program never freed ends with it.
void ReplayedLoad::end_pass(Copy& copy, SimulatedArena& arena) {
  for (VirtAddr& address : copy.live) arena.free(std::exchange(address, VirtAddr(0)));
  copy.next = 0;
}

/// Follows the live pages of the copies through a whole pass, with one pass before it.
PageCount ReplayedLoad::find_peak() const {
  std::vector<std::uint64_t> live(length());  // before each row
  std::uint64_t now = 0;
  for (std::size_t i = 0; i < length(); ++i) {
    live[i] = now;
    const TraceStep& row = trace_.steps[i];
    if (row.action == TraceAction::kAllocate) now += pages_of(row).value;
    if (row.action == TraceAction::kFree) now -= pages_of(row).value;
  }
  std::uint64_t most = now;
  for (std::size_t i = 0; i < length(); ++i) {
    // The first copy is at most one row ahead of the others.
    const std::uint64_t first = std::max(live[i], live[(i + 1) % length()]);
    std::uint64_t sum = first;
    for (std::size_t c = 1; c < kCopies; ++c) {
      const std::size_t at = (i + length() * c / kCopies) % length();
      sum += std::max(live[at], live[(at + 1) % length()]);
    }
    most = std::max(most, sum);
  }
  return PageCount(most);
}

}  // namespace vc::compare
