// Taking from the allowance, and filling it.
#include "vcompound/platform/linux/headroom.h"

#include <algorithm>
#include <new>

namespace vc::os {

namespace {

/// A process that has no heap left to read its limits with has no memory for frames either.
Bytes available_now(const SystemLimits& limits) {
  try {
    return limits.memory().available;
  } catch (const std::bad_alloc&) {
    return Bytes(0);
  }
}

}  // namespace

Bytes Headroom::usable() const {
  const Bytes available = available_now(limits_);
  if (available == kUnlimited) return kUnlimited;
  return available - std::min(available, kReserve);
}

bool Headroom::take_from_allowance(Bytes size) {
  std::uint64_t left = allowance_.load_relaxed();
  while (left >= size.value) {
    if (allowance_.compare_exchange(left, left - size.value)) return true;
  }
  return false;
}

bool Headroom::take(Bytes size) {
  if (take_from_allowance(size)) return true;
  const Bytes usable_now = usable();
  if (usable_now < size) {
    allowance_.store_relaxed(0);
    return false;
  }
  const std::uint64_t rest = (usable_now - size).value;
  allowance_.store_relaxed(std::min(rest / 4, kLargestAllowance.value));
  return true;
}

}  // namespace vc::os
