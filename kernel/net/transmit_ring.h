// TransmitRing: frames on their way out. A frame lies in a compound; the card gets its segments.
//
//      frame (a compound)    |----------------------------|
//      segments              [ 12..14 ][ 91 ][ 40 ]            runs of adjacent frames
//      descriptors      ... | s1 | s2 | s3 EOP | ...           chained: one frame
//      infos            ... | 3  |    | memory | ...           a virtual compound, zeroed
//
// The info of a frame's first descriptor says how many it has; that of its last one, which memory
// is to be freed when the card is done. Nothing is copied, and the memory need not be contiguous.
#pragma once

#include "kernel/net/e1000_registers.h"
#include "kernel/net/error.h"
#include "kernel/net/ring.h"

namespace vc::kernel::net {

/// The most segments of a frame: every page on its own, and one more if it starts inside a page.
inline constexpr std::uint32_t kMostSegments = 5;
using FrameSegments = SegmentList<kMostSegments>;

/// See the head of this file. The caller's lock is held, but for open() and close().
class TransmitRing {
 public:
  constexpr TransmitRing() = default;

  /// After a failure nothing is taken.
  NetError open(std::uint32_t descriptors, Report report);
  /// Frees the memory, and the frames that were not sent. The card must have stopped.
  void close();

  PhysAddr start() const { return descriptors_.start(); }
  std::uint32_t free() const { return indices_.free(); }
  std::uint32_t in_flight() const { return indices_.in_flight(); }
  /// Puts a frame into the ring, which has room; `memory` is freed when it was sent.
  void put(const FrameSegments& segments, VirtAddr memory);
  /// What the tail register gets.
  std::uint32_t tail() const { return indices_.next(); }
  /// Takes frames that were sent out of the ring, at most `room`; their memory is the caller's.
  std::uint32_t take_sent(VirtAddr* memory, std::uint32_t room);

 private:
  struct Info {
    VirtAddr memory;            ///< of a frame's last descriptor
    Bytes length;               ///< of the segment
    std::uint32_t descriptors;  ///< of a frame's first descriptor: how many it has
    std::uint32_t uses;
  };
  VirtAddr take_oldest();

  Memory descriptors_;
  Memory infos_;
  RingIndices indices_;
};

}  // namespace vc::kernel::net
