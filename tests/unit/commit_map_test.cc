// CommitMap: units that are aligned in frame numbers, cut at the ends of the range.
#include "vcompound/frame/commit_map.h"

#include <gtest/gtest.h>

#include <vector>

namespace vc {
namespace {

struct Map {
  Map(PfnRange frames, PageCount unit)
      : memory(CommitMap::memory_for(frames.count, unit).value / 8),
        map(memory.data(), frames, unit) {}

  std::vector<std::uint64_t> memory;
  CommitMap map;
};

TEST(CommitMap, UnitsAreAlignedAndCutAtBothEnds) {
  const Map m({Pfn(100), PageCount(1000)}, PageCount(512));  // 100..1099
  EXPECT_EQ(m.map.unit_of(Pfn(100)), 0U);
  EXPECT_EQ(m.map.unit_of(Pfn(511)), 0U);
  EXPECT_EQ(m.map.unit_of(Pfn(512)), 1U);
  EXPECT_EQ(m.map.unit_of(Pfn(1099)), 2U);
  EXPECT_EQ(m.map.frames_of(0), (PfnRange{Pfn(100), PageCount(412)}));
  EXPECT_EQ(m.map.frames_of(1), (PfnRange{Pfn(512), PageCount(512)}));
  EXPECT_EQ(m.map.frames_of(2), (PfnRange{Pfn(1024), PageCount(76)}));
}

TEST(CommitMap, ARunIsCommittedIfAllItsUnitsAre) {
  Map m({Pfn(0), PageCount(4096)}, PageCount(512));
  m.map.set(2);
  m.map.set(3);
  EXPECT_TRUE(m.map.committed(PfnRange{Pfn(1024), PageCount(1024)}));
  EXPECT_TRUE(m.map.committed(PfnRange{Pfn(1500), PageCount(100)}));
  EXPECT_FALSE(m.map.committed(PfnRange{Pfn(1023), PageCount(2)}));
  EXPECT_FALSE(m.map.committed(PfnRange{Pfn(2047), PageCount(2)}));
  m.map.clear(2);
  EXPECT_FALSE(m.map.committed(PfnRange{Pfn(1500), PageCount(100)}));
  EXPECT_TRUE(m.map.committed(PfnRange{Pfn(1536), PageCount(512)}));
}

TEST(CommitMap, BitsBeyondAWordAreTheirOwn) {
  Map m({Pfn(7), PageCount(512 * 200)}, PageCount(512));
  for (std::uint64_t unit = 0; unit <= 200; unit += 3) m.map.set(unit);
  for (std::uint64_t unit = 0; unit <= 200; ++unit) {
    EXPECT_EQ(m.map.committed(unit), unit % 3 == 0) << unit;
  }
}

TEST(CommitMap, WithoutUnitsEverythingIsCommitted) {
  const Map m({Pfn(5), PageCount(100)}, PageCount(0));
  EXPECT_TRUE(m.map.always_committed());
  EXPECT_TRUE(m.map.committed(PfnRange{Pfn(5), PageCount(100)}));
  EXPECT_EQ(CommitMap::memory_for(PageCount(100), PageCount(0)), Bytes(0));
}

TEST(CommitMap, MemoryHoldsABitForEveryUnit) {
  for (const std::uint64_t frames :
       {1ULL, 511ULL, 512ULL, 513ULL, 32767ULL, 32768ULL, 1ULL << 28}) {
    for (const std::uint64_t first : {0ULL, 1ULL, 511ULL}) {
      const CommitMap map(nullptr, {Pfn(first), PageCount(frames)}, PageCount(512));
      const std::uint64_t last = map.unit_of(Pfn(first + frames - 1));
      const Bytes memory = CommitMap::memory_for(PageCount(frames), PageCount(512));
      EXPECT_LT(last / 64 * 8, memory.value) << frames << " frames from " << first;
    }
  }
}

}  // namespace
}  // namespace vc
