// The benches, by name. Each prints rows for one number of pages.
//
// Names: what is asked for, then how.
//
//   contiguous.cached   allocate, free; the CPU's cache has one: the steady state
//   contiguous.row      many allocations in a row, then their frees; from the zone and back
//   preferred.row       the same, when memory is fragmented (boot parameter fragment=): contiguous
//                       while runs last, then mapped
//   mapped.cached       allocate, free; the CPU's cache has a mapped one
//   mapped.pair         allocate, free, over and over, without a cache; with the purges
//   mapped.single       the halves of such a pair, without a purge
//   fragmented.*        the same in an arena that was fragmented
//   map.*, unmap.*, shootdown    the platform alone
#pragma once

#include <cstdint>

namespace vc::kernel {

struct Bench {
  const char* name;
  void (*run)(const char* name, std::uint64_t pages);
  std::uint64_t fewest_pages;  ///< one page is never mapped: there is nothing to join
};

/// Every bench; `count` of them.
struct Benches {
  const Bench* first;
  std::uint64_t count;
};
Benches kernel_benches();    ///< kernel::allocate and free, on the kernel's arena
Benches arena_benches();     ///< an arena of their own, without a cache
Benches platform_benches();  ///< map, unmap, shootdown

}  // namespace vc::kernel
