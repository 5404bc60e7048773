// A prepared arena and one request on it, to be made again and again while platform calls fail.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "vcompound/instance/fake_arena.h"

namespace vc::testing {

inline constexpr CallSite kFaultSite{"fault", 1};

/// An arena whose caches hold next to nothing, so that figures can be compared exactly.
struct FaultArena : FakeArena {
  explicit FaultArena(const FakeOptions& options, RunChoice run_choice = RunChoice::longest_first)
      : FakeArena(options, {.slot_cache = PageCount(1), .run_choice = run_choice}) {
    FakePlatform::set_cpu(0);
    FakePlatform::set_no_block(false);
  }

  VirtAddr must(const Request& request) {
    auto result = allocator.allocate(request, kFaultSite);
    EXPECT_TRUE(result.ok()) << name_of(result.ok() ? Reason::none : result.error().reason);
    if (!result.ok()) return {};
    live.push_back(result->address);
    return result->address;
  }
  void free_at(std::size_t index) {
    EXPECT_EQ(allocator.free(live[index]), Misuse::none);
    live.erase(live.begin() + static_cast<std::ptrdiff_t>(index));
  }
  /// Fills everything with compounds of `pages`, writes into each page, frees every second one.
  void make_comb(std::uint64_t pages) {
    for (;;) {
      auto result = allocator.allocate({.size = Bytes(pages << 12)}, kFaultSite);
      if (!result.ok()) break;
      live.push_back(result->address);
      for (std::uint64_t n = 0; n < pages; ++n) {
        EXPECT_TRUE(platform.write(1, result->address + Bytes(n << 12), 0xdead));
      }
    }
    for (std::size_t i = 0; i < live.size(); ++i) free_at(i);
    allocator.reclaim();
  }
  /// Frees all; nothing may be left.
  void finish() {
    while (!live.empty()) free_at(live.size() - 1);
    allocator.reclaim();
    allocator.check();
    const Stats s = allocator.stats();
    EXPECT_EQ(s.free_pages, s.total_pages);
    EXPECT_EQ(platform.mappings_used(), 0U);
    EXPECT_EQ(platform.mapped_huge() + platform.mapped_small(), PageCount(0));
    EXPECT_EQ(platform.stale_uses(), 0U);
    EXPECT_EQ(platform.faults(), 0U);
  }

  std::vector<VirtAddr> live;
};

/// Everything that a refusal must leave as it was.
struct Figures {
  explicit Figures(FaultArena& arena) {
    const Stats s = arena.allocator.stats();
    numbers = {s.free_pages.value,
               s.cached_pages.value,
               s.pending_pages.value,
               s.deferred_pages.value,
               s.contiguous_allocations,
               s.mapped_allocations,
               s.frees,
               s.deferred_frees,
               s.misuses,
               s.mappings_used,
               s.largest_gap.value,
               arena.platform.mapped_huge().value,
               s.forced_fallbacks,
               arena.platform.mapped_small().value};
    for (std::uint32_t k = 0; k < kOrderCount; ++k) {
      numbers.push_back(arena.allocator.free_blocks(Order(k)));
    }
  }
  bool operator==(const Figures&) const = default;
  std::vector<std::uint64_t> numbers;
};

/// One case: a machine, what was done on it before, and the request under test.
struct Scenario {
  std::string name;
  FakeOptions options;
  std::function<void(FaultArena&)> prepare;
  Request request;
  RunChoice run_choice = RunChoice::longest_first;
};
inline std::ostream& operator<<(std::ostream& out, const Scenario& scenario) {
  return out << scenario.name;
}

}  // namespace vc::testing
