// FakeArena: the core over the fake platform, for tests and for benchmarks of the core alone.
#pragma once

#include "vcompound/base/assert.h"
#include "vcompound/compound/allocator.h"
#include "vcompound/platform/fake/fake_platform.h"

namespace vc {

extern template class CompoundAllocator<FakePlatform>;

/// A fake machine with an allocator on it.
struct FakeArena {
  explicit FakeArena(const FakeOptions& options = {},
                     const AllocatorOptions& allocator_options = {})
      : platform(options), allocator(platform) {
    opened = allocator.open(allocator_options);
  }

  FakePlatform platform;
  CompoundAllocator<FakePlatform> allocator;
  PlatformStatus opened{};
};

}  // namespace vc
