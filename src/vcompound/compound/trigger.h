// Trigger: which of many requests a test setting applies to.
//
// Two switches of the allocator are triggers:
//   always map   forced fallback (the CONFIG_FALLBACK_ALWAYS of 2008), so that code which must cope
//                with mapped memory meets it in tests, not in the field. Only requests of more than
//                one frame with contiguity `preferred` are counted and chosen: they alone have a
//                fallback to be forced into.
//   inject       refusals with reason `injected`, to test what callers do when memory runs out.
#pragma once

#include <cstdint>

#include "vcompound/base/atomic.h"
#include "vcompound/base/random.h"

namespace vc {

/// A rule that chooses requests.
struct Trigger {
  enum class Mode : std::uint8_t { off, always, probability, every_nth, nth };
  Mode mode = Mode::off;
  /// probability: in 1 / 2^32. every_nth, nth: n, at least 1.
  std::uint32_t parameter = 0;

  static constexpr Trigger off() { return {}; }
  static constexpr Trigger always() { return {Mode::always, 0}; }
  /// Chooses about `per_mille` of 1000 requests, by a repeatable sequence.
  static constexpr Trigger per_mille(std::uint32_t per_mille) {
    if (per_mille == 0) return off();
    if (per_mille >= 1000) return always();
    return {Mode::probability, static_cast<std::uint32_t>((std::uint64_t{per_mille} << 32) / 1000)};
  }
  /// Chooses the requests number n, 2n, 3n, ... after it was set.
  static constexpr Trigger every(std::uint32_t n) { return {Mode::every_nth, n == 0 ? 1 : n}; }
  /// Chooses the n-th request after it was set, once.
  static constexpr Trigger nth(std::uint32_t n) { return {Mode::nth, n == 0 ? 1 : n}; }
  constexpr bool operator==(const Trigger&) const = default;
};

/// A trigger that can be changed while requests are made. All operations are thread-safe.
class TriggerSwitch {
 public:
  void set(Trigger trigger) {
    asked_.store_relaxed(0);
    packed_.store_release(std::uint64_t{trigger.parameter} << 8 |
                          static_cast<std::uint64_t>(trigger.mode));
  }
  Trigger get() const {
    const std::uint64_t packed = packed_.load_acquire();
    return {static_cast<Trigger::Mode>(packed & 0xff), static_cast<std::uint32_t>(packed >> 8)};
  }
  /// Could it choose anything? One load.
  bool armed() const { return packed_.load_relaxed() != 0; }
  /// Is this request chosen? Counts it.
  bool decide() {
    const Trigger trigger = get();
    if (trigger.mode == Trigger::Mode::off) return false;
    if (trigger.mode == Trigger::Mode::always) return true;
    const std::uint64_t number = asked_.fetch_add(1);
    switch (trigger.mode) {
      case Trigger::Mode::probability: return (mix64(number) >> 32) < trigger.parameter;
      case Trigger::Mode::every_nth: return (number + 1) % trigger.parameter == 0;
      default: return number + 1 == trigger.parameter;
    }
  }

 private:
  Atomic<std::uint64_t> packed_;
  Atomic<std::uint64_t> asked_;
};

}  // namespace vc
