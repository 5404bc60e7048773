// Slots: a small number for each thread, the same in every arena of the process.
//
// A slot is the index of a cache. It must be unique among the living threads, small, and cost one
// load to find. Numbers come from a process-wide bitmap, lowest first, and go back when the thread
// ends, so a program that starts and ends threads forever keeps using the same few caches.
//
//      bitmap   1 1 0 1 0 0 ...        thread A: slot 0     thread C: slot 3
//               A B . C . .            thread B: slot 1     the next thread gets slot 2
//
//      thread   unassigned --first call--> slot n --thread exit--> retired
//                    |  ^
//                    +--+ all slots taken, or the first call comes in a no-block scope
//
// The bitmap is taken from and given back to by compare-and-swap, so there is no lock that a fork
// could leave held in the child. Registering the give-back with the thread's exit allocates, which
// is why a first call in a no-block scope (a signal handler) gets no slot.
#pragma once

#include <cstdint>

#include "vcompound/platform/contract.h"

namespace vc::os {

/// The calling thread's slot, or ThreadSlots::kSlots, times kSlotStride; only ThreadSlots writes
/// it.
/// Visible outside a shared object that contains the library: its callers read it.
[[gnu::tls_model("initial-exec"),
  gnu::visibility("default")]] extern constinit thread_local std::uint32_t thread_slot_offset;

/// The slots of this process. All functions are thread-safe.
class ThreadSlots {
 public:
  /// At most this many threads have a slot at the same time.
  static constexpr std::uint32_t kSlots = 256;

  /// The calling thread's slot, or kNoSlot: all are taken, the thread is ending or without
  /// restartable sequences where others have them, or this would be its first and it must not
  /// block. One load and one compare after the first call.
  static std::uint32_t current() {
    const std::uint32_t slot = thread_slot_offset / kSlotStride;
    return __builtin_expect(slot < kSlots, 1) ? slot : assign();
  }
  /// The same in bytes, but a thread that has none yet is not given one, and the answer is that of
  /// kSlots: no call, one load.
  static std::uint32_t offset_at_hand() { return thread_slot_offset; }
  /// How many slots are taken.
  static std::uint32_t used();
  /// After a fork: the threads of the parent do not exist in the child; only the caller keeps its
  /// slot. To be called in the child before it starts threads.
  static void forget_other_threads();

 private:
  static std::uint32_t assign();
};

}  // namespace vc::os
