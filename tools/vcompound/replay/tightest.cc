// tightest.cc — growing by small steps, then halving the last one.
#include "tools/vcompound/replay/tightest.h"

#include <algorithm>

namespace vc::tool {

std::optional<std::uint64_t> find_tightest(std::uint64_t least, std::uint64_t most,
                                           const std::function<bool(std::uint64_t)>& serves) {
  if (serves(least)) return least;
  constexpr std::uint64_t kSteps = 64;  // each step is a 64th of the budget before it
  std::uint64_t no = least;
  std::uint64_t yes = least;
  for (;;) {
    if (yes == most) return std::nullopt;
    const std::uint64_t step = std::max<std::uint64_t>(1, yes / kSteps);
    yes = step < most - yes ? yes + step : most;
    if (serves(yes)) break;
    no = yes;
  }
  while (yes - no > 1) {
    const std::uint64_t middle = no + (yes - no) / 2;
    (serves(middle) ? yes : no) = middle;
  }
  return yes;
}

}  // namespace vc::tool
