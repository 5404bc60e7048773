// A load that was recorded: copies of one trace, each at another place in it, over and over.
//
// A trace ends with nothing live, and a second pass would find fresh memory. So two copies run, one
// half a trace behind the other: while one begins, what the other holds keeps the memory in pieces.
#pragma once

#include <vector>

#include "bench/compare/simulation/simulated_arena.h"
#include "tools/trace/trace.h"

namespace vc::compare {

class ReplayedLoad {
 public:
  static constexpr std::size_t kCopies = 2;

  explicit ReplayedLoad(const Trace& trace);
  /// The most pages that are in use at one time.
  PageCount peak() const { return peak_; }
  /// Rows of the trace.
  std::size_t length() const { return trace_.steps.size(); }
  /// The next row, of each copy.
  void step(SimulatedArena& arena);

 private:
  struct Copy {
    std::size_t next = 0;
    std::vector<VirtAddr> live{};  ///< by object; 0: not live
  };

  void step(Copy& copy, SimulatedArena& arena);
  void end_pass(Copy& copy, SimulatedArena& arena);
  PageCount find_peak() const;

  const Trace& trace_;
  Copy copies_[kCopies];
  PageCount peak_{};
};

}  // namespace vc::compare
