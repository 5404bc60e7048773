// LinuxArena: the core over the Linux platform; what stands behind a vc::Arena.
#pragma once

#include <memory>

#include "vcompound/compound/allocator.h"
#include "vcompound/platform/linux/linux_platform.h"

namespace vc {

extern template class CompoundAllocator<LinuxPlatform>;

/// An allocator on a Linux process's memory.
struct LinuxArena {
  /// Makes one, or says why not; nothing is left behind then.
  static Result<std::unique_ptr<LinuxArena>> create(const LinuxOptions& options,
                                                    const AllocatorOptions& allocator_options);

  explicit LinuxArena(std::unique_ptr<LinuxPlatform> p)
      : platform(std::move(p)), allocator(*platform) {}

  std::unique_ptr<LinuxPlatform> platform;
  CompoundAllocator<LinuxPlatform> allocator;
};

}  // namespace vc
