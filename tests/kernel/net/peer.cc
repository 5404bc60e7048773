#include "tests/kernel/net/peer.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "vcompound/base/random.h"

namespace vc::peer {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint16_t kEchoPort = 7;
constexpr std::uint16_t kControlPort = 9;
constexpr std::uint16_t kFirstPort = 40000;
constexpr std::uint32_t kMagic = 0x76637030;
constexpr std::size_t kHeader = 8;  ///< magic and number in front of each payload
constexpr std::uint16_t kPingIdentifier = 0x7663;
constexpr int kRetryMilliseconds = 200;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

bool set_path(sockaddr_un& address, const std::string& path) {
  address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return true;
}

std::uint32_t get32(const Bytes& b, std::size_t at) {
  return std::uint32_t{b[at]} << 24 | std::uint32_t{b[at + 1]} << 16 |
         std::uint32_t{b[at + 2]} << 8 | b[at + 3];
}
void set32(Bytes& b, std::size_t at, std::uint32_t v) {
  for (std::size_t i = 0; i < 4; ++i) b[at + i] = static_cast<std::uint8_t>(v >> (24 - 8 * i));
}

}  // namespace

Peer::Peer(PeerOptions options)
    : options_(std::move(options)), wire_(options_.rates, options_.seed) {
  ends_.station = {0x52, 0x54, 0x00, 0xaa, 0xbb, 0xcc};
  ends_.address = 0x0a000202;        // 10.0.2.2
  ends_.other_address = 0x0a00020f;  // 10.0.2.15
}

Peer::~Peer() {
  if (socket_ >= 0) close(socket_);
  unlink(options_.own_path.c_str());
}

const Report& Peer::run() {
  if (connect() && find() && ping() && echo()) quit();
  report_.faults = wire_.counts();
  return report_;
}

bool Peer::fail(const std::string& why) {
  if (report_.failure.empty()) report_.failure = why;
  return false;
}

void Peer::mistake(const char* what) {
  ++report_.wrong;
  fail(std::string("the kernel sent ") + what);
}

// ---- the socket ---------------------------------------------------------------------------------

bool Peer::connect() {
  sockaddr_un own{};
  sockaddr_un other{};
  if (!set_path(own, options_.own_path) || !set_path(other, options_.other_path)) {
    return fail("the path of a socket is too long");
  }
  socket_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  unlink(options_.own_path.c_str());
  if (socket_ < 0 || bind(socket_, reinterpret_cast<sockaddr*>(&own), sizeof own) != 0) {
    return fail("cannot make the socket " + options_.own_path);
  }
  const auto start = Clock::now();
  while (::connect(socket_, reinterpret_cast<sockaddr*>(&other), sizeof other) != 0) {
    if (seconds_since(start) > options_.patience_s) {
      return fail("there is no socket " + options_.other_path);
    }
    poll(nullptr, 0, kRetryMilliseconds / 4);
  }
  return true;
}

Peer::Sent Peer::try_send(const Bytes& frame) {
  if (send(socket_, frame.data(), frame.size(), 0) >= 0) return Sent::yes;
  if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS) {
    return Sent::later;
  }
  fail(std::string("cannot send: ") + std::strerror(errno));
  return Sent::never;
}

bool Peer::try_receive(Bytes& frame) {
  frame.resize(70000);
  const ssize_t length = recv(socket_, frame.data(), frame.size(), 0);
  if (length < 0) {
    if (errno != EAGAIN && errno != EINTR) {
      fail(std::string("cannot receive: ") + std::strerror(errno));
    }
    return false;
  }
  frame.resize(static_cast<std::size_t>(length));
  return true;
}

void Peer::wait(bool for_room, int milliseconds) {
  pollfd entry{socket_, static_cast<short>(for_room ? POLLIN | POLLOUT : POLLIN), 0};
  poll(&entry, 1, milliseconds);
}

// ---- question and answer ------------------------------------------------------------------------

/// Sends a request again and again until an answer comes.
bool Peer::exchange(const Bytes& request, bool (Peer::*is_answer)(const Received&),
                    const char* what) {
  const auto start = Clock::now();
  while (seconds_since(start) < options_.patience_s) {
    if (try_send(request) == Sent::never) return false;
    const auto asked = Clock::now();
    while (seconds_since(asked) * 1000 < kRetryMilliseconds) {
      Bytes frame;
      if (!try_receive(frame)) {
        wait(false, kRetryMilliseconds);
        continue;
      }
      const Received received = read_frame(ends_, frame);
      if (received.mistake != nullptr) mistake(received.mistake);
      if ((this->*is_answer)(received)) return true;
    }
  }
  return fail(std::string("no answer to ") + what);
}

bool Peer::is_arp_answer(const Received& received) {
  if (!received.arp || received.arp->operation != 2 ||
      received.arp->sender_address != ends_.other_address ||
      received.arp->sender != received.from || received.to != ends_.station) {
    return false;
  }
  ends_.other_station = received.from;
  return true;
}

bool Peer::is_ping_answer(const Received& received) {
  return received.ping && received.ping->reply && received.from == ends_.other_station &&
         received.ping->identifier == kPingIdentifier && received.ping->payload == ping_payload_;
}

bool Peer::is_quit_answer(const Received& received) {
  return received.udp && received.udp->from_port == kControlPort;
}

bool Peer::find() { return exchange(arp_request(ends_), &Peer::is_arp_answer, "ARP"); }

