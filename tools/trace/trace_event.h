// One row of a trace, the errors of the trace library, and how reading is steered.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace vc {

/// What a row says happened.
enum class TraceAction : std::uint8_t {
  kAllocate,         ///< `allocate`: `size` bytes now live at `pointer`
  kFree,             ///< `free`: the allocation at `pointer` ended
  kAllocateFailure,  ///< `allocate failure`: the program was refused `size` bytes
};

/// The word the Action column has for `action`.
std::string_view to_string(TraceAction action);

/// One row, as written.
struct TraceEvent {
  std::uint32_t thread = 0;   ///< a label; equal for rows of the same thread
  std::uint64_t time_us = 0;  ///< microseconds; `TraceReader` counts on over midnight
  TraceAction action = TraceAction::kAllocate;
  std::uint64_t pointer = 0;  ///< a label; the recorder puts the process into bits 48..63
  std::uint64_t size = 0;     ///< bytes
  std::uint64_t stream = 0;   ///< CUDA stream of an RMM log, process index of our recordings

  friend bool operator==(const TraceEvent&, const TraceEvent&) = default;
};

/// Why reading or writing stopped, and which exit code of the program fits.
struct TraceError {
  enum class Kind : std::uint8_t {
    kInput,    ///< the file is not a valid trace, or cannot be opened: exit code 2
    kMachine,  ///< reading or writing failed, memory or disk ran out: exit code 3
  };
  Kind kind = Kind::kInput;
  std::string message;  ///< `file:line: what, why, what to do`, on one line, printable
};

/// What to do with a file that ends in the middle of a row or of a zstd frame.
enum class TruncatedTail : std::uint8_t {
  kRefuse,  ///< an error
  kAccept,  ///< the rows before the cut are the trace; `TraceReader::truncated()` tells
};

/// What to do with rows that do not fit together (see `TraceCounts`).
enum class Strictness : std::uint8_t {
  kCount,   ///< count them; a recording of a living program has some
  kRefuse,  ///< an error at the first one
};

/// Options of `TraceReader` and `load_trace`.
struct TraceOptions {
  TruncatedTail truncated_tail = TruncatedTail::kRefuse;
  Strictness strictness = Strictness::kCount;
  std::uint64_t max_events =
      50'000'000;  ///< more rows are an error: a bomb, or too large to replay
};

/// Longest row accepted, in bytes.
inline constexpr std::size_t kMaxTraceLine = 4096;
/// Most bytes that may be live at one time, and so the largest allocation: 2^56, above every
/// address space.
inline constexpr std::uint64_t kMaxTraceSize = std::uint64_t{1} << 56;
/// The header line, as RMM writes it.
inline constexpr std::string_view kTraceHeader = "Thread,Time,Action,Pointer,Size,Stream";

}  // namespace vc
