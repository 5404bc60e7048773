// The headroom gate: memory is asked for only when the system can give it.
//
// A page fault that finds the control group full is answered by the kernel with a kill, not with an
// error. So a commit first takes what it needs out of an allowance, and the allowance is filled
// only from what the system says is left:
//
//      headroom (read)  |-- reserve --|------------- usable -------------|
//      allowance                      |-- a quarter, 64 MiB at most --|     spent without reading
//
// Others take memory too while the allowance is spent; that it is only a quarter, and the reserve,
// make a kill unlikely; nothing in user space can exclude it.
#pragma once

#include "vcompound/base/atomic.h"
#include "vcompound/base/units.h"
#include "vcompound/platform/linux/system_limits.h"

namespace vc::os {

/// Guards commits against a full system. Thread-safe; reads the system about once per 64 MiB.
class Headroom {
 public:
  /// What is never given out, for page tables and the rest of the process.
  static constexpr Bytes kReserve{2ULL << 20};
  static constexpr Bytes kLargestAllowance{64ULL << 20};

  explicit Headroom(const SystemLimits& limits) : limits_(limits) {}

  /// Takes `size` out: true, or false if the system does not have that much now.
  bool take(Bytes size);
  /// What could be taken now, freshly read.
  Bytes usable() const;

 private:
  bool take_from_allowance(Bytes size);

  const SystemLimits& limits_;
  Atomic<std::uint64_t> allowance_{0};
};

}  // namespace vc::os
