// The memory map of the firmware: a naive bitmap says what is right, for sane maps and hostile
// ones.
#include "kernel/memory/memory_map.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "vcompound/base/random.h"

namespace vc::kernel {
namespace {

constexpr std::uint64_t kFrame = 4096;
constexpr std::uint32_t kRam = 1;
constexpr std::uint32_t kReserved = 2;

MemoryMap read(const std::vector<FirmwareRange>& entries) {
  return read_memory_map(entries.data(), static_cast<std::uint32_t>(entries.size()));
}

FirmwareRange entry(std::uint64_t start, std::uint64_t size, std::uint32_t type = kRam) {
  return {start, size, type, 0};
}

PfnRange frames(std::uint64_t first, std::uint64_t count) { return {Pfn(first), PageCount(count)}; }

std::vector<PfnRange> ranges_of(const MemoryMap& map) { return {map.begin(), map.end()}; }

/// What every map must be, whatever it was made of.
void expect_well_formed(const MemoryMap& map) {
  ASSERT_LE(map.count, MemoryMap::kMaxRanges);
  for (std::uint32_t i = 0; i < map.count; ++i) {
    EXPECT_FALSE(map.ranges[i].empty());
    EXPECT_LE(map.ranges[i].end(), kFrameLimit);
    if (i != 0) {
      EXPECT_LT(map.ranges[i - 1].end(), map.ranges[i].first) << "disjoint, a gap between";
    }
  }
}

// ---- single rules -------------------------------------------------------------------------------

TEST(MemoryMap, AnOrdinaryMachine) {
  const MemoryMap map =
      read({entry(0, 0x9fc00), entry(0x9fc00, 0x400, kReserved), entry(0xf0000, 0x10000, kReserved),
            entry(0x100000, 0x7ee0000), entry(0x7fe0000, 0x20000, kReserved),
            entry(0xfffc0000, 0x40000, kReserved)});
  EXPECT_EQ(ranges_of(map), (std::vector{frames(0, 0x9f), frames(0x100, 0x7ee0)}));
  EXPECT_EQ(map.ignored, 0U);
  EXPECT_EQ(map.pages(), PageCount(0x9f + 0x7ee0));
  EXPECT_EQ(map.longest(), frames(0x100, 0x7ee0));
}

TEST(MemoryMap, NothingIsNothing) {
  EXPECT_EQ(read({}).count, 0U);
  EXPECT_EQ(read({entry(0, 1 << 20, kReserved)}).count, 0U);
  EXPECT_EQ(read({}).longest(), PfnRange{});
}

TEST(MemoryMap, WhatIsNotRamWinsInAnyOrder) {
  const FirmwareRange ram = entry(0, 100 * kFrame);
  const FirmwareRange hole = entry(40 * kFrame, 20 * kFrame, kReserved);
  const std::vector expected{frames(0, 40), frames(60, 40)};
  EXPECT_EQ(ranges_of(read({ram, hole})), expected);
  EXPECT_EQ(ranges_of(read({hole, ram})), expected);
  EXPECT_EQ(ranges_of(read({ram, hole, ram})), expected) << "said twice, it is RAM no more";
}

TEST(MemoryMap, OnlyTypeOneIsRam) {
  for (const std::uint32_t type : {0U, 2U, 3U, 4U, 5U, 7U, 0xffff'ffffU}) {
    EXPECT_EQ(read({entry(0, 1 << 20, type)}).count, 0U) << type;
    EXPECT_EQ(read({entry(0, 1 << 20), entry(0, 1 << 20, type)}).count, 0U) << type;
  }
}

TEST(MemoryMap, RamIsCutInwardsAndTheRestOutwards) {
  EXPECT_EQ(ranges_of(read({entry(1, 10 * kFrame)})), (std::vector{frames(1, 9)}));
  EXPECT_EQ(ranges_of(read({entry(0, 10 * kFrame + 4095)})), (std::vector{frames(0, 10)}));
  EXPECT_EQ(ranges_of(read({entry(0, 10 * kFrame), entry(5 * kFrame + 7, 1, kReserved)})),
            (std::vector{frames(0, 5), frames(6, 4)}));
  EXPECT_EQ(ranges_of(read({entry(0, 10 * kFrame), entry(5 * kFrame - 1, 2, kReserved)})),
            (std::vector{frames(0, 4), frames(6, 4)}));
}

TEST(MemoryMap, RamThatHoldsNoWholeFrameIsIgnored) {
  const MemoryMap map = read({entry(1, 4096), entry(100, 200), entry(0x5000, 0)});
  EXPECT_EQ(map.count, 0U);
  EXPECT_EQ(map.ignored, 3U);
}

TEST(MemoryMap, AnEmptyEntryChangesNothing) {
  const MemoryMap map = read({entry(0, 10 * kFrame), entry(5 * kFrame, 0, kReserved)});
  EXPECT_EQ(ranges_of(map), (std::vector{frames(0, 10)}));
  EXPECT_EQ(map.ignored, 1U);
}

TEST(MemoryMap, RangesThatTouchOrOverlapAreOne) {
  EXPECT_EQ(ranges_of(read({entry(0, 4 * kFrame), entry(4 * kFrame, 4 * kFrame)})),
            (std::vector{frames(0, 8)}));
  EXPECT_EQ(ranges_of(read({entry(4 * kFrame, 4 * kFrame), entry(0, 5 * kFrame)})),
            (std::vector{frames(0, 8)}));
  EXPECT_EQ(ranges_of(read({entry(0, 2 * kFrame), entry(4 * kFrame, 2 * kFrame),
                            entry(8 * kFrame, 2 * kFrame), entry(1 * kFrame, 8 * kFrame)})),
            (std::vector{frames(0, 10)}))
      << "one range joins three";
}

TEST(MemoryMap, WrapsAndAbsurdAddressesAreCut) {
  const std::uint64_t top = ~std::uint64_t{0};
  EXPECT_EQ(read({entry(top - kFrame + 1, 2 * kFrame)}).count, 0U)
      << "a wrap does not reach the frame 0";
  EXPECT_EQ(read({entry(top, top)}).count, 0U);
  EXPECT_EQ(read({entry(std::uint64_t{1} << 63, std::uint64_t{1} << 63)}).count, 0U);
  EXPECT_EQ(ranges_of(read({entry(16 * kFrame, top)})),
            (std::vector{PfnRange{Pfn(16), kFrameLimit - Pfn(16)}}));
  EXPECT_EQ(ranges_of(read({entry(0, 32 * kFrame), entry(16 * kFrame, top, kReserved)})),
            (std::vector{frames(0, 16)}));
  EXPECT_EQ(ranges_of(read({entry(0, top), entry(0, top, kReserved)})), std::vector<PfnRange>{});
}

TEST(MemoryMap, MoreRangesThanRoomKeepsTheLongest) {
  std::vector<FirmwareRange> entries;
  for (std::uint64_t i = 0; i < 3 * MemoryMap::kMaxRanges; ++i) {
    const std::uint64_t pages = i % 3 == 1 ? 8 : 1 + i % 3;
    entries.push_back(entry(i * 16 * kFrame, pages * kFrame));
  }
  const MemoryMap map = read(entries);
  expect_well_formed(map);
  EXPECT_EQ(map.count, MemoryMap::kMaxRanges);
  EXPECT_EQ(map.pages(), PageCount(8 * MemoryMap::kMaxRanges)) << "the long ones have survived";
  EXPECT_EQ(map.ignored, 2 * MemoryMap::kMaxRanges);
}

TEST(MemoryMap, AHoleWithoutRoomForTheSecondHalfLosesTheShorter) {
  MemoryMap map;
  for (std::uint64_t i = 0; i < MemoryMap::kMaxRanges; ++i) map.add(frames(i * 100, 50));
  map.remove(frames(10, 1));  // 10 frames, and 39 frames
  expect_well_formed(map);
  EXPECT_EQ(map.count, MemoryMap::kMaxRanges);
  EXPECT_EQ(map.ignored, 1U);
  EXPECT_FALSE(map.contains(frames(0, 10)));
  EXPECT_TRUE(map.contains(frames(11, 39)));
}

TEST(MemoryMap, ALimitTakesTheHighestFrames) {
  MemoryMap map = read({entry(0, 10 * kFrame), entry(20 * kFrame, 10 * kFrame)});
  map.limit(PageCount(20));
  EXPECT_EQ(map.pages(), PageCount(20));
  map.limit(PageCount(15));
  EXPECT_EQ(ranges_of(map), (std::vector{frames(0, 10), frames(20, 5)}));
  map.limit(PageCount(10));
  EXPECT_EQ(ranges_of(map), (std::vector{frames(0, 10)}));
  map.limit(PageCount(0));
  EXPECT_EQ(map.count, 0U);
}

TEST(MemoryMap, TakingFromBelowAndFromAbove) {
  MemoryMap map = read({entry(3 * kFrame, 10 * kFrame), entry(20 * kFrame, 30 * kFrame)});
  EXPECT_EQ(map.take_lowest(PageCount(4), Pfn(100)), frames(3, 4));
  EXPECT_EQ(map.take_lowest(PageCount(4), Pfn(100), PageCount(8)), frames(8, 4));
  EXPECT_EQ(map.take_lowest(PageCount(20), Pfn(40)), frames(20, 20));
  EXPECT_EQ(map.take_lowest(PageCount(20), Pfn(40)), PfnRange{});
  EXPECT_EQ(map.take_highest(PageCount(3), PageCount(4)), frames(44, 3));
  EXPECT_EQ(ranges_of(map),
            (std::vector{frames(7, 1), frames(12, 1), frames(40, 4), frames(47, 3)}));
  EXPECT_EQ(map.take_highest(PageCount(5)), PfnRange{});
}

// ---- the model ----------------------------------------------------------------------------------

/// A bit per frame; entries are painted one after the other.
class Bitmap {
 public:
  static constexpr std::uint64_t kFrames = 512;

  explicit Bitmap(const std::vector<FirmwareRange>& entries) : usable_(kFrames, false) {
    for (std::uint64_t f = 0; f < kFrames; ++f) {
      bool ram = false;
      bool other = false;
      for (const FirmwareRange& e : entries) {
        if (e.type == kRam) ram = ram || covers(e, f);
        if (e.type != kRam) other = other || touches(e, f);
      }
      usable_[f] = ram && !other;
    }
  }
  bool operator[](std::uint64_t frame) const { return usable_[frame]; }

 private:
  /// Does the entry contain that byte? Without computing an end that could wrap.
  static bool contains(const FirmwareRange& e, std::uint64_t byte) {
    return byte >= e.start && byte - e.start < e.size;
  }
  static bool covers(const FirmwareRange& e, std::uint64_t f) {
    return contains(e, f * kFrame) && contains(e, f * kFrame + kFrame - 1);
  }
  static bool touches(const FirmwareRange& e, std::uint64_t f) {
    const std::uint64_t start = f * kFrame;
    const bool starts_inside = e.size != 0 && e.start >= start && e.start - start < kFrame;
    return starts_inside || contains(e, start);
  }

  std::vector<bool> usable_;
};

FirmwareRange random_entry(Random& random) {
  FirmwareRange e{};
  e.start = random.below(Bitmap::kFrames) * kFrame;
  e.size = random.below(64) * kFrame;
  if (random.below(3) == 0) e.start += random.below(kFrame);
  if (random.below(3) == 0) e.size += random.below(kFrame);
  if (random.below(20) == 0) e.size = ~std::uint64_t{0} - random.below(3 * kFrame);
  if (random.below(20) == 0) e.start = ~std::uint64_t{0} - random.below(3 * kFrame);
  e.type = random.below(3) == 0 ? kReserved + static_cast<std::uint32_t>(random.below(5)) : kRam;
  return e;
}

TEST(MemoryMap, RandomMapsAgreeWithABitmap) {
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed << 32);
    std::vector<FirmwareRange> entries(random.below(40));
    for (FirmwareRange& e : entries) e = random_entry(random);
    const Bitmap expected(entries);
    const MemoryMap map = read(entries);
    expect_well_formed(map);
    for (std::uint64_t f = 0; f < Bitmap::kFrames; ++f) {
      ASSERT_EQ(map.contains(frames(f, 1)), expected[f]) << "frame " << f;
    }
  }
}

TEST(MemoryMap, WithoutRoomItIsStillOnlyRam) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed << 32 | 1);
    std::vector<FirmwareRange> entries(200 + random.below(300));
    for (FirmwareRange& e : entries) {
      e = entry(random.below(Bitmap::kFrames) * kFrame, (1 + random.below(2)) * kFrame,
                random.below(4) == 0 ? kReserved : kRam);
    }
    const Bitmap expected(entries);
    const MemoryMap map = read(entries);
    expect_well_formed(map);
    for (const PfnRange& range : map) {
      for (Pfn f = range.first; f < range.end(); f += PageCount(1)) {
        if (f.value >= Bitmap::kFrames) break;  // the model ends here
        ASSERT_TRUE(expected[f.value]) << "frame " << f.value << " is not RAM";
      }
    }
  }
}

