// NetworkInterface: one network card with an address. A thread answers ARP, ICMP echo, UDP echo.
#pragma once

#include "kernel/net/e1000.h"
#include "kernel/net/protocol/responder.h"

namespace vc::kernel {

class Thread;

namespace net {

struct InterfaceOptions {
  Ipv4 address = Ipv4::of(10, 0, 2, 15);
  E1000Options card{};
};

/// What came of the frames.
struct InterfaceCounters {
  std::uint64_t answered[4] = {};          ///< by Plan::Action
  std::uint64_t dropped[kDropCount] = {};  ///< by reason
};

/// See the head of this file. Opened and closed by one thread at a time.
class NetworkInterface {
 public:
  explicit constexpr NetworkInterface(E1000& card = first_card) : card_(card) {}
  NetworkInterface(const NetworkInterface&) = delete;
  NetworkInterface& operator=(const NetworkInterface&) = delete;

  /// Finds the card, so that what stays for ever (its registers' mapping) is there; false: none.
  bool probe() { return card_.probe(); }
  /// Brings the card and the thread up; announces the address. After a failure everything is as
  /// before.
  NetError open(const InterfaceOptions& options);
  /// Ends the thread and gives everything back.
  void close();
  /// Sleeps until somebody outside says "quit" (to UDP port 9).
  void wait_until_quit();

  const Identity& identity() const { return me_; }
  E1000& card() { return card_; }
  InterfaceCounters counters();
  void print_statistics();

 private:
  /// An answer on its way.
  struct Answer {
    Plan::Action action = Plan::Action::nothing;
    Drop drop = Drop::none;
    Allocation memory{};
    Bytes length{};  ///< 0: nothing is to be sent
    bool quit = false;
  };
  static void run(void* self);
  void serve();
  Answer prepare(const ReceivedFrame& frame);
  void note_flow(const Plan& plan);
  void finish(const Answer& answer);
  void announce();
  void count(Plan::Action action, Drop drop);

  E1000& card_;
  Identity me_{};
  Thread* thread_ = nullptr;
  Atomic<std::uint32_t> stopping_;
  ArpCache arp_;                      ///< of the thread
  std::uint16_t identification_ = 0;  ///< likewise

  InterruptLock lock_{Rank::network, "network interface"};
  WaitQueue quit_queue_;
  bool quit_ = false;
  InterfaceCounters counters_{};
};

}  // namespace net

/// Brings the interface up as the boot parameters say, serves until somebody outside says "quit",
/// prints what happened, closes it, and checks that all memory came back. 0: all is well.
int run_network();

}  // namespace vc::kernel