bool Peer::ping() {
  std::uint16_t sequence = 0;
  for (const std::size_t size : {0UL, 1UL, 56UL, 1472UL, std::size_t{options_.mtu} - 28}) {
    ping_payload_.assign(size, static_cast<std::uint8_t>(0x40 + sequence));
    const Bytes frame = ping_frame(ends_, {false, kPingIdentifier, sequence++, ping_payload_});
    if (!exchange(frame, &Peer::is_ping_answer, "a ping")) return false;
    ++report_.pings;
  }
  return true;
}

bool Peer::quit() {
  const Bytes frame = udp_frame(ends_, {kFirstPort, kControlPort, {'q', 'u', 'i', 't'}});
  return exchange(frame, &Peer::is_quit_answer, "quit");
}

// ---- datagrams ----------------------------------------------------------------------------------

/// Mostly short, some up to a usual frame, some up to the longest.
std::size_t Peer::size_of(std::uint32_t number) const {
  Random random(mix64(options_.seed) ^ number);
  const std::size_t longest = options_.mtu - 28;
  const std::uint64_t kind = random.below(20);
  if (kind == 0) return longest;
  if (kind < 3) return kHeader + random.below(longest - kHeader + 1);
  const std::size_t most = kind < 8 && longest > 1472 ? 1472 : 200;
  return kHeader + random.below(most - kHeader + 1);
}

Bytes Peer::payload_of(std::uint32_t number) const {
  Bytes payload(size_of(number));
  Random random(mix64(options_.seed + 1) ^ number);
  for (std::size_t i = kHeader; i < payload.size(); i += 8) {
    const std::uint64_t word = random.next();
    std::memcpy(payload.data() + i, &word, std::min(sizeof word, payload.size() - i));
  }
  set32(payload, 0, kMagic);
  set32(payload, 4, number);
  return payload;
}

Bytes Peer::frame_of(std::uint32_t number) const {
  if (is_ping(number)) {
    return ping_frame(
        ends_, {false, kPingIdentifier, static_cast<std::uint16_t>(number), payload_of(number)});
  }
  const auto port = static_cast<std::uint16_t>(kFirstPort + number % 1000);
  return udp_frame(ends_, {port, kEchoPort, payload_of(number)});
}

void Peer::put_datagram() {
  const std::uint32_t number = next_++;
  const Fate fate = wire_.put(frame_of(number));
  ++report_.datagrams;
  report_.whole_copies += fate.whole_copies;
  under_way_ += fate.whole_copies;
  if (fate.whole_copies != 0) expected_[number] = fate.whole_copies;
  if (fate.damaged) damaged_.insert(number);
}

void Peer::take_echo(const Bytes& payload, std::uint32_t number) {
  if (payload != payload_of(number)) return mistake("an echo with a wrong byte");
  const auto found = expected_.find(number);
  if (found != expected_.end()) {
    ++report_.echoed;
    report_.bytes += payload.size();
    --under_way_;
    if (--found->second == 0) expected_.erase(found);
  } else if (damaged_.erase(number) != 0) {
    ++report_.damaged_but_right;
  } else {
    ++report_.unexpected;
  }
}

void Peer::take(const Received& received) {
  if (received.mistake != nullptr) return mistake(received.mistake);
  if (received.arp) {
    if (received.arp->operation == 1 && received.arp->target_address == ends_.address) {
      static_cast<void>(try_send(arp_reply(ends_, *received.arp)));
    }
    return;
  }
  if (received.from != ends_.other_station || received.to != ends_.station) {
    return mistake("a frame with wrong stations");
  }
  if (received.udp && received.udp->from_port == kEchoPort) ++report_.udp_echoes;
  const Bytes& payload = received.udp ? received.udp->payload : received.ping->payload;
  // The answers to our first pings may come twice if we asked twice.
  const bool numbered = payload.size() >= kHeader && get32(payload, 0) == kMagic;
  if (!numbered && received.ping) return;
  const std::uint32_t number = numbered ? get32(payload, 4) : next_;
  if (number >= next_ || is_ping(number) != received.ping.has_value()) {
    return mistake("an echo of what was never sent");
  }
  const bool right = received.ping
                         ? received.ping->reply && received.ping->identifier == kPingIdentifier &&
                               received.ping->sequence == static_cast<std::uint16_t>(number)
                         : received.udp->from_port == kEchoPort &&
                               received.udp->to_port == kFirstPort + number % 1000;
  if (!right) return mistake("an echo with wrong ports or numbers");
  take_echo(payload, number);
}

/// Takes what has come and sends what may go; false if there was nothing to do.
bool Peer::pump() {
  bool busy = false;
  Bytes frame;
  while (try_receive(frame)) {
    take(read_frame(ends_, frame));
    busy = true;
  }
  while (under_way_ < options_.window && next_ < options_.frames && wire_.front() == nullptr) {
    put_datagram();
  }
  if (wire_.front() == nullptr && next_ == options_.frames) wire_.flush();
  if (wire_.front() == nullptr && under_way_ >= options_.window) wire_.flush();
  while (wire_.front() != nullptr && try_send(*wire_.front()) == Sent::yes) {
    wire_.pop();
    busy = true;
  }
  return busy;
}

bool Peer::echo() {
  const auto start = Clock::now();
  auto progress = start;
  while (report_.failure.empty() &&
         (next_ < options_.frames || wire_.front() != nullptr || under_way_ != 0)) {
    if (pump()) {
      progress = Clock::now();
      continue;
    }
    if (seconds_since(progress) > options_.patience_s) {
      fail("nothing came back any more");
      break;
    }
    wait(wire_.front() != nullptr, kRetryMilliseconds);
  }
  report_.seconds = seconds_since(start);
  report_.missing = under_way_;
  return report_.failure.empty();
}

}  // namespace vc::peer