/// add, remove and both takes, against a bit per frame.
TEST(MemoryMap, RandomOperationsAgreeWithABitmap) {
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed << 32 | 2);
    MemoryMap map;
    std::vector<bool> model(256, false);
    for (int step = 0; step < 60; ++step) {
      const PfnRange range = frames(random.below(240), random.below(16));
      const std::uint64_t what = random.below(4);
      PfnRange changed = range;
      if (what == 0) map.remove(range);
      if (what == 1) map.add(range);
      if (what == 2) changed = map.take_lowest(PageCount(1 + random.below(8)), Pfn(200));
      if (what == 3) changed = map.take_highest(PageCount(1 + random.below(8)), PageCount(4));
      for (Pfn f = changed.first; f < changed.end(); f += PageCount(1)) {
        if (what >= 2) {
          ASSERT_TRUE(model[f.value]) << "taken, but not there";
        }
        model[f.value] = what == 1;
      }
      expect_well_formed(map);
      ASSERT_EQ(map.ignored, 0U);
      for (std::uint64_t f = 0; f < model.size(); ++f) {
        ASSERT_EQ(map.contains(frames(f, 1)), model[f]) << "frame " << f << ", step " << step;
      }
    }
  }
}

// ---- memory of the firmware
// -----------------------------------------------------------------------

