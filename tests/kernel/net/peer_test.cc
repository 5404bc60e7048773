// The peer itself: against the kernel's protocols in a thread of this process it finds nothing
// wrong, also over a bad wire; and it notices each way in which a kernel could lie.
#include "tests/kernel/net/peer.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <functional>
#include <thread>

#include "kernel/net/protocol/responder.h"

namespace vc::peer {
namespace {

namespace net = vc::kernel::net;

/// May change the answer number n, or make it empty, which means that none is sent.
using Spoil = std::function<void(std::uint64_t n, Bytes& answer)>;

/// A kernel's protocols on a unix datagram socket, as QEMU would connect them.
class FakeGuest {
 public:
  FakeGuest(const std::string& own, const std::string& other, Spoil spoil)
      : own_(own), other_(other), spoil_(std::move(spoil)) {
    socket_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const sockaddr_un address = address_of(own_);
    EXPECT_EQ(bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    thread_ = std::thread([this] { serve(); });
  }
  ~FakeGuest() {
    stop_ = true;
    thread_.join();
    close(socket_);
  }
  FakeGuest(const FakeGuest&) = delete;
  FakeGuest& operator=(const FakeGuest&) = delete;

 private:
  static sockaddr_un address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    return address;
  }

  void serve() {
    Bytes frame;
    while (!stop_) {
      pollfd entry{socket_, POLLIN, 0};
      if (poll(&entry, 1, 20) <= 0) continue;
      frame.resize(70000);
      const ssize_t length = recv(socket_, frame.data(), frame.size(), 0);
      if (length <= 0) continue;
      frame.resize(static_cast<std::size_t>(length));
      if (frame.size() < 60) frame.resize(60);  // as the card's model does
      answer(frame);
    }
  }

  void answer(const Bytes& frame) {
    const net::Plan plan = net::examine(me_, cache_, {frame.data(), frame.size()});
    if (plan.action == net::Plan::Action::nothing) return;
    Bytes out(plan.length);
    net::write_answer(me_, plan, 1, out.data());
    if (plan.action == net::Plan::Action::udp && spoil_) spoil_(answers_++, out);
    if (out.empty()) return;
    const sockaddr_un to = address_of(other_);
    sendto(socket_, out.data(), out.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  }

  std::string own_, other_;
  Spoil spoil_;
  net::Identity me_{{{0x52, 0x54, 0, 0x12, 0x34, 0x56}},
                    net::Ipv4::of(10, 0, 2, 15),
                    net::kEthernetHeader + 16110};
  net::ArpCache cache_;
  std::uint64_t answers_ = 0;
  int socket_ = -1;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

class PeerTest : public ::testing::Test {
 protected:
  PeerTest()
      : folder_(std::filesystem::temp_directory_path() / ("vc-peer-" + std::to_string(getpid()))) {
    std::filesystem::create_directory(folder_);
    options_.own_path = folder_ / "peer";
    options_.other_path = folder_ / "guest";
    options_.frames = 3000;
    options_.mtu = 16110;
    options_.patience_s = 2;
  }
  ~PeerTest() override { std::filesystem::remove_all(folder_); }

  Report run(Spoil spoil = {}) {
    FakeGuest guest(options_.other_path, options_.own_path, std::move(spoil));
    return Peer(options_).run();
  }

  std::filesystem::path folder_;
  PeerOptions options_;
};

/// Changes a byte of a datagram and makes its checksum right again.
void change(Bytes& answer, std::size_t at) {
  answer[at] = static_cast<std::uint8_t>(answer[at] ^ 1);
  net::write16(answer.data() + 40, 0);
  net::EthernetFrame frame;
  net::IpPacket ip;
  ASSERT_EQ(net::read_ethernet({answer.data(), answer.size()}, frame), net::Drop::none);
  ASSERT_EQ(net::read_ip(frame.payload, ip), net::Drop::none);
  const std::uint16_t sum =
      net::udp_pseudo_header(ip.from, ip.to, ip.payload.size).add(ip.payload).finish();
  net::write16(answer.data() + 40, sum == 0 ? 0xffff : sum);
}

TEST_F(PeerTest, ACleanWireBringsEverythingBack) {
  const Report report = run();
  EXPECT_TRUE(report.ok()) << report.failure;
  EXPECT_EQ(report.datagrams, 3000U);
  EXPECT_EQ(report.echoed, 3000U);
  EXPECT_EQ(report.pings, 5U);
}

TEST_F(PeerTest, ABadWireBringsEveryWholeCopyBack) {
  options_.rates = {0.05, 0.05, 0.1, 0.05, 0.05};
  const Report report = run();
  EXPECT_TRUE(report.ok()) << report.failure;
  EXPECT_EQ(report.echoed, report.whole_copies);
  EXPECT_GT(report.faults.dropped, 0U);
  EXPECT_GT(report.faults.duplicated, 0U);
  EXPECT_GT(report.faults.reordered, 0U);
  EXPECT_GT(report.faults.truncated, 0U);
  EXPECT_GT(report.faults.corrupted, 0U);
  EXPECT_EQ(report.whole_copies, report.datagrams - report.faults.dropped -
                                     report.faults.truncated - report.faults.corrupted +
                                     report.faults.duplicated);
}

TEST_F(PeerTest, AWrongByteIsNoticed) {
  const Report report = run([](std::uint64_t n, Bytes& answer) {
    if (n == 1000) change(answer, 49);
  });
  EXPECT_EQ(report.wrong, 1U);
  EXPECT_FALSE(report.ok());
}

TEST_F(PeerTest, AWrongChecksumIsNoticed) {
  const Report report = run([](std::uint64_t n, Bytes& answer) {
    if (n == 1000) answer[41] = static_cast<std::uint8_t>(answer[41] ^ 1);
  });
  EXPECT_EQ(report.failure, "the kernel sent a wrong UDP checksum");
}

TEST_F(PeerTest, AMissingEchoIsNoticed) {
  const Report report = run([](std::uint64_t n, Bytes& answer) {
    if (n == 1000) answer.clear();
  });
  EXPECT_EQ(report.missing, 1U);
  EXPECT_FALSE(report.ok());
}

TEST_F(PeerTest, ADoubleEchoIsNoticed) {
  Bytes kept;
  const Report report = run([&](std::uint64_t n, Bytes& answer) {
    if (n == 1000) kept = answer;
    if (n == 1500) answer = kept;
  });
  EXPECT_EQ(report.unexpected, 1U);
  EXPECT_EQ(report.missing, 1U);
}

TEST_F(PeerTest, NobodyThereIsAFailure) {
  options_.patience_s = 1;
  const Report report = Peer(options_).run();
  EXPECT_FALSE(report.ok());
  EXPECT_NE(report.failure.find("there is no socket"), std::string::npos);
}

}  // namespace
}  // namespace vc::peer
