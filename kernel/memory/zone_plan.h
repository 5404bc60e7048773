// How RAM becomes zones: by NUMA node, and by whether a device with 32-bit addresses reaches it.
//
//      frames       0 ............ 4 GiB ......................... 10 GiB
//      RAM          ####  ########## | #################|#########
//      NUMA         0000  0000000000 | 0000000000000000 | 11111111
//      zones        [ DMA32, node 0 ]  [Normal, node 0 ] [Normal, node 1]
//      number               2                  0                 1
//
// Normal zones come first, because a request without a wish is served by the first zone that can:
// so DMA32 is spared. The holes inside a zone's range are told to the core by the list of frames
// that are present. Pure: tested on the host.
#pragma once

#include <cstdint>

#include "kernel/memory/memory_map.h"
#include "vcompound/base/units.h"

namespace vc::kernel {

/// Is all of a zone below 4 GiB?
enum class ZoneKind : std::uint8_t { normal, dma32 };

/// The name as /proc/buddyinfo has it.
constexpr const char* name_of(ZoneKind kind) {
  return kind == ZoneKind::normal ? "Normal" : "DMA32";
}

/// A zone: a node of the core.
struct PlannedZone {
  PfnRange frames{};       ///< from its first frame to its last, with holes
  std::uint32_t numa = 0;  ///< the node of its first frame
  ZoneKind kind = ZoneKind::normal;
};

/// All zones, in the order of the core's nodes.
struct ZonePlan {
  static constexpr std::uint32_t kMaxZones = 8;

  PlannedZone zones[kMaxZones] = {};
  std::uint32_t count = 0;
};

/// The first frame that is not DMA32.
inline constexpr Pfn kDma32End{std::uint64_t{1} << 20};

namespace zone_planning {

/// The borders of nodes are looked for at multiples of 2 MiB only.
inline constexpr std::uint64_t kStep = 512;

/// Makes room for one more zone: two neighbours of one kind become one. With eight zones of two
/// kinds, in the order of addresses, there always are two.
inline void merge_neighbours(ZonePlan& plan) {
  for (std::uint32_t i = 0; i + 1 < plan.count; ++i) {
    if (plan.zones[i].kind != plan.zones[i + 1].kind) continue;
    plan.zones[i].frames.count = plan.zones[i + 1].frames.end() - plan.zones[i].frames.first;
    for (std::uint32_t k = i + 1; k + 1 < plan.count; ++k) plan.zones[k] = plan.zones[k + 1];
    --plan.count;
    return;
  }
}

/// Adds frames of one node and kind that lie above all before.
inline void add(ZonePlan& plan, PfnRange run, std::uint32_t numa) {
  const ZoneKind kind = run.first < kDma32End ? ZoneKind::dma32 : ZoneKind::normal;
  if (plan.count != 0) {
    PlannedZone& last = plan.zones[plan.count - 1];
    if (last.kind == kind && last.numa == numa) {
      last.frames.count = run.end() - last.frames.first;
      return;
    }
  }
  if (plan.count == ZonePlan::kMaxZones) merge_neighbours(plan);
  plan.zones[plan.count++] = {run, numa, kind};
}

/// The zones in the order of addresses, put in the order of preference.
inline ZonePlan normal_first(const ZonePlan& by_address) {
  ZonePlan plan;
  constexpr ZoneKind kOrder[] = {ZoneKind::normal, ZoneKind::dma32};
  for (const ZoneKind kind : kOrder) {
    for (std::uint32_t i = 0; i < by_address.count; ++i) {
      if (by_address.zones[i].kind == kind) plan.zones[plan.count++] = by_address.zones[i];
    }
  }
  return plan;
}

}  // namespace zone_planning

/// Plans zones over a map; `node_of(Pfn)` tells the NUMA node of a frame.
template <class NodeOf>
ZonePlan plan_zones(const MemoryMap& map, NodeOf&& node_of) {
  ZonePlan plan;
  for (const PfnRange& range : map) {
    Pfn at = range.first;
    while (at < range.end()) {
      const std::uint32_t numa = node_of(at);
      const Pfn limit = at < kDma32End && kDma32End < range.end() ? kDma32End : range.end();
      Pfn next = at;
      do {
        next = Pfn(align_down(next.value, zone_planning::kStep) + zone_planning::kStep);
      } while (next < limit && node_of(next) == numa);
      if (next > limit) next = limit;
      zone_planning::add(plan, {at, next - at}, numa);
      at = next;
    }
  }
  return zone_planning::normal_first(plan);
}

/// Gives up what lies so far behind a hole that the frame table for it (12 bytes a frame, and the
/// hole has descriptors as well) would take more than half of it. Returns how much was given up.
inline PageCount drop_outliers(MemoryMap& map) {
  PageCount dropped{};
  for (std::uint32_t i = 1; i < map.count; ++i) {
    const PfnRange range = map.ranges[i];
    const PageCount described = range.end() - map.ranges[i - 1].end();
    if (described.value * 12 / 4096 <= range.count.value / 2) continue;
    dropped += range.count;
    map.remove(range);
    --i;
  }
  return dropped;
}

}  // namespace vc::kernel
