// ReceiveRing: descriptors for the card, and one large pool of buffers behind them.
//
//      descriptors   | 0 | 1 | 2 | 3 | 4 | ...          contiguous: the card reads them
//      infos         | 0 | 1 | 2 | 3 | 4 | ...          a virtual compound: who lies where
//      pool          |###|###|###|#..|   | ...          a virtual compound: n buffers in a row
//                     \_____________/
//                      one frame of 16 KiB in four buffers of 4 KiB
//
// The card gets the physical address of each buffer; the pool may lie anywhere in pieces. For the
// kernel the buffers of a long frame are adjacent all the same, because the pool is one range of
// addresses: nothing is copied to read it as a whole. Only a frame that goes round the end of the
// ring is copied together (into `joined`).
#pragma once

#include "kernel/net/e1000_registers.h"
#include "kernel/net/error.h"
#include "kernel/net/protocol/packet.h"

namespace vc::kernel::net {

/// A frame in the ring. Its bytes are there until it is given back.
struct ReceivedFrame {
  View bytes{};
  Drop drop = Drop::none;         ///< why it must not be used
  std::uint32_t descriptors = 0;  ///< 0: there is no frame
  bool wrapped = false;           ///< it went round the end of the ring
};

/// See the head of this file. Used by one thread; is_ready() by anyone.
class ReceiveRing {
 public:
  constexpr ReceiveRing() = default;

  /// Takes the memory and hands every buffer to the ring; after a failure nothing is taken.
  NetError open(std::uint32_t descriptors, Bytes buffer_size, std::size_t longest_frame,
                Report report);
  /// The card must have stopped.
  void close();

  PhysAddr start() const { return descriptors_.start(); }
  std::uint32_t size() const { return size_; }
  Bytes pool_size() const { return Bytes(size_ * buffer_size_.value); }
  Kind pool_kind() const { return pool_.allocation().kind; }

  /// Has the card finished the next buffer?
  bool is_ready() const;
  /// The next whole frame, if there is one.
  ReceivedFrame next();
  /// The buffers of that frame, the last one that next() gave, can be filled again.
  void give_back(const ReceivedFrame& frame);
  /// The last buffer that the card may fill: what the tail register gets.
  std::uint32_t tail() const { return next_ == 0 ? size_ - 1 : next_ - 1; }

 private:
  /// What the driver knows of a descriptor.
  struct Info {
    PhysAddr physical;
    VirtAddr address;
    std::uint64_t uses;
  };
  NetError take(Report report);
  void arm_all();
  void arm(std::uint32_t index);
  View join(std::size_t length);

  Memory descriptors_;
  Memory infos_;
  Memory pool_;
  Memory joined_;
  std::uint32_t size_ = 0;
  std::uint32_t next_ = 0;
  Bytes buffer_size_{};
  std::size_t longest_frame_ = 0;
};

}  // namespace vc::kernel::net
