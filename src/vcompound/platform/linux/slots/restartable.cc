// Registration of restartable sequences, and the order to interrupt them.
#include "vcompound/platform/linux/slots/restartable.h"

#ifdef VC_RESTARTABLE_SEQUENCES

#include <linux/membarrier.h>

#include "vcompound/platform/linux/slots/membarrier.h"

namespace vc::os {

constinit Atomic<bool> sequences_work{false};

namespace {

constinit Atomic<bool> simulated{false};

constexpr Membarrier kInterruption{MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ,
                                   MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ};

}  // namespace

void prepare_sequences() {
  // A process whose C library registers no thread, for want of the system call or because it was
  // told so (GLIBC_TUNABLES=glibc.pthread.rseq=0), has the size 0.
  if (simulated.load_relaxed() || (__rseq_size != 0 && kInterruption.prepare())) {
    sequences_work.store_release(true);
  }
}

void interrupt_sequences() {
  if (sequences_work.load_relaxed() && !simulated.load_relaxed()) kInterruption.issue();
}

bool thread_has_sequences() {
  if (__rseq_size == 0) return true;
  std::uintptr_t thread = 0;
  asm("movq %%fs:0, %0" : "=r"(thread));
  const auto* area =
      reinterpret_cast<const struct rseq*>(thread + static_cast<std::uintptr_t>(__rseq_offset));
  return static_cast<std::int32_t>(area->cpu_id) >= 0;
}

void simulate_sequences() { simulated.store_release(true); }

}  // namespace vc::os

#else

namespace vc::os {

void prepare_sequences() {}
void interrupt_sequences() {}
bool thread_has_sequences() { return true; }
void simulate_sequences() {}

}  // namespace vc::os

#endif
