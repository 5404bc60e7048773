#include "kernel/net/receive_ring.h"

namespace vc::kernel::net {

NetError ReceiveRing::open(std::uint32_t descriptors, Bytes buffer_size, std::size_t longest_frame,
                           Report report) {
  size_ = descriptors;
  next_ = 0;
  buffer_size_ = buffer_size;
  longest_frame_ = longest_frame;
  const NetError error = take(report);
  if (error.failed()) {
    close();
  } else {
    arm_all();
  }
  return error;
}

NetError ReceiveRing::take(Report report) {
  NetError error = descriptors_.take("receive descriptors",
                                     {.size = Bytes(size_ * sizeof(ReceiveDescriptor)),
                                      .contiguity = Contiguity::required,
                                      .zero = Zero::yes},
                                     report);
  if (error.failed()) return error;
  error = infos_.take("receive buffer infos",
                      {.size = Bytes(size_ * sizeof(Info)), .zero = Zero::yes}, report);
  if (error.failed()) return error;
  error = pool_.take("receive buffers", {.size = pool_size()}, report);
  if (error.failed()) return error;
  return joined_.take("room to join a frame", {.size = Bytes(kLongestFrame)}, report);
}

void ReceiveRing::close() {
  joined_.give_back();
  pool_.give_back();
  infos_.give_back();
  descriptors_.give_back();
}

/// Tells each descriptor where its buffer lies: the runs of the pool, cut into buffers.
void ReceiveRing::arm_all() {
  std::uint32_t index = 0;
  arena().allocator.for_each_extent(pool_.allocation().head, [&](PfnRange run) {
    PhysAddr at(run.first.value << 12);
    const PhysAddr end(run.end().value << 12);
    for (; at < end && index < size_; at += buffer_size_, ++index) {
      const VirtAddr address = pool_.allocation().address + buffer_size_ * index;
      infos_.as<Info>()[index] = {at, address, 0};
      arm(index);
    }
  });
}

void ReceiveRing::arm(std::uint32_t index) {
  Info& info = infos_.as<Info>()[index];
  ReceiveDescriptor& descriptor = descriptors_.as<ReceiveDescriptor>()[index];
  ++info.uses;
  descriptor.buffer = info.physical.value;
  descriptor.length = 0;
  descriptor.errors = 0;
  __atomic_store_n(&descriptor.status, std::uint8_t{0}, __ATOMIC_RELEASE);
}

bool ReceiveRing::is_ready() const {
  const ReceiveDescriptor& descriptor = descriptors_.as<ReceiveDescriptor>()[next_];
  return (__atomic_load_n(&descriptor.status, __ATOMIC_ACQUIRE) & kDone) != 0;
}

ReceivedFrame ReceiveRing::next() {
  ReceivedFrame frame;
  std::size_t length = 0;
  std::uint32_t index = next_;
  bool last = false;
  for (std::uint32_t count = 1; count < size_ && !last; ++count) {
    const ReceiveDescriptor& descriptor = descriptors_.as<ReceiveDescriptor>()[index];
    const std::uint8_t status = __atomic_load_n(&descriptor.status, __ATOMIC_ACQUIRE);
    if ((status & kDone) == 0) return {};  // the rest is still to come
    last = (status & kLastReceived) != 0;
    const std::uint16_t part = descriptor.length;
    // What the card says is not believed: a length must fit its buffer, and only the last may
    // leave room.
    if (descriptor.errors != 0 || part > buffer_size_.value ||
        (!last && part != buffer_size_.value)) {
      frame.drop = Drop::receive_error;
    }
    length += part;
    index = index + 1 == size_ ? 0 : index + 1;
    frame.descriptors = count;
  }
  if (!last) frame.drop = Drop::receive_error;  // a frame as long as the whole ring
  frame.wrapped = frame.descriptors > size_ - next_;
  if (frame.drop == Drop::none && length > longest_frame_) frame.drop = Drop::receive_too_long;
  if (frame.drop == Drop::none) {
    frame.bytes = frame.wrapped
                      ? join(length)
                      : View{pointer<std::uint8_t>(infos_.as<Info>()[next_].address), length};
  }
  return frame;
}

/// Copies the two parts of a frame together that goes round the end of the ring.
View ReceiveRing::join(std::size_t length) {
  const std::size_t first = (size_ - next_) * buffer_size_.value;
  const Info* infos = infos_.as<Info>();
  auto* out = joined_.as<std::uint8_t>();
  copy_bytes(out, {pointer<std::uint8_t>(infos[next_].address), first});
  copy_bytes(out + first, {pointer<std::uint8_t>(infos[0].address), length - first});
  return {out, length};
}

void ReceiveRing::give_back(const ReceivedFrame& frame) {
  for (std::uint32_t i = 0; i < frame.descriptors; ++i) {
    arm(next_);
    next_ = next_ + 1 == size_ ? 0 : next_ + 1;
  }
}

}  // namespace vc::kernel::net
