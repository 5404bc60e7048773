// What the tests of the converted users have in common: a fixture that closes what boot opened and
// opens it again, and threads on all CPUs.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>

#include "kernel/arch/machine.h"
#include "kernel/memory/memory.h"
#include "kernel/parameters.h"
#include "kernel/thread/thread.h"
#include "kernel/users/all_users.h"
#include "kernel/users/wait_table.h"
#include "vcompound/base/units.h"

namespace vc::kernel {

/// Starts without users and ends as it found things; as much memory is in use as before.
class UsersTest : public testing::Test {
 protected:
  void SetUp() override {
    were_open_ = wait_tables().is_open();
    if (were_open_) ASSERT_TRUE(close_all_users());
    trigger_ = arena().allocator.always_map();
    arena().allocator.set_always_map(Trigger::off());
    live_ = live_pages();
  }
  void TearDown() override {
    arena().allocator.set_injection(Trigger::off());
    EXPECT_EQ(live_pages(), live_) << "memory is lost";
    arena().allocator.set_always_map(trigger_);
    if (were_open_) EXPECT_TRUE(open_all_users());
  }

  /// The frames in use, by all.
  static PageCount live_pages() {
    arena().allocator.reclaim();
    return arena().allocator.stats().live_pages();
  }
  /// The frames in use when the test began.
  PageCount live_at_start() const { return live_; }

 private:
  PageCount live_{};
  Trigger trigger_{};
  bool were_open_ = false;
};

/// How the memory of a user shall lie while a test opens it.
enum class Layout : std::uint8_t { as_it_comes, forced };

/// Forces the fallback in this scope, if `layout` says so.
class LayoutScope {
 public:
  explicit LayoutScope(Layout layout) {
    if (layout == Layout::forced) arena().allocator.set_always_map(Trigger::always());
  }
  ~LayoutScope() { arena().allocator.set_always_map(Trigger::off()); }
  LayoutScope(const LayoutScope&) = delete;
  LayoutScope& operator=(const LayoutScope&) = delete;
};

/// Is that how memory of more than one page must lie? With policy=contiguous_only nothing is
/// mapped, and in fragmented memory anything may be.
inline void expect_kind(const Allocation& what, Layout layout) {
  if (what.pages.value < 2) return;
  if (parameters().policy == Policy::contiguous_only) {
    EXPECT_EQ(what.kind, Kind::contiguous);
  } else if (layout == Layout::forced) {
    EXPECT_EQ(what.kind, Kind::mapped);
  } else if (parameters().fragment_permille == 0) {
    EXPECT_EQ(what.kind, Kind::contiguous);
  }
}

/// The threads of a test, the i-th on CPU i mod CPUs.
class Crew {
 public:
  static constexpr std::uint32_t kMost = 8;
  /// One for each CPU, at least four.
  static std::uint32_t size() {
    const std::uint32_t cpus = cpu_count();
    return cpus < 4 ? 4 : cpus > kMost ? kMost : cpus;
  }

  /// Starts entry(&jobs[0]), entry(&jobs[1]), ...
  template <class Job>
  void start(void (*entry)(void*), Job* jobs, std::uint32_t count) {
    for (count_ = 0; count_ < count; ++count_) {
      ThreadOptions options;
      options.cpu = count_ % cpu_count();
      threads_[count_] = start_thread("crew", entry, &jobs[count_], options);
      ASSERT_NE(threads_[count_], nullptr);
    }
  }
  /// Waits for all of them.
  void finish() {
    for (std::uint32_t i = 0; i < count_; ++i) join(threads_[i]);
    count_ = 0;
  }

 private:
  Thread* threads_[kMost]{};
  std::uint32_t count_ = 0;
};

}  // namespace vc::kernel