std::vector<PfnRange> firmware_of(const std::vector<FirmwareRange>& entries) {
  return ranges_of(
      read_firmware_memory(entries.data(), static_cast<std::uint32_t>(entries.size())));
}

TEST(FirmwareMemory, TablesBehindRamAndBelowOneMibButNoDevices) {
  const std::vector<FirmwareRange> machine{
      entry(0, 0x9fc00),
      entry(0x9fc00, 0x400, kReserved),
      entry(0xf0000, 0x10000, kReserved),
      entry(0x100000, 0x7ee0000),
      entry(0x7fe0000, 0x20000, kReserved),  // behind RAM: the ACPI tables
      entry(0xb0000000, 0x10000000, kReserved),
      entry(0xfffc0000, 0x40000, kReserved)};
  EXPECT_EQ(firmware_of(machine),
            (std::vector{frames(0x9f, 1), frames(0xf0, 0x10), frames(0x7fe0, 0x20)}));
}

TEST(FirmwareMemory, WhatIsCalledTablesIsReadWhereverItIs) {
  EXPECT_EQ(firmware_of({entry(0x80000000, 0x2000, 3), entry(0x90000800, 0x1000, 4),
                         entry(0xa0000000, 0x1000, 5), entry(0xa8000000, 0x1000, 7)}),
            (std::vector{frames(0x80000, 2), frames(0x90000, 2)}));
}

