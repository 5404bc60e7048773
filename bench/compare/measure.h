// Clocks and event counts for the rows.
#pragma once

#include <time.h>

#include <algorithm>
#include <cstdint>
#include <optional>

#include "bench/compare/row.h"

namespace vc::compare {

/// Nanoseconds of a clock: CLOCK_MONOTONIC for what a caller waits, CLOCK_THREAD_CPUTIME_ID for
/// what it computes (user and kernel), CLOCK_PROCESS_CPUTIME_ID for all threads.
inline std::uint64_t nanoseconds(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}

/// Nothing is known about *p and memory behind it any more: the compiler removes and moves nothing.
inline void use(void* p) { asm volatile("" : : "r"(p) : "memory"); }

/// Nanoseconds of processor time that `count` calls of body() take. In its caller, always: in a
/// function of its own the loop would load again in each turn what body() has captured.
template <class Body>
[[gnu::always_inline]] inline std::uint64_t time_of(Body&& body, std::uint64_t count) {
  const std::uint64_t start = nanoseconds(CLOCK_THREAD_CPUTIME_ID);
  for (std::uint64_t i = 0; i < count; ++i) body();
  return nanoseconds(CLOCK_THREAD_CPUTIME_ID) - start;
}

/// Nanoseconds of processor time per call of body(), in a loop that is as long as `least_ns` asks:
/// the shorter of two in a row that both are, for the first may be so by one interruption.
template <class Body>
[[gnu::always_inline]] inline double time_per_call(Body&& body, std::uint64_t least_ns) {
  for (std::uint64_t count = 1;; count *= 4) {
    std::uint64_t spent = time_of(body, count);
    if (spent < least_ns) continue;
    spent = std::min(spent, time_of(body, count));
    if (spent >= least_ns) return static_cast<double>(spent) / static_cast<double>(count);
  }
}

/// What the machine counted for this process between two moments; absent where it does not offer
/// the count to us.
struct Events {
  std::optional<double> page_faults;
  std::optional<double> system_calls;
  std::optional<double> tlb_misses;
};

/// Counts events of the calling thread (and of threads it starts later) from construction to
/// stop(). Page faults come from perf_event_open or getrusage, system calls from the tracepoint
/// raw_syscalls:sys_enter (mostly root only), misses of the data TLB from the processor's counters.
class EventCounter {
 public:
  EventCounter();
  ~EventCounter();
  EventCounter(const EventCounter&) = delete;
  EventCounter& operator=(const EventCounter&) = delete;
  Events stop();

 private:
  int descriptors_[3];
  std::uint64_t faults_before_ = 0;
};

/// Puts `events`, each divided by `operations`, as the figures page_faults, system_calls and
/// tlb_misses (unit count) of a case; what is absent is told as such.
void report_events(Sink& out, const Case& where, const Events& events, double operations);

}  // namespace vc::compare
