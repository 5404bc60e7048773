#include "vcompound/instance/linux_arena.h"

#include <utility>

namespace vc {

template class CompoundAllocator<LinuxPlatform>;

Result<std::unique_ptr<LinuxArena>> LinuxArena::create(const LinuxOptions& options,
                                                       const AllocatorOptions& allocator_options) {
  auto platform = LinuxPlatform::create(options);
  if (!platform) return platform.error();
  auto arena = std::make_unique<LinuxArena>(std::move(*platform));
  const PlatformStatus status = arena->allocator.open(allocator_options);
  if (status.ok()) return arena;
  Error error;
  error.reason = status.reason;
  error.requested = options.budget;
  error.system_error = status.system_error;
  error.detail = status.detail;
  return error;
}

}  // namespace vc
