// The Internet checksum and the types of addresses, against slow and plain counterparts.
#include <gtest/gtest.h>

#include <vector>

#include "kernel/net/protocol/bytes.h"
#include "vcompound/base/random.h"

namespace vc::kernel::net {
namespace {

/// The checksum as RFC 1071 defines it: words of two bytes, one at a time.
std::uint16_t plain_checksum(const std::vector<std::uint8_t>& bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    const std::uint32_t low = i + 1 < bytes.size() ? bytes[i + 1] : 0U;
    sum += std::uint32_t{bytes[i]} << 8 | low;
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return static_cast<std::uint16_t>(~sum);
}

std::vector<std::uint8_t> random_bytes(Random& random, std::size_t size) {
  std::vector<std::uint8_t> bytes(size);
  for (auto& b : bytes) b = static_cast<std::uint8_t>(random.next());
  return bytes;
}

TEST(NetChecksum, TheExampleOfRfc1071) {
  const std::vector<std::uint8_t> bytes{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
  EXPECT_EQ(Checksum().add({bytes.data(), bytes.size()}).finish(), 0xffff - 0xddf2);
}

TEST(NetChecksum, EveryLengthAgreesWithThePlainSum) {
  Random random(1);
  for (std::size_t size = 0; size < 300; ++size) {
    const auto bytes = random_bytes(random, size);
    EXPECT_EQ(Checksum().add({bytes.data(), size}).finish(), plain_checksum(bytes)) << size;
  }
}

TEST(NetChecksum, LongRowsOfOnesDoNotOverflow) {
  const std::vector<std::uint8_t> bytes(65535, 0xff);
  EXPECT_EQ(Checksum().add({bytes.data(), bytes.size()}).finish(), plain_checksum(bytes));
}

TEST(NetChecksum, PiecesOfAnyLengthGiveTheSameSum) {
  Random random(2);
  for (int round = 0; round < 500; ++round) {
    const auto bytes = random_bytes(random, 1 + random.below(200));
    Checksum sum;
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t piece = random.below(bytes.size() - at + 1);
      sum.add({bytes.data() + at, piece});
      at += piece;
    }
    EXPECT_EQ(sum.finish(), plain_checksum(bytes));
  }
}

TEST(NetChecksum, NumbersCountAsTheirBytes) {
  const std::vector<std::uint8_t> bytes{0x12, 0x34, 0xab, 0xcd, 0xef, 0x01};
  EXPECT_EQ(Checksum().add16(0x1234).add32(0xabcdef01).finish(), plain_checksum(bytes));
}

TEST(NetChecksum, OneChangedByteIsAlwaysSeen) {
  Random random(3);
  auto bytes = random_bytes(random, 64);
  write16(bytes.data() + 10, 0);
  write16(bytes.data() + 10, Checksum().add({bytes.data(), bytes.size()}).finish());
  ASSERT_EQ(Checksum().add({bytes.data(), bytes.size()}).finish(), 0);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (unsigned change = 1; change < 256; ++change) {
      bytes[at] = static_cast<std::uint8_t>(bytes[at] ^ change);
      EXPECT_NE(Checksum().add({bytes.data(), bytes.size()}).finish(), 0);
      bytes[at] = static_cast<std::uint8_t>(bytes[at] ^ change);
    }
  }
}

TEST(NetBytes, NumbersAreReadAsTheyWereWritten) {
  std::uint8_t bytes[6] = {};
  write32(bytes, 0x01020304);
  write16(bytes + 4, 0xfffe);
  EXPECT_EQ(bytes[0], 1);
  EXPECT_EQ(bytes[3], 4);
  EXPECT_EQ(read32(bytes), 0x01020304U);
  EXPECT_EQ(read16(bytes + 4), 0xfffe);
}

TEST(NetBytes, AddressesThatNoHostHas) {
  EXPECT_TRUE(Ipv4::of(10, 0, 2, 15).is_a_host());
  EXPECT_FALSE(Ipv4::of(0, 0, 0, 0).is_a_host());
  EXPECT_FALSE(Ipv4::of(127, 0, 0, 1).is_a_host());
  EXPECT_FALSE(Ipv4::of(224, 0, 0, 1).is_a_host());
  EXPECT_FALSE(Ipv4::of(255, 255, 255, 255).is_a_host());
  EXPECT_TRUE(Mac::broadcast().is_group());
  EXPECT_FALSE((Mac{{0x52, 0x54, 0, 1, 2, 3}}).is_group());
}

}  // namespace
}  // namespace vc::kernel::net
