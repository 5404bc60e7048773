// memory.cc — how large an arena this machine can give, and making one.
#include "tools/vcompound/availability/memory.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "tools/vcompound/common/exit_code.h"
#include "tools/vcompound/common/sizes.h"
#include "tools/vcompound/info/machine.h"

namespace vc::tool {
namespace {

/// Left to the kernel and to other programs.
constexpr std::uint64_t kReserve = 128 * kMiB;

bool is_about_memory(Reason reason) {
  return reason == Reason::backing || reason == Reason::policy || reason == Reason::budget;
}

[[noreturn]] void fail_for_memory(std::uint64_t least, std::uint64_t most) {
  throw ToolError(
      ExitCode::kMachineLacks,
      "this machine has no memory for an arena: at least " + format_bytes(least) + " are needed, " +
          format_bytes(most) + " can be had",
      "Close programs, raise the memory limit of the control group, or ask for a smaller "
      "--budget; 'vcompound info' shows the limits.");
}

}  // namespace

std::uint64_t largest_budget() {
  const std::uint64_t usable = usable_memory(read_machine(SystemFiles()));
  if (usable == 0) return std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t reserve = std::max(kReserve, usable / 16);
  return usable > reserve ? usable - reserve : 0;
}

void fail_to_create(const Error& error) {
  const bool usage = error.reason == Reason::invalid;
  throw ToolError(usage ? ExitCode::kUsage : ExitCode::kMachineLacks,
                  "no arena: " + to_string(error),
                  usage ? "Check the options and VCOMPOUND_CONF."
                        : "'vcompound info' shows what this machine offers and what to change.");
}

MadeArena make_scaled_arena(ArenaOptions options, std::uint64_t unit, std::uint64_t least) {
  const std::uint64_t asked = options.budget.value;
  const std::uint64_t most = largest_budget();
  std::uint64_t budget = asked > most ? most / unit * unit : asked;
  options.precommit = Precommit::yes;
  for (;;) {
    if (budget < least) fail_for_memory(least, most);
    options.budget = Bytes(budget);
    Result<Arena> made = Arena::create(options);
    if (made) {
      const std::uint64_t got = made->frame_size().bytes(made->stats().total_pages).value;
      return {std::move(*made), asked, got, budget < asked};
    }
    const std::uint64_t less = budget / 4 * 3 / unit * unit;
    if (!is_about_memory(made.error().reason) || less < least) fail_to_create(made.error());
    budget = less;
  }
}

bool is_named_limit(Reason reason) {
  switch (reason) {
    case Reason::mappings:
    case Reason::address_space:
    case Reason::page_tables:
    case Reason::injected: return true;
    default: return false;
  }
}

}  // namespace vc::tool
