// Charging and refunding mappings.
#include "vcompound/platform/linux/mapping_budget.h"

#include <algorithm>

#include "vcompound/base/assert.h"

namespace vc::os {
namespace {

/// What all arenas of the process have charged.
constinit Atomic<std::uint64_t> process_used{0};

/// Adds n to `used` unless that would exceed `limit`.
bool add_within(Atomic<std::uint64_t>& used, std::uint64_t n, std::uint64_t limit) {
  std::uint64_t now = used.load_relaxed();
  do {
    if (now > limit || n > limit - now) return false;
  } while (!used.compare_exchange(now, now + n));
  return true;
}

}  // namespace

MappingBudget::MappingBudget(const SystemLimits& limits, std::uint64_t own_limit)
    : system_limit_(limits.max_map_count()),
      own_limit_(own_limit == 0 ? ~std::uint64_t{0} : own_limit) {
  // What the arenas have charged may be mapped already: it must not be subtracted twice.
  const std::uint64_t mapped = limits.mappings();
  const std::uint64_t others = mapped - std::min(mapped, process_used.load_relaxed());
  const std::uint64_t kept = others + margin(system_limit_);
  process_limit_ = system_limit_ - std::min(system_limit_, kept);
}

MappingBudget::~MappingBudget() { process_used.fetch_sub(used_.load_relaxed()); }

bool MappingBudget::charge(std::uint64_t n) {
  if (!add_within(used_, n, own_limit_)) return false;
  if (add_within(process_used, n, process_limit_)) return true;
  used_.fetch_sub(n);
  return false;
}

void MappingBudget::refund(std::uint64_t n) {
  VC_DEBUG_ASSERT(used_.load_relaxed() >= n, "more mappings refunded than charged");
  used_.fetch_sub(n);
  process_used.fetch_sub(n);
}

std::uint64_t MappingBudget::limit() const {
  const std::uint64_t all = process_used.load_relaxed();
  const std::uint64_t left = process_limit_ - std::min(process_limit_, all);
  return std::min(own_limit_, used() + left);
}

}  // namespace vc::os
