#include "kernel/net/e1000.h"

#include "kernel/arch/machine.h"
#include "kernel/thread/thread.h"
#include "vcompound/base/lock.h"

namespace vc::kernel::net {
namespace {

constexpr std::uint32_t kUsualDescriptors = 256;
constexpr std::uint32_t kUsualMtu = 1500;
constexpr std::uint64_t kPatienceForRoom = 2'000'000;  ///< microseconds
constexpr std::uint32_t kFreedAtOnce = 32;

}  // namespace

constinit E1000 first_card;

// ---- opening and closing ------------------------------------------------------------------------

NetError E1000::open(const E1000Options& options) {
  const std::uint32_t mtu = options.mtu == 0 ? kUsualMtu : options.mtu;
  if (mtu < E1000Options::kLeastMtu || mtu > E1000Options::kMostMtu) {
    return {"an mtu from 576 to 16110", Reason::invalid, Bytes(mtu)};
  }
  if (open_.load_acquire() != 0) return {"a card that is not open yet", Reason::invalid, {}};
  if (options.cpu >= cpu_count()) return {"a CPU that is online", Reason::invalid, {}};
  if (!card_.probe()) return {"a network card (8086:100e)", Reason::none, {}};
  card_.reset();
  longest_frame_ = kEthernetHeader + mtu;
  received_ = {};
  counters_ = {};
  woken_ = false;
  const NetError error = open_rings(options);
  if (error.failed()) return error;
  station_ = card_.station();
  if (!card_.raise_link()) {
    transmit_.close();
    receive_.close();
    return {"the link", Reason::none, {}};
  }
  start(options.cpu);
  return {};
}

/// Connects the interrupt, then lets the card go.
void E1000::start(std::uint32_t cpu) {
  open_.store_release(1);
  connect_interrupt(card_.interrupt_line(), cpu, &E1000::on_interrupt, this);
  const bool jumbo = longest_frame_ > kEthernetHeader + kUsualMtu;
  card_.start(receive_.start(), transmit_.start(), receive_.size(),
              receive::kBroadcast | receive::kStripChecksum |
                  (jumbo ? receive::kBuffers4K | receive::kLongFrames : receive::kBuffers2K));
}

NetError E1000::open_rings(const E1000Options& options) {
  const std::uint32_t count = options.descriptors == 0 ? kUsualDescriptors : options.descriptors;
  if (count < kLeastDescriptors || count > kMostDescriptors || count % 8 != 0) {
    return {"8 to 4096 descriptors, a multiple of 8", Reason::invalid, Bytes(count)};
  }
  const Bytes buffer(longest_frame_ > kEthernetHeader + kUsualMtu ? 4096 : 2048);
  NetError error = receive_.open(count, buffer, longest_frame_, options.report);
  if (error.failed()) return error;
  error = transmit_.open(count, options.report);
  if (error.failed()) receive_.close();
  return error;
}

void E1000::close() {
  {
    Guard guard(lock_);
    wait_for_room(receive_.size() - 1);  // that many are free when nothing is in flight
  }
  card_.stop();
  disconnect_interrupt(card_.interrupt_line());
  open_.store_release(0);
  full_barrier();  // a handler that comes later sees that; one that is at work is seen here
  while (handlers_.load_acquire() != 0) yield();
  transmit_.close();
  receive_.close();
}

E1000Counters E1000::counters() {
  Guard guard(lock_);
  E1000Counters all = counters_;
  all.received_frames = received_.received_frames;
  all.received_bytes = received_.received_bytes;
  all.received_chained = received_.received_chained;
  all.received_wrapped = received_.received_wrapped;
  return all;
}

// ---- interrupts ---------------------------------------------------------------------------------

void E1000::on_interrupt(void* context) { static_cast<E1000*>(context)->handle_interrupt(); }

void E1000::handle_interrupt() {
  handlers_.fetch_add(1);
  full_barrier();
  if (open_.load_acquire() != 0) {
    const std::uint32_t why = card_.cause();
    if (why != 0) {
      const std::uint32_t freed = free_sent();
      Guard guard(lock_);
      ++counters_.interrupts;
      counters_.freed_in_interrupt += freed;
      if ((why & cause::kReceiveOverrun) != 0) ++counters_.overruns;
      frames_.wake_all();
      if (freed != 0) room_.wake_all();
    }
  }
  handlers_.fetch_sub(1);
}

/// Frees the memory of all frames that were sent; the lock is not held while it does.
std::uint32_t E1000::free_sent() {
  VirtAddr sent[kFreedAtOnce];
  std::uint32_t freed = 0;
  std::uint32_t count = 0;
  do {
    {
      Guard guard(lock_);
      count = transmit_.take_sent(sent, kFreedAtOnce);
    }
    for (std::uint32_t i = 0; i < count; ++i) kernel::free(sent[i]);
    freed += count;
  } while (count == kFreedAtOnce);
  return freed;
}

// ---- receiving ----------------------------------------------------------------------------------

void E1000::wait_for_frames() {
  Guard guard(lock_);
  // The condition is in memory that the card writes; the interrupt comes after it.
  while (!receive_.is_ready() && !woken_) frames_.wait(lock_);
  woken_ = false;
}

void E1000::wake() {
  Guard guard(lock_);
  woken_ = true;
  frames_.wake_all();
}

ReceivedFrame E1000::receive() {
  const ReceivedFrame frame = receive_.next();
  if (frame.descriptors != 0) {
    ++received_.received_frames;
    received_.received_bytes += frame.bytes.size;
    if (frame.descriptors > 1) ++received_.received_chained;
    if (frame.wrapped) ++received_.received_wrapped;
  }
  return frame;
}

void E1000::give_back(const ReceivedFrame& frame) {
  receive_.give_back(frame);
  compiler_barrier();
  card_.set_receive_tail(receive_.tail());
}

// ---- sending ------------------------------------------------------------------------------------

/// Sleeps until that many descriptors are free; false if that takes too long. The lock is held.
bool E1000::wait_for_room(std::uint32_t descriptors) {
  while (transmit_.free() < descriptors) {
    if (!room_.wait_for(lock_, kPatienceForRoom)) return transmit_.free() >= descriptors;
  }
  return true;
}

/// Puts a frame into the ring and tells the card; false if the ring stays full.
bool E1000::post(const FrameSegments& segments, const Allocation& memory, Bytes length) {
  Guard guard(lock_);
  if (transmit_.free() < segments.count) ++counters_.waits_for_room;
  if (!wait_for_room(segments.count)) return false;
  transmit_.put(segments, memory.address);
  ++counters_.sent_frames;
  counters_.sent_bytes += length.value;
  counters_.sent_segments += segments.count;
  if (memory.kind == Kind::mapped) ++counters_.sent_mapped;
  compiler_barrier();
  card_.set_transmit_tail(transmit_.tail());
  return true;
}

Drop E1000::send(const Allocation& memory, Bytes length) {
  const auto& allocator = arena().allocator;
  const FrameSegments segments =
      segments_of<kMostSegments>(Bytes(0), length, kLongestSegment,
                                 [&](PageCount n) { return allocator.nth_page(memory.head, n); });
  const bool fits = segments.complete && segments.count != 0;
  if (fits && post(segments, memory, length)) return Drop::none;
  kernel::free(memory.address);
  return fits ? Drop::no_descriptors : Drop::reply_too_long;
}

}  // namespace vc::kernel::net
