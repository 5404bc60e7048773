// The choices of runs (run_choice.h): one function each.
#pragma once

#include "vcompound/buddy/zone.h"
#include "vcompound/compound/run_choice.h"

namespace vc {

/// A mapped compound on its way: what it still needs of a zone.
struct RunsWanted {
  PageCount all{};     ///< the frames that this zone was asked for
  PageCount left{};    ///< of these, what is missing
  PageCount chunk{};   ///< the frames of a huge page
  Pfn after = kNoPfn;  ///< the end of the run taken last; kNoPfn: none was
};

/// The longest run. The last piece, shorter than a huge page, is what follows the run before it,
/// because that needs no mapping of its own; else the smallest that suffices.
inline PfnRange take_longest(Zone& zone, const RunsWanted& wanted) {
  if (wanted.left < wanted.chunk) {
    if (wanted.after != kNoPfn) {
      const PfnRange more = zone.take_after(wanted.after, wanted.left);
      if (!more.empty()) return more;
    }
    const Pfn last = zone.take(wanted.left);
    if (last != kNoPfn) return {last, wanted.left};
  }
  return zone.take_run(wanted.left, wanted.chunk);
}

/// A small block of at least a kRunBound-th of the request, or of what is left of it; the
/// longest run if there is no such block.
inline PfnRange take_sufficient(Zone& zone, const RunsWanted& wanted) {
  const PageCount share((wanted.all.value + kRunBound - 1) / kRunBound);
  const PfnRange run = zone.take_smallest(share < wanted.left ? share : wanted.left, wanted.left);
  return run.empty() ? take_longest(zone, wanted) : run;
}

/// A small block: where nothing larger lies beside it, if there is such a place.
inline PfnRange take_smallest(Zone& zone, const RunsWanted& wanted) {
  return zone.take_smallest(PageCount(1), wanted.left);
}

/// The next run, at most wanted.left frames; not empty if the zone is not.
inline PfnRange take_next_run(Zone& zone, RunChoice choice, const RunsWanted& wanted) {
  switch (choice) {
    case RunChoice::longest_first: return take_longest(zone, wanted);
    case RunChoice::smallest_sufficient: return take_sufficient(zone, wanted);
    case RunChoice::smallest_first: return take_smallest(zone, wanted);
  }
  return {};
}

}  // namespace vc
