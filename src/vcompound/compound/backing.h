// CompoundAllocator: memory behind frames, and zeros in it.
#pragma once

#include "vcompound/compound/allocator.h"

namespace vc {

/// Puts memory behind a run, and zeros into it if they are wanted. This is the one place where both
/// kinds of compound are zeroed. Freshly committed units are zero already.
template <Platform P>
bool CompoundAllocator<P>::back(PfnRange run, Zero wanted, Attempt& attempt) {
  const bool zero = wanted == Zero::yes;
  if (commits_.committed(run)) {
    if (zero) p_.zero({direct_address(run.first), frame_size().bytes(run.count)});
    return true;
  }
  if (attempt.may_block == MayBlock::no) {
    fail_uncommitted(attempt);
    return false;
  }
  const std::uint64_t end = commits_.unit_of(run.end() - PageCount(1)) + 1;
  std::uint64_t unit = commits_.unit_of(run.first);
  while (unit != end) {
    if (!commits_.committed(unit)) {
      const PlatformStatus status = commit_row(unit, end);
      if (status.ok()) continue;
      attempt.fail(status);
      return false;
    }
    if (zero) zero_part(commits_.frames_of(unit), run);
    ++unit;
  }
  return true;
}

template <Platform P>
void CompoundAllocator<P>::fail_uncommitted(Attempt& attempt) {
  attempt.fail(
      {Reason::context, 0, "the frames have no memory yet, and giving them some may block"});
}

template <Platform P>
void CompoundAllocator<P>::zero_part(PfnRange unit, PfnRange run) {
  const Pfn first = unit.first > run.first ? unit.first : run.first;
  const Pfn end = unit.end() < run.end() ? unit.end() : run.end();
  p_.zero({direct_address(first), frame_size().bytes(end - first)});
}

/// Commits a row of uncommitted units from `unit` on, below `end`; advances `unit` past what is
/// fresh and therefore zero. If another caller was faster, `unit` stays where it is.
template <Platform P>
PlatformStatus CompoundAllocator<P>::commit_row(std::uint64_t& unit, std::uint64_t end) {
  Guard guard(commit_lock_);
  if (commits_.committed(unit)) return {};
  PfnRange row = commits_.frames_of(unit);
  std::uint64_t next = unit + 1;
  const PageCount whole = commits_.unit();
  while (row.count.value % whole.value == 0 && next != end && !commits_.committed(next) &&
         commits_.frames_of(next).count == whole) {
    row.count += whole;
    ++next;
  }
  const PlatformStatus status = p_.commit(row);
  if (!status.ok()) return status;
  committed_pages_.fetch_add(row.count.value);
  bring_in_descriptors(row);
  for (; unit != next; ++unit) commits_.set(unit);
  return {};
}

/// Frames that have memory have descriptors that are there: a page fault at the first use of each
/// few hundred of them was what the slowest allocations took most of their time for.
template <Platform P>
void CompoundAllocator<P>::bring_in_descriptors(PfnRange frames) {
  p_.bring_in(&frames_[frames.first], FrameTable::size_of(frames.count));
}

}  // namespace vc
