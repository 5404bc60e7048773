// The meter: instructions, page-table entries, tables, invalidations and interrupts of one piece of
// work, and the line that tells them.
//
// Under -icount shift=0 the time-stamp counter counts instructions, of all CPUs together: a CPU
// that waits with `pause` and the one that answers it both count. The cost of reading the counter
// twice is taken off. The tick is off meanwhile (run_benches), so the same work counts the same
// each time.
#pragma once

#include <cstdint>

#include "vcompound/platform/x86_64/cpu.h"
#include "vcompound/platform/x86_64/x86_64_platform.h"

namespace vc::kernel {

/// What one piece of work cost.
struct Cost {
  std::uint64_t instructions = 0;
  std::uint64_t entries = 0;        ///< page-table entries written
  std::uint64_t tables = 0;         ///< page-table pages allocated
  std::uint64_t invalidations = 0;  ///< invlpg of the CPU that shot down, or reloads of the root
  std::uint64_t interrupts = 0;     ///< to other CPUs

  Cost& operator+=(const Cost& other);
};

/// Instructions between two reads of the counter with nothing in between. Once, first of all.
void calibrate_meter();
std::uint64_t meter_overhead();

/// Runs work() and tells what it cost, by the counters of that platform.
template <class Work>
[[gnu::always_inline]] inline Cost measure(const X86Platform& platform, Work&& work) {
  const X86Counters before = platform.counters();
  const std::uint64_t start = x86::read_tsc();
  work();
  const std::uint64_t end = x86::read_tsc();
  const X86Counters after = platform.counters();
  return {.instructions = end - start - meter_overhead(),
          .entries = after.entries_written - before.entries_written,
          .tables = after.tables_allocated - before.tables_allocated,
          .invalidations =
              after.invalidations + after.full_flushes - before.invalidations - before.full_flushes,
          .interrupts = after.interrupts_sent - before.interrupts_sent};
}

/// The cheapest of several pieces of work that ought to cost the same.
class Least {
 public:
  void add(const Cost& cost) {
    if (count_++ == 0 || cost.instructions < least_.instructions) least_ = cost;
  }
  const Cost& cost() const { return least_; }

 private:
  Cost least_{};
  std::uint64_t count_ = 0;
};

/// Prints one row. `operations`: the cost is of so many; figures are told for one, with one digit
/// after the point.
void print_row(const char* name, std::uint64_t pages, const Cost& cost,
               std::uint64_t operations = 1);

}  // namespace vc::kernel
