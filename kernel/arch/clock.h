// Time: the time-stamp counter tells it, the local APIC's timer ticks. Both are measured once
// against the PIT, the only clock whose frequency is a matter of definition.
#pragma once

#include <cstdint>

namespace vc::kernel {

/// The period of the tick.
inline constexpr std::uint64_t kTickMicroseconds = 1000;

/// Measures both clocks, and counts time from here on. Once, on the boot CPU, with interrupts off.
void open_clock();

/// What was measured.
struct ClockRates {
  std::uint64_t tsc_hz = 0;
  std::uint64_t timer_hz = 0;  ///< of the local APIC's timer, with its divider
};
ClockRates clock_rates();

}  // namespace vc::kernel
