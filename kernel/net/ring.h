// Rings of descriptors, and the segments of a buffer that go into them. Pure: tested on the host.
//
//            clean                 next
//              |                     |
//      ... free v in flight, oldest first v free ...        (indices wrap at `size`)
//
// One descriptor always stays unused: the card takes head == tail for an empty ring.
//
// A buffer [first byte, length) of a compound lies in one or more runs of adjacent frames. The card
// gets one descriptor per segment, in the order of addresses:
//
//      buffer (virtual)    |----+--------------+---------+--|
//      frames              | 70 | 12   13   14 | 91   92 |40|
//      segments            [ 1 ][      2       ][   3    ][4]
#pragma once

#include "vcompound/base/units.h"

namespace vc::kernel::net {

/// The indices of a ring of `size` descriptors. See the head of this file.
class RingIndices {
 public:
  constexpr RingIndices() = default;
  explicit constexpr RingIndices(std::uint32_t size) : size_(size) {}

  constexpr std::uint32_t size() const { return size_; }
  constexpr std::uint32_t next() const { return next_; }
  constexpr std::uint32_t clean() const { return clean_; }
  constexpr std::uint32_t in_flight() const {
    return next_ >= clean_ ? next_ - clean_ : next_ + size_ - clean_;
  }
  constexpr std::uint32_t free() const { return size_ - 1 - in_flight(); }
  constexpr std::uint32_t after(std::uint32_t index, std::uint32_t steps = 1) const {
    const std::uint32_t sum = index + steps;
    return sum >= size_ ? sum - size_ : sum;
  }
  /// Puts descriptors into flight; no more than are free.
  constexpr void produce(std::uint32_t count) { next_ = after(next_, count); }
  /// Takes the oldest ones out.
  constexpr void consume(std::uint32_t count) { clean_ = after(clean_, count); }

 private:
  std::uint32_t size_ = 0;
  std::uint32_t next_ = 0;
  std::uint32_t clean_ = 0;
};

/// Adjacent bytes of physical memory.
struct Segment {
  PhysAddr start{};
  Bytes size{};
  constexpr bool operator==(const Segment&) const = default;
};

/// The segments of a buffer, if they are not too many.
template <std::uint32_t kMost>
struct SegmentList {
  Segment segments[kMost] = {};
  std::uint32_t count = 0;
  bool complete = true;  ///< false: there was no room for all

  /// Adds bytes that follow; they join the last segment if they are adjacent and it has room.
  void add(Segment more, Bytes longest) {
    if (count != 0) {
      Segment& last = segments[count - 1];
      const Bytes room = longest - last.size;
      if (last.start + last.size == more.start && room.value != 0) {
        const Bytes part = more.size < room ? more.size : room;
        last.size += part;
        more = {more.start + part, more.size - part};
      }
    }
    while (more.size.value != 0) {
      if (count == kMost) {
        complete = false;
        return;
      }
      const Bytes part = more.size < longest ? more.size : longest;
      segments[count++] = {more.start, part};
      more = {more.start + part, more.size - part};
    }
  }
};

/// The segments of the `length` bytes from `offset` on in a compound, whose n-th frame is
/// frame_of(n); none longer than `longest`.
template <std::uint32_t kMost, class FrameOf>
SegmentList<kMost> segments_of(Bytes offset, Bytes length, Bytes longest, FrameOf&& frame_of,
                               FrameSize frame_size = FrameSize(12)) {
  SegmentList<kMost> list;
  while (length.value != 0 && list.complete) {
    const std::uint64_t within = offset.value & (frame_size.bytes().value - 1);
    const Pfn frame = frame_of(frame_size.whole_pages(offset));
    const Bytes rest = frame_size.bytes() - Bytes(within);
    const Bytes part = length < rest ? length : rest;
    list.add({PhysAddr((frame.value << frame_size.shift()) + within), part}, longest);
    offset += part;
    length -= part;
  }
  return list;
}

}  // namespace vc::kernel::net
