// What the replaced functions have in common.
#pragma once

#include <cerrno>

#include "tools/recorder/next_functions.h"
#include "tools/recorder/process_recorder.h"

/// The only symbols that the library exports.
#define VC_REPLACES extern "C" __attribute__((visibility("default")))

namespace vc::recorder {

/// Records what an allocation function of the program got; null is a failure.
inline void note_result(const void* pointer, std::size_t bytes, const NestedCall& nested) {
  if (pointer != nullptr && nested.recorded(pointer)) return;
  const int saved_errno = errno;
  if (ProcessRecorder* const recorder = ProcessRecorder::get()) {
    if (pointer != nullptr) {
      recorder->allocated(pointer, bytes);
    } else {
      recorder->failed(bytes);
    }
  }
  errno = saved_errno;
}

/// Calls `allocate` and records its result if `bytes` are many.
template <class Allocate>
inline void* allocate_and_note(std::size_t bytes, Allocate allocate) {
  if (is_small(bytes)) return allocate();
  const NestedCall nested;
  void* const pointer = allocate();
  note_result(pointer, bytes, nested);
  return pointer;
}

/// Records the free of `pointer`, then calls `give_back`.
template <class GiveBack>
inline void note_and_free(void* pointer, GiveBack give_back) {
  if (is_bootstrap(pointer)) return;
  std::uint64_t size = 0;
  ProcessRecorder::freeing(pointer, size);
  give_back();
}

/// Records a reallocation as a free followed by an allocation; a failure leaves the old one.
template <class Reallocate>
inline void* reallocate_and_note(void* old, std::size_t bytes, Reallocate reallocate) {
  std::uint64_t old_size = 0;
  const bool was_recorded = ProcessRecorder::freeing(old, old_size);
  if (!was_recorded && is_small(bytes)) return reallocate();
  const NestedCall nested;
  void* const pointer = reallocate();
  if (pointer != nullptr || bytes != 0) note_result(pointer, bytes, nested);
  if (pointer == nullptr && bytes != 0 && was_recorded) note_result(old, old_size, nested);
  return pointer;
}

}  // namespace vc::recorder
