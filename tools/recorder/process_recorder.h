// What one process records. All state is in one mapping that fork() hands to the child zeroed
// (MADV_WIPEONFORK), so that a child, however it was made, begins afresh: its own buffer file, no
// live pointers, no lock held by a thread that the child does not have. vfork() and CLONE_VM share
// the memory and so the recording, as they should.
//
//    kFresh ──first large allocation, or the constructor──► kOpening ──► kRecording
//      ▲                                                        └──────► kOff   (no folder given,
//      └──────────────── fork(): the child ──────────────────────────────         none writable)
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "tools/recorder/event_buffer.h"
#include "tools/recorder/live_table.h"
#include "tools/recorder/mapping_table.h"
#include "tools/recorder/spin_lock.h"

namespace vc::recorder {

/// Smallest size recorded, in bytes; 0 until the environment has been read, 2^64-1 when nothing is.
extern constinit std::atomic<std::uint64_t> g_min_size;
inline bool is_small(std::uint64_t bytes) {
  return bytes < g_min_size.load(std::memory_order_relaxed);
}

/// Tells allocations that a nested call has already recorded from those it has not: operator new of
/// libstdc++ calls malloc, that of jemalloc does not.
class NestedCall {
 public:
  NestedCall();
  /// True if `pointer` was recorded on this thread since construction.
  bool recorded(const void* pointer) const;

 private:
  std::uint64_t serial_;
};

class ProcessRecorder;

/// The recorder's memory, which stays at its place after fork(); null until the environment has
/// been read, or when nothing is recorded.
extern constinit std::atomic<ProcessRecorder*> g_recorder;

class ProcessRecorder {
 public:
  /// The recorder of this process if it records, else null. Opens it on the first call.
  static ProcessRecorder* get();
  /// The same, but null while the process has not recorded anything yet.
  static ProcessRecorder* if_recording();
  /// Notes the end of the process.
  static void finish();

  void allocated(const void* pointer, std::uint64_t size);
  void failed(std::uint64_t size);
  void mapped(const void* address, std::uint64_t bytes);
  /// Records that the range is gone and what is left of the mappings it cut; false if it cut none.
  /// Needs mapping_lock(), as the next one.
  bool unmapped_locked(std::uint64_t start, std::uint64_t bytes);
  void mapped_locked(std::uint64_t start, std::uint64_t bytes);
  /// Held from before a mapping goes away until its event is written, so that the address cannot be
  /// recorded as allocated again before it was recorded as freed.
  SpinLock& mapping_lock() { return mapping_lock_; }

  /// Before a block is given back: if it was recorded, its free is recorded, `size` is its size and
  /// the answer true.
  static bool freeing(const void* pointer, std::uint64_t& size) {
    ProcessRecorder* const recorder = g_recorder.load(std::memory_order_acquire);
    return recorder != nullptr && recorder->live_.may_contain(pointer) &&
           recorder->freeing_recorded(pointer, size);
  }

 private:
  enum class Phase : std::uint32_t { kFresh = 0, kOpening, kRecording, kOff };

  static bool set_up_once();
  bool ready();
  Phase open();
  bool freeing_recorded(const void* pointer, std::uint64_t& size);
  std::uint32_t thread_number();
  void append(BufferAction action, std::uint64_t pointer, std::uint64_t size);

  std::atomic<Phase> phase_;
  std::atomic<std::uint32_t> next_thread_;
  std::uint64_t identity_;  // tells this process's thread numbers from those of its parent
  SpinLock mapping_lock_;
  MappingTable mappings_;
  LiveTable live_;
  EventBuffer buffer_;
};

}  // namespace vc::recorder
