#include "kernel/arch/clock.h"

#include "kernel/arch/apic.h"
#include "kernel/arch/interrupt.h"
#include "kernel/arch/machine.h"
#include "kernel/thread/scheduler.h"
#include "vcompound/base/assert.h"
#include "vcompound/base/atomic.h"
#include "vcompound/platform/x86_64/cpu.h"

namespace vc::kernel {

namespace {

constexpr std::uint64_t kPitHz = 1'193'182;
constexpr std::uint32_t kWindow = kPitHz / 100;  // 10 ms of the PIT

constexpr std::uint16_t kPitChannel2 = 0x42;
constexpr std::uint16_t kPitCommand = 0x43;
constexpr std::uint16_t kPitGate = 0x61;

constinit ClockRates rates;
constinit std::uint64_t start = 0;
/// Microseconds per count of the time-stamp counter, times 2^32. 0: not measured yet.
constinit std::uint64_t scale = 0;

/// Channel 2 counts down from 65535, once, without an interrupt and without the speaker.
void start_pit() {
  x86::out8(kPitGate, static_cast<std::uint8_t>((x86::in8(kPitGate) & ~2) | 1));
  x86::out8(kPitCommand, 0xb0);  // channel 2, both bytes, mode 0
  x86::out8(kPitChannel2, 0xff);
  x86::out8(kPitChannel2, 0xff);
}

std::uint32_t read_pit() {
  x86::out8(kPitCommand, 0x80);  // latch channel 2
  const std::uint32_t low = x86::in8(kPitChannel2);
  return low | std::uint32_t{x86::in8(kPitChannel2)} << 8;
}

/// Has the channel counted to 0 since start_pit()? Then it has begun anew, perhaps more than once.
bool pit_is_over() { return (x86::in8(kPitGate) & 0x20) != 0; }

/// The three clocks at one moment.
struct Moment {
  std::uint64_t tsc;
  std::uint32_t timer;
  std::uint32_t pit;
};

/// Of several readings the fastest: the host (or an SMI) may interrupt any of them.
Moment read_clocks() {
  Moment best{};
  std::uint64_t best_duration = ~std::uint64_t{0};
  for (int i = 0; i < 8; ++i) {
    const std::uint64_t before = x86::read_tsc();
    const std::uint32_t timer = timer_count();
    const std::uint32_t pit = read_pit();
    const std::uint64_t duration = x86::read_tsc() - before;
    if (duration >= best_duration) continue;
    best_duration = duration;
    best = {before + duration / 2, timer, pit};
  }
  return best;
}

/// Waits without looking at a clock: under instruction counting each look is expensive.
void spin_a_little() {
  for (int i = 0; i < 20'000; ++i) compiler_barrier();
}

/// The clocks at its two ends.
struct Window {
  Moment from;
  Moment to;
};

/// A window that the PIT can tell: a host that lets the machine stand still for 55 ms in the middle
/// of it makes the PIT wrap, and the other clocks seem to be faster than they are.
Window measure() {
  constexpr int kMostTries = 100;
  Window window{};
  for (int i = 0; i < kMostTries; ++i) {
    start_pit();
    window.from = read_clocks();
    while (((window.from.pit - read_pit()) & 0xffff) < kWindow) spin_a_little();
    window.to = read_clocks();
    if (!pit_is_over()) break;
  }
  return window;
}

void on_tick(void*) { tick_from_interrupt(); }

}  // namespace

void open_clock() {
  start_timer(TimerInterrupt::masked, 0xffff'ffff);
  const auto [from, to] = measure();
  const std::uint64_t window = (from.pit - to.pit) & 0xffff;
  rates.tsc_hz = (to.tsc - from.tsc) * kPitHz / window;
  rates.timer_hz = std::uint64_t{from.timer - to.timer} * kPitHz / window;
  VC_ASSERT(rates.tsc_hz > 1'000'000, "the time-stamp counter does not count");
  VC_ASSERT(rates.timer_hz > 100'000, "the timer of the local APIC does not count");
  scale = (std::uint64_t{1'000'000} << 32) / rates.tsc_hz;
  start = to.tsc;
  set_handler(kTickVector, &on_tick, nullptr);
}

ClockRates clock_rates() { return rates; }

std::uint64_t microseconds() {
  if (scale == 0) return 0;
  const std::uint64_t counts = x86::read_tsc() - start;
  return (counts >> 32) * scale + ((counts & 0xffff'ffff) * scale >> 32);
}

void delay(std::uint64_t microseconds_to_wait) {
  VC_ASSERT(scale != 0, "delay() before the clock is open");
  const std::uint64_t until = microseconds() + microseconds_to_wait;
  while (microseconds() < until) x86::pause();
}

void set_tick(bool on) {
  const std::uint64_t count = rates.timer_hz * kTickMicroseconds / 1'000'000;
  start_timer(on ? TimerInterrupt::on : TimerInterrupt::masked, static_cast<std::uint32_t>(count));
}

}  // namespace vc::kernel
