// RunList: the free runs gathered for one mapped compound, linked through the descriptors of their
// first frames, so that gathering needs no memory.
//
//      first -> [run: pages, next] -> [run: pages, next] -> kNoPfn
#pragma once

#include "vcompound/frame/frame.h"

namespace vc {

/// Runs of frames that were taken from the zones and belong to the holder of the list.
class RunList {
 public:
  explicit RunList(FrameTable frames) : frames_(frames) {}

  /// Adds a run; if it continues the last one, the two become one.
  void push_back(PfnRange run) {
    pages_ += run.count;
    if (last_ != kNoPfn && last_ + frames_[last_].pages() == run.first) {
      frames_[last_].set_pages(frames_[last_].pages() + run.count);
      return;
    }
    frames_[run.first].set_pages(run.count);
    frames_[run.first].set_next(kNoPfn);
    if (first_ == kNoPfn) {
      first_ = run.first;
    } else {
      frames_[last_].set_next(run.first);
    }
    last_ = run.first;
    ++count_;
  }

  PageCount pages() const { return pages_; }
  std::uint64_t count() const { return count_; }
  /// The first run; the list is not empty.
  PfnRange first() const { return {first_, frames_[first_].pages()}; }

  /// Calls visit(run) for each run, in order. The visitor may overwrite the run's descriptors.
  template <class Visitor>
  void for_each(Visitor&& visit) const {
    for (Pfn p = first_; p != kNoPfn;) {
      const PfnRange run{p, frames_[p].pages()};
      p = frames_[p].next();
      visit(run);
    }
  }

 private:
  FrameTable frames_;
  Pfn first_ = kNoPfn;
  Pfn last_ = kNoPfn;
  PageCount pages_{};
  std::uint64_t count_ = 0;
};

}  // namespace vc
