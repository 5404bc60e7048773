// Every way in which a frame can be wrong is refused with its own reason; nothing is read behind
// it.
#include <gtest/gtest.h>

#include <set>

#include "tests/unit/net_frames.h"
#include "vcompound/base/random.h"

namespace vc::kernel::net {
namespace {

constexpr std::size_t kIp = kEthernetHeader;
constexpr std::size_t kUdp = kIp + kIpHeader;

/// The verdict on a frame that lies in memory of exactly its size.
Drop verdict(const Frame& frame) {
  const Frame exact(frame.begin(), frame.end());
  ArpCache cache;
  const Plan plan = examine(kIdentity, cache, view(exact));
  if (plan.drop != Drop::none) {
    EXPECT_EQ(plan.action, Plan::Action::nothing);
  }
  return plan.drop;
}

Frame changed(Frame frame, std::size_t at, unsigned value) {
  frame.at(at) = static_cast<std::uint8_t>(value);
  return frame;
}
/// The same with the IPv4 header made right again.
Frame repaired(Frame frame, std::size_t at, unsigned value) {
  frame.at(at) = static_cast<std::uint8_t>(value);
  repair_ip(frame);
  return frame;
}

TEST(NetPacket, EveryReasonHasItsOwnName) {
  std::set<std::string> names;
  for (std::uint32_t i = 0; i < kDropCount; ++i)
    names.insert(name_of(Drop{static_cast<std::uint8_t>(i)}));
  EXPECT_EQ(names.size(), kDropCount);
}

TEST(NetPacket, Ethernet) {
  const Frame good = udp_frame(bytes_of("hello"));
  EXPECT_EQ(verdict(good), Drop::none);
  EXPECT_EQ(verdict({}), Drop::frame_short);
  EXPECT_EQ(verdict(Frame(good.begin(), good.begin() + 13)), Drop::frame_short);
  EXPECT_EQ(verdict(changed(good, 5, 0x57)), Drop::frame_not_ours);
  EXPECT_EQ(verdict(changed(good, 6, 0x53)), Drop::frame_source);
  EXPECT_EQ(verdict(changed(good, 12, 0x86)), Drop::frame_type);
  Frame broadcast = good;
  Mac::broadcast().write(broadcast.data());
  EXPECT_EQ(verdict(broadcast), Drop::frame_not_ours);
}

TEST(NetPacket, Arp) {
  const Frame good = arp_request();
  EXPECT_EQ(verdict(good), Drop::none);
  for (std::size_t size = kEthernetHeader; size < good.size(); ++size) {
    EXPECT_EQ(verdict(Frame(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size))),
              Drop::arp_short);
  }
  for (const std::size_t at : {14U, 15U, 16U, 17U, 18U, 19U, 20U, 21U}) {
    EXPECT_EQ(verdict(changed(good, at, 0x77)), Drop::arp_format) << at;
  }
  EXPECT_EQ(verdict(changed(good, 27, 0x01)), Drop::arp_sender);  // not the frame's own station
  EXPECT_EQ(verdict(changed(good, 28, 0)), Drop::arp_sender);     // 0.0.2.2
  EXPECT_EQ(verdict(changed(good, 41, 16)), Drop::arp_not_ours);
  EXPECT_EQ(verdict(arp_frame({ArpOperation::request, kPeer, kGuestAddress, {}, kGuestAddress})),
            Drop::arp_sender);  // somebody claims our address
}

TEST(NetPacket, Ip) {
  const Frame good = udp_frame(bytes_of("hello"));
  EXPECT_EQ(verdict(Frame(good.begin(), good.begin() + 33)), Drop::ip_short);
  EXPECT_EQ(verdict(repaired(good, kIp, 0x65)), Drop::ip_version);
  EXPECT_EQ(verdict(changed(good, kIp, 0x44)), Drop::ip_header_length);
  EXPECT_EQ(verdict(changed(good, kIp, 0x4f)), Drop::ip_header_length);  // 60 bytes of 33
  EXPECT_EQ(verdict(repaired(good, kIp + 3, 19)), Drop::ip_total_length);
  EXPECT_EQ(verdict(repaired(good, kIp + 3, 34)), Drop::ip_total_length);
  EXPECT_EQ(verdict(changed(good, kIp + 8, 63)), Drop::ip_checksum);
  EXPECT_EQ(verdict(repaired(good, kIp + 6, 0x20)), Drop::ip_fragment);  // more fragments
  EXPECT_EQ(verdict(repaired(good, kIp + 7, 1)), Drop::ip_fragment);     // not the first
  EXPECT_EQ(verdict(repaired(good, kIp + 12, 127)), Drop::ip_source);
  EXPECT_EQ(verdict(repaired(good, kIp + 12, 255)), Drop::ip_source);
  EXPECT_EQ(verdict(repaired(good, kIp + 15, 15)), Drop::ip_source);  // ourselves
  EXPECT_EQ(verdict(repaired(good, kIp + 19, 16)), Drop::ip_not_ours);
  EXPECT_EQ(verdict(repaired(good, kIp + 9, 6)), Drop::ip_protocol);
}

TEST(NetPacket, OptionsAreSkippedAndPaddingIgnored) {
  Frame frame(kEthernetHeader + 24 + kUdpHeader + 2 + 30, 0xee);
  write_ethernet(frame.data(), kGuest, kPeer, EtherType::ipv4);
  write_ip(frame.data() + kIp, kPeerAddress, kGuestAddress, IpProtocol::udp, 4 + kUdpHeader + 2, 1);
  frame[kIp] = 0x46;
  repair_ip(frame);
  const Frame payload = bytes_of("ab");
  write_udp(frame.data() + kIp + 24, kPeerAddress, kGuestAddress, {9000, kEchoPort, view(payload)});
  ArpCache cache;
  const Plan plan = examine(kIdentity, cache, view(frame));
  ASSERT_EQ(plan.drop, Drop::none);
  EXPECT_EQ(plan.udp.payload.size, 2U);
  EXPECT_EQ(plan.udp.payload.data[1], 'b');
}

TEST(NetPacket, Icmp) {
  const Frame good = ping_frame(bytes_of("abcdefgh"));
  EXPECT_EQ(verdict(good), Drop::none);
  EXPECT_EQ(verdict(ip_frame(IpProtocol::icmp, 7)), Drop::icmp_short);
  EXPECT_EQ(verdict(changed(good, good.size() - 1, 'x')), Drop::icmp_checksum);
  EXPECT_EQ(verdict(ping_frame({}, IcmpType::echo_reply)), Drop::icmp_type);
  Frame other = good;  // type 13, with the checksum that belongs to it
  other[kUdp] = 13;
  write16(other.data() + kUdp + 2, 0);
  write16(other.data() + kUdp + 2,
          Checksum().add({other.data() + kUdp, other.size() - kUdp}).finish());
  EXPECT_EQ(verdict(other), Drop::icmp_type);
}

TEST(NetPacket, Udp) {
  const Frame good = udp_frame(bytes_of("hello"));
  EXPECT_EQ(verdict(ip_frame(IpProtocol::udp, 7)), Drop::udp_short);
  EXPECT_EQ(verdict(changed(good, kUdp + 5, 7)), Drop::udp_length);
  EXPECT_EQ(verdict(changed(good, kUdp + 5, 14)), Drop::udp_length);
  EXPECT_EQ(verdict(changed(good, kUdp + 8, 'H')), Drop::udp_checksum);
  EXPECT_EQ(verdict(changed(good, kUdp + 7, good[kUdp + 7] ^ 1U)), Drop::udp_checksum);
  EXPECT_EQ(verdict(udp_frame(bytes_of("hello"), 8)), Drop::udp_port);
  EXPECT_EQ(verdict(udp_frame(bytes_of("hello"), kEchoPort, kEchoPort)), Drop::udp_source);
  EXPECT_EQ(verdict(udp_frame(bytes_of("hello"), kEchoPort, 0)), Drop::udp_source);
  const Frame unsummed = changed(changed(good, kUdp + 6, 0), kUdp + 7, 0);
  EXPECT_EQ(verdict(unsummed), Drop::udp_unsummed);
}

TEST(NetPacket, AnswersThatDoNotFitAreDropped) {
  ArpCache cache;
  Identity small = kIdentity;
  small.longest_frame = kEthernetHeader + 1500;
  EXPECT_EQ(examine(small, cache, view(udp_frame(Frame(1472)))).drop, Drop::none);
  EXPECT_EQ(examine(small, cache, view(udp_frame(Frame(1473)))).drop, Drop::reply_too_long);
  EXPECT_EQ(examine(small, cache, view(ping_frame(Frame(1473)))).drop, Drop::reply_too_long);
}

TEST(NetPacket, EveryTruncationIsRefused) {
  for (const Frame& good : {udp_frame(Frame(100, 7)), ping_frame(Frame(100, 7)), arp_request()}) {
    for (std::size_t size = 0; size < good.size(); ++size) {
      EXPECT_NE(verdict(Frame(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size))),
                Drop::none);
    }
  }
}

TEST(NetPacket, AChangedByteOfADatagramIsNeverEchoed) {
  Random random(11);
  Frame payload(61);
  for (auto& b : payload) b = static_cast<std::uint8_t>(random.next());
  const Frame good = udp_frame(payload);
  for (std::size_t at = kIp; at < good.size(); ++at) {
    for (unsigned change = 1; change < 256; ++change) {
      ASSERT_NE(verdict(changed(good, at, good[at] ^ change)), Drop::none) << at;
    }
  }
}

TEST(NetPacket, AShortDatagramThatWasCutAndPaddedIsNeverEchoed) {
  const Frame good = udp_frame(bytes_of("nothing but text"));
  for (std::size_t size = 0; size < good.size(); ++size) {
    Frame cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size));
    cut.resize(kShortestFrame);  // the card's model pads with zeros
    EXPECT_NE(verdict(cut), Drop::none) << size;
  }
}

}  // namespace
}  // namespace vc::kernel::net
