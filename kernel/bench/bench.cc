#include "kernel/bench/bench.h"

#include "kernel/arch/machine.h"
#include "kernel/bench/benches.h"
#include "kernel/bench/meter.h"
#include "kernel/console/console.h"
#include "kernel/test/runner.h"
#include "vcompound/platform/x86_64/broadcast.h"

namespace vc::kernel {

namespace {

constexpr std::uint64_t kSizes[] = {1, 2, 8, 64, 512, 4096};

/// No tick on any CPU in this scope.
class NoTicks {
 public:
  NoTicks() { set(false); }
  ~NoTicks() { set(true); }
  NoTicks(const NoTicks&) = delete;
  NoTicks& operator=(const NoTicks&) = delete;

 private:
  static void set(bool on) {
    const x86::StayHere here;
    for (std::uint32_t i = 0; i < cpu_count(); ++i) {
      call_on(
          i, [](void* argument) { set_tick(*static_cast<bool*>(argument)); }, &on);
    }
  }
};

std::uint64_t run_matching(Benches benches, const char* patterns) {
  std::uint64_t matched = 0;
  for (std::uint64_t i = 0; i < benches.count; ++i) {
    const Bench& bench = benches.first[i];
    if (!matches(patterns, bench.name)) continue;
    ++matched;
    for (const std::uint64_t pages : kSizes) {
      if (pages >= bench.fewest_pages) bench.run(bench.name, pages);
    }
  }
  return matched;
}

}  // namespace

int run_benches(const char* patterns) {
  std::uint64_t matched = 0;
  {
    const NoTicks quiet;
    calibrate_meter();
    matched += run_matching(kernel_benches(), patterns);
    matched += run_matching(arena_benches(), patterns);
    matched += run_matching(platform_benches(), patterns);
  }
  if (matched == 0) Line().text("bench=").text(patterns).text(": there is no bench of that name");
  return matched == 0 ? 1 : 0;
}

}  // namespace vc::kernel
