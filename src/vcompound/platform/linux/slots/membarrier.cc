// The system call, and a child's second registration.
#include "vcompound/platform/linux/slots/membarrier.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "vcompound/base/assert.h"

namespace vc::os {

namespace {

bool membarrier(int command) { return ::syscall(SYS_membarrier, command, 0U, 0) == 0; }

}  // namespace

bool Membarrier::prepare() const { return membarrier(registration); }

void Membarrier::issue() const {
  if (membarrier(command)) return;
  // A forked child of an old kernel may have lost the registration.
  VC_ASSERT(membarrier(registration) && membarrier(command),
            "membarrier(2) worked when the process registered, and no longer does");
}

}  // namespace vc::os
