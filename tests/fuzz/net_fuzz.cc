// libFuzzer target of the kernel's protocols: whatever the frame, it is dropped with a reason, or
// answered with a frame that is right by itself.
//
// The first byte of the input says what is made right before the frame is looked at, so that the
// fuzzer also gets behind the checksums: bit 0 the hardware address, bit 1 the IPv4 addresses and
// header checksum, bit 2 the checksum of UDP or ICMP.
#include <cstdlib>
#include <cstring>
#include <vector>

#include "tests/unit/net_frames.h"

namespace {

using namespace vc::kernel::net;

void require(bool condition) {
  if (!condition) std::abort();
}

void repair_transport(Frame& frame) {
  const std::size_t at = kEthernetHeader + std::size_t{frame[kEthernetHeader]} % 16 * 4;
  const std::size_t end = kEthernetHeader + read16(frame.data() + kEthernetHeader + 2);
  if (at + 8 > frame.size() || end > frame.size() || end < at + 8) return;
  if (frame[kEthernetHeader + 9] == 17) {
    const std::size_t length = read16(frame.data() + at + 4);
    if (length > end - at) return;
    write16(frame.data() + at + 6, 0);
    const std::uint16_t sum = udp_pseudo_header(kPeerAddress, kGuestAddress, length)
                                  .add({frame.data() + at, length})
                                  .finish();
    write16(frame.data() + at + 6, sum == 0 ? 0xffff : sum);
  }
  if (frame[kEthernetHeader + 9] == 1) {
    write16(frame.data() + at + 2, 0);
    write16(frame.data() + at + 2, Checksum().add({frame.data() + at, end - at}).finish());
  }
}

void repair(Frame& frame, unsigned what) {
  if ((what & 1) != 0 && frame.size() >= kEthernetHeader) kGuest.write(frame.data());
  if (frame.size() < kEthernetHeader + 60) return;
  if ((what & 2) != 0) {
    write32(frame.data() + kEthernetHeader + 12, kPeerAddress.value);
    write32(frame.data() + kEthernetHeader + 16, kGuestAddress.value);
    repair_ip(frame);
  }
  if ((what & 4) != 0) repair_transport(frame);
}

bool same(View a, View b) {
  return a.size == b.size && (a.size == 0 || std::memcmp(a.data, b.data, a.size) == 0);
}

/// Reads the answer as its receiver would; it must be right, and carry the request's payload.
void check_answer(const Plan& plan, const Frame& answer) {
  EthernetFrame frame;
  require(read_ethernet(view(answer), frame) == Drop::none);
  require(frame.to == plan.to && frame.from == kGuest);
  if (plan.action == Plan::Action::arp) {
    ArpMessage message;
    require(read_arp(frame.payload, message) == Drop::none);
    require(message.operation == ArpOperation::reply && message.sender == kGuest);
    return;
  }
  IpPacket ip;
  require(read_ip(frame.payload, ip) == Drop::none);
  require(ip.from == kGuestAddress && ip.to == plan.to_address);
  if (plan.action == Plan::Action::udp) {
    UdpDatagram udp;
    require(read_udp(ip, udp) == Drop::none);
    require(udp.to_port == plan.udp.from_port && same(udp.payload, plan.udp.payload));
  } else {
    IcmpEcho echo;
    require(read_icmp(ip.payload, echo) == Drop::none);
    require(echo.type == IcmpType::echo_reply && same(echo.payload, plan.icmp.payload));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  Frame request(data + 1, data + size);
  request.shrink_to_fit();
  repair(request, data[0]);
  ArpCache cache;
  const Plan plan = examine(kIdentity, cache, view(request));
  require(plan.drop == Drop::none || plan.action == Plan::Action::nothing);
  if (plan.action == Plan::Action::nothing) return 0;
  require(plan.length >= kShortestFrame && plan.length <= kIdentity.longest_frame);
  Frame answer(plan.length);
  write_answer(kIdentity, plan, 1, answer.data());
  check_answer(plan, answer);
  return 0;
}
