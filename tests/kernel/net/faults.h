// A bad wire: drops, duplicates, reorders, truncates and corrupts frames, by a repeatable sequence.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "tests/kernel/net/wire.h"
#include "vcompound/base/random.h"

namespace vc::peer {

/// Probabilities, each from 0 to 1. At most one of drop, truncate and corrupt befalls a frame.
struct FaultRates {
  double drop = 0;
  double duplicate = 0;
  double reorder = 0;
  double truncate = 0;
  double corrupt = 0;
};

struct FaultCounts {
  std::uint64_t dropped = 0;
  std::uint64_t duplicated = 0;
  std::uint64_t reordered = 0;
  std::uint64_t truncated = 0;
  std::uint64_t corrupted = 0;
};

/// What became of a frame: how many whole copies arrive, and does a damaged one?
struct Fate {
  std::uint32_t whole_copies = 0;
  bool damaged = false;
};

/// The wire. Frames go in one by one; what comes out is taken from the front.
class BadWire {
 public:
  BadWire(const FaultRates& rates, std::uint64_t seed) : rates_(rates), random_(seed) {}

  Fate put(Bytes frame);
  /// The next frame at the other end; nullptr if there is none at present.
  const Bytes* front() const { return ready_.empty() ? nullptr : &ready_.front(); }
  void pop() { ready_.pop_front(); }
  /// Lets go of the frames that are held back to come later than others.
  void flush();
  const FaultCounts& counts() const { return counts_; }

 private:
  struct Held {
    Bytes frame;
    std::uint64_t frames_to_pass;
  };
  bool happens(double probability);
  void pass(Bytes frame);
  Bytes truncated(const Bytes& frame);
  Bytes corrupted(Bytes frame);

  FaultRates rates_;
  Random random_;
  std::deque<Bytes> ready_;
  std::vector<Held> held_;
  FaultCounts counts_;
};

}  // namespace vc::peer
