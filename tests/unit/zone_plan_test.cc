// Zones: which frames go together, in which order, and what is given up.
#include "kernel/memory/zone_plan.h"

#include <gtest/gtest.h>

#include <vector>

#include "vcompound/base/random.h"

namespace vc::kernel {
namespace {

constexpr std::uint64_t kMib = 256;  // in frames
constexpr std::uint64_t kGib = 1024 * kMib;

PfnRange frames(std::uint64_t first, std::uint64_t count) { return {Pfn(first), PageCount(count)}; }

MemoryMap map_of(const std::vector<PfnRange>& ranges) {
  MemoryMap map;
  for (const PfnRange& range : ranges) map.add(range);
  return map;
}

std::uint32_t one_node(Pfn) { return 0; }

TEST(ZonePlan, ASmallMachineHasOneZone) {
  const ZonePlan plan =
      plan_zones(map_of({frames(kMib, 126 * kMib), frames(130 * kMib, 3)}), one_node);
  ASSERT_EQ(plan.count, 1U);
  EXPECT_EQ(plan.zones[0].frames, frames(kMib, 129 * kMib + 3)) << "with the hole";
  EXPECT_EQ(plan.zones[0].kind, ZoneKind::dma32);
}

TEST(ZonePlan, NothingIsNoZone) { EXPECT_EQ(plan_zones(MemoryMap{}, one_node).count, 0U); }

TEST(ZonePlan, NormalComesFirst) {
  const ZonePlan plan =
      plan_zones(map_of({frames(kMib, 3 * kGib), frames(4 * kGib, 2 * kGib)}), one_node);
  ASSERT_EQ(plan.count, 2U);
  EXPECT_EQ(plan.zones[0].frames, frames(4 * kGib, 2 * kGib));
  EXPECT_EQ(plan.zones[0].kind, ZoneKind::normal);
  EXPECT_EQ(plan.zones[1].frames, frames(kMib, 3 * kGib));
  EXPECT_EQ(plan.zones[1].kind, ZoneKind::dma32);
}

TEST(ZonePlan, ARangeIsCutAtFourGib) {
  const ZonePlan plan = plan_zones(map_of({frames(3 * kGib + 7, 2 * kGib)}), one_node);
  ASSERT_EQ(plan.count, 2U);
  EXPECT_EQ(plan.zones[0].frames, frames(4 * kGib, kGib + 7));
  EXPECT_EQ(plan.zones[1].frames, frames(3 * kGib + 7, kGib - 7));
}

TEST(ZonePlan, ARangeIsCutWhereTheNodeChanges) {
  const auto node_of = [](Pfn frame) {
    return frame < Pfn(kGib) ? 0U : 1U;
  };
  const ZonePlan plan = plan_zones(map_of({frames(kMib + 5, 2 * kGib)}), node_of);
  ASSERT_EQ(plan.count, 2U);
  EXPECT_EQ(plan.zones[0].frames, frames(kMib + 5, kGib - kMib - 5));
  EXPECT_EQ(plan.zones[0].numa, 0U);
  EXPECT_EQ(plan.zones[1].frames, frames(kGib, kGib + kMib + 5));
  EXPECT_EQ(plan.zones[1].numa, 1U);
}

TEST(ZonePlan, NodesThatAlternateAreMergedUntilTheyFit) {
  const auto node_of = [](Pfn frame) {
    return static_cast<std::uint32_t>(frame.value / kGib % 2);
  };
  const ZonePlan plan = plan_zones(map_of({frames(0, 16 * kGib)}), node_of);
  EXPECT_EQ(plan.count, ZonePlan::kMaxZones);
}

/// What every plan must be: a zone for each frame of the map, disjoint, kinds apart, order kept.
void check_plan(const MemoryMap& map, const ZonePlan& plan) {
  ASSERT_LE(plan.count, ZonePlan::kMaxZones);
  for (std::uint32_t i = 0; i < plan.count; ++i) {
    const PlannedZone& zone = plan.zones[i];
    ASSERT_FALSE(zone.frames.empty());
    EXPECT_EQ(zone.kind == ZoneKind::dma32, zone.frames.end() <= kDma32End);
    EXPECT_EQ(zone.kind == ZoneKind::normal, zone.frames.first >= kDma32End);
    EXPECT_TRUE(i == 0 || plan.zones[i - 1].kind <= zone.kind);
    for (std::uint32_t k = 0; k < i; ++k) {
      EXPECT_TRUE(plan.zones[k].frames.end() <= zone.frames.first ||
                  zone.frames.end() <= plan.zones[k].frames.first);
    }
  }
  PageCount covered{};
  for (std::uint32_t i = 0; i < plan.count; ++i) {
    for (const PfnRange& range : map) {
      const PfnRange zone = plan.zones[i].frames;
      const Pfn first = range.first > zone.first ? range.first : zone.first;
      const Pfn end = range.end() < zone.end() ? range.end() : zone.end();
      if (first < end) covered += end - first;
    }
  }
  EXPECT_EQ(covered, map.pages());
}

TEST(ZonePlan, RandomMachines) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed << 32);
    MemoryMap map;
    for (std::uint64_t n = random.below(30); n != 0; --n) {
      map.add(frames(random.below(8 * kGib), 1 + random.below(kGib / 8)));
    }
    const std::uint64_t stripe = (1 + random.below(64)) * 32 * kMib;
    const std::uint64_t nodes = 1 + random.below(4);
    const auto node_of = [&](Pfn frame) {
      return static_cast<std::uint32_t>(frame.value / stripe % nodes);
    };
    check_plan(map, plan_zones(map, node_of));
  }
}

// ---- outliers -----------------------------------------------------------------------------------

TEST(DropOutliers, OrdinaryHolesAreKept) {
  MemoryMap map = map_of({frames(kMib, 3 * kGib), frames(4 * kGib, 3 * kGib)});
  EXPECT_EQ(drop_outliers(map), PageCount(0));
  EXPECT_EQ(map.count, 2U);
}

TEST(DropOutliers, AFarAwayRangeIsNotWorthItsTable) {
  MemoryMap map = map_of({frames(kMib, kGib), frames(1024 * kGib, kMib)});
  EXPECT_EQ(drop_outliers(map), PageCount(kMib));
  ASSERT_EQ(map.count, 1U);
  EXPECT_EQ(map.ranges[0], frames(kMib, kGib));
}

TEST(DropOutliers, BehindOneThatIsGoneTheHoleIsLonger) {
  // 300 GiB of hole are worth it for 2 GiB of RAM; for 16 MiB in the middle they are not.
  MemoryMap map =
      map_of({frames(0, kGib), frames(150 * kGib, 16 * kMib), frames(300 * kGib, 2 * kGib)});
  EXPECT_EQ(drop_outliers(map), PageCount(16 * kMib));
  EXPECT_EQ(map.count, 2U);
}

TEST(DropOutliers, ManyRanges) {
  MemoryMap map;
  for (std::uint64_t i = 0; i < MemoryMap::kMaxRanges; ++i) map.add(frames(i * 4096 * kMib, 1));
  EXPECT_EQ(drop_outliers(map), PageCount(MemoryMap::kMaxRanges - 1));
  EXPECT_EQ(map.count, 1U) << "the first one is what the table is for";
}

}  // namespace
}  // namespace vc::kernel
