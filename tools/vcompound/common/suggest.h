// suggest.h — "did you mean …?" for a mistyped option or verb.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace vc::tool {

/// How many letters must be inserted, dropped, replaced or swapped with their neighbour to turn
/// `a` into `b` (optimal string alignment). O(|a|·|b|) time.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate nearest to `wrong`, or an empty text when none is near: at most a third of its
/// letters may differ, two at least. A candidate that starts with `wrong` counts as near.
std::string nearest(std::string_view wrong, const std::vector<std::string>& candidates);

}  // namespace vc::tool
