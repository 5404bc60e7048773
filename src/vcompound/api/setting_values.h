// How the values of a configuration text are read and written: sizes, counts, words, triggers.
//
// A reader gives the value or, as an error, what would be right ("a size such as 4096 or 3.5GiB").
// A writer gives a text that the reader turns into the same value.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "vcompound/base/result.h"
#include "vcompound/base/units.h"
#include "vcompound/compound/trigger.h"

namespace vc::setting {

/// What would have been right, as the end of the sentence "... must be ".
struct Expected {
  std::string what;
};

/// A value, or what was expected instead.
template <class T>
using Read = Result<T, Expected>;

/// The text without the white space at its ends.
std::string_view trim(std::string_view text);
/// The text in quotes, for an error message: at most 60 characters, nothing unprintable.
std::string quote(std::string_view text);
/// The word that a mistyped one was likely meant to be, or nothing: at most a third of its letters
/// (two at least) may be wrong, missing, superfluous or swapped.
std::string_view nearest(std::string_view wrong, std::span<const std::string_view> words);
/// How many letters must be inserted, dropped, replaced or swapped with a neighbour.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// NUMBER [white space] [UNIT]: digits, maybe a point and more digits; B, KiB ... EiB or K ... E,
/// all powers of 1024, in any case. KB, MB ... are refused, for they mean 1000 to some.
Read<Bytes> read_size(std::string_view text);
/// Decimal digits in [low, high].
Read<std::uint64_t> read_count(std::string_view text, std::uint64_t low, std::uint64_t high);
/// off (no), always (yes), PERCENT%, every=N, nth=N.
Read<Trigger> read_trigger(std::string_view text);

/// The size exactly, in the largest unit that divides it: "3584MiB".
std::string write_size(Bytes size);
std::string write_trigger(Trigger trigger);

}  // namespace vc::setting
