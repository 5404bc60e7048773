// Allocation and free in any home: which way is taken, what is refused and why (F1 to F4, F8, F11,
// F12, F14).
#pragma once

#include "tests/conformance/allocator_fixture.h"

namespace vc::testing {

template <class Home>
class AllocationConformance : public AllocatorFixture<Home> {};
TYPED_TEST_SUITE_P(AllocationConformance);

TYPED_TEST_P(AllocationConformance, F1ContiguousFirstAndWithoutRetry) {
  const Allocation got = this->must(100);
  EXPECT_EQ(got.kind, this->usual_kind(100));
  EXPECT_EQ(got.pages, PageCount(100));
  const Stats s = this->a.stats();
  EXPECT_EQ(s.drains, 0U);
  EXPECT_EQ(s.shootdowns, 0U);
  this->stamp(got, 5);
  this->expect_stamps(got, 5);
}

TYPED_TEST_P(AllocationConformance, F1OnePageNeverFallsBack) {
  const auto kept = this->make_comb();
  for (const Contiguity wish : {Contiguity::preferred, Contiguity::required, Contiguity::never}) {
    EXPECT_EQ(this->must(1, wish).kind, Kind::contiguous);
  }
}

TYPED_TEST_P(AllocationConformance, F2FragmentedMemoryIsJoined) {
  const auto kept = this->make_comb();
  const auto refused = this->allocate({.size = this->size(2), .contiguity = Contiguity::required});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().reason, Reason::fragmentation);
  EXPECT_EQ(refused.error().free, this->size(1024));
  EXPECT_EQ(refused.error().largest_run, this->size(1));
  const Allocation got = this->must(200);
  EXPECT_EQ(got.kind, Kind::mapped);
  this->stamp(got, 1000);
  this->expect_stamps(got, 1000);
}

TYPED_TEST_P(AllocationConformance, ThePromiseTheLastFreePageIsServed) {
  const auto kept = this->make_comb();
  const Allocation all = this->must(1024);
  EXPECT_EQ(all.kind, Kind::mapped);
  EXPECT_EQ(this->reason_of({.size = Bytes(1)}), Reason::budget);
  this->stamp(all, 9);
  this->expect_stamps(all, 9);
}

TYPED_TEST_P(AllocationConformance, F4FreeNeedsNoOrderAndNothingIsLost) {
  for (std::uint64_t pages = 1; pages < 300; pages += 7) {
    for (const Contiguity wish : {Contiguity::required, Contiguity::never}) {
      this->free(this->must(pages, wish));
    }
  }
  EXPECT_EQ(this->a.stats().available(), PageCount(this->kPages));
  EXPECT_EQ(this->must(this->kPages, Contiguity::required).pages, PageCount(this->kPages));
}

TYPED_TEST_P(AllocationConformance, F8AFreeThatMayNotBlockIsNeverLost) {
  std::vector<Allocation> all;
  for (std::uint64_t i = 0; i < 40; ++i) {
    all.push_back(this->must(20, i % 2 == 0 ? Contiguity::required : Contiguity::never));
  }
  {
    const typename TypeParam::NoBlock scope;
    for (const Allocation& what : all) EXPECT_EQ(this->a.free(what.address), Misuse::none);
    for (const Allocation& what : all) {
      EXPECT_EQ(this->a.free(what.address), Misuse::already_freed);
    }
    EXPECT_EQ(this->reason_of({.size = this->size(this->kPages)}), Reason::context);
  }
  this->a.check();
  EXPECT_GT(this->a.stats().deferred_frees, 0U);
  EXPECT_EQ(this->must(this->kPages).pages, PageCount(this->kPages)) << "all of it came back";
}

