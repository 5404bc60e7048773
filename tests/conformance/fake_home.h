// The fake platform as the conformance suite sees a home.
#pragma once

#include <gtest/gtest.h>

#include "tests/conformance/std_threads.h"
#include "vcompound/instance/fake_arena.h"

namespace vc::testing {

template <bool kForced, RunChoice kRuns = RunChoice::longest_first>
class FakeHome : public StdThreads<FakeHome<kForced, kRuns>> {
 public:
  using Platform = FakePlatform;
  static constexpr bool always_map() { return kForced; }

  /// A scope in which the thread may not block.
  struct NoBlock {
    NoBlock() { FakePlatform::set_no_block(true); }
    ~NoBlock() { FakePlatform::set_no_block(false); }
    NoBlock(const NoBlock&) = delete;
    NoBlock& operator=(const NoBlock&) = delete;
  };

  explicit FakeHome(PageCount budget) : arena_({.nodes = {budget}}, {.run_choice = kRuns}) {
    begin_thread(0);
    EXPECT_TRUE(arena_.opened.ok());
    if (kForced) arena_.allocator.set_always_map(Trigger::always());
  }
  ~FakeHome() {
    EXPECT_EQ(arena_.platform.stale_uses(), 0U);
    EXPECT_EQ(arena_.platform.faults(), expected_faults_);
  }
  FakeHome(const FakeHome&) = delete;
  FakeHome& operator=(const FakeHome&) = delete;

  /// Each thread of a test says its number first.
  static void begin_thread(std::uint32_t number) { FakePlatform::set_cpu(number); }

  Platform& platform() { return arena_.platform; }
  CompoundAllocator<Platform>& allocator() { return arena_.allocator; }
  /// Writes and reads the first word of a page, from one CPU after the other.
  void write(VirtAddr page, std::uint64_t word) {
    EXPECT_TRUE(arena_.platform.write(next_cpu(), page, word));
  }
  std::uint64_t read(VirtAddr page) {
    std::uint64_t word = ~std::uint64_t{0};
    EXPECT_TRUE(arena_.platform.read(next_cpu(), page, word));
    return word;
  }
  /// Can no CPU reach that address?
  bool is_unreachable(VirtAddr address) {
    bool reached = false;
    for (std::uint32_t cpu = 0; cpu < 4; ++cpu) {
      std::uint64_t word = 0;
      const bool here = arena_.platform.read(cpu, address, word);
      if (!here) ++expected_faults_;
      reached = reached || here;
    }
    return !reached;
  }

 private:
  std::uint32_t next_cpu() { return cpu_.fetch_add(1) % 4; }

  FakeArena arena_;
  Atomic<std::uint32_t> cpu_;
  std::uint64_t expected_faults_ = 0;
};

}  // namespace vc::testing
