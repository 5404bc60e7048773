// Appends events to the process's buffer file (buffer_format.h has the picture).
//
// Lives in zeroed memory: all zeros is a closed buffer. append() is thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "tools/recorder/buffer_format.h"
#include "tools/recorder/spin_lock.h"

namespace vc::recorder {

class EventBuffer {
 public:
  /// Creates the file of this process in `folder`. False: there is none, and errors are not told
  /// here; the program must run on. Call once, before any append().
  bool open(const char* folder);
  /// Writes one event. Without room the event is counted as lost.
  void append(BufferAction action, std::uint64_t pointer, std::uint64_t size, std::uint32_t thread);
  /// Counts an event that cannot be written.
  void count_lost() { header_->lost.fetch_add(1, std::memory_order_relaxed); }
  /// Notes that the process ends now by exit.
  void mark_end();

 private:
  static constexpr std::size_t kMaxSegments = 1 << 16;  // half a billion events
  static constexpr std::size_t kMaxPath = 1024;

  BufferEvent* segment(std::size_t index);
  void* map_part(std::uint64_t offset, std::size_t bytes, int open_flags);

  BufferHeader* header_;
  SpinLock grow_lock_;
  std::atomic<bool> full_;
  std::array<char, kMaxPath> path_;
  std::array<std::atomic<BufferEvent*>, kMaxSegments> segments_;
};

}  // namespace vc::recorder
