// The compound functions in any home: one answer for both kinds (F5 to F7, F9, F10, F14), and what
// wrong pointers are called.
#pragma once

#include "tests/conformance/allocator_fixture.h"

namespace vc::testing {

template <class Home>
class CompoundConformance : public AllocatorFixture<Home> {
 protected:
  /// One compound of each kind; the mapped one is of many runs.
  std::vector<Allocation> both_kinds() {
    std::vector<Allocation> all{this->must(9, Contiguity::required)};
    EXPECT_EQ(all[0].kind, Kind::contiguous);
    std::vector<Allocation> singles;
    for (int i = 0; i < 40; ++i) singles.push_back(this->must(1));
    for (std::size_t i = 0; i < singles.size(); i += 2) this->free(singles[i]);
    this->a.reclaim();
    // Everything but the gaps between the singles is in use, so these gaps are what is joined.
    const Stats s = this->a.stats();
    const PageCount rest = s.largest_run;
    blockers.push_back(this->must(rest.value, Contiguity::required));
    all.push_back(this->must(12, Contiguity::never));
    EXPECT_EQ(all[1].kind, Kind::mapped);
    return all;
  }

  std::vector<Allocation> blockers;
};
TYPED_TEST_SUITE_P(CompoundConformance);

TYPED_TEST_P(CompoundConformance, F5EveryPageLeadsToItsHeadAndBack) {
  for (const Allocation& what : this->both_kinds()) {
    for (std::uint64_t n = 0; n < what.pages.value; ++n) {
      const Pfn frame = this->a.nth_page(what.head, PageCount(n));
      EXPECT_EQ(this->a.head_of(frame), what.head);
      EXPECT_EQ(this->a.page_address(frame), this->page(what, n));
      for (const std::uint64_t offset : {0ULL, 1ULL, 4095ULL}) {
        const VirtAddr address = this->page(what, n) + Bytes(offset);
        EXPECT_EQ(this->a.frame_at(address), frame);
        Allocation found;
        ASSERT_EQ(this->a.find(address, found), Misuse::none);
        EXPECT_EQ(found.address, what.address);
        EXPECT_EQ(found.pages, what.pages);
        EXPECT_EQ(found.head, what.head);
        EXPECT_EQ(found.kind, what.kind);
      }
    }
    EXPECT_EQ(this->a.nth_page(what.head, PageCount(0)), what.head);
    EXPECT_EQ(this->a.frame_at(this->page(what, what.pages.value)), kNoPfn)
        << "the page behind it is not its own";
  }
}

TYPED_TEST_P(CompoundConformance, F6AFrameTellsItsKind) {
  const auto all = this->both_kinds();
  EXPECT_EQ(this->a.describe(all[0].head).kind, Kind::contiguous);
  EXPECT_EQ(this->a.describe(all[1].head).kind, Kind::mapped);
  EXPECT_TRUE(this->a.direct_map().contains(all[0].address));
  EXPECT_TRUE(this->a.vmap_range().contains(all[1].address));
}

TYPED_TEST_P(CompoundConformance, F7OneReferenceCountForTheWholeCompound) {
  for (const Allocation& what : this->both_kinds()) {
    EXPECT_EQ(this->a.references(what.head), 1U);
    EXPECT_EQ(this->a.get(what.address), Misuse::none);
    EXPECT_EQ(this->a.references(what.head), 2U);
    EXPECT_EQ(this->a.free(what.address), Misuse::still_referenced);
    EXPECT_EQ(this->a.put(what.address), Misuse::none);
    EXPECT_EQ(this->a.references(what.head), 1U);
    EXPECT_EQ(this->a.put(what.address), Misuse::none) << "the last one frees";
    EXPECT_EQ(this->a.put(what.address), Misuse::already_freed);
    EXPECT_EQ(this->a.get(what.address), Misuse::already_freed);
    EXPECT_EQ(this->a.head_of(what.head), kNoPfn);
  }
}

TYPED_TEST_P(CompoundConformance, F9TheFramesComeBackAndTheAddressesAreDead) {
  const Allocation what = this->both_kinds()[1];
  this->stamp(what, 100);
  std::vector<Pfn> frames;
  this->a.for_each_extent(what.head, [&](PfnRange run) {
    for (Pfn p = run.first; p < run.end(); p += PageCount(1)) frames.push_back(p);
  });
  ASSERT_EQ(frames.size(), what.pages.value);
  for (std::uint64_t n = 0; n < frames.size(); ++n) {
    EXPECT_EQ(frames[n], this->a.nth_page(what.head, PageCount(n))) << "in mapping order";
    const VirtAddr direct = this->a.direct_map().start + this->size(frames[n].value);
    EXPECT_EQ(this->home.read(direct), 100 + n) << "the frame holds what was written there";
  }
  this->free(what);
  this->a.reclaim();
  EXPECT_TRUE(this->home.is_unreachable(what.address));
  EXPECT_TRUE(this->home.is_unreachable(this->page(what, what.pages.value - 1)));
  std::uint64_t found = 0;
  this->a.for_each_free_run([&](std::uint32_t, PfnRange run) {
    for (const Pfn frame : frames) found += run.contains(frame) ? 1U : 0U;
  });
  EXPECT_EQ(found, frames.size()) << "each is free, and in one run only";
}

TYPED_TEST_P(CompoundConformance, GuardPagesAreNotReachable) {
  const Allocation one = this->must(3, Contiguity::never);
  const Allocation other = this->must(3, Contiguity::never);
  for (const Allocation& what : {one, other}) {
    EXPECT_TRUE(this->home.is_unreachable(what.address - Bytes(1)));
    EXPECT_TRUE(this->home.is_unreachable(this->page(what, 3)));
    EXPECT_EQ(this->a.frame_at(what.address - Bytes(1)), kNoPfn);
    EXPECT_NE(this->a.free(this->page(what, 3)), Misuse::none);
  }
}

TYPED_TEST_P(CompoundConformance, F10EveryCompoundIsListedWithItsCaller) {
  const auto all = this->both_kinds();
  std::size_t seen = 0;
  this->a.for_each_compound([&](const CompoundInfo& info) {
    for (const Allocation& what : all) {
      if (info.what.head != what.head || info.state != FrameState::head) continue;
      ++seen;
      EXPECT_EQ(info.what.pages, what.pages);
      EXPECT_EQ(info.references, 1U);
      EXPECT_EQ(info.runs > 1, what.kind == Kind::mapped);
      EXPECT_NE(info.site, 0);
    }
  });
  EXPECT_EQ(seen, all.size());
  const CallSites& sites = this->a.call_sites();
  const SiteId id = sites.find(this->kSite);
  ASSERT_NE(id, 0);
  EXPECT_GE(sites[id].counters.contiguous.load_relaxed(), 1U);
  EXPECT_GE(sites[id].counters.mapped.load_relaxed(), 1U);
}

TYPED_TEST_P(CompoundConformance, F14PhysicalAddressesAreOnlyThoseOfContiguousMemory) {
  const auto all = this->both_kinds();
  for (std::uint64_t n = 0; n < 9; ++n) {
    const PhysAddr physical = this->a.physical(this->page(all[0], n) + Bytes(5));
    EXPECT_EQ(physical.value, this->size(all[0].head.value + n).value + 5);
  }
  EXPECT_EQ(this->a.physical(all[1].address).value, this->a.kNoPhysical.value);
  EXPECT_EQ(this->a.physical(VirtAddr(1)).value, this->a.kNoPhysical.value);
  std::uint64_t runs = 0;
  this->a.for_each_extent(all[1].head, [&](PfnRange) { ++runs; });
  EXPECT_GT(runs, 1U) << "instead, its segments are listed";
}

TYPED_TEST_P(CompoundConformance, WrongPointersAreNamedAndChangeNothing) {
  const auto all = this->both_kinds();
  const Stats before = this->a.stats();
  static constinit int object = 0;
  const VirtAddr elsewhere(reinterpret_cast<std::uintptr_t>(&object));
  EXPECT_EQ(this->a.free(elsewhere), Misuse::foreign);
  EXPECT_EQ(this->a.free(VirtAddr(0)), Misuse::foreign);
  for (const Allocation& what : all) {
    EXPECT_EQ(this->a.free(what.address + Bytes(8)), Misuse::misaligned);
    EXPECT_EQ(this->a.free(this->page(what, 1)), Misuse::interior);
    EXPECT_EQ(this->a.get(this->page(what, what.pages.value - 1)), Misuse::interior);
    EXPECT_EQ(this->a.put(what.address + Bytes(4095)), Misuse::misaligned);
  }
  // A frame of a mapped compound has an address in the direct map too, but it is not the
  // compound's.
  const VirtAddr alias = this->a.direct_map().start + this->size(all[1].head.value);
  EXPECT_NE(this->a.free(alias), Misuse::none);
  const Stats after = this->a.stats();
  EXPECT_EQ(after.live_pages(), before.live_pages());
  EXPECT_EQ(after.misuses, before.misuses + 11);
  this->a.check();
  for (const Allocation& what : all) {
    this->free(what);
    EXPECT_EQ(this->a.free(what.address), Misuse::already_freed);
  }
}

TYPED_TEST_P(CompoundConformance, AClosedArenaRefusesWithItsReason) {
  const Allocation what = this->must(2);
  {
    auto other = TypeParam(PageCount(64));
    const auto mine = other.allocator().allocate({.size = this->size(2)}, this->kSite);
    ASSERT_TRUE(mine.ok());
    other.allocator().close("closed by a test");
    const auto refused = other.allocator().allocate({.size = Bytes(1)}, this->kSite);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().reason, Reason::policy);
    EXPECT_STREQ(refused.error().detail, "closed by a test");
    EXPECT_EQ(other.allocator().free(mine->address), Misuse::closed);
    EXPECT_EQ(other.allocator().head_of(mine->head), mine->head) << "still there";
  }
  this->free(what);
}

REGISTER_TYPED_TEST_SUITE_P(CompoundConformance, F5EveryPageLeadsToItsHeadAndBack,
                            F6AFrameTellsItsKind, F7OneReferenceCountForTheWholeCompound,
                            F9TheFramesComeBackAndTheAddressesAreDead, GuardPagesAreNotReachable,
                            F10EveryCompoundIsListedWithItsCaller,
                            F14PhysicalAddressesAreOnlyThoseOfContiguousMemory,
                            WrongPointersAreNamedAndChangeNothing,
                            AClosedArenaRefusesWithItsReason);

}  // namespace vc::testing
