// A small generator of well-mixed numbers (the SplitMix64 finaliser of Steele, Lea and Flood, 2014,
// "Fast splittable pseudorandom number generators"). Not for secrets.
#pragma once

#include <cstdint>

namespace vc {

/// Mixes the bits of v; a bijection, so different inputs stay different.
constexpr std::uint64_t mix64(std::uint64_t v) {
  v += 0x9e37'79b9'7f4a'7c15ULL;
  v = (v ^ (v >> 30)) * 0xbf58'476d'1ce4'e5b9ULL;
  v = (v ^ (v >> 27)) * 0x94d0'49bb'1331'11ebULL;
  return v ^ (v >> 31);
}

/// A sequence of mixed numbers, the same for the same seed.
class Random {
 public:
  explicit constexpr Random(std::uint64_t seed) : state_(seed) {}
  constexpr std::uint64_t next() { return mix64(state_++); }
  /// A number in [0, bound); bound > 0. The bias is below bound / 2^64.
  constexpr std::uint64_t below(std::uint64_t bound) { return next() % bound; }

 private:
  std::uint64_t state_;
};

}  // namespace vc
