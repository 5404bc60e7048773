// platform/contract.h, clause by clause, for any home.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <vector>

#include "tests/conformance/barrier.h"
#include "vcompound/base/atomic.h"
#include "vcompound/platform/contract.h"

namespace vc::testing {

/// Stays so long that a caller who can be preempted is, in some of a hundred rounds.
inline void stay_for_a_while() {
  for (int i = 0; i < 20'000; ++i) compiler_barrier();
}

template <class Home>
class ContractConformance : public ::testing::Test {
 protected:
  ContractConformance() : home(PageCount(2048)), p(home.platform()) {}

  VirtAddr direct(Pfn pfn) const {
    return p.direct_map().start + p.frame_size().bytes(pfn - Pfn(0));
  }
  VirtAddr page(std::uint64_t n) const {
    return p.vmap_range().start + p.frame_size().bytes(PageCount(n));
  }
  VirtRange pages(std::uint64_t n, std::uint64_t count) const {
    return {page(n), p.frame_size().bytes(PageCount(count))};
  }
  /// All frames of node 0.
  PfnRange frames() const { return p.node_frames(0); }
  PfnRange run(std::uint64_t n, std::uint64_t count) const {
    return {frames().first + PageCount(n), PageCount(count)};
  }
  /// The first frames with memory behind them, in whole units; at least `count`.
  void commit(std::uint64_t count) {
    const std::uint64_t unit = p.commit_unit().value;
    if (unit == 0) return;
    ASSERT_TRUE(p.commit(run(0, align_up(count, unit))).ok());
  }
  void unmap(VirtRange range) {
    [[maybe_unused]] const Invalidated proof = p.shootdown(p.unmap(range));
  }

  Home home;
  typename Home::Platform& p;
};
TYPED_TEST_SUITE_P(ContractConformance);

TYPED_TEST_P(ContractConformance, ConstantsAreWhatTheCoreMayAssume) {
  auto& platform = this->p;
  const std::uint64_t frame = platform.frame_size().bytes().value;
  EXPECT_TRUE(is_power_of_two(frame));
  EXPECT_TRUE(platform.commit_unit().value == 0 || is_power_of_two(platform.commit_unit().value));
  EXPECT_TRUE(is_power_of_two(platform.huge_pages().value));
  EXPECT_EQ(platform.direct_map().start.value % (1ULL << 30), 0U);
  EXPECT_EQ(platform.vmap_range().size.value % frame, 0U);
  EXPECT_EQ(platform.vmap_range().start.value % (platform.huge_pages().value * frame), 0U);
  EXPECT_GT(platform.mappings_limit(), 0U);
  ASSERT_GT(platform.node_count(), 0U);
  for (std::uint32_t i = 0; i < platform.node_count(); ++i) {
    const PfnRange mine = platform.node_frames(i);
    EXPECT_FALSE(mine.empty());
    EXPECT_TRUE(platform.direct_map().contains(this->direct(mine.end()) - Bytes(1)));
    for (std::uint32_t k = 0; k < i; ++k) {
      const PfnRange other = platform.node_frames(k);
      EXPECT_TRUE(other.end() <= mine.first || mine.end() <= other.first) << "nodes overlap";
    }
  }
}

TYPED_TEST_P(ContractConformance, CommittedFramesReadAsZeroThroughEveryTranslation) {
  this->commit(600);
  for (const std::uint64_t n : {0ULL, 1ULL, 511ULL, 512ULL, 599ULL}) {
    EXPECT_EQ(this->home.read(this->direct(this->run(n, 1).first)), 0U) << n;
  }
  ASSERT_TRUE(this->p.map(this->page(3), this->run(40, 5)).ok());
  for (std::uint64_t n = 3; n < 8; ++n) EXPECT_EQ(this->home.read(this->page(n)), 0U);
  this->unmap(this->pages(3, 5));
}

TYPED_TEST_P(ContractConformance, MemoryThatWasGivenBackComesBackAsZero) {
  const std::uint64_t unit = this->p.commit_unit().value;
  if (unit == 0) GTEST_SKIP() << "this home has all its memory from the start";
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(this->p.commit(this->run(unit, unit)).ok());
    EXPECT_EQ(this->home.read(this->direct(this->run(unit + 7, 1).first)), 0U);
    this->home.write(this->direct(this->run(unit + 7, 1).first), 5);
    ASSERT_TRUE(this->p.decommit(this->run(unit, unit)).ok());
  }
}

TYPED_TEST_P(ContractConformance, AMappingReachesTheFrames) {
  this->commit(1024);
  auto& words = this->home;
  ASSERT_TRUE(this->p.map(this->page(5), this->run(100, 3)).ok());  // a run anywhere
  ASSERT_TRUE(this->p.map(this->page(8), this->run(50, 1)).ok());   // right behind it
  words.write(this->page(6), 11);
  words.write(this->direct(this->run(50, 1).first), 22);
  EXPECT_EQ(words.read(this->direct(this->run(101, 1).first)), 11U);
  EXPECT_EQ(words.read(this->page(8)), 22U);
  this->unmap(this->pages(5, 4));
}

TYPED_TEST_P(ContractConformance, WholeHugePagesAreMappedLikeAnyOther) {
  const std::uint64_t chunk = this->p.huge_pages().value;
  if (chunk * 2 > 2048) GTEST_SKIP() << "a huge page is larger than this test's memory";
  this->commit(2 * chunk);
  ASSERT_TRUE(this->p.map(this->page(4 * chunk), this->run(chunk, chunk)).ok());
  this->home.write(this->page(4 * chunk), 1);
  this->home.write(this->page(5 * chunk - 1), 2);
  EXPECT_EQ(this->home.read(this->direct(this->run(chunk, 1).first)), 1U);
  EXPECT_EQ(this->home.read(this->direct(this->run(2 * chunk - 1, 1).first)), 2U);
  this->unmap(this->pages(4 * chunk, chunk));
  EXPECT_TRUE(this->home.is_unreachable(this->page(4 * chunk)));
}

TYPED_TEST_P(ContractConformance, AfterUnmapAndShootdownNobodyReachesTheFrames) {
  this->commit(64);
  auto& words = this->home;
  EXPECT_TRUE(words.is_unreachable(this->page(2)));
  ASSERT_TRUE(this->p.map(this->page(2), this->run(1, 2)).ok());
  ASSERT_TRUE(this->p.map(this->page(9), this->run(20, 1)).ok());
  for (int i = 0; i < 4; ++i) words.write(this->page(2), 7);  // every CPU has seen it
  words.write(this->page(9), 9);
  this->unmap(this->pages(1, 12));  // with holes before, between and behind
  EXPECT_TRUE(words.is_unreachable(this->page(2)));
  EXPECT_TRUE(words.is_unreachable(this->page(3)));
  EXPECT_TRUE(words.is_unreachable(this->page(9)));
  EXPECT_EQ(words.read(this->direct(this->run(1, 1).first)), 7U) << "the direct map stays";
  ASSERT_TRUE(this->p.map(this->page(2), this->run(30, 1)).ok());
  EXPECT_EQ(words.read(this->page(2)), 0U) << "the address is free for other frames";
  this->unmap(this->pages(2, 1));
}

TYPED_TEST_P(ContractConformance, MappingsAreChargedAndRefunded) {
  auto& platform = this->p;
  const std::uint64_t used = platform.mappings_used();
  ASSERT_TRUE(platform.charge_mappings(3));
  EXPECT_EQ(platform.mappings_used(), used + 3);
  const std::uint64_t left = platform.mappings_limit() - platform.mappings_used();
  if (left != ~std::uint64_t{0} - 3) {  // there is a limit
    EXPECT_FALSE(platform.charge_mappings(left + 1));
  }
  EXPECT_FALSE(platform.charge_mappings(~std::uint64_t{0}));
  EXPECT_EQ(platform.mappings_used(), used + 3) << "a refused charge changes nothing";
  platform.refund_mappings(3);
  EXPECT_EQ(platform.mappings_used(), used);
}

TYPED_TEST_P(ContractConformance, ZeroWritesZerosThereAndNowhereElse) {
  this->commit(16);
  auto& words = this->home;
  const auto frame = [&](std::uint64_t n) {
    return this->direct(this->run(n, 1).first);
  };
  for (std::uint64_t n = 0; n < 8; ++n) words.write(frame(n), n + 1);
  this->p.zero({frame(1), this->p.frame_size().bytes(PageCount(2))});
  ASSERT_TRUE(this->p.map(this->page(1), this->run(4, 3)).ok());
  this->p.zero(this->pages(2, 1));  // frame 5
  const std::array<std::uint64_t, 8> expected{1, 0, 0, 4, 5, 0, 7, 8};
  for (std::uint64_t n = 0; n < 8; ++n) EXPECT_EQ(words.read(frame(n)), expected[n]) << n;
  this->unmap(this->pages(1, 3));
}

TYPED_TEST_P(ContractConformance, EveryCallerHasASlotOfItsOwn) {
  const std::uint32_t callers = TypeParam::concurrent_slots();
  std::vector<std::uint32_t> slots(callers, kNoSlot);
  Barrier<TypeParam> together(callers);
  TypeParam::run_in_slots([&](std::uint32_t i) {
    slots[i] = this->p.slot();
    together.arrive_and_wait();  // all are alive and hold their slots
    EXPECT_EQ(this->p.slot(), slots[i]) << "a caller keeps its slot";
    EXPECT_EQ(this->p.slot_offset_at_hand(), slots[i] * kSlotStride);
    together.arrive_and_wait();
    for (int times = 0; times < 3; ++times) this->p.leave_slot();
  });
  std::vector<std::uint32_t> holders(TypeParam::Platform::kSlots, 0);
  for (const std::uint32_t slot : slots) {
    ASSERT_LT(slot, TypeParam::Platform::kSlots);
    ++holders[slot];
  }
  for (const std::uint32_t slot : slots) EXPECT_EQ(holders[slot], 1U) << "slot " << slot;
}

/// More callers than slots can be held at once: whoever is in a slot is alone in it, also where
/// callers are preempted and moved.
TYPED_TEST_P(ContractConformance, NobodyElseComesIntoASlot) {
  static constexpr std::uint32_t kRounds = 100;
  const std::uint32_t callers = 2 * TypeParam::concurrent_slots() + 1;
  std::vector<Atomic<std::uint32_t>> inside(TypeParam::Platform::kSlots);
  Atomic<std::uint32_t> disturbed;
  Atomic<std::uint32_t> entered;
  TypeParam::run_threads(callers, [&](std::uint32_t i) {
    for (std::uint32_t round = 0; round < kRounds; ++round) {
      const std::uint32_t slot = this->p.slot();
      if (slot == kNoSlot) continue;
      if (inside[slot].exchange(i + 1) != 0) disturbed.fetch_add(1);
      stay_for_a_while();
      if (inside[slot].exchange(0) != i + 1) disturbed.fetch_add(1);
      this->p.leave_slot();
      entered.fetch_add(1);
    }
  });
  EXPECT_EQ(disturbed.load_relaxed(), 0U);
  EXPECT_GT(entered.load_relaxed(), 0U);
}

/// Dekker: each side writes its own flag, passes its barrier, and reads the other's. At least one
/// must see the other. Where an emulator runs all CPUs in one thread this cannot fail, whatever the
/// barriers do: no store is ever late there. It has force in homes whose CPUs really run at once.
TYPED_TEST_P(ContractConformance, TheTwoBarriersOrderAsTwoFullOnesWould) {
  static constexpr int kRounds = 300;
  Atomic<int> light_flag(0);
  Atomic<int> heavy_flag(0);
  int light_saw = 0;
  int heavy_saw = 0;
  int neither = 0;
  Barrier<TypeParam> start(2);
  Barrier<TypeParam> end(2);
  const auto next_round = [&] {
    neither += light_saw == 0 && heavy_saw == 0 ? 1 : 0;
    light_flag.store_relaxed(0);
    heavy_flag.store_relaxed(0);
  };
  TypeParam::run_threads(2, [&](std::uint32_t side) {
    for (int i = 0; i < kRounds; ++i) {
      start.arrive_and_wait();
      if (side == 0) {
        light_flag.store_relaxed(1);
        this->p.light_barrier();
        light_saw = heavy_flag.load_relaxed();
      } else {
        heavy_flag.store_relaxed(1);
        this->p.heavy_barrier();
        heavy_saw = light_flag.load_relaxed();
      }
      end.arrive_and_wait(next_round);
    }
  });
  EXPECT_EQ(neither, 0);
}

TYPED_TEST_P(ContractConformance, LocksExclude) {
  typename TypeParam::Platform::Lock lock;
  bool taken = true;
  lock.lock();
  TypeParam::run_beside([&] { taken = lock.try_lock(); });
  lock.unlock();
  EXPECT_FALSE(taken) << "it was held";
  TypeParam::run_beside([&] {
    taken = lock.try_lock();
    if (taken) lock.unlock();
  });
  EXPECT_TRUE(taken) << "it was free";
}

TYPED_TEST_P(ContractConformance, LocksExcludeWhoeverWaits) {
  static constexpr std::uint32_t kThreads = 5;
  static constexpr std::uint64_t kRounds = 100;
  typename TypeParam::Platform::Lock lock;
  std::uint64_t count = 0;  // not atomic: the lock alone protects it
  TypeParam::run_threads(kThreads, [&](std::uint32_t) {
    for (std::uint64_t i = 0; i < kRounds; ++i) {
      lock.lock();
      const std::uint64_t seen = count;
      stay_for_a_while();
      count = seen + 1;
      lock.unlock();
    }
  });
  EXPECT_EQ(count, kThreads * kRounds);
}

TYPED_TEST_P(ContractConformance, MayBlockFollowsTheScope) {
  EXPECT_TRUE(this->p.may_block());
  {
    const typename TypeParam::NoBlock scope;
    EXPECT_FALSE(this->p.may_block());
  }
  EXPECT_TRUE(this->p.may_block());
  this->p.relax();
}

TYPED_TEST_P(ContractConformance, MetadataIsZeroedAlignedAndDistinct) {
  for (const std::size_t size : {1UL, 63UL, 64UL, 5000UL, 1UL << 20}) {
    auto* const memory = static_cast<unsigned char*>(this->p.metadata(Bytes(size)));
    ASSERT_NE(memory, nullptr);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory) % 64, 0U);
    for (std::size_t i = 0; i < size; ++i) ASSERT_EQ(memory[i], 0) << i << " of " << size;
    std::memset(memory, 0xff, size);  // the next one must not be in here
  }
}

REGISTER_TYPED_TEST_SUITE_P(ContractConformance, ConstantsAreWhatTheCoreMayAssume,
                            CommittedFramesReadAsZeroThroughEveryTranslation,
                            MemoryThatWasGivenBackComesBackAsZero, AMappingReachesTheFrames,
                            WholeHugePagesAreMappedLikeAnyOther,
                            AfterUnmapAndShootdownNobodyReachesTheFrames,
                            MappingsAreChargedAndRefunded, ZeroWritesZerosThereAndNowhereElse,
                            EveryCallerHasASlotOfItsOwn, NobodyElseComesIntoASlot,
                            TheTwoBarriersOrderAsTwoFullOnesWould, LocksExclude,
                            LocksExcludeWhoeverWaits, MayBlockFollowsTheScope,
                            MetadataIsZeroedAlignedAndDistinct);

}  // namespace vc::testing