TYPED_TEST_P(AllocationConformance, F8AnAllocationThatMayNotBlockMayFailButNeverMaps) {
  this->free(this->must(3, Contiguity::required));
  const typename TypeParam::NoBlock scope;
  const auto got = this->allocate({.size = this->size(3)});
  ASSERT_TRUE(got.ok()) << "it is in the cache, and its memory is there";
  EXPECT_EQ(got->kind, Kind::contiguous);
  EXPECT_EQ(this->reason_of({.size = this->size(5), .contiguity = Contiguity::never}),
            Reason::context);
  EXPECT_EQ(this->a.stats().available(), PageCount(this->kPages - 3)) << "figures are told there";
}

TYPED_TEST_P(AllocationConformance, F11ForcedFallbackAffectsOnlyPreferred) {
  this->a.set_always_map(Trigger::always());
  EXPECT_EQ(this->must(4).kind, Kind::mapped);
  EXPECT_EQ(this->must(4, Contiguity::required).kind, Kind::contiguous);
  EXPECT_EQ(this->must(1).kind, Kind::contiguous);
  EXPECT_EQ(this->a.stats().forced_fallbacks, 1U);
  this->a.set_always_map(Trigger::every(2));
  this->must(1);  // has no fallback, so it does not count
  EXPECT_EQ(this->must(5).kind, Kind::contiguous);
  this->must(1);
  EXPECT_EQ(this->must(5).kind, Kind::mapped);
  this->a.set_always_map(Trigger::off());
  EXPECT_EQ(this->must(6).kind, Kind::contiguous);
}

TYPED_TEST_P(AllocationConformance, F11OneCallSiteCanBeForced) {
  this->a.set_always_map(Trigger::off());
  this->a.set_site_forced(this->kSite, true);
  EXPECT_EQ(this->must(4).kind, Kind::mapped);
  const auto other = this->a.allocate({.size = this->size(4)}, {"elsewhere", 1});
  ASSERT_TRUE(other.ok());
  EXPECT_EQ(other->kind, Kind::contiguous);
  this->a.set_site_forced(this->kSite, false);
  EXPECT_EQ(this->must(7).kind, Kind::contiguous);
}

TYPED_TEST_P(AllocationConformance, F12RoundingIsBoundedAndExact) {
  const Allocation got = this->must(Request{.size = Bytes((64 << 10) + 1)});
  EXPECT_EQ(got.pages, PageCount(17)) << "not 32, as a power of two would be";
  EXPECT_EQ(this->a.stats().live_pages(), PageCount(17));
  EXPECT_EQ(this->reason_of({.size = Bytes(4097), .max_loss = Bytes(4094)}), Reason::policy);
  EXPECT_EQ(this->reason_of({.size = Bytes(4097), .max_loss = Bytes(4095)}), Reason::none);
  EXPECT_EQ(this->reason_of({.size = Bytes(8192), .max_loss = Bytes(0)}), Reason::none);
}

TYPED_TEST_P(AllocationConformance, ZeroMeansZeroOnBothWays) {
  for (const Contiguity wish : {Contiguity::required, Contiguity::never, Contiguity::preferred}) {
    for (int round = 0; round < 3; ++round) {  // fresh, then from the cache, then from the zone
      const Request request{.size = this->size(33), .contiguity = wish, .zero = Zero::yes};
      const Allocation got = this->must(request);
      this->expect_zero(got);
      this->stamp(got, 77);
      this->free(got);
      if (round == 1) this->a.reclaim();
    }
  }
}

TYPED_TEST_P(AllocationConformance, AlignmentIsOfTheAddressForBothKinds) {
  for (const Contiguity wish : {Contiguity::required, Contiguity::never}) {
    for (std::uint64_t alignment = 1; alignment <= 64ULL << 20; alignment *= 4) {
      const Request request{
          .size = this->size(3), .alignment = Bytes(alignment), .contiguity = wish};
      const Allocation got = this->must(request);
      EXPECT_EQ(got.address.value % alignment, 0U) << alignment << ", " << name_of(got.kind);
      this->free(got);
    }
  }
}

