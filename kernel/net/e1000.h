// E1000: the driver of the 82540EM.
//
//        thread of the interface                interrupt handler               card
//      +-------------------------+            +---------------------+       +---------+
//      | wait_for_frames() ......|............| wakes it            |<------| RXT0    |
//      | receive(), give_back() -|------------|---------------------|------>| tail    |
//      | send(): segments -------|------------|---------------------|------>| tail    |
//      |   full: waits ..........|............| wakes it;           |<------| TXDW    |
//      +-------------------------+            | frees what was sent |       +---------+
//
// The handler frees the memory of sent frames itself, with kernel::free(): there nothing may block,
// so the allocator keeps what it cannot free at once for a thread to do.
//
// Order of accesses. A descriptor is complete in memory before the tail register says that the card
// may read it: its last store is a release, and x86 does not move a store in front of an earlier
// one, so keeping the compiler in order is enough. In the other direction the status is read first,
// by an acquire, and the rest of the descriptor after it.
//
// Locks: lock_ (rank driver, interrupts off) guards the transmit ring and the sleepers. The receive
// ring belongs to the one thread that calls receive().
#pragma once

#include "kernel/net/card.h"
#include "kernel/net/receive_ring.h"
#include "kernel/net/transmit_ring.h"
#include "kernel/thread/lock.h"
#include "kernel/thread/wait.h"

namespace vc::kernel::net {

struct E1000Options {
  static constexpr std::uint32_t kLeastMtu = 576;
  static constexpr std::uint32_t kMostMtu = 16110;

  std::uint32_t descriptors = 0;  ///< per ring, up to 4096, a multiple of 8; 0: 256
  std::uint32_t mtu = 0;          ///< up to kMostMtu; 0: 1500
  std::uint32_t cpu = 0;          ///< where its interrupts are handled
  Report report = Report::print;  ///< of refused allocations
};

/// What happened since the driver was opened.
struct E1000Counters {
  std::uint64_t interrupts = 0;
  std::uint64_t overruns = 0;  ///< interrupts that said frames were lost
  std::uint64_t received_frames = 0;
  std::uint64_t received_bytes = 0;
  std::uint64_t received_chained = 0;  ///< frames in more than one buffer
  std::uint64_t received_wrapped = 0;  ///< of these, round the end of the ring
  std::uint64_t sent_frames = 0;
  std::uint64_t sent_bytes = 0;
  std::uint64_t sent_segments = 0;
  std::uint64_t sent_mapped = 0;         ///< frames sent out of mapped compounds
  std::uint64_t freed_in_interrupt = 0;  ///< compounds
  std::uint64_t waits_for_room = 0;      ///< times that the transmit ring was full
};

/// See the head of this file.
class E1000 {
 public:
  constexpr E1000() = default;
  E1000(const E1000&) = delete;
  E1000& operator=(const E1000&) = delete;

  /// Looks for the card and maps its registers, which stay mapped; false if there is none.
  bool probe() { return card_.probe(); }
  /// Brings the card up. After a failure everything is as before.
  NetError open(const E1000Options& options);
  /// Lets what is in the ring go out, stops the card, gives all memory back. Nobody sends or
  /// receives any more.
  void close();

  Mac station() const { return station_; }
  std::size_t longest_frame() const { return longest_frame_; }
  const ReceiveRing& receive_ring() const { return receive_; }
  E1000Card& card() { return card_; }
  E1000Counters counters();

  /// Sleeps until there is something to receive, or wake() was called.
  void wait_for_frames();
  /// Ends wait_for_frames(). From any context.
  void wake();
  /// The next frame; one thread only.
  ReceivedFrame receive();
  /// Gives the buffers of a frame to the card again.
  void give_back(const ReceivedFrame& frame);

  /// Sends the first `length` bytes of a compound, which it owns from here on, also if it cannot
  /// send. Waits for room in the ring. What went wrong, if anything.
  Drop send(const Allocation& memory, Bytes length);

 private:
  NetError open_rings(const E1000Options& options);
  void start(std::uint32_t cpu);
  static void on_interrupt(void* context);
  void handle_interrupt();
  std::uint32_t free_sent();
  bool wait_for_room(std::uint32_t descriptors);
  bool post(const FrameSegments& segments, const Allocation& memory, Bytes length);

  E1000Card card_;
  Atomic<std::uint32_t> open_;
  Atomic<std::uint32_t> handlers_;  ///< handlers that run at this moment
  Mac station_{};
  std::size_t longest_frame_ = 0;

  ReceiveRing receive_;
  E1000Counters received_{};  ///< the receiver's counters

  InterruptLock lock_{Rank::driver, "e1000"};
  TransmitRing transmit_;
  WaitQueue frames_;
  WaitQueue room_;
  bool woken_ = false;
  E1000Counters counters_{};  ///< the others
};

/// The first card of the machine.
extern constinit E1000 first_card;

}  // namespace vc::kernel::net
