// The packets that the kernel understands: Ethernet, ARP, IPv4, ICMP echo and UDP; reading them
// with suspicion, and writing them. Pure: tested and fuzzed on the host.
//
//      0        6        12   14                    34          42
//      +--------+--------+----+---------------------+-----------+------------------
//      | to     | from   |type| IPv4, 20 + options  | UDP, 8    | payload
//      +--------+--------+----+---------------------+-----------+------------------
//                                                   | ICMP echo, 8 | payload
//                             | ARP, 28 |
//
// Each reader gets exactly the bytes of its layer, says `none` and fills its result, or says why
// the packet is dropped. No reader looks behind its bytes, whatever lengths the packet claims.
#pragma once

#include "kernel/net/protocol/bytes.h"

namespace vc::kernel::net {

/// Why a frame was dropped.
enum class Drop : std::uint8_t {
  none,
  frame_short,       ///< no room for an Ethernet header
  frame_not_ours,    ///< for another station
  frame_source,      ///< from a group address
  frame_type,        ///< neither ARP nor IPv4
  arp_short,         ///< shorter than an ARP message
  arp_format,        ///< not for Ethernet and IPv4, or neither request nor reply
  arp_sender,        ///< the sender names another station than the frame's, or no host
  arp_not_ours,      ///< asks for somebody else
  ip_short,          ///< shorter than an IPv4 header
  ip_version,        ///< not version 4
  ip_header_length,  ///< a header shorter than the least, or longer than the packet
  ip_total_length,   ///< a total length shorter than the header, or longer than the frame
  ip_checksum,
  ip_fragment,  ///< fragments are not put together here
  ip_source,    ///< from an address that no host can have, or from our own
  ip_not_ours,  ///< for another host
  ip_protocol,  ///< neither ICMP nor UDP
  icmp_short,
  icmp_checksum,
  icmp_type,  ///< not an echo request
  udp_short,
  udp_length,    ///< a length shorter than the header, or longer than the packet
  udp_unsummed,  ///< without a checksum, which is allowed, but proves nothing
  udp_checksum,
  udp_source,        ///< from port 0 or 7: the answer could start a loop
  udp_port,          ///< to a port where nobody listens
  reply_too_long,    ///< the answer would not fit into a frame of this interface
  no_memory,         ///< no memory for the answer
  no_descriptors,    ///< the transmit ring stayed full
  receive_error,     ///< the card reported an error, or an impossible length
  receive_too_long,  ///< longer than this interface's frames
};
inline constexpr std::uint32_t kDropCount = static_cast<std::uint32_t>(Drop::receive_too_long) + 1;

/// A short stable name of a reason.
inline const char* name_of(Drop drop) {
  static constexpr const char* kNames[] = {
      "none",          "frame_short",      "frame_not_ours",  "frame_source", "frame_type",
      "arp_short",     "arp_format",       "arp_sender",      "arp_not_ours", "ip_short",
      "ip_version",    "ip_header_length", "ip_total_length", "ip_checksum",  "ip_fragment",
      "ip_source",     "ip_not_ours",      "ip_protocol",     "icmp_short",   "icmp_checksum",
      "icmp_type",     "udp_short",        "udp_length",      "udp_unsummed", "udp_checksum",
      "udp_source",    "udp_port",         "reply_too_long",  "no_memory",    "no_descriptors",
      "receive_error", "receive_too_long"};
  static_assert(sizeof kNames / sizeof kNames[0] == kDropCount);
  return kNames[static_cast<std::uint32_t>(drop)];
}

// ---- Ethernet -----------------------------------------------------------------------------------

inline constexpr std::size_t kEthernetHeader = 14;
/// The shortest frame, without its check sequence; shorter ones are padded with zeros.
inline constexpr std::size_t kShortestFrame = 60;
/// The longest frame of the card, without its check sequence.
inline constexpr std::size_t kLongestFrame = 16384;
enum class EtherType : std::uint16_t { ipv4 = 0x0800, arp = 0x0806 };

struct EthernetFrame {
  Mac to, from;
  std::uint16_t type = 0;
  View payload;
};

inline Drop read_ethernet(View frame, EthernetFrame& out) {
  if (frame.size < kEthernetHeader) return Drop::frame_short;
  out = {Mac::read(frame.data), Mac::read(frame.data + 6), read16(frame.data + 12),
         frame.from(kEthernetHeader)};
  return out.from.is_group() ? Drop::frame_source : Drop::none;
}

inline void write_ethernet(std::uint8_t* out, Mac to, Mac from, EtherType type) {
  to.write(out);
  from.write(out + 6);
  write16(out + 12, static_cast<std::uint16_t>(type));
}

// ---- ARP ----------------------------------------------------------------------------------------

inline constexpr std::size_t kArpMessage = 28;
enum class ArpOperation : std::uint16_t { request = 1, reply = 2 };

struct ArpMessage {
  ArpOperation operation = ArpOperation::request;
  Mac sender;
  Ipv4 sender_address;
  Mac target;
  Ipv4 target_address;
};

inline Drop read_arp(View packet, ArpMessage& out) {
  if (packet.size < kArpMessage) return Drop::arp_short;
  const std::uint8_t* p = packet.data;
  const std::uint16_t operation = read16(p + 6);
  const bool usual = read16(p) == 1 && read16(p + 2) == 0x0800 && p[4] == 6 && p[5] == 4;
  if (!usual || (operation != 1 && operation != 2)) return Drop::arp_format;
  out = {ArpOperation{operation},
         Mac::read(p + 8),
         {read32(p + 14)},
         Mac::read(p + 18),
         {read32(p + 24)}};
  return out.sender.is_group() || !out.sender_address.is_a_host() ? Drop::arp_sender : Drop::none;
}

inline void write_arp(std::uint8_t* out, const ArpMessage& message) {
  write16(out, 1);
  write16(out + 2, 0x0800);
  out[4] = 6;
  out[5] = 4;
  write16(out + 6, static_cast<std::uint16_t>(message.operation));
  message.sender.write(out + 8);
  write32(out + 14, message.sender_address.value);
  message.target.write(out + 18);
  write32(out + 24, message.target_address.value);
}

// ---- IPv4 ---------------------------------------------------------------------------------------

inline constexpr std::size_t kIpHeader = 20;
enum class IpProtocol : std::uint8_t { icmp = 1, udp = 17 };

struct IpPacket {
  Ipv4 from, to;
  std::uint8_t protocol = 0;
  View payload;  ///< without what the frame has behind the packet
};

inline Drop read_ip(View packet, IpPacket& out) {
  if (packet.size < kIpHeader) return Drop::ip_short;
  const std::uint8_t* p = packet.data;
  if (p[0] >> 4 != 4) return Drop::ip_version;
  const std::size_t header = std::size_t{p[0]} % 16 * 4;
  if (header < kIpHeader || header > packet.size) return Drop::ip_header_length;
  const std::size_t total = read16(p + 2);
  if (total < header || total > packet.size) return Drop::ip_total_length;
  if (Checksum().add(packet.first(header)).finish() != 0) return Drop::ip_checksum;
  if ((read16(p + 6) & 0x3fff) != 0) return Drop::ip_fragment;  // more to come, or not the first
  out = {{read32(p + 12)}, {read32(p + 16)}, p[9], packet.first(total).from(header)};
  return out.from.is_a_host() ? Drop::none : Drop::ip_source;
}

/// Writes a header without options for a payload of that size; a whole datagram, not to be cut.
inline void write_ip(std::uint8_t* out, Ipv4 from, Ipv4 to, IpProtocol protocol,
                     std::size_t payload, std::uint16_t identification) {
  out[0] = 0x45;
  out[1] = 0;
  write16(out + 2, static_cast<std::uint32_t>(kIpHeader + payload));
  write16(out + 4, identification);
  write16(out + 6, 0x4000);
  out[8] = 64;
  out[9] = static_cast<std::uint8_t>(protocol);
  write16(out + 10, 0);
  write32(out + 12, from.value);
  write32(out + 16, to.value);
  write16(out + 10, Checksum().add({out, kIpHeader}).finish());
}

// ---- ICMP echo ----------------------------------------------------------------------------------

inline constexpr std::size_t kIcmpHeader = 8;
enum class IcmpType : std::uint8_t { echo_reply = 0, echo_request = 8 };

struct IcmpEcho {
  IcmpType type = IcmpType::echo_request;
  std::uint16_t identifier = 0, sequence = 0;
  View payload;
};

inline Drop read_icmp(View packet, IcmpEcho& out) {
  if (packet.size < kIcmpHeader) return Drop::icmp_short;
  if (Checksum().add(packet).finish() != 0) return Drop::icmp_checksum;
  const std::uint8_t* p = packet.data;
  if ((p[0] != 0 && p[0] != 8) || p[1] != 0) return Drop::icmp_type;
  out = {IcmpType{p[0]}, read16(p + 4), read16(p + 6), packet.from(kIcmpHeader)};
  return Drop::none;
}

/// Writes header, payload and checksum.
inline void write_icmp(std::uint8_t* out, const IcmpEcho& echo) {
  out[0] = static_cast<std::uint8_t>(echo.type);
  out[1] = 0;
  write16(out + 2, 0);
  write16(out + 4, echo.identifier);
  write16(out + 6, echo.sequence);
  copy_bytes(out + kIcmpHeader, echo.payload);
  write16(out + 2, Checksum().add({out, kIcmpHeader + echo.payload.size}).finish());
}

// ---- UDP ----------------------------------------------------------------------------------------

inline constexpr std::size_t kUdpHeader = 8;

struct UdpDatagram {
  std::uint16_t from_port = 0, to_port = 0;
  View payload;
};

/// The sum over the addresses and lengths that a UDP checksum covers besides the datagram.
inline Checksum udp_pseudo_header(Ipv4 from, Ipv4 to, std::size_t length) {
  Checksum sum;
  sum.add32(from.value).add32(to.value);
  sum.add16(static_cast<std::uint32_t>(IpProtocol::udp)).add16(static_cast<std::uint32_t>(length));
  return sum;
}

inline Drop read_udp(const IpPacket& packet, UdpDatagram& out) {
  if (packet.payload.size < kUdpHeader) return Drop::udp_short;
  const std::uint8_t* p = packet.payload.data;
  const std::size_t length = read16(p + 4);
  if (length < kUdpHeader || length > packet.payload.size) return Drop::udp_length;
  const View datagram = packet.payload.first(length);
  // 0 says that the sender made none. An application may refuse that (RFC 1122, 4.1.3.4), and this
  // one does: of a short frame that was cut, the card's padding can look exactly like it.
  if (read16(p + 6) == 0) return Drop::udp_unsummed;
  if (udp_pseudo_header(packet.from, packet.to, length).add(datagram).finish() != 0) {
    return Drop::udp_checksum;
  }
  out = {read16(p), read16(p + 2), datagram.from(kUdpHeader)};
  return Drop::none;
}

/// Writes header, payload and checksum.
inline void write_udp(std::uint8_t* out, Ipv4 from, Ipv4 to, const UdpDatagram& datagram) {
  const std::size_t length = kUdpHeader + datagram.payload.size;
  write16(out, datagram.from_port);
  write16(out + 2, datagram.to_port);
  write16(out + 4, static_cast<std::uint32_t>(length));
  write16(out + 6, 0);
  copy_bytes(out + kUdpHeader, datagram.payload);
  const std::uint16_t sum = udp_pseudo_header(from, to, length).add({out, length}).finish();
  write16(out + 6, sum == 0 ? 0xffff : sum);  // 0 would say that there is none
}

}  // namespace vc::kernel::net
