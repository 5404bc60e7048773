// CompoundAllocator: the fallback. Gather runs, lay them out, charge, back, map, publish; or undo.
#pragma once

#include "vcompound/compound/allocator.h"
#include "vcompound/compound/choose_runs.h"

namespace vc {

template <Platform P>
Pfn CompoundAllocator<P>::try_mapped(Attempt& attempt) {
  // Whoever gathers in vain holds frames meanwhile that others miss: look before.
  if (free_pages(attempt.may_block) < attempt.pages) return kNoPfn;
  RunList runs = gather(attempt);
  if (runs.pages() != attempt.pages) {
    give_back(runs);
    return kNoPfn;
  }
  if (attempt.scatter && runs.count() == 1) runs = scattered(runs);
  Vpn first = kNoVpn;
  {
    TryGuard guard(vmap_lock_, Wait(attempt.may_block == MayBlock::yes));
    if (guard) first = vmap_.reserve(attempt.pages, area_alignment(attempt, runs.first()));
    if (!guard) attempt.contended = true;
  }
  if (first == kNoVpn) {
    if (!attempt.contended) attempt.fail({.reason = Reason::address_space});
    give_back(runs);
    return kNoPfn;
  }
  lay_out(runs, first);
  return map_area(attempt, first, runs.count());
}

/// What the caller wants; and the alignment of huge pages, if the first run can have them.
template <Platform P>
PageCount CompoundAllocator<P>::area_alignment(const Attempt& attempt, PfnRange first) const {
  const PageCount chunk = p_.huge_pages();
  const bool huge = first.count >= chunk && first.first.value % chunk.value == 0;
  return huge && chunk > attempt.alignment ? chunk : attempt.alignment;
}

/// Takes runs that add up to the request: from one node after the other, or an equal part from
/// each. Runs for huge pages come first, so that they stay aligned.
template <Platform P>
RunList CompoundAllocator<P>::gather(Attempt& attempt) {
  RunList huge(frames_);
  RunList small(frames_);
  const std::uint32_t wanted = attempt.request.placement.node;
  const bool spread = attempt.request.placement == Placement::spread();
  const std::uint32_t start = wanted < node_count_ ? wanted : 0;
  const auto gathered = [&] {
    return huge.pages() + small.pages();
  };
  if (spread) {
    for (std::uint32_t i = 0; i < node_count_; ++i) {
      const PageCount left = attempt.pages - gathered();
      gather_from(nodes_[i], PageCount(left.value / (node_count_ - i)), attempt, huge, small);
    }
  }
  for (std::uint32_t i = 0; i < node_count_ && gathered() < attempt.pages; ++i) {
    Node& node = nodes_[(start + i) % node_count_];
    gather_from(node, attempt.pages - gathered(), attempt, huge, small);
  }
  small.for_each([&](PfnRange run) { huge.push_back(run); });
  return huge;
}

/// A single run in two halves, the second one first. Without it, forced fallback on fresh memory
/// would give frames in their order, and code that takes head + n for page n would pass its tests.
/// Halves are cut at huge pages where there are two; what is left over comes last.
template <Platform P>
RunList CompoundAllocator<P>::scattered(const RunList& runs) const {
  RunList halves(frames_);
  runs.for_each([&](PfnRange run) {
    const PageCount chunk = run.count >= p_.huge_pages() * 2 ? p_.huge_pages() : PageCount(1);
    const PageCount whole(align_down(run.count.value, chunk.value));
    const PageCount half(align_down(whole.value / 2, chunk.value));
    halves.push_back({run.first + half, whole - half});
    if (half.value != 0) halves.push_back({run.first, half});
    if (whole != run.count) halves.push_back({run.first + whole, run.count - whole});
  });
  return halves;
}

/// Takes up to `wanted` frames from one node.
template <Platform P>
void CompoundAllocator<P>::gather_from(Node& node, PageCount wanted, Attempt& attempt,
                                       RunList& huge, RunList& small) {
  TryGuard guard(node.lock, Wait(attempt.may_block == MayBlock::yes));
  if (!guard) {
    attempt.contended = true;
    return;
  }
  const PageCount chunk = p_.huge_pages();
  RunsWanted runs{.all = wanted, .left = wanted, .chunk = chunk};
  while (runs.left.value != 0 && node.zone.free_pages().value != 0) {
    const PfnRange run = take_next_run(node.zone, run_choice_, runs);
    const bool whole = run.first.value % chunk.value == 0 && run.count.value % chunk.value == 0;
    (whole ? huge : small).push_back(run);
    runs.left -= run.count;
    runs.after = run.end();
  }
}

/// Writes who is where: entry and descriptor of each page, in the order of addresses.
template <Platform P>
void CompoundAllocator<P>::lay_out(const RunList& runs, Vpn first) {
  Vpn page = first;
  Pfn head = kNoPfn;
  runs.for_each([&](PfnRange run) {
    if (head == kNoPfn) head = run.first;
    for (Pfn p = run.first; p < run.end(); p += PageCount(1), page += PageCount(1)) {
      vmap_.set_frame(page, p);
      frames_[p].set_head(head);
      frames_[p].set_page(page);
      frames_[p].set_tag({.state = FrameState::tail, .kind = Kind::mapped});
    }
  });
  frames_[head].set_first_page(first);
  frames_[head].set_tag({.state = FrameState::inner, .kind = Kind::mapped});
}

/// Charges, backs and maps an area that is laid out. If any step fails, all of it is undone.
template <Platform P>
Pfn CompoundAllocator<P>::map_area(Attempt& attempt, Vpn first, std::uint64_t runs) {
  const Pfn head = vmap_.frame_at(first);
  // A list may join what lies in two nodes; the guard page counts as well.
  const std::uint64_t mappings = (node_count_ == 1 ? runs : count_runs(first, attempt.pages)) + 1;
  if (!p_.charge_mappings(mappings)) {
    attempt.fail_for_mappings(mappings);
  } else if (back_area(attempt, first) && map_runs(attempt, first)) {
    return publish(attempt, head, Kind::mapped);
  } else {
    p_.refund_mappings(mappings);
  }
  for_each_mapped_run(first, attempt.pages, [&](PfnRange run, Vpn) { give_back(run); });
  Guard guard(vmap_lock_);
  vmap_.release(first);
  return kNoPfn;
}

template <Platform P>
bool CompoundAllocator<P>::back_area(Attempt& attempt, Vpn first) {
  bool backed = true;
  if (commits_.always_committed() && attempt.request.zero == Zero::no) return true;
  for_each_mapped_run(first, attempt.pages, [&](PfnRange run, Vpn) {
    backed = backed && back(run, attempt.request.zero, attempt);
  });
  return backed;
}

/// Maps run after run. A failure takes the earlier ones out again, shot down before anyone frees.
template <Platform P>
bool CompoundAllocator<P>::map_runs(Attempt& attempt, Vpn first) {
  PageCount mapped{};
  PlatformStatus status;
  std::uint64_t maps = 0;
  {
    typename MappingOf<P>::Type mapping(p_, vmap_address(first));
    for_each_mapped_run(first, attempt.pages, [&](PfnRange run, Vpn) {
      if (!status.ok()) return;
      status = mapping.add(run);
      if (!status.ok()) return;
      mapped += run.count;
      ++maps;
    });
  }
  counters_.maps.fetch_add(maps);
  if (status.ok()) return true;
  if (mapped.value != 0) {
    [[maybe_unused]] const Invalidated proof =
        p_.shootdown(p_.unmap({vmap_address(first), frame_size().bytes(mapped)}));
  }
  attempt.fail(status);
  return false;
}

/// Gives frames to their zones; a run may reach from one node into the next.
template <Platform P>
void CompoundAllocator<P>::give_back(PfnRange run) {
  while (!run.empty()) {
    Node& node = node_at(run.first);
    const PageCount here = node.zone.range().end() - run.first;
    const PfnRange part{run.first, here < run.count ? here : run.count};
    Guard guard(node.lock);
    node.zone.give(part);
    run = {part.end(), run.count - part.count};
  }
}

template <Platform P>
void CompoundAllocator<P>::give_back(const RunList& runs) {
  runs.for_each([&](PfnRange run) { give_back(run); });
}

}  // namespace vc
