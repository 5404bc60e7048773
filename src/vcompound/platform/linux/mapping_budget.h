// The mapping budget: how many mappings the arenas of this process may still make.
//
// Linux limits the mappings (VMAs) of a process: vm.max_map_count, usually 65530. Each run of a
// mapped compound is one, and so is each gap between two areas. Beyond the limit every mmap() of
// the process fails, also those of malloc and of thread stacks, so the arenas stay away from it:
//
//      max_map_count  |-- had by the process --|-- the arenas' budget --|-- margin --|
//
//      margin = 1/16 of max_map_count, at least 256: for the rest of the process
//
// All arenas of the process share one count; an arena may have a smaller limit of its own.
#pragma once

#include <cstdint>

#include "vcompound/base/atomic.h"
#include "vcompound/platform/linux/system_limits.h"

namespace vc::os {

/// One arena's part of the process's mappings. Thread-safe.
class MappingBudget {
 public:
  /// Kept free for the rest of the process.
  static constexpr std::uint64_t margin(std::uint64_t max_map_count) {
    return max_map_count / 16 > 256 ? max_map_count / 16 : 256;
  }

  /// `own_limit` of 0: only what the process may have.
  MappingBudget(const SystemLimits& limits, std::uint64_t own_limit);
  ~MappingBudget();
  MappingBudget(const MappingBudget&) = delete;
  MappingBudget& operator=(const MappingBudget&) = delete;

  /// Takes n mappings: true, or false and nothing changed.
  bool charge(std::uint64_t n);
  /// Gives n mappings back.
  void refund(std::uint64_t n);
  /// The mappings this arena has charged.
  std::uint64_t used() const { return used_.load_relaxed(); }
  /// What used() may reach: the arena's own limit, or less if the process has less left.
  std::uint64_t limit() const;
  /// vm.max_map_count when the arena was made.
  std::uint64_t system_limit() const { return system_limit_; }

 private:
  std::uint64_t system_limit_;
  std::uint64_t own_limit_;
  std::uint64_t process_limit_ = 0;
  Atomic<std::uint64_t> used_{0};
};

}  // namespace vc::os
