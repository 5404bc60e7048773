#include "kernel/net/transmit_ring.h"

namespace vc::kernel::net {

NetError TransmitRing::open(std::uint32_t descriptors, Report report) {
  indices_ = RingIndices(descriptors);
  NetError error = descriptors_.take("transmit descriptors",
                                     {.size = Bytes(descriptors * sizeof(TransmitDescriptor)),
                                      .contiguity = Contiguity::required,
                                      .zero = Zero::yes},
                                     report);
  if (error.failed()) return error;
  error = infos_.take("transmit buffer infos",
                      {.size = Bytes(descriptors * sizeof(Info)), .zero = Zero::yes}, report);
  if (error.failed()) close();
  return error;
}

void TransmitRing::close() {
  while (indices_.in_flight() != 0) kernel::free(take_oldest());
  infos_.give_back();
  descriptors_.give_back();
}

void TransmitRing::put(const FrameSegments& segments, VirtAddr memory) {
  std::uint32_t index = indices_.next();
  for (std::uint32_t i = 0; i < segments.count; ++i) {
    const bool last = i + 1 == segments.count;
    const Segment& segment = segments.segments[i];
    Info& info = infos_.as<Info>()[index];
    info = {last ? memory : VirtAddr(0), segment.size, i == 0 ? segments.count : 0, info.uses + 1};
    TransmitDescriptor& descriptor = descriptors_.as<TransmitDescriptor>()[index];
    descriptor = {};
    descriptor.buffer = segment.start.value;
    descriptor.length = static_cast<std::uint16_t>(segment.size.value);
    descriptor.command = last ? kLastSent | kInsertChecksum | kReportStatus : kInsertChecksum;
    index = indices_.after(index);
  }
  indices_.produce(segments.count);
}

/// Takes the oldest frame out of the ring, sent or not.
VirtAddr TransmitRing::take_oldest() {
  const Info* infos = infos_.as<Info>();
  const std::uint32_t count = infos[indices_.clean()].descriptors;
  const VirtAddr memory = infos[indices_.after(indices_.clean(), count - 1)].memory;
  indices_.consume(count);
  return memory;
}

std::uint32_t TransmitRing::take_sent(VirtAddr* memory, std::uint32_t room) {
  const Info* infos = infos_.as<Info>();
  const TransmitDescriptor* descriptors = descriptors_.as<TransmitDescriptor>();
  std::uint32_t taken = 0;
  while (taken < room && indices_.in_flight() != 0) {
    const std::uint32_t count = infos[indices_.clean()].descriptors;
    const std::uint32_t last = indices_.after(indices_.clean(), count - 1);
    if ((__atomic_load_n(&descriptors[last].status, __ATOMIC_ACQUIRE) & kDone) == 0) break;
    memory[taken++] = take_oldest();
  }
  return taken;
}

}  // namespace vc::kernel::net
