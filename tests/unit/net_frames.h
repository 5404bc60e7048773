// Frames for tests of the kernel's protocols.
#pragma once

#include <string>
#include <vector>

#include "kernel/net/protocol/responder.h"

namespace vc::kernel::net {

using Frame = std::vector<std::uint8_t>;

inline constexpr Mac kGuest{{0x52, 0x54, 0x00, 0x12, 0x34, 0x56}};
inline constexpr Mac kPeer{{0x52, 0x54, 0x00, 0xaa, 0xbb, 0xcc}};
inline constexpr Ipv4 kGuestAddress = Ipv4::of(10, 0, 2, 15);
inline constexpr Ipv4 kPeerAddress = Ipv4::of(10, 0, 2, 2);
inline constexpr Identity kIdentity{kGuest, kGuestAddress, kEthernetHeader + 16110};

inline View view(const Frame& frame) { return {frame.data(), frame.size()}; }

inline Frame arp_frame(const ArpMessage& message, Mac to = Mac::broadcast(), Mac from = kPeer) {
  Frame frame(kEthernetHeader + kArpMessage);
  write_ethernet(frame.data(), to, from, EtherType::arp);
  write_arp(frame.data() + kEthernetHeader, message);
  return frame;
}

inline Frame arp_request() {
  return arp_frame({ArpOperation::request, kPeer, kPeerAddress, Mac{}, kGuestAddress});
}

inline Frame ip_frame(IpProtocol protocol, std::size_t payload, Ipv4 from = kPeerAddress,
                      Ipv4 to = kGuestAddress) {
  Frame frame(kEthernetHeader + kIpHeader + payload);
  write_ethernet(frame.data(), kGuest, kPeer, EtherType::ipv4);
  write_ip(frame.data() + kEthernetHeader, from, to, protocol, payload, 1);
  return frame;
}

inline Frame udp_frame(const Frame& payload, std::uint16_t to_port = kEchoPort,
                       std::uint16_t from_port = 4000, Ipv4 from = kPeerAddress,
                       Ipv4 to = kGuestAddress) {
  Frame frame = ip_frame(IpProtocol::udp, kUdpHeader + payload.size(), from, to);
  write_udp(frame.data() + kEthernetHeader + kIpHeader, from, to,
            {from_port, to_port, view(payload)});
  return frame;
}

inline Frame ping_frame(const Frame& payload, IcmpType type = IcmpType::echo_request) {
  Frame frame = ip_frame(IpProtocol::icmp, kIcmpHeader + payload.size());
  write_icmp(frame.data() + kEthernetHeader + kIpHeader, {type, 17, 3, view(payload)});
  return frame;
}

inline Frame bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

/// Makes the header's checksum right again after a change.
inline void repair_ip(Frame& frame) {
  std::uint8_t* ip = frame.data() + kEthernetHeader;
  write16(ip + 10, 0);
  write16(ip + 10, Checksum().add({ip, std::size_t{ip[0]} % 16 * 4}).finish());
}

}  // namespace vc::kernel::net
