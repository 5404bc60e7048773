// What the kernel answers to a frame: ARP, ICMP echo, UDP echo. Pure: tested and fuzzed on the
// host.
//
//      frame --examine()--> Plan {drop, or what to answer and how long it is}
//                             |
//             the caller finds memory of that size
//                             |
//            Plan --write_answer()--> the frame to be sent
//
// In two steps, so that the answer is written straight into the memory it is sent from.
#pragma once

#include "kernel/net/protocol/packet.h"

namespace vc::kernel::net {

/// Who has which hardware address, as far as we heard: a small table, the oldest entry goes first.
class ArpCache {
 public:
  static constexpr std::uint32_t kEntries = 16;

  void learn(Ipv4 address, Mac station) {
    std::uint32_t place = find_place(address);
    if (place == kEntries) {
      place = next_;
      next_ = (next_ + 1) % kEntries;
    }
    entries_[place] = {address, station};
  }
  /// nullptr if nobody said.
  const Mac* find(Ipv4 address) const {
    const std::uint32_t place = find_place(address);
    return place == kEntries ? nullptr : &entries_[place].station;
  }

 private:
  struct Entry {
    Ipv4 address;
    Mac station;
  };
  std::uint32_t find_place(Ipv4 address) const {
    for (std::uint32_t i = 0; i < kEntries; ++i) {
      if (entries_[i].address == address) return i;
    }
    return kEntries;
  }

  Entry entries_[kEntries] = {};  // 0.0.0.0, which is never learned, is free
  std::uint32_t next_ = 0;
};

/// Who we are.
struct Identity {
  Mac station;
  Ipv4 address;
  std::size_t longest_frame = kEthernetHeader + 1500;
};

inline constexpr std::uint16_t kEchoPort = 7;
/// A datagram to this port is echoed; with the text "quit" it is the last one.
inline constexpr std::uint16_t kControlPort = 9;

/// What to do about a frame.
struct Plan {
  enum class Action : std::uint8_t { nothing, arp, icmp, udp };

