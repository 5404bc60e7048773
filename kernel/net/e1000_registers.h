// The 82540EM ("e1000"), as far as the driver uses it: registers and descriptors. The numbers are
// those of Intel's "PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual".
#pragma once

#include <cstdint>

#include "vcompound/base/units.h"

namespace vc::kernel::net {

inline constexpr std::uint16_t kIntel = 0x8086;
inline constexpr std::uint16_t k82540em = 0x100e;
inline constexpr Bytes kRegisterSpace{0x20000};

/// Offsets of registers.
enum class Reg : std::uint32_t {
  control = 0x0000,
  status = 0x0008,
  eeprom_read = 0x0014,
  phy = 0x0020,
  flow_low = 0x0028,
  flow_high = 0x002c,
  flow_type = 0x0030,
  interrupt_cause = 0x00c0,  ///< reading clears
  interrupt_raise = 0x00c8,
  interrupt_set = 0x00d0,    ///< unmasks
  interrupt_clear = 0x00d8,  ///< masks
  receive_control = 0x0100,
  flow_time = 0x0170,
  transmit_control = 0x0400,
  transmit_gap = 0x0410,
  receive_low = 0x2800,
  receive_high = 0x2804,
  receive_length = 0x2808,
  receive_head = 0x2810,
  receive_tail = 0x2818,
  receive_delay = 0x2820,
  transmit_low = 0x3800,
  transmit_high = 0x3804,
  transmit_length = 0x3808,
  transmit_head = 0x3810,
  transmit_tail = 0x3818,
  multicast_table = 0x5200,  ///< 128 words
  address_low = 0x5400,
  address_high = 0x5404,
};

namespace control {
inline constexpr std::uint32_t kLinkReset = 1U << 3;
inline constexpr std::uint32_t kAutoSpeed = 1U << 5;
inline constexpr std::uint32_t kSetLinkUp = 1U << 6;
inline constexpr std::uint32_t kInvertLoss = 1U << 7;
inline constexpr std::uint32_t kReset = 1U << 26;
inline constexpr std::uint32_t kPhyReset = 1U << 31;
}  // namespace control

inline constexpr std::uint32_t kStatusLinkUp = 1U << 1;
inline constexpr std::uint32_t kAddressValid = 1U << 31;

namespace cause {
inline constexpr std::uint32_t kTransmitted = 1U << 0;
inline constexpr std::uint32_t kTransmitEmpty = 1U << 1;
inline constexpr std::uint32_t kLink = 1U << 2;
inline constexpr std::uint32_t kReceiveLow = 1U << 4;
inline constexpr std::uint32_t kReceiveOverrun = 1U << 6;
inline constexpr std::uint32_t kReceived = 1U << 7;
}  // namespace cause

namespace receive {
inline constexpr std::uint32_t kEnable = 1U << 1;
inline constexpr std::uint32_t kLongFrames = 1U << 5;
inline constexpr std::uint32_t kBroadcast = 1U << 15;
inline constexpr std::uint32_t kBuffers2K = 0;
inline constexpr std::uint32_t kBuffers4K = 3U << 16 | 1U << 25;
inline constexpr std::uint32_t kStripChecksum = 1U << 26;
}  // namespace receive

namespace transmit {
inline constexpr std::uint32_t kEnable = 1U << 1;
inline constexpr std::uint32_t kPadShort = 1U << 3;
inline constexpr std::uint32_t kCollisions = 0x0fU << 4;
inline constexpr std::uint32_t kCollisionDistance = 0x40U << 12;
inline constexpr std::uint32_t kGap = 10U | 8U << 10 | 6U << 20;
}  // namespace transmit

/// Access to the PHY's registers.
namespace phy {
inline constexpr std::uint32_t kWrite = 1U << 26 | 1U << 21;
inline constexpr std::uint32_t kReady = 1U << 28;
inline constexpr std::uint32_t kControlRegister = 0;
inline constexpr std::uint32_t kLoopback = 0x4000;
inline constexpr std::uint32_t kUsual = 0x1140;  ///< negotiates; full duplex, 1000 Mb/s
}  // namespace phy

/// Where a received piece of a frame goes, and what became of it.
struct ReceiveDescriptor {
  std::uint64_t buffer;
  std::uint16_t length;
  std::uint16_t checksum;
  std::uint8_t status;
  std::uint8_t errors;
  std::uint16_t special;
};
/// A piece of a frame to be sent.
struct TransmitDescriptor {
  std::uint64_t buffer;
  std::uint16_t length;
  std::uint8_t checksum_offset;
  std::uint8_t command;
  std::uint8_t status;
  std::uint8_t checksum_start;
  std::uint16_t special;
};
static_assert(sizeof(ReceiveDescriptor) == 16 && sizeof(TransmitDescriptor) == 16);

inline constexpr std::uint8_t kDone = 1;            ///< status: the card is done with it
inline constexpr std::uint8_t kLastReceived = 2;    ///< status: the end of a frame
inline constexpr std::uint8_t kLastSent = 1;        ///< command: the end of a frame
inline constexpr std::uint8_t kInsertChecksum = 2;  ///< command: append the frame check sequence
inline constexpr std::uint8_t kReportStatus = 8;    ///< command: say when it is done

/// The most bytes that one descriptor sends.
inline constexpr Bytes kLongestSegment{16288};
inline constexpr std::uint32_t kLeastDescriptors = 8;
inline constexpr std::uint32_t kMostDescriptors = 4096;

}  // namespace vc::kernel::net
