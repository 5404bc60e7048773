// The network card as a user of memory: bring-up that fails at every allocation, frames out of
// mapped memory byte by byte, refusals during traffic. Needs a card (-device e1000) and no network:
// the card's loopback brings back what is sent.
#include <gtest/gtest.h>

#include "kernel/arch/machine.h"
#include "kernel/net/interface.h"
#include "kernel/test/scarcity.h"
#include "kernel/thread/thread.h"
#include "kernel/thread/wait.h"
#include "vcompound/base/random.h"

namespace vc::kernel::net {
namespace {

constexpr Mac kPeer{{0x52, 0x54, 0x00, 0xaa, 0xbb, 0xcc}};
constexpr Ipv4 kPeerAddress = Ipv4::of(10, 0, 2, 2);

constinit NetworkInterface network(first_card);

/// Skips without a card; afterwards nothing is switched on and as much memory is in use as before.
class NetworkTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!first_card.probe()) GTEST_SKIP() << "no network card: boot with -device e1000";
    trigger_ = arena().allocator.always_map();
    live_ = live_pages();
    ready_ = true;
  }
  void TearDown() override {
    if (!ready_) return;
    arena().allocator.set_injection(Trigger::off());
    arena().allocator.set_always_map(trigger_);
    EXPECT_EQ(live_pages(), live_) << "memory is lost";
  }

  static PageCount live_pages() {
    flush_work();
    arena().allocator.reclaim();
    return arena().allocator.stats().live_pages();
  }
  PageCount live_at_start() const { return live_; }

  static E1000Options jumbo(std::uint32_t descriptors) {
    return {.descriptors = descriptors, .mtu = E1000Options::kMostMtu, .report = Report::quiet};
  }
  /// Makes the k-th allocation of a bring-up fail, for every k; returns how many there were.
  template <class BringUp>
  std::uint32_t fail_each(BringUp&& bring_up) {
    for (std::uint32_t k = 1; k < 100; ++k) {
      arena().allocator.set_injection(Trigger::nth(k));
      const NetError error = bring_up();
      arena().allocator.set_injection(Trigger::off());
      if (!error.failed()) return k - 1;
      EXPECT_NE(error.what, nullptr);
      EXPECT_EQ(live_pages(), live_) << "after failure " << k << ", " << error.what;
    }
    return 0;
  }

 private:
  Trigger trigger_{};
  PageCount live_{};
  bool ready_ = false;
};

// ---- bring-up -----------------------------------------------------------------------------------

TEST_F(NetworkTest, BringUpOfTheCardFailsCleanlyAtEveryAllocation) {
  for (const Trigger trigger : {Trigger::off(), Trigger::always()}) {
    arena().allocator.set_always_map(trigger);
    const std::uint32_t failures = fail_each([] {
      const NetError error = first_card.open(jumbo(256));
      if (error.failed()) {
        EXPECT_EQ(error.reason, Reason::injected);
      } else {
        first_card.close();
      }
      return error;
    });
    EXPECT_EQ(failures, 6U) << "rings, infos, receive buffers, room to join a frame";
  }
}

TEST_F(NetworkTest, BringUpOfTheInterfaceFailsCleanlyAtEveryAllocation) {
  const std::uint32_t failures = fail_each([] {
    const NetError error = network.open({.card = jumbo(64)});
    if (!error.failed()) network.close();
    return error;
  });
  EXPECT_GE(failures, 7U) << "the card's and the thread's stack; the announcement may fail";
}

TEST_F(NetworkTest, AbsurdOptionsAreRefused) {
  for (const std::uint32_t descriptors : {1U, 7U, 12U, 4104U, ~0U}) {
    EXPECT_EQ(first_card.open({.descriptors = descriptors}).reason, Reason::invalid);
  }
  for (const std::uint32_t mtu : {1U, 575U, 16111U, ~0U}) {
    EXPECT_EQ(first_card.open({.mtu = mtu}).reason, Reason::invalid);
  }
  EXPECT_EQ(first_card.open({.cpu = 1000}).reason, Reason::invalid);
  ASSERT_FALSE(first_card.open({}).failed());
  EXPECT_EQ(first_card.open({}).reason, Reason::invalid);  // it is open
  first_card.close();
}

