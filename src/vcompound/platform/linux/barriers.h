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

#if defined(__SANITIZE_THREAD__)
#define VC_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define VC_THREAD_SANITIZER 1
#endif
#endif

namespace vc::os {

/// Registers the process with the kernel, once. To be called before the first use of either
/// barrier by more than one thread; every LinuxPlatform does at its creation. Thread-safe.
void prepare_barriers();

/// The costly half. Thread-safe; takes some microseconds.
void heavy_barrier();

/// Is the light barrier free of instructions (true once prepare_barriers() has succeeded)?
extern constinit Atomic<bool> light_is_free;

#ifdef VC_THREAD_SANITIZER
extern constinit Atomic<int> fence_word;
/// A full barrier that ThreadSanitizer understands.
inline void full_fence() { fence_word.fetch_add(0); }
#else
inline void full_fence() { full_barrier(); }
#endif

/// The cheap half.
inline void light_barrier() {
  if (__builtin_expect(light_is_free.load_relaxed(), 1)) {
    compiler_barrier();
  } else {
    full_fence();
  }
}

}  // namespace vc::os
