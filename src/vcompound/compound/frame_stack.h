// FrameStack: a lock-free stack of compounds, linked through the descriptors of their heads.
//
//      top -> [head A] -> [head B] -> [head C] -> kNoPfn        link: Frame::next()
//
// push() is one compare-and-swap in a loop and may be called anywhere, also in an interrupt or a
// signal handler. Nothing is ever popped alone: take_all() takes the whole chain by one exchange,
// so the ABA problem cannot arise. The links are outside the memory that is being freed, so a
// caller who still writes there, or frees twice, cannot corrupt the stack.
#pragma once

#include "vcompound/base/atomic.h"
#include "vcompound/frame/frame.h"

namespace vc {

/// A stack of compounds that wait for a context that may block.
class FrameStack {
 public:
  /// Adds a compound that the caller owns. Lock-free.
  void push(FrameTable frames, Pfn head, PageCount pages) {
    std::uint32_t top = top_.load_relaxed();
    do {
      frames[head].set_next(Pfn(top));
    } while (!top_.compare_exchange(top, static_cast<std::uint32_t>(head.value)));
    pages_.fetch_add(pages.value);
  }

  /// Takes the whole chain; follow it by Frame::next() until kNoPfn. The caller then takes what it
  /// found off the count by removed().
  Pfn take_all() { return Pfn(top_.exchange(static_cast<std::uint32_t>(kNoPfn.value))); }

  /// The pages of a compound that was taken now are elsewhere.
  void removed(PageCount pages) { pages_.fetch_sub(pages.value); }

  /// Was nothing pushed since take_all()?
  bool empty() const { return top_.load_relaxed() == kNoPfn.value; }
  /// The pages of the compounds that wait, including those taken and not yet removed().
  PageCount pages() const { return PageCount(pages_.load_relaxed()); }

 private:
  Atomic<std::uint32_t> top_{static_cast<std::uint32_t>(kNoPfn.value)};
  Atomic<std::uint64_t> pages_;
};

}  // namespace vc
