// A Linux process as the conformance suite sees a home.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <utility>

#include "tests/conformance/std_threads.h"
#include "vcompound/instance/linux_arena.h"

namespace vc::testing {

template <bool kForced>
class LinuxHome : public StdThreads<LinuxHome<kForced>> {
 public:
  using Platform = LinuxPlatform;
  using NoBlock = NoBlockScope;
  static constexpr bool always_map() { return kForced; }

  explicit LinuxHome(PageCount budget) {
    LinuxOptions options;
    options.budget = FrameSize(12).bytes(budget);
    auto made = LinuxArena::create(options, {});
    EXPECT_TRUE(made.ok()) << (made.ok() ? "" : made.error().detail);
    arena_ = std::move(made.value());
    if (kForced) arena_->allocator.set_always_map(Trigger::always());
  }

  static void begin_thread(std::uint32_t) {}

  Platform& platform() { return *arena_->platform; }
  CompoundAllocator<Platform>& allocator() { return arena_->allocator; }
  void write(VirtAddr page, std::uint64_t word) { at(page) = word; }
  std::uint64_t read(VirtAddr page) { return at(page); }
  /// The kernel is asked to read it; unlike us, it gets an error and no signal.
  bool is_unreachable(VirtAddr address) {
    int ends[2];
    if (::pipe(ends) != 0) return false;
    const bool refused = ::write(ends[1], os::pointer(address), 1) < 0 && errno == EFAULT;
    ::close(ends[0]);
    ::close(ends[1]);
    return refused;
  }

 private:
  static volatile std::uint64_t& at(VirtAddr page) {
    return *static_cast<volatile std::uint64_t*>(os::pointer(page));
  }

  std::unique_ptr<LinuxArena> arena_;
};

}  // namespace vc::testing
