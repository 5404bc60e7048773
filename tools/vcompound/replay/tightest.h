// tightest.h — the smallest budget that serves a trace, by bisection.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

namespace vc::tool {

/// The smallest number of frames in [least, most] that serves, as far as this search can tell: it
/// tries `least`, then grows by a 64th at a time until `serves` says yes, then halves the last step
/// down to one frame. With contiguous memory a budget can serve where a larger one does not; such a
/// lucky budget between two steps is passed over. Nothing if none of the steps serves.
///
/// O(log(most / least)) calls, about 45 for each doubling.
std::optional<std::uint64_t> find_tightest(std::uint64_t least, std::uint64_t most,
                                           const std::function<bool(std::uint64_t)>& serves);

}  // namespace vc::tool
