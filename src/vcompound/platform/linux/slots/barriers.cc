// membarrier(2), registered once per process.
#include "vcompound/platform/linux/slots/barriers.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vcompound/base/assert.h"

namespace vc::os {

constinit Atomic<bool> light_is_free{false};

namespace {

bool membarrier(int command) { return ::syscall(SYS_membarrier, command, 0U, 0) == 0; }

}  // namespace

void prepare_barriers() {
#ifndef VC_THREAD_SANITIZER
  // Registering twice is harmless; the flag never goes back to false.
  if (membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED)) light_is_free.store_release(true);
#endif
  prepare_sequences();
}

void heavy_barrier() {
  full_barrier();
  interrupt_sequences();
  if (!light_is_free.load_relaxed()) return;
  if (membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED)) return;
  // A forked child of an old kernel may have lost the registration.
  VC_ASSERT(membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) &&
                membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED),
            "membarrier(2) worked when the process registered, and no longer does");
}

}  // namespace vc::os
