// The indices of descriptor rings and the segments of buffers, against naive counterparts.
#include <gtest/gtest.h>

#include <deque>
#include <vector>

#include "kernel/net/ring.h"
#include "vcompound/base/random.h"

namespace vc::kernel::net {
namespace {

TEST(NetRing, IndicesAgreeWithAQueue) {
  Random random(1);
  for (const std::uint32_t size : {2U, 8U, 13U}) {
    RingIndices ring(size);
    std::deque<std::uint32_t> queue;
    std::uint32_t next = 0;
    for (int step = 0; step < 2000; ++step) {
      if (random.below(2) == 0) {
        const auto count = static_cast<std::uint32_t>(random.below(ring.free() + 1));
        for (std::uint32_t i = 0; i < count; ++i) queue.push_back(next++ % size);
        ring.produce(count);
      } else {
        const auto count = static_cast<std::uint32_t>(random.below(queue.size() + 1));
        queue.erase(queue.begin(), queue.begin() + count);
        ring.consume(count);
      }
      ASSERT_EQ(ring.in_flight(), queue.size());
      ASSERT_EQ(ring.free(), size - 1 - queue.size());
      ASSERT_EQ(ring.next(), next % size);
      ASSERT_EQ(ring.clean(), queue.empty() ? next % size : queue.front());
    }
  }
}

template <std::uint32_t kMost>
SegmentList<kMost> segments(const std::vector<std::uint64_t>& frames, std::uint64_t offset,
                            std::uint64_t length, std::uint64_t longest) {
  return segments_of<kMost>(Bytes(offset), Bytes(length), Bytes(longest),
                            [&](PageCount n) { return Pfn(frames.at(n.value)); });
}

TEST(NetSegments, AContiguousBufferIsOneSegment) {
  const auto list = segments<8>({70, 71, 72, 73}, 0, 16384, 65535);
  ASSERT_TRUE(list.complete);
  ASSERT_EQ(list.count, 1U);
  EXPECT_EQ(list.segments[0], (Segment{PhysAddr(70 * 4096), Bytes(16384)}));
}

TEST(NetSegments, ThePictureInTheHeader) {
  const auto list = segments<8>({70, 12, 13, 14, 91, 92, 40}, 4000, 96 + 5 * 4096 + 7, 65535);
  ASSERT_TRUE(list.complete);
  ASSERT_EQ(list.count, 4U);
  EXPECT_EQ(list.segments[0], (Segment{PhysAddr(70 * 4096 + 4000), Bytes(96)}));
  EXPECT_EQ(list.segments[1], (Segment{PhysAddr(12 * 4096), Bytes(3 * 4096)}));
  EXPECT_EQ(list.segments[2], (Segment{PhysAddr(91 * 4096), Bytes(2 * 4096)}));
  EXPECT_EQ(list.segments[3], (Segment{PhysAddr(40 * 4096), Bytes(7)}));
}

TEST(NetSegments, TooManyAreReported) {
  EXPECT_FALSE(segments<2>({5, 7, 9}, 0, 3 * 4096, 65535).complete);
  EXPECT_TRUE(segments<3>({5, 7, 9}, 0, 3 * 4096, 65535).complete);
}

TEST(NetSegments, NothingHasNoSegments) { EXPECT_EQ(segments<2>({5}, 0, 0, 4096).count, 0U); }

TEST(NetSegments, RandomBuffersByteForByte) {
  Random random(7);
  for (int round = 0; round < 500; ++round) {
    std::vector<std::uint64_t> frames;
    for (int i = 0; i < 6; ++i) frames.push_back(10 + random.below(4));  // adjacent now and then
    const std::uint64_t offset = random.below(2 * 4096);
    const std::uint64_t length = random.below(4 * 4096);
    const std::uint64_t longest = 1 + random.below(3 * 4096);
    const auto list = segments<20000>(frames, offset, length, longest);
    ASSERT_TRUE(list.complete);
    std::uint64_t at = offset;
    for (std::uint32_t s = 0; s < list.count; ++s) {
      const Segment& segment = list.segments[s];
      ASSERT_GT(segment.size.value, 0U);
      ASSERT_LE(segment.size.value, longest);
      for (std::uint64_t i = 0; i < segment.size.value; ++i, ++at) {
        ASSERT_EQ(segment.start.value + i, frames[at / 4096] * 4096 + at % 4096);
      }
    }
    ASSERT_EQ(at, offset + length);
  }
}

}  // namespace
}  // namespace vc::kernel::net
