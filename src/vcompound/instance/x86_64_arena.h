// X86Arena: the core over the x86-64 platform: the memory of a bare-metal kernel.
#pragma once

#include "vcompound/base/assert.h"
#include "vcompound/compound/allocator.h"
#include "vcompound/platform/x86_64/x86_64_platform.h"

namespace vc {

extern template class CompoundAllocator<X86Platform>;

/// A shootdown interrupts every CPU, and to unmap costs little beside it: 32 MiB at once, and no
/// cuts.
inline constexpr AllocatorOptions kX86Allocator{.purge_step = PageCount(8192),
                                                .reuse = Reuse::whole};

/// A range of frames with an allocator on it.
struct X86Arena {
  explicit X86Arena(const X86Options& options,
                    const AllocatorOptions& allocator_options = kX86Allocator)
      : platform(options), allocator(platform), opened(allocator.open(allocator_options)) {}

  X86Platform platform;
  CompoundAllocator<X86Platform> allocator;
  PlatformStatus opened;
};

}  // namespace vc
