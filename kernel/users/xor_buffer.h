// The xor buffer: which way of xoring two blocks is fastest on this machine (what a RAID driver
// asks when it starts).
//
//      one virtual compound:   | target 1 page | gap | source 1 page |
//
// Each routine is tried several times on the same buffer and its best time counts, so that an
// interrupt in between does no harm. Before a routine may win, its result is compared with what
// must come out; a routine that is wrong is never chosen, however fast.
//
// The buffer and the clock are passed in, so this is tested on the host.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernel/users/user_memory.h"
#include "vcompound/base/random.h"
#include "vcompound/base/units.h"

namespace vc::kernel {

/// target ^= source; `words` is a multiple of 8. The two do not overlap.
using XorFunction = void (*)(std::uint64_t* target, const std::uint64_t* source, std::size_t words);

struct XorRoutine {
  const char* name = nullptr;
  XorFunction run = nullptr;
};

/// One word at a time.
inline void xor_by_words(std::uint64_t* target, const std::uint64_t* source, std::size_t words) {
  for (std::size_t i = 0; i < words; ++i) target[i] ^= source[i];
}
/// Four words in a round.
inline void xor_by_fours(std::uint64_t* target, const std::uint64_t* source, std::size_t words) {
  for (std::size_t i = 0; i < words; i += 4) {
    target[i] ^= source[i];
    target[i + 1] ^= source[i + 1];
    target[i + 2] ^= source[i + 2];
    target[i + 3] ^= source[i + 3];
  }
}
/// Eight words, a cache line: all are loaded before any is stored.
inline void xor_by_lines(std::uint64_t* target, const std::uint64_t* source, std::size_t words) {
  for (std::size_t i = 0; i < words; i += 8) {
    const std::uint64_t a = target[i] ^ source[i];
    const std::uint64_t b = target[i + 1] ^ source[i + 1];
    const std::uint64_t c = target[i + 2] ^ source[i + 2];
    const std::uint64_t d = target[i + 3] ^ source[i + 3];
    const std::uint64_t e = target[i + 4] ^ source[i + 4];
    const std::uint64_t f = target[i + 5] ^ source[i + 5];
    const std::uint64_t g = target[i + 6] ^ source[i + 6];
    const std::uint64_t h = target[i + 7] ^ source[i + 7];
    target[i] = a;
    target[i + 1] = b;
    target[i + 2] = c;
    target[i + 3] = d;
    target[i + 4] = e;
    target[i + 5] = f;
    target[i + 6] = g;
    target[i + 7] = h;
  }
}

inline constexpr XorRoutine kXorRoutines[] = {
    {"words", xor_by_words}, {"fours", xor_by_fours}, {"lines", xor_by_lines}};
inline constexpr std::uint32_t kXorRoutineCount = 3;

/// What was measured of one routine.
struct XorResult {
  std::uint64_t best = ~std::uint64_t{0};  ///< ticks of the clock for one block
  bool right = false;
};

/// A buffer of two blocks on which routines are tried.
class XorTrial {
 public:
  static constexpr Bytes kBlock{4096};
  static constexpr Bytes kSourceOffset{3 * 4096};
  static constexpr Bytes kBufferSize{4 * 4096};
  static constexpr std::size_t kWords = kBlock.value / sizeof(std::uint64_t);
  static constexpr std::uint32_t kTries = 8;

  explicit XorTrial(void* buffer)
      : target_(static_cast<std::uint64_t*>(buffer)),
        source_(target_ + kSourceOffset.value / sizeof(std::uint64_t)) {}

  /// Times a routine by `clock`, which returns ticks, and verifies it.
  template <class Clock>
  XorResult measure(const XorRoutine& routine, Clock&& clock) {
    XorResult result{.right = is_right(routine)};
    for (std::uint32_t i = 0; i < kTries; ++i) {
      const std::uint64_t start = clock();
      routine.run(target_, source_, kWords);
      const std::uint64_t ticks = clock() - start;
      if (ticks < result.best) result.best = ticks;
    }
    return result;
  }
  /// Does it compute the right words, and write nothing else?
  bool is_right(const XorRoutine& routine) {
    for (std::size_t i = 0; i < kBufferWords; ++i) target_[i] = original(i);
    routine.run(target_, source_, kWords);
    std::uint64_t wrong = 0;
    for (std::size_t i = 0; i < kBufferWords; ++i) wrong |= target_[i] ^ expected(i);
    return wrong == 0;
  }

 private:
  static constexpr std::size_t kBufferWords = kBufferSize.value / sizeof(std::uint64_t);
  static constexpr std::size_t kSourceWord = kSourceOffset.value / sizeof(std::uint64_t);

  static constexpr std::uint64_t original(std::size_t word) { return mix64(word); }
  static constexpr std::uint64_t expected(std::size_t word) {
    return word < kWords ? original(word) ^ original(word + kSourceWord) : original(word);
  }

  std::uint64_t* target_;
  std::uint64_t* source_;
};

/// The index of the fastest right routine, the first of equals; `count` if none is right. What was
/// measured is left in results[0..count).
template <class Clock>
std::uint32_t choose_xor(void* buffer, const XorRoutine* routines, std::uint32_t count,
                         XorResult* results, Clock&& clock) {
  XorTrial trial(buffer);
  std::uint32_t chosen = count;
  for (std::uint32_t i = 0; i < count; ++i) {
    results[i] = trial.measure(routines[i], clock);
    if (!results[i].right) continue;
    if (chosen == count || results[i].best < results[chosen].best) chosen = i;
  }
  return chosen;
}

/// The kernel's choice. open() measures in a buffer that it gives back at once: as in 2008, what
/// stays is the choice.
class XorSpeed {
 public:
  constexpr XorSpeed() = default;
  /// Measures and chooses. On a refusal of the buffer says so and leaves this closed.
  [[nodiscard]] bool open();
  void close() { chosen_ = kXorRoutineCount; }
  bool is_open() const { return chosen_ < kXorRoutineCount; }

  /// The fastest routine. PRE: open.
  const XorRoutine& fastest() const { return kXorRoutines[chosen_]; }
  const XorResult& result(std::uint32_t routine) const { return results_[routine]; }
  /// How the buffer of the last measurement lay in memory.
  Kind buffer_kind() const { return kind_; }
  /// One line: the ticks of each routine and the choice.
  void print();

 private:
  XorResult results_[kXorRoutineCount]{};
  std::uint32_t chosen_ = kXorRoutineCount;
  Kind kind_ = Kind::contiguous;
};

/// The one that boot opens.
XorSpeed& xor_speed();

}  // namespace vc::kernel
