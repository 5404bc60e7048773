#include "tests/kernel/net/wire.h"

#include <algorithm>

namespace vc::peer {
namespace {

void put8(Bytes& out, std::size_t v) { out.push_back(static_cast<std::uint8_t>(v & 0xff)); }
void put16(Bytes& out, std::size_t v) {
  put8(out, v >> 8);
  put8(out, v);
}
void put32(Bytes& out, std::uint32_t v) {
  put16(out, v >> 16);
  put16(out, v & 0xffff);
}
void put(Bytes& out, const Mac& mac) { out.insert(out.end(), mac.begin(), mac.end()); }
void put(Bytes& out, const Bytes& bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

std::uint16_t get16(const Bytes& b, std::size_t at) {
  return static_cast<std::uint16_t>(b[at] << 8 | b[at + 1]);
}
std::uint32_t get32(const Bytes& b, std::size_t at) {
  return std::uint32_t{get16(b, at)} << 16 | get16(b, at + 2);
}
Mac get_mac(const Bytes& b, std::size_t at) {
  Mac mac{};
  std::copy_n(b.begin() + static_cast<std::ptrdiff_t>(at), mac.size(), mac.begin());
  return mac;
}
Bytes part(const Bytes& b, std::size_t from, std::size_t to) {
  return {b.begin() + static_cast<std::ptrdiff_t>(from),
          b.begin() + static_cast<std::ptrdiff_t>(to)};
}

/// The one's complement sum, two bytes at a time; 0xffff for bytes that contain a right checksum.
std::uint16_t sum_of(const Bytes& bytes) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    sum += i % 2 == 0 ? std::uint64_t{bytes[i]} * 256 : bytes[i];
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}
void set_checksum(Bytes& bytes, std::size_t at, std::uint16_t sum) {
  const unsigned checksum = 0xffffU - sum;
  bytes[at] = static_cast<std::uint8_t>(checksum >> 8);
  bytes[at + 1] = static_cast<std::uint8_t>(checksum);
}

Bytes ethernet(const Mac& to, const Mac& from, std::uint16_t type) {
  Bytes out;
  put(out, to);
  put(out, from);
  put16(out, type);
  return out;
}

Bytes ip_frame(const Ends& ends, std::uint8_t protocol, const Bytes& payload) {
  Bytes ip{0x45, 0};
  put16(ip, 20 + payload.size());
  put16(ip, 0x1234);
  put16(ip, 0);
  put8(ip, 61);
  put8(ip, protocol);
  put16(ip, 0);
  put32(ip, ends.address);
  put32(ip, ends.other_address);
  set_checksum(ip, 10, sum_of(ip));
  Bytes frame = ethernet(ends.other_station, ends.station, 0x0800);
  put(frame, ip);
  put(frame, payload);
  return frame;
}

Bytes pseudo_header(std::uint32_t from, std::uint32_t to, std::size_t length) {
  Bytes out;
  put32(out, from);
  put32(out, to);
  put16(out, 17);
  put16(out, length);
  return out;
}

Bytes arp_frame(const Mac& to, std::uint16_t operation, const Ends& ends, const Mac& target,
                std::uint32_t target_address) {
  Bytes out = ethernet(to, ends.station, 0x0806);
  put16(out, 1);
  put16(out, 0x0800);
  put8(out, 6);
  put8(out, 4);
  put16(out, operation);
  put(out, ends.station);
  put32(out, ends.address);
  put(out, target);
  put32(out, target_address);
  return out;
}

void read_arp(const Bytes& f, Received& out) {
  if (f.size() < 42 || get16(f, 14) != 1 || get16(f, 16) != 0x0800 || f[18] != 6 || f[19] != 4) {
    out.mistake = "a malformed ARP message";
    return;
  }
  out.arp = Arp{get16(f, 20), get_mac(f, 22), get32(f, 28), get32(f, 38)};
}

void read_udp(const Ends& ends, const Bytes& datagram, Received& out) {
  if (datagram.size() < 8 || get16(datagram, 4) != datagram.size()) {
    out.mistake = "a wrong UDP length";
    return;
  }
  if (get16(datagram, 6) == 0) {
    out.mistake = "a UDP datagram without checksum";
    return;
  }
  Bytes covered = pseudo_header(ends.other_address, ends.address, datagram.size());
  put(covered, datagram);
  if (sum_of(covered) != 0xffff) {
    out.mistake = "a wrong UDP checksum";
    return;
  }
  out.udp = Udp{get16(datagram, 0), get16(datagram, 2), part(datagram, 8, datagram.size())};
}

void read_ping(const Bytes& message, Received& out) {
  if (message.size() < 8 || sum_of(message) != 0xffff) {
    out.mistake = "a wrong ICMP length or checksum";
    return;
  }
  out.ping =
      Ping{message[0] == 0, get16(message, 4), get16(message, 6), part(message, 8, message.size())};
}

void read_ip(const Ends& ends, const Bytes& f, Received& out) {
  const std::size_t total = f.size() < 34 ? 0 : get16(f, 16);
  if (total < 20 || f[14] != 0x45 || total + 14 > f.size()) {
    out.mistake = "a malformed IPv4 header";
  } else if (sum_of(part(f, 14, 34)) != 0xffff) {
    out.mistake = "a wrong IPv4 checksum";
  } else if (get32(f, 26) != ends.other_address || get32(f, 30) != ends.address) {
    out.mistake = "wrong IPv4 addresses";
  } else if (total + 14 < f.size() &&
             (f.size() > 60 || std::any_of(f.begin() + 14 + static_cast<std::ptrdiff_t>(total),
                                           f.end(), [](auto b) { return b != 0; }))) {
    out.mistake = "bytes behind the IPv4 packet";
  } else if (f[23] == 17) {
    read_udp(ends, part(f, 34, 14 + total), out);
  } else if (f[23] == 1) {
    read_ping(part(f, 34, 14 + total), out);
  } else {
    out.mistake = "an IPv4 packet of an unexpected protocol";
  }
}

}  // namespace

Received read_frame(const Ends& ends, const Bytes& frame) {
  Received out;
  if (frame.size() < 60) {
    out.mistake = "a frame shorter than 60 bytes";
    return out;
  }
  out.to = get_mac(frame, 0);
  out.from = get_mac(frame, 6);
  switch (get16(frame, 12)) {
    case 0x0806: read_arp(frame, out); break;
    case 0x0800: read_ip(ends, frame, out); break;
    default: out.mistake = "a frame of an unexpected type";
  }
  return out;
}

Bytes arp_request(const Ends& ends) {
  return arp_frame(kBroadcast, 1, ends, Mac{}, ends.other_address);
}

Bytes arp_reply(const Ends& ends, const Arp& request) {
  return arp_frame(request.sender, 2, ends, request.sender, request.sender_address);
}

Bytes udp_frame(const Ends& ends, const Udp& udp) {
  Bytes datagram;
  put16(datagram, udp.from_port);
  put16(datagram, udp.to_port);
  put16(datagram, 8 + udp.payload.size());
  put16(datagram, 0);
  put(datagram, udp.payload);
  Bytes covered = pseudo_header(ends.address, ends.other_address, datagram.size());
  put(covered, datagram);
  const std::uint16_t sum = sum_of(covered);
  set_checksum(datagram, 6, sum == 0xffff ? 0 : sum);
  return ip_frame(ends, 17, datagram);
}

Bytes ping_frame(const Ends& ends, const Ping& ping) {
  Bytes message{static_cast<std::uint8_t>(ping.reply ? 0 : 8), 0, 0, 0};
  put16(message, ping.identifier);
  put16(message, ping.sequence);
  put(message, ping.payload);
  set_checksum(message, 2, sum_of(message));
  return ip_frame(ends, 1, message);
}

}  // namespace vc::peer
