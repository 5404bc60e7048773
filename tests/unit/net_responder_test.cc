// What the kernel answers, byte by byte as far as it matters, and whom it believes.
#include <gtest/gtest.h>

#include "tests/unit/net_frames.h"

namespace vc::kernel::net {
namespace {

/// Examines a frame and writes the answer into memory of exactly the planned length.
Frame answer_to(const Frame& frame, ArpCache& cache) {
  const Plan plan = examine(kIdentity, cache, view(frame));
  EXPECT_EQ(plan.drop, Drop::none);
  if (plan.action == Plan::Action::nothing) return {};
  Frame out(plan.length, 0xcc);
  write_answer(kIdentity, plan, 77, out.data());
  return out;
}

TEST(NetResponder, ArpIsAnsweredToTheAsker) {
  ArpCache cache;
  const Frame reply = answer_to(arp_request(), cache);
  ASSERT_EQ(reply.size(), kShortestFrame);
  EthernetFrame frame;
  ASSERT_EQ(read_ethernet(view(reply), frame), Drop::none);
  EXPECT_EQ(frame.to, kPeer);
  EXPECT_EQ(frame.from, kGuest);
  ArpMessage message;
  ASSERT_EQ(read_arp(frame.payload, message), Drop::none);
  EXPECT_EQ(message.operation, ArpOperation::reply);
  EXPECT_EQ(message.sender, kGuest);
  EXPECT_EQ(message.sender_address, kGuestAddress);
  EXPECT_EQ(message.target, kPeer);
  EXPECT_EQ(message.target_address, kPeerAddress);
  for (std::size_t i = kEthernetHeader + kArpMessage; i < reply.size(); ++i) EXPECT_EQ(reply[i], 0);
  ASSERT_NE(cache.find(kPeerAddress), nullptr);
  EXPECT_EQ(*cache.find(kPeerAddress), kPeer);
}

TEST(NetResponder, ArpRepliesAreLearnedAndNotAnswered) {
  ArpCache cache;
  const Frame frame =
      arp_frame({ArpOperation::reply, kPeer, kPeerAddress, kGuest, kGuestAddress}, kGuest);
  EXPECT_TRUE(answer_to(frame, cache).empty());
  EXPECT_NE(cache.find(kPeerAddress), nullptr);
}

TEST(NetResponder, UdpComesBackWithPortsAndAddressesExchanged) {
  for (const std::size_t size : {0U, 1U, 5U, 18U, 19U, 1472U, 8000U, 16110U - 28U}) {
    ArpCache cache;
    Frame payload(size);
    for (std::size_t i = 0; i < size; ++i) payload[i] = static_cast<std::uint8_t>(i * 7 + i / 256);
    const Frame reply = answer_to(udp_frame(payload, kEchoPort, 4321), cache);
    ASSERT_EQ(reply.size(), std::max(kShortestFrame, std::size_t{42} + size));
    EthernetFrame frame;
    IpPacket ip;
    UdpDatagram udp;
    ASSERT_EQ(read_ethernet(view(reply), frame), Drop::none);
    EXPECT_EQ(frame.to, kPeer);
    ASSERT_EQ(read_ip(frame.payload, ip), Drop::none);
    EXPECT_EQ(ip.from, kGuestAddress);
    EXPECT_EQ(ip.to, kPeerAddress);
    ASSERT_EQ(read_udp(ip, udp), Drop::none);
    EXPECT_EQ(udp.from_port, kEchoPort);
    EXPECT_EQ(udp.to_port, 4321);
    EXPECT_EQ(Frame(udp.payload.data, udp.payload.data + udp.payload.size), payload);
    EXPECT_NE(read16(reply.data() + 40), 0);  // there is a checksum
  }
}

TEST(NetResponder, AChecksumOfZeroIsSentAsOnes) {
  // Search a payload whose sum is exactly 0xffff, which a plain complement would turn into "none".
  for (std::uint32_t word = 0; word < 0x10000; ++word) {
    Frame payload(2);
    write16(payload.data(), word);
    Frame datagram(kUdpHeader + payload.size());
    write_udp(datagram.data(), kGuestAddress, kPeerAddress, {7, 4000, view(payload)});
    ASSERT_NE(read16(datagram.data() + 6), 0);
    if (read16(datagram.data() + 6) == 0xffff) return;
  }
  FAIL() << "no payload with that sum";
}

TEST(NetResponder, PingsKeepIdentifierSequenceAndPayload) {
  ArpCache cache;
  const Frame payload = bytes_of("0123456789abcdef0123456789abcdef!");
  const Frame reply = answer_to(ping_frame(payload), cache);
  EthernetFrame frame;
  IpPacket ip;
  IcmpEcho echo;
  ASSERT_EQ(read_ethernet(view(reply), frame), Drop::none);
  ASSERT_EQ(read_ip(frame.payload, ip), Drop::none);
  ASSERT_EQ(read_icmp(ip.payload, echo), Drop::none);
  EXPECT_EQ(echo.type, IcmpType::echo_reply);
  EXPECT_EQ(echo.identifier, 17);
  EXPECT_EQ(echo.sequence, 3);
  EXPECT_EQ(Frame(echo.payload.data, echo.payload.data + echo.payload.size), payload);
}

TEST(NetResponder, AnswersGoToTheStationThatArpNamed) {
  ArpCache cache;
  cache.learn(kPeerAddress, kPeer);
  Frame frame = udp_frame(bytes_of("x"));
  frame[11] ^= 0x40;  // the sender's station, which no checksum protects
  const Frame reply = answer_to(frame, cache);
  EXPECT_EQ(Mac::read(reply.data()), kPeer);
  ArpCache empty;
  EXPECT_NE(Mac::read(answer_to(frame, empty).data()), kPeer);
}

TEST(NetResponder, QuitIsAWordToTheControlPort) {
  ArpCache cache;
  const auto quits = [&](const char* text, std::uint16_t port) {
    const Frame frame = udp_frame(bytes_of(text), port);
    return examine(kIdentity, cache, view(frame)).quit;
  };
  EXPECT_TRUE(quits("quit", kControlPort));
  EXPECT_FALSE(quits("qui", kControlPort));
  EXPECT_FALSE(quits("stay", kControlPort));
  EXPECT_FALSE(quits("quit", kEchoPort));
}

TEST(NetArpCache, KeepsTheNewestSixteen) {
  ArpCache cache;
  EXPECT_EQ(cache.find(kPeerAddress), nullptr);
  for (std::uint8_t i = 1; i <= 20; ++i)
    cache.learn(Ipv4::of(10, 0, 0, i), Mac{{2, i, 0, 0, 0, 0}});
  for (std::uint8_t i = 1; i <= 4; ++i) EXPECT_EQ(cache.find(Ipv4::of(10, 0, 0, i)), nullptr);
  for (std::uint8_t i = 5; i <= 20; ++i) {
    ASSERT_NE(cache.find(Ipv4::of(10, 0, 0, i)), nullptr);
    EXPECT_EQ(cache.find(Ipv4::of(10, 0, 0, i))->bytes[1], i);
  }
  cache.learn(Ipv4::of(10, 0, 0, 7), kPeer);
  EXPECT_EQ(*cache.find(Ipv4::of(10, 0, 0, 7)), kPeer);
  EXPECT_NE(cache.find(Ipv4::of(10, 0, 0, 8)), nullptr);
}

}  // namespace
}  // namespace vc::kernel::net
