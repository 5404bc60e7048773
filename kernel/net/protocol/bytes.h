// Bytes of a frame: views of them, numbers in network order, and the Internet checksum. Pure.
//
// The Internet checksum is the one's complement of the one's complement sum of 16-bit words. One's
// complement addition does not care for byte order or word size, so the sum runs over 64-bit words
// as they lie in memory, and is folded to 16 bits and turned to network order at the end:
//
//      bytes    | a b c d e f g h | i j k ...        eight at a time, carries counted
//      sum      64 bits -> 32 -> 16, each time the upper half is added to the lower one
//
// A piece that starts at an odd offset contributes with its two bytes swapped.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vc::kernel::net {

/// A part of a frame that somebody else owns.
struct View {
  const std::uint8_t* data = nullptr;
  std::size_t size = 0;

  /// The part from `offset` on; offset <= size.
  constexpr View from(std::size_t offset) const { return {data + offset, size - offset}; }
  /// The first `length` bytes; length <= size.
  constexpr View first(std::size_t length) const { return {data, length}; }
};

constexpr std::uint16_t read16(const std::uint8_t* p) {
  return static_cast<std::uint16_t>(p[0] << 8 | p[1]);
}
constexpr std::uint32_t read32(const std::uint8_t* p) {
  return std::uint32_t{read16(p)} << 16 | read16(p + 2);
}
constexpr void write16(std::uint8_t* p, std::uint32_t v) {
  p[0] = static_cast<std::uint8_t>(v >> 8);
  p[1] = static_cast<std::uint8_t>(v);
}
constexpr void write32(std::uint8_t* p, std::uint32_t v) {
  write16(p, v >> 16);
  write16(p + 2, v);
}
inline void copy_bytes(std::uint8_t* to, View from) {
  if (from.size != 0) __builtin_memcpy(to, from.data, from.size);
}

/// The hardware address of an Ethernet station.
struct Mac {
  std::uint8_t bytes[6] = {};

  constexpr bool operator==(const Mac&) const = default;
  /// Broadcast is a group, too.
  constexpr bool is_group() const { return (bytes[0] & 1) != 0; }
  static constexpr Mac broadcast() { return {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}; }
  static constexpr Mac read(const std::uint8_t* p) {
    return {{p[0], p[1], p[2], p[3], p[4], p[5]}};
  }
  constexpr void write(std::uint8_t* p) const {
    for (std::size_t i = 0; i < sizeof bytes; ++i) p[i] = bytes[i];
  }
};

/// An IPv4 address, most significant byte first: 10.0.2.15 is 0x0a00020f.
struct Ipv4 {
  std::uint32_t value = 0;

  constexpr bool operator==(const Ipv4&) const = default;
  static constexpr Ipv4 of(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
    return {std::uint32_t{a} << 24 | std::uint32_t{b} << 16 | std::uint32_t{c} << 8 | d};
  }
  /// Can one machine have it: not 0.x.x.x, not loopback, not multicast or broadcast?
  constexpr bool is_a_host() const {
    const std::uint32_t first = value >> 24;
    return first != 0 && first != 127 && first < 224;
  }
};

/// The Internet checksum of bytes that come in pieces. See the head of this file.
class Checksum {
 public:
  /// Adds the next bytes.
  Checksum& add(View piece) {
    std::uint16_t part = fold(sum_of(piece));
    if (odd_) part = static_cast<std::uint16_t>(part << 8 | part >> 8);
    sum_ += part;
    odd_ ^= (piece.size & 1) != 0;
    return *this;
  }
  /// Adds a number of 16 bits; not in the middle of a word.
  Checksum& add16(std::uint32_t v) {
    std::uint8_t word[2] = {};
    write16(word, v);
    return add({word, sizeof word});
  }
  Checksum& add32(std::uint32_t v) { return add16(v >> 16).add16(v & 0xffff); }

  /// The checksum to be written; the sum of bytes that contain a right one gives 0.
  std::uint16_t finish() const {
    const std::uint16_t folded = fold(sum_);
    // The sum is as the words lie in memory; the first byte in memory is the upper one.
    return static_cast<std::uint16_t>(~(folded << 8 | folded >> 8));
  }

 private:
  static std::uint16_t fold(std::uint64_t v) {
    v = (v & 0xffff'ffff) + (v >> 32);
    v = (v & 0xffff'ffff) + (v >> 32);
    v = (v & 0xffff) + (v >> 16);
    v = (v & 0xffff) + (v >> 16);
    return static_cast<std::uint16_t>(v);
  }
  static std::uint64_t sum_of(View piece) {
    std::uint64_t sum = 0;
    std::size_t at = 0;
    for (; at + 8 <= piece.size; at += 8) {
      std::uint64_t word;
      __builtin_memcpy(&word, piece.data + at, sizeof word);
      sum += word;
      if (sum < word) ++sum;  // the carry comes round to the other end
    }
    std::uint64_t rest = 0;  // what is missing counts as zero bytes
    for (std::size_t i = 0; at + i < piece.size; ++i) {
      rest |= std::uint64_t{piece.data[at + i]} << (8 * i);
    }
    sum += rest;
    if (sum < rest) ++sum;
    return sum;
  }

  std::uint64_t sum_ = 0;  ///< of folded parts: cannot overflow
  bool odd_ = false;       ///< an odd number of bytes so far
};

}  // namespace vc::kernel::net
