// CompoundAllocator: opening: where the tables come from and how large they are.
#pragma once

#include <cstddef>

#include "vcompound/compound/allocator.h"

namespace vc {

template <Platform P>
template <class T>
T* CompoundAllocator<P>::table(std::uint64_t count) {
  return static_cast<T*>(p_.metadata(Bytes(count * sizeof(T))));
}

/// Calls visit(node, PfnRange) for each run of frames that exist.
template <Platform P>
template <class Visitor>
void CompoundAllocator<P>::for_each_present(Visitor&& visit) {
  for (std::uint32_t i = 0; i < node_count_; ++i) {
    PfnRange run = p_.present_frames(i, p_.node_frames(i).first);
    for (; !run.empty(); run = p_.present_frames(i, run.end())) visit(nodes_[i], run);
  }
}

/// Tables are sized for the whole range of frames; of what is never used only the zones' words are
/// resident.
template <Platform P>
bool CompoundAllocator<P>::open_tables() {
  Pfn first = p_.node_frames(0).first;
  Pfn end = first;
  total_pages_ = PageCount(0);  // an open() that failed may be tried again
  for_each_present([&](Node&, PfnRange run) { total_pages_ += run.count; });
  for (std::uint32_t i = 0; i < node_count_; ++i) {
    const PfnRange frames = p_.node_frames(i);
    if (frames.first < first) first = frames.first;
    if (frames.end() > end) end = frames.end();
  }
  const PfnRange all{first, end - first};
  VC_ASSERT(all.end() < kNoPfn, "a home has less than 2^32 - 1 frames");
  if constexpr (requires { P::Slots::kFramesStartAtZero; }) {
    VC_ASSERT(first == Pfn(0), "the home says that its frames start at 0");
  }

  const std::uint64_t gaps =
      total_pages_.value + 4;  // an area has a frame, areas have gaps between
  const PageCount vmap_pages = frame_size().whole_pages(vmap_range_.size);
  auto* descriptors = table<Frame>(all.count.value);
  auto* entries = table<Atomic<std::uint32_t>>(vmap_pages.value);
  auto* nodes = table<GapNode>(gaps);
  void* bits = p_.metadata(CommitMap::memory_for(all.count, p_.commit_unit()) + Bytes(8));
  auto* sites = table<CallSites::Memory>(1);
  // The last slot is nobody's: slot_offset_at_hand().
  auto* slots = table<std::byte>(Slot::kOffsetInPage + (P::Slots::kSlots + 1) * sizeof(Slot));
  // One table for the words of all zones, whatever frames each has: they follow from the range
  // alone.
  constexpr std::uint64_t kEnds = 2 * kMaxNodes;
  auto* words = table<ZoneWord>(Zone::words_for(all) + kMaxNodes + kEnds);
  auto* depot = table<typename Depot<typename P::Lock>::Tables>(1);
  if (depot == nullptr || words == nullptr || descriptors == nullptr || entries == nullptr ||
      nodes == nullptr || bits == nullptr || sites == nullptr || slots == nullptr) {
    return false;
  }
  depot_.open(depot);
  slots_ = static_cast<Slot*>(static_cast<void*>(slots + Slot::kOffsetInPage));
  slots_[P::Slots::kSlots].busy.store_relaxed(1);
  slot_mask_ = ~std::uint32_t{0};
  frames_ = FrameTable(descriptors, all);
  vmap_.open({entries, nodes, static_cast<std::uint32_t>(gaps)}, vmap_pages);
  for (std::uint32_t i = 0; i < node_count_; ++i) {
    const PfnRange frames = p_.node_frames(i);
    nodes_[i].zone.open(words, frames);
    words += Zone::words_for(frames);
  }
  commits_ = CommitMap(bits, all, p_.commit_unit());
  sites_.open(sites);
  return true;
}

template <Platform P>
PlatformStatus CompoundAllocator<P>::open(const AllocatorOptions& options) {
  node_count_ = p_.node_count();
  if (node_count_ == 0 || node_count_ > kMaxNodes) {
    return {Reason::invalid, 0, "an arena has 1 to 8 nodes"};
  }
  direct_ = p_.direct_map();
  vmap_range_ = p_.vmap_range();
  if (!open_tables()) return {Reason::backing, 0, "no memory for the arena's tables"};
  for_each_present([&](Node& node, PfnRange run) {
    node.zone.add(run);
    if (commits_.always_committed()) bring_in_descriptors(run);
  });
  const PageCount eighth(total_pages_.value / 8);
  reserve_ = PageCount(total_pages_.value / 16);
  slot_limit_ = options.slot_cache.value != 0 ? options.slot_cache : eighth;
  depot_.set_limit(slot_limit_);
  pending_limit_ = options.pending_limit.value != 0 ? options.pending_limit : eighth;
  deferred_limit_ = PageCount(total_pages_.value / 64);
  purge_step_ = options.purge_step;
  reuse_ = options.reuse;
  run_choice_ = options.run_choice;
  special_.store_release(0);
  set_special(kSpecialBarrier, !P::Slots::has_barrier_at_hand());
  set_special(kSpecialFrames, frame_size() != Caches::kHotFrames);
  return {};
}

}  // namespace vc