  Drop drop = Drop::none;
  Action action = Action::nothing;  ///< the answer's kind
  std::size_t length = 0;           ///< of the answer
  Mac to;
  Ipv4 to_address;
  IcmpEcho icmp;    ///< of the request; its payload lies in the frame
  UdpDatagram udp;  ///< likewise
  bool quit = false;
};

namespace detail {

inline void answer_with(Plan& plan, Plan::Action action, std::size_t length,
                        std::size_t longest_frame) {
  if (length > longest_frame) {
    plan.drop = Drop::reply_too_long;
    return;
  }
  plan.action = action;
  plan.length = length < kShortestFrame ? kShortestFrame : length;
}

inline void plan_arp(const Identity& me, ArpCache& cache, const EthernetFrame& frame, Plan& plan) {
  ArpMessage message;
  plan.drop = read_arp(frame.payload, message);
  if (plan.drop == Drop::none && message.sender != frame.from) plan.drop = Drop::arp_sender;
  if (plan.drop == Drop::none && message.sender_address == me.address) plan.drop = Drop::arp_sender;
  if (plan.drop == Drop::none && message.target_address != me.address) {
    plan.drop = Drop::arp_not_ours;
  }
  if (plan.drop != Drop::none) return;
  cache.learn(message.sender_address, message.sender);
  if (message.operation == ArpOperation::reply) return;
  plan.to = message.sender;
  plan.to_address = message.sender_address;
  answer_with(plan, Plan::Action::arp, kEthernetHeader + kArpMessage, me.longest_frame);
}

inline bool says_quit(View payload) {
  return payload.size >= 4 && payload.data[0] == 'q' && payload.data[1] == 'u' &&
         payload.data[2] == 'i' && payload.data[3] == 't';
}

inline void plan_udp(const Identity& me, const IpPacket& packet, Plan& plan) {
  plan.drop = read_udp(packet, plan.udp);
  if (plan.drop != Drop::none) return;
  if (plan.udp.from_port == 0 || plan.udp.from_port == kEchoPort) {
    plan.drop = Drop::udp_source;
  } else if (plan.udp.to_port != kEchoPort && plan.udp.to_port != kControlPort) {
    plan.drop = Drop::udp_port;
  } else {
    plan.quit = plan.udp.to_port == kControlPort && says_quit(plan.udp.payload);
    answer_with(plan, Plan::Action::udp,
                kEthernetHeader + kIpHeader + kUdpHeader + plan.udp.payload.size, me.longest_frame);
  }
}

inline void plan_icmp(const Identity& me, const IpPacket& packet, Plan& plan) {
  plan.drop = read_icmp(packet.payload, plan.icmp);
  if (plan.drop == Drop::none && plan.icmp.type != IcmpType::echo_request) {
    plan.drop = Drop::icmp_type;
  }
  if (plan.drop != Drop::none) return;
  answer_with(plan, Plan::Action::icmp,
              kEthernetHeader + kIpHeader + kIcmpHeader + plan.icmp.payload.size, me.longest_frame);
}

inline void plan_ip(const Identity& me, const ArpCache& cache, const EthernetFrame& frame,
                    Plan& plan) {
  IpPacket packet;
  plan.drop = read_ip(frame.payload, packet);
  if (plan.drop == Drop::none && packet.from == me.address) plan.drop = Drop::ip_source;
  if (plan.drop == Drop::none && packet.to != me.address) plan.drop = Drop::ip_not_ours;
  if (plan.drop != Drop::none) return;
  const Mac* known = cache.find(packet.from);
  plan.to = known != nullptr ? *known : frame.from;
  plan.to_address = packet.from;
  switch (IpProtocol{packet.protocol}) {
    case IpProtocol::icmp: return plan_icmp(me, packet, plan);
    case IpProtocol::udp: return plan_udp(me, packet, plan);
    default: plan.drop = Drop::ip_protocol;
  }
}

}  // namespace detail

/// Reads a frame and decides; learns hardware addresses on the way. The plan's views point into the
/// frame.
inline Plan examine(const Identity& me, ArpCache& cache, View bytes) {
  Plan plan;
  EthernetFrame frame;
  plan.drop = read_ethernet(bytes, frame);
  if (plan.drop != Drop::none) return plan;
  const bool broadcast = frame.to == Mac::broadcast();
  if (frame.to != me.station && !broadcast) {
    plan.drop = Drop::frame_not_ours;
  } else if (frame.type == static_cast<std::uint16_t>(EtherType::arp)) {
    detail::plan_arp(me, cache, frame, plan);
  } else if (frame.type != static_cast<std::uint16_t>(EtherType::ipv4)) {
    plan.drop = Drop::frame_type;
  } else if (broadcast) {
    plan.drop = Drop::frame_not_ours;  // nobody is answered by everybody
  } else {
    detail::plan_ip(me, cache, frame, plan);
  }
  return plan;
}

/// Writes the answer, plan.length bytes. `identification` numbers the IPv4 packets.
inline void write_answer(const Identity& me, const Plan& plan, std::uint16_t identification,
                         std::uint8_t* out) {
  const bool arp = plan.action == Plan::Action::arp;
  write_ethernet(out, plan.to, me.station, arp ? EtherType::arp : EtherType::ipv4);
  std::uint8_t* ip = out + kEthernetHeader;
  std::uint8_t* end = ip;
  if (arp) {
    write_arp(ip, {ArpOperation::reply, me.station, me.address, plan.to, plan.to_address});
    end += kArpMessage;
  } else if (plan.action == Plan::Action::icmp) {
    const std::size_t size = kIcmpHeader + plan.icmp.payload.size;
    IcmpEcho reply = plan.icmp;
    reply.type = IcmpType::echo_reply;
    write_ip(ip, me.address, plan.to_address, IpProtocol::icmp, size, identification);
    write_icmp(ip + kIpHeader, reply);
    end += kIpHeader + size;
  } else {
    const std::size_t size = kUdpHeader + plan.udp.payload.size;
    write_ip(ip, me.address, plan.to_address, IpProtocol::udp, size, identification);
    write_udp(ip + kIpHeader, me.address, plan.to_address,
              {plan.udp.to_port, plan.udp.from_port, plan.udp.payload});
    end += kIpHeader + size;
  }
  for (; end < out + plan.length; ++end) *end = 0;
}

/// Writes the question who has `address`, kShortestFrame bytes.
inline void write_arp_request(const Identity& me, Ipv4 address, std::uint8_t* out) {
  write_ethernet(out, Mac::broadcast(), me.station, EtherType::arp);
  write_arp(out + kEthernetHeader, {ArpOperation::request, me.station, me.address, Mac{}, address});
  for (std::size_t i = kEthernetHeader + kArpMessage; i < kShortestFrame; ++i) out[i] = 0;
}

}  // namespace vc::kernel::net