TEST_F(NetworkTest, TheStationComesFromTheEepromIfTheFilterHasNone) {
  ASSERT_FALSE(first_card.open({}).failed());
  const Mac station = first_card.station();
  EXPECT_TRUE(station == first_card.card().station_in_eeprom());
  EXPECT_FALSE(station.is_group());
  first_card.close();
  first_card.card().forget_station();
  ASSERT_FALSE(first_card.open({}).failed());
  EXPECT_TRUE(first_card.station() == station);
  EXPECT_TRUE(first_card.card().station() == station);
  first_card.close();
}

TEST_F(NetworkTest, OpensAgainAndAgain) {
  for (const std::uint32_t descriptors : {8U, 256U, 4096U, 0U}) {
    ASSERT_FALSE(
        network.open({.card = {.descriptors = descriptors, .report = Report::quiet}}).failed());
    network.close();
    EXPECT_EQ(live_pages(), live_at_start());
  }
}

// ---- frames -------------------------------------------------------------------------------------

/// A frame of that size to ourselves, with bytes that follow from `seed`.
void fill_frame(std::uint8_t* out, std::size_t size, std::uint64_t seed) {
  Random random(seed);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>(random.next());
  write_ethernet(out, first_card.station(), kPeer, EtherType::ipv4);
}

/// Allocates, fills and sends a frame.
Drop send_frame(std::size_t size, std::uint64_t seed, Contiguity contiguity) {
  const auto memory = allocate({.size = Bytes(size), .contiguity = contiguity});
  if (!memory) return Drop::no_memory;
  fill_frame(pointer<std::uint8_t>(memory->address), size, seed);
  return first_card.send(*memory, Bytes(size));
}

