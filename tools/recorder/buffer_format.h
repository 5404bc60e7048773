// The file into which one process records, and from which `vcompound record` makes the trace.
//
//   offset 0            BufferHeader, one page
//   offset 4096         segment 0: kSegmentEvents × BufferEvent, 256 KiB
//   offset 4096+256Ki   segment 1 …
//
// The process maps the file MAP_SHARED and only ever stores to it. What was stored is in the page
// cache, so it outlives every death of the process, SIGKILL included. A slot is taken by adding 1
// to `next_slot`; the slot's `action` is stored last. A slot whose action is still kNotWritten
// belongs to a thread that died between the two: it is passed over. Slot order is the order of
// events: a free takes its slot before the memory is given back, an allocation after it was got.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace vc::recorder {

inline constexpr std::uint64_t kBufferMagic = 0x3130434552435643;  // "CVCREC01" in memory
inline constexpr std::size_t kHeaderBytes = 4096;
inline constexpr std::size_t kSegmentEvents = 8192;

/// Names of the environment variables that `record` sets for the recorder.
inline constexpr char kFolderVariable[] = "VCOMPOUND_RECORD_DIR";
inline constexpr char kMinSizeVariable[] = "VCOMPOUND_RECORD_MIN_SIZE";
/// End of the names of buffer files.
inline constexpr char kBufferSuffix[] = ".vcrec";

enum class BufferAction : std::uint32_t { kNotWritten = 0, kAllocate, kFree, kFailure };

struct BufferEvent {
  std::uint64_t time_ns;  ///< CLOCK_MONOTONIC
  std::uint64_t pointer;
  std::uint64_t size;
  std::uint32_t thread;  ///< counted from 0 within the process
  std::atomic<BufferAction> action;
};
static_assert(sizeof(BufferEvent) == 32);
inline constexpr std::size_t kSegmentBytes = kSegmentEvents * sizeof(BufferEvent);

struct BufferHeader {
  std::uint64_t magic;
  std::uint64_t start_ns;  ///< when the process, or the program it executes, began
  std::uint32_t pid;
  std::uint32_t reserved;
  std::atomic<std::uint64_t> next_slot;
  std::atomic<std::uint64_t> end_ns;  ///< 0: did not end by exit
  std::atomic<std::uint64_t> lost;    ///< events that found no room
};
static_assert(sizeof(BufferHeader) <= kHeaderBytes);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

}  // namespace vc::recorder
