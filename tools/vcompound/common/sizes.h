// sizes.h — how the program reads and prints sizes in bytes, ratios and counts.
//
// Reading a size:  NUMBER [space] [UNIT]
//   NUMBER  decimal digits, optionally a point and more digits; no sign, no exponent
//   UNIT    none or B (bytes), KiB MiB GiB TiB PiB EiB, or K M G T P E: all powers of 1024, in
//           any case. KB, MB, … are refused: some tools mean 1000 by them, others 1024.
// A fraction of a byte is dropped: 0.1KiB is 102 bytes.
//
// Reading a ratio: 0.968 or 96.8% — from 0 to 1. A plain 96.8 is refused, not guessed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vc::tool {

/// A value, or why there is none. Exactly one of the two is set.
template <typename T>
struct Parsed {
  std::optional<T> value;  ///< the value read
  std::string error;       ///< what is wrong with the text and what would be right; no full stop
};

inline constexpr std::uint64_t kKiB = 1024;
inline constexpr std::uint64_t kMiB = 1024 * kKiB;
inline constexpr std::uint64_t kGiB = 1024 * kMiB;
inline constexpr std::uint64_t kTiB = 1024 * kGiB;

/// Reads one size in bytes ("3.5GiB", "32 KiB", "4096", "1.5M"). Zero is a size here; verbs that
/// cannot use it say so with a lower limit.
Parsed<std::uint64_t> parse_bytes(std::string_view text);

/// Reads sizes with commas between them ("1MiB,2MiB,8MiB"). The list is never empty.
Parsed<std::vector<std::uint64_t>> parse_bytes_list(std::string_view text);

/// Reads a ratio from 0 to 1: "0.968" or "96.8%".
Parsed<double> parse_ratio(std::string_view text);

/// Reads a whole number without sign or unit ("42").
Parsed<std::uint64_t> parse_count(std::string_view text);

/// A size to read: the largest fitting unit and at most two decimals ("3.5 GiB", "32 KiB",
/// "512 B"). Rounded, so not for computing; parse_bytes understands it.
std::string format_bytes(std::uint64_t bytes);

/// A size to paste into a command: whole, in the largest unit that divides it ("3584MiB", "4097").
/// parse_bytes gives back exactly `bytes`.
std::string format_bytes_exact(std::uint64_t bytes);

/// A whole number in groups of three ("65,530").
std::string format_count(std::uint64_t count);

/// A ratio as per cent with `decimals` digits after the point ("96.8 %"); "-" for a NaN.
std::string format_percent(double ratio, int decimals = 1);

/// Seconds to read: "850 ns", "12.5 us", "3.2 ms", "4.1 s", "2 min 05 s"; "-" when negative or
/// not finite.
std::string format_seconds(double seconds);

}  // namespace vc::tool
