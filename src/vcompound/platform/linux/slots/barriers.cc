// membarrier(2), registered once per process.
#include "vcompound/platform/linux/slots/barriers.h"

#include <linux/membarrier.h>

#include "vcompound/platform/linux/slots/membarrier.h"

namespace vc::os {

constinit Atomic<bool> light_is_free{false};

namespace {

constexpr Membarrier kBarrier{MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED,
                              MEMBARRIER_CMD_PRIVATE_EXPEDITED};

}  // namespace

void prepare_barriers() {
#ifndef VC_THREAD_SANITIZER
  // The flag never goes back to false.
  if (kBarrier.prepare()) light_is_free.store_release(true);
#endif
  prepare_sequences();
}

void heavy_barrier() {
  full_barrier();
  interrupt_sequences();
  if (light_is_free.load_relaxed()) kBarrier.issue();
}

}  // namespace vc::os
