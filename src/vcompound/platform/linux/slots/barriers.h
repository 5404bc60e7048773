// A pair of memory barriers of unequal cost.
//
//      light_barrier()  the compiler's order only: no instruction
//      heavy_barrier()  membarrier(2): the kernel makes every running thread of the process pass a
//                       full barrier, some microseconds
//
// Together they order as two full barriers would. Where the kernel has no expedited membarrier,
// and under ThreadSanitizer, which cannot see what the kernel does, both are full barriers.
#pragma once

#include "vcompound/base/atomic.h"
#include "vcompound/platform/linux/slots/restartable.h"

namespace vc::os {

/// Registers the process with the kernel, once. To be called before the first use of either
/// barrier by more than one thread; every LinuxPlatform does at its creation. Thread-safe.
void prepare_barriers();

/// The costly half; also interrupts restartable sequences. Thread-safe; takes some microseconds.
void heavy_barrier();

/// Is the light barrier free of instructions (true once prepare_barriers() has succeeded)?
extern constinit Atomic<bool> light_is_free;

/// The light half for those who have asked has_barrier_at_hand() before: no instruction at all.
inline void barrier_at_hand() {
#ifdef VC_THREAD_SANITIZER
  full_barrier();
#else
  compiler_barrier();
#endif
}

/// Is barrier_at_hand() enough, and do the sequences work? Does not change after
/// prepare_barriers().
inline bool has_barrier_at_hand() {
#if defined(VC_THREAD_SANITIZER)
  return true;
#elif defined(VC_RESTARTABLE_SEQUENCES)
  return light_is_free.load_relaxed() && sequences_work.load_relaxed();
#else
  return light_is_free.load_relaxed();
#endif
}

/// The cheap half.
inline void light_barrier() {
  if (__builtin_expect(light_is_free.load_relaxed(), 1)) {
    compiler_barrier();
  } else {
    full_barrier();
  }
}

}  // namespace vc::os