TEST(FirmwareMemory, NonsenseIsCut) {
  const std::uint64_t top = ~std::uint64_t{0};
  EXPECT_EQ(firmware_of({entry(top - 4095, 8192, 3), entry(0x1000, 0, 4), entry(top, top, 4)}),
            std::vector<PfnRange>{});
}

// ---- as text ------------------------------------------------------------------------------------

TEST(MemoryMapText, NumbersInEveryForm) {
  FirmwareRange e[4];
  const MemoryMapText read =
      parse_memory_map("0:640k:1,0x100000:127M:1,4G:1G:2,7:0:4294967295", e, 4);
  EXPECT_EQ(read.error, nullptr);
  ASSERT_EQ(read.count, 4U);
  EXPECT_EQ(e[0].size, 640U << 10);
  EXPECT_EQ(e[1].start, 0x100000U);
  EXPECT_EQ(e[1].size, 127U << 20);
  EXPECT_EQ(e[2].start, std::uint64_t{4} << 30);
  EXPECT_EQ(e[2].type, 2U);
  EXPECT_EQ(e[3].type, 0xffff'ffffU);
}

TEST(MemoryMapText, TheLargestNumberIsStillOne) {
  FirmwareRange e[1];
  EXPECT_EQ(parse_memory_map("0xffffffffffffffff:18446744073709551615:1", e, 1).error, nullptr);
  EXPECT_EQ(e[0].start, ~std::uint64_t{0});
  EXPECT_EQ(e[0].size, ~std::uint64_t{0});
}

TEST(MemoryMapText, WhatIsNoMapIsRefusedAtItsEntry) {
  for (const std::string bad :
       {"", "1", "1:2", "1:2:", ":2:1", "1:2:3:4", "1:2:1,", "1:2:1,x", "0x:1:1", "1 :2:1",
        "18446744073709551616:1:1", "0x10000000000000000:1:1", "99999999999G:1:1", "1:2:4294967296",
        "-1:2:1", "1:2:1,1:2:1,1:2:1"}) {
    FirmwareRange e[2];
    const MemoryMapText read = parse_memory_map(bad.c_str(), e, 2);
    ASSERT_NE(read.error, nullptr) << '"' << bad << '"';
    EXPECT_GE(read.error, bad.c_str());
    EXPECT_LE(read.error, bad.c_str() + bad.size());
    EXPECT_LE(read.count, 2U);
  }
}

}  // namespace
}  // namespace vc::kernel
