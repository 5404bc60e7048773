// Frames as the peer outside sees them. Written apart from the kernel's protocols on purpose, and
// as plainly as possible, so that a mistake there is not repeated here.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace vc::peer {

using Bytes = std::vector<std::uint8_t>;
using Mac = std::array<std::uint8_t, 6>;

inline constexpr Mac kBroadcast{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
inline constexpr std::size_t kUdpOverhead = 14 + 20 + 8;   ///< bytes in front of a UDP payload
inline constexpr std::size_t kPingOverhead = 14 + 20 + 8;  ///< and of a ping's

/// The two ends of a conversation, as seen from here.
struct Ends {
  Mac station{};
  std::uint32_t address = 0;
  Mac other_station{};
  std::uint32_t other_address = 0;
};

struct Arp {
  std::uint16_t operation = 0;  ///< 1 request, 2 reply
  Mac sender{};
  std::uint32_t sender_address = 0;
  std::uint32_t target_address = 0;
};
struct Udp {
  std::uint16_t from_port = 0;
  std::uint16_t to_port = 0;
  Bytes payload;
};
struct Ping {
  bool reply = false;
  std::uint16_t identifier = 0;
  std::uint16_t sequence = 0;
  Bytes payload;
};

/// A frame that came in: what it is, or why it is wrong.
struct Received {
  Mac to{};
  Mac from{};
  std::optional<Arp> arp;
  std::optional<Udp> udp;
  std::optional<Ping> ping;
  const char* mistake = nullptr;  ///< a sentence, or nullptr
};

/// Takes a frame apart; every length and checksum must be right, and padding must be zeros.
Received read_frame(const Ends& ends, const Bytes& frame);

Bytes arp_request(const Ends& ends);
Bytes arp_reply(const Ends& ends, const Arp& request);
Bytes udp_frame(const Ends& ends, const Udp& udp);
Bytes ping_frame(const Ends& ends, const Ping& ping);

}  // namespace vc::peer
