// CommitMap: which units of frames have memory behind them. One bit per unit.
//
//      frames   0 ........ 511 512 ..... 1023 1024 ...
//      units    |      0      |       1      |  ...         (units of 512 frames: 2 MiB)
//      bits            1              0
//
// Bits are read without a lock and written under the commit lock of the allocator; a set bit is
// published after the memory is there (release/acquire).
#pragma once

#include <cstdint>

#include "vcompound/base/atomic.h"
#include "vcompound/base/units.h"

namespace vc {

/// The committed units of a range of frames.
class CommitMap {
 public:
  CommitMap() = default;

  /// The bytes of zeroed memory needed for `frames` frames in units of `unit`.
  static constexpr Bytes memory_for(PageCount frames, PageCount unit) {
    return Bytes((units_for(frames, unit) + 63) / 64 * 8);
  }
  /// `unit` is a power of two, or 0 when frames need no commit: then every frame is committed.
  CommitMap(void* memory, PfnRange frames, PageCount unit)
      : words_(static_cast<Atomic<std::uint64_t>*>(memory)), frames_(frames), unit_(unit) {}

  PageCount unit() const { return unit_; }
  bool always_committed() const { return unit_.value == 0; }

  /// The unit that holds a frame.
  std::uint64_t unit_of(Pfn pfn) const { return (pfn - base()).value / unit_.value; }
  /// The frames of a unit; the first and last unit may be cut by the ends of the range.
  PfnRange frames_of(std::uint64_t unit) const {
    const Pfn start = base() + unit_ * unit;
    const Pfn first = start < frames_.first ? frames_.first : start;
    const Pfn end = start + unit_ < frames_.end() ? start + unit_ : frames_.end();
    return {first, end - first};
  }
  bool committed(std::uint64_t unit) const {
    return (words_[unit / 64].load_acquire() >> (unit % 64) & 1) != 0;
  }
  /// Are all frames of `run` committed?
  bool committed(PfnRange run) const;
  void set(std::uint64_t unit) { words_[unit / 64].fetch_or(std::uint64_t{1} << (unit % 64)); }
  void clear(std::uint64_t unit) {
    words_[unit / 64].fetch_and(~(std::uint64_t{1} << (unit % 64)));
  }

 private:
  static constexpr std::uint64_t units_for(PageCount frames, PageCount unit) {
    return unit.value == 0 ? 0 : frames.value / unit.value + 2;
  }
  /// The start of unit 0: units are aligned in frame numbers.
  Pfn base() const { return Pfn(align_down(frames_.first.value, unit_.value)); }

  Atomic<std::uint64_t>* words_ = nullptr;
  PfnRange frames_{};
  PageCount unit_{};
};

inline bool CommitMap::committed(PfnRange run) const {
  if (always_committed()) return true;
  const std::uint64_t last = unit_of(run.end() - PageCount(1));
  for (std::uint64_t unit = unit_of(run.first); unit <= last; ++unit) {
    if (!committed(unit)) return false;
  }
  return true;
}

}  // namespace vc
