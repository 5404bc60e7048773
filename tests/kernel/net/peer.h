// Peer: the other end of the kernel's network. It sits on a unix datagram socket, where QEMU's
// `-netdev dgram` exchanges one raw Ethernet frame per datagram.
//
//      find()    ARP until the kernel answers
//      ping()    ICMP echo of several sizes
//      echo()    UDP datagrams (and a ping now and then) over a bad wire; every whole copy that is
//                sent must come back, byte by byte, exactly once; nothing else may come
//      quit()    tells the kernel that it was the last one
//
// Everything about datagram n follows from the seed and n: its size and its bytes. So an echo is
// checked without remembering what was sent.
//
// Flow control: no more than `window` copies are under way, so that the kernel's receive ring is
// never too short and everything that is not dropped on purpose must come back.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "tests/kernel/net/faults.h"
#include "tests/kernel/net/wire.h"

namespace vc::peer {

struct PeerOptions {
  std::string own_path;    ///< of our socket
  std::string other_path;  ///< of QEMU's
  std::uint64_t frames = 10000;
  std::uint32_t mtu = 1500;
  std::uint32_t window = 32;
  std::uint64_t seed = 1;
  std::uint32_t patience_s = 30;  ///< without any progress
  FaultRates rates{};
};

/// What came of it.
struct Report {
  std::uint64_t datagrams = 0;          ///< put on the wire
  std::uint64_t whole_copies = 0;       ///< that reached the kernel's card undamaged
  std::uint64_t echoed = 0;             ///< of these, came back right
  std::uint64_t bytes = 0;              ///< of payload that came back right
  std::uint64_t missing = 0;            ///< whole copies that did not come back
  std::uint64_t wrong = 0;              ///< frames with a wrong byte, length, checksum or address
  std::uint64_t unexpected = 0;         ///< right, but once too often
  std::uint64_t damaged_but_right = 0;  ///< damaged where it did not matter, and echoed right
  std::uint64_t pings = 0;              ///< of the start
  std::uint64_t udp_echoes = 0;         ///< datagrams from the echo port, right or not
  FaultCounts faults{};
  double seconds = 0;  ///< of echo()
  std::string failure;

  bool ok() const { return failure.empty() && missing == 0 && wrong == 0 && unexpected == 0; }
};

/// See the head of this file.
class Peer {
 public:
  explicit Peer(PeerOptions options);
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  /// Everything in turn; stops at the first step that fails.
  const Report& run();

 private:
  bool find();
  bool ping();
  bool echo();
  bool quit();

  void put_datagram();
  Bytes payload_of(std::uint32_t number) const;
  std::size_t size_of(std::uint32_t number) const;
  static bool is_ping(std::uint32_t number) { return number % 64 == 63; }
  Bytes frame_of(std::uint32_t number) const;
  void take(const Received& received);
  void take_echo(const Bytes& payload, std::uint32_t number);
  void mistake(const char* what);
  bool fail(const std::string& why);

  // the socket
  bool connect();
  enum class Sent { yes, later, never };
  Sent try_send(const Bytes& frame);
  bool try_receive(Bytes& frame);
  bool exchange(const Bytes& request, bool (Peer::*is_answer)(const Received&), const char* what);
  bool is_arp_answer(const Received& received);
  bool is_ping_answer(const Received& received);
  bool is_quit_answer(const Received& received);
  bool pump();
  void wait(bool for_room, int milliseconds);

  PeerOptions options_;
  Ends ends_;
  int socket_ = -1;
  BadWire wire_;
  Report report_;
  std::uint32_t next_ = 0;                                     ///< number of the next datagram
  std::unordered_map<std::uint32_t, std::uint32_t> expected_;  ///< copies that must come back
  std::unordered_set<std::uint32_t> damaged_;                  ///< that may come back
  std::uint64_t under_way_ = 0;
  Bytes ping_payload_;
};

}  // namespace vc::peer