TYPED_TEST_P(AllocationConformance, NonsenseIsRefusedAsSuch) {
  EXPECT_EQ(this->reason_of({.size = Bytes(0)}), Reason::invalid);
  EXPECT_EQ(this->reason_of({.size = Bytes(~std::uint64_t{0})}), Reason::invalid);
  EXPECT_EQ(this->reason_of({.size = Bytes(1ULL << 47)}), Reason::invalid);
  EXPECT_EQ(this->reason_of({.size = Bytes(1), .alignment = Bytes(3)}), Reason::invalid);
  EXPECT_EQ(this->reason_of({.size = Bytes(1), .alignment = Bytes(1ULL << 31)}), Reason::invalid);
  EXPECT_EQ(this->reason_of({.size = Bytes(1), .placement = Placement::on(77)}), Reason::invalid);
  EXPECT_EQ(this->reason_of({.size = this->size(2),
                             .contiguity = Contiguity::required,
                             .placement = Placement::spread()}),
            Reason::invalid);
  EXPECT_EQ(this->reason_of({.size = this->size(this->kPages + 1)}), Reason::budget);
  EXPECT_EQ(this->a.stats().refusals[static_cast<std::size_t>(Reason::invalid)], 7U);
  EXPECT_EQ(this->a.stats().refusals[static_cast<std::size_t>(Reason::budget)], 1U);
}

TYPED_TEST_P(AllocationConformance, CanAllocateAnswersBeforeTheFact) {
  const auto kept = this->make_comb();
  for (const Contiguity wish : {Contiguity::preferred, Contiguity::required, Contiguity::never}) {
    for (const std::uint64_t pages : {1ULL, 2ULL, 1000ULL, 1024ULL, 1025ULL}) {
      const Request request{.size = this->size(pages), .contiguity = wish};
      const Error forecast = this->a.can_allocate(request);
      const auto got = this->allocate(request);
      EXPECT_EQ(forecast.reason, got.ok() ? Reason::none : got.error().reason) << pages;
      if (got.ok()) this->free(*got);
    }
  }
}

TYPED_TEST_P(AllocationConformance, TrimGivesMemoryBackAndItReturnsAsZero) {
  if (this->home.platform().commit_unit().value == 0) GTEST_SKIP() << "no commit in this home";
  const Allocation got = this->must(this->kPages);
  this->stamp(got, 3);
  this->free(got);
  EXPECT_EQ(this->a.stats().committed_pages, PageCount(this->kPages));
  EXPECT_EQ(this->a.trim(), PageCount(this->kPages));
  EXPECT_EQ(this->a.stats().committed_pages, PageCount(0));
  EXPECT_EQ(this->a.trim(), PageCount(0));
  this->expect_zero(this->must(this->kPages));
}

TYPED_TEST_P(AllocationConformance, AnotherThreadMayFree) {
  const Allocation one = this->must(4, Contiguity::required);
  const Allocation other = this->must(4, Contiguity::never);
  TypeParam::run_threads(1, [&](std::uint32_t) {
    this->free(one);
    this->free(other);
  });
  EXPECT_EQ(this->a.stats().live_pages(), PageCount(0));
}

REGISTER_TYPED_TEST_SUITE_P(AllocationConformance, F1ContiguousFirstAndWithoutRetry,
                            F1OnePageNeverFallsBack, F2FragmentedMemoryIsJoined,
                            ThePromiseTheLastFreePageIsServed, F4FreeNeedsNoOrderAndNothingIsLost,
                            F8AFreeThatMayNotBlockIsNeverLost,
                            F8AnAllocationThatMayNotBlockMayFailButNeverMaps,
                            F11ForcedFallbackAffectsOnlyPreferred, F11OneCallSiteCanBeForced,
                            F12RoundingIsBoundedAndExact, ZeroMeansZeroOnBothWays,
                            AlignmentIsOfTheAddressForBothKinds, NonsenseIsRefusedAsSuch,
                            CanAllocateAnswersBeforeTheFact, TrimGivesMemoryBackAndItReturnsAsZero,
                            AnotherThreadMayFree);

}  // namespace vc::testing