/// Switches loopback on, and waits until the card receives: it is deaf at first.
bool start_loopback() {
  first_card.card().set_loopback(E1000Card::Loopback::on);
  for (std::uint32_t i = 0; i < 60; ++i) {
    if (send_frame(kShortestFrame, 1, Contiguity::preferred) != Drop::none) return false;
    const ReceivedFrame frame = first_card.receive();
    if (frame.descriptors != 0) {
      first_card.give_back(frame);
      return true;
    }
    sleep_for(50'000);
  }
  return false;
}

void stop_loopback() { first_card.card().set_loopback(E1000Card::Loopback::off); }

/// Waits for a frame and compares every byte.
void expect_frame(std::size_t size, std::uint64_t seed) {
  const auto expected = allocate({.size = Bytes(size)});
  ASSERT_TRUE(expected.ok());
  fill_frame(pointer<std::uint8_t>(expected->address), size, seed);
  first_card.wait_for_frames();
  const ReceivedFrame frame = first_card.receive();
  EXPECT_EQ(frame.drop, Drop::none);
  EXPECT_EQ(frame.bytes.size, size);
  if (frame.bytes.size == size) {
    EXPECT_EQ(__builtin_memcmp(frame.bytes.data, pointer<std::uint8_t>(expected->address), size),
              0);
  }
  first_card.give_back(frame);
  kernel::free(expected->address);
}

/// Sizes on both sides of every boundary of pages and buffers.
constexpr std::size_t kSizes[] = {60,   61,   1514,  2048,  4095,  4096,  4097,  8191,
                                  8192, 8193, 12288, 12289, 16000, 16123, 16124, 4096};

TEST_F(NetworkTest, FramesOfEverySizeComeBackByteByByte) {
  // 24 descriptors: the frames go round the end of the ring in every possible way.
  for (const Contiguity contiguity : {Contiguity::never, Contiguity::required}) {
    E1000Options options = jumbo(24);
    if (contiguity == Contiguity::never) options.cpu = cpu_count() - 1;
    ASSERT_FALSE(first_card.open(options).failed());
    EXPECT_TRUE(start_loopback());
    for (std::uint64_t round = 0; round < 20; ++round) {
      for (const std::size_t size : kSizes) {
        ASSERT_EQ(send_frame(size, size + round, contiguity), Drop::none);
        expect_frame(size, size + round);
      }
    }
    stop_loopback();
    first_card.close();
    const E1000Counters counters = first_card.counters();
    EXPECT_GT(counters.received_wrapped, 10U);
    EXPECT_GT(counters.freed_in_interrupt, 300U);
    if (contiguity == Contiguity::never) {
      EXPECT_EQ(counters.sent_mapped, 180U);  // nine sizes of more than a page
      EXPECT_GE(counters.sent_segments, counters.sent_frames + 180);
    } else {
      EXPECT_EQ(counters.sent_mapped, 0U);
      EXPECT_EQ(counters.sent_segments, counters.sent_frames);
    }
  }
}

TEST_F(NetworkTest, FramesLongerThanTheMtuAreDropped) {
  ASSERT_FALSE(first_card.open({.descriptors = 64, .mtu = 9000, .report = Report::quiet}).failed());
  EXPECT_TRUE(start_loopback());
  EXPECT_EQ(send_frame(9014, 1, Contiguity::preferred), Drop::none);
  expect_frame(9014, 1);
  EXPECT_EQ(send_frame(9015, 1, Contiguity::preferred), Drop::none);
  first_card.wait_for_frames();
  const ReceivedFrame frame = first_card.receive();
  EXPECT_EQ(frame.drop, Drop::receive_too_long);
  first_card.give_back(frame);
  stop_loopback();
  first_card.close();
}

TEST_F(NetworkTest, AFullRingIsWaitedFor) {
  ASSERT_FALSE(first_card.open(jumbo(8)).failed());
  first_card.card().set_sending(E1000Card::Sending::stopped);
  std::uint32_t sent = 0;
  Thread* sender = start_thread(
      "sender",
      [](void* count) {
        for (std::uint64_t i = 0; i < 20; ++i) {  // 40 segments or more, for 7 descriptors
          if (send_frame(16000, i, Contiguity::never) == Drop::none) {
            ++*static_cast<std::uint32_t*>(count);
          }
        }
      },
      &sent);
  ASSERT_NE(sender, nullptr);
  for (std::uint32_t i = 0; i < 500 && first_card.counters().waits_for_room == 0; ++i) {
    sleep_for(1000);
  }
  const std::uint64_t interrupts = first_card.counters().interrupts;
  first_card.card().interrupt();  // there is nothing to free, whatever the card says
  for (std::uint32_t i = 0; i < 500 && first_card.counters().interrupts == interrupts; ++i) {
    sleep_for(1000);
  }
  const E1000Counters full = first_card.counters();
  EXPECT_GT(full.interrupts, interrupts);
  EXPECT_EQ(full.waits_for_room, 1U);
  EXPECT_LE(full.sent_segments, 7U);
  EXPECT_EQ(full.freed_in_interrupt, 0U);
  first_card.card().set_sending(E1000Card::Sending::running);
  join(sender);
  first_card.close();
  EXPECT_EQ(sent, 20U);
  EXPECT_EQ(first_card.counters().sent_frames, 20U);
  EXPECT_EQ(first_card.counters().freed_in_interrupt, 20U);
}

TEST_F(NetworkTest, FramesThatWereNotSentAreFreedByClosing) {
  ASSERT_FALSE(first_card.open(jumbo(64)).failed());
  first_card.card().set_sending(E1000Card::Sending::stopped);
  for (std::uint64_t i = 0; i < 10; ++i) {
    EXPECT_EQ(send_frame(16000, i, Contiguity::never), Drop::none);
  }
  first_card.close();
  EXPECT_EQ(live_pages(), live_at_start());
}

// ---- traffic ------------------------------------------------------------------------------------

/// Sends the interface a UDP datagram from a station outside. Its memory has a page too many: when
/// it comes back into the cache, it is of no use to the answer.
Drop send_datagram(std::size_t payload, std::uint64_t seed) {
  const std::size_t size = kEthernetHeader + kIpHeader + kUdpHeader + payload;
  const auto memory = allocate({.size = Bytes(size + 4096)}, CallSite::here(), Report::quiet);
  if (!memory) return Drop::no_memory;
  auto* out = pointer<std::uint8_t>(memory->address);
  fill_frame(out, size, seed);
  const Ipv4 us = network.identity().address;
  write_ip(out + kEthernetHeader, kPeerAddress, us, IpProtocol::udp, kUdpHeader + payload, 1);
  std::uint8_t* udp = out + kEthernetHeader + kIpHeader;
  write_udp(udp, kPeerAddress, us, {4000, kEchoPort, {udp + kUdpHeader, payload}});
  return first_card.send(*memory, Bytes(size));
}

/// Datagrams that were answered, and those for whose answer there was no memory.
struct Handled {
  std::uint64_t answered = 0;
  std::uint64_t refused = 0;

  static Handled now() {
    const InterfaceCounters all = network.counters();
    return {all.answered[static_cast<std::uint32_t>(Plan::Action::udp)],
            all.dropped[static_cast<std::uint32_t>(Drop::no_memory)]};
  }
  std::uint64_t sum() const { return answered + refused; }
};

/// The interface is up, and gets the datagrams that it is sent.
class TrafficTest : public NetworkTest {
 protected:
  void bring_up() {
    ASSERT_FALSE(network.open({.card = jumbo(256)}).failed());
    first_card.card().set_loopback(E1000Card::Loopback::on);
    for (std::uint32_t i = 0; i < 60 && Handled::now().sum() == 0; ++i) {  // it is deaf at first
      EXPECT_EQ(send_datagram(100, i), Drop::none);
      sleep_for(50'000);
    }
    sleep_for(20'000);  // the datagrams of the loop that are still under way
    EXPECT_GT(Handled::now().answered, 0U);
  }
  static void shut_down() {
    stop_loopback();
    network.close();
    const InterfaceCounters all = network.counters();
    EXPECT_EQ(all.dropped[static_cast<std::uint32_t>(Drop::udp_checksum)], 0U);
    EXPECT_EQ(all.dropped[static_cast<std::uint32_t>(Drop::ip_checksum)], 0U);
  }
  /// Puts a datagram into the ring; it goes nowhere yet, so what is refused now is the answer.
  static void put(std::size_t payload) {
    first_card.card().set_sending(E1000Card::Sending::stopped);
    EXPECT_EQ(send_datagram(payload, payload), Drop::none);
  }
  /// Lets it go, and returns what has become of it.
  static Handled handle() {
    const Handled before = Handled::now();
    first_card.card().set_sending(E1000Card::Sending::running);
    for (std::uint32_t i = 0; i < 20'000 && Handled::now().sum() == before.sum(); ++i) {
      sleep_for(100);
    }
    arena().allocator.set_injection(Trigger::off());
    table_reserve().set_injection(Trigger::off());
    const Handled after = Handled::now();
    return {after.answered - before.answered, after.refused - before.refused};
  }
};

/// Each allocation of the traffic is an answer's: one that is refused costs that answer.
TEST_F(TrafficTest, ARefusedAllocationCostsOneAnswerAndNothingElse) {
  bring_up();
  for (std::size_t payload = 0; payload < 16000; payload += 271) {
    for (std::uint32_t k = 1; k <= 2; ++k) {
      put(payload);
      arena().allocator.set_injection(Trigger::nth(k));
      const Handled handled = handle();
      EXPECT_EQ(handled.refused, k == 1 ? 1U : 0U) << payload;
      EXPECT_EQ(handled.answered, k == 1 ? 0U : 1U) << payload;
    }
  }
  shut_down();
}

/// The same with page tables, where answers of more than two pages can only be mapped. The answer
/// may still find room where the datagram was: what is free is brought back before it is given up.
TEST_F(TrafficTest, ARefusedTableCostsOneAnswerAtMost) {
  bring_up();
  {
    const FragmentedMemory only_mappings_help;
    for (std::size_t payload = 9000; payload < 16000; payload += 700) {
      put(payload);
      const FullTables none_to_spare;
      const std::uint64_t refused = table_reserve().refused();
      table_reserve().set_injection(Trigger::nth(1));
      EXPECT_EQ(handle().sum(), 1U) << payload;
      EXPECT_EQ(table_reserve().refused(), refused + 1) << payload;
      put(payload);
      EXPECT_EQ(handle().answered, 1U) << payload;
    }
  }
  shut_down();
}

}  // namespace
}  // namespace vc::kernel::net
