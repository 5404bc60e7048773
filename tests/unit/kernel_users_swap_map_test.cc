// The swap map against a naive model.
#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>
#include <thread>
#include <vector>

#include "kernel/users/swap_map.h"
#include "vcompound/base/random.h"

namespace vc::kernel {
namespace {

using Map = SwapMap<std::mutex>;

struct MapTest : ::testing::Test {
  void open(std::uint32_t slots) {
    memory.assign(Map::bytes_for(slots).value / 8 + 1, 0);
    map.open(slots, memory.data());
    map.check();
  }
  std::vector<std::uint64_t> memory;
  Map map;
};

TEST(SwapMap, SixteenGibibytesNeedFourMebibytesAndItsClusters) {
  const auto slots = static_cast<std::uint32_t>((std::uint64_t{16} << 30) >> 12);
  EXPECT_EQ(Map::bytes_for(slots).value, (std::uint64_t{4} << 20) + (std::uint64_t{32} << 10));
}

TEST_F(MapTest, TheHeaderIsNeverHandedOut) {
  open(1000);
  EXPECT_EQ(map.count(SwapSlot(0)), Map::kBad);
  EXPECT_EQ(map.free(SwapSlot(0)), SwapAnswer::bad);
  for (int i = 0; i < 999; ++i) EXPECT_NE(map.allocate().value, 0U);
  EXPECT_EQ(map.allocate().value, 0U) << "full";
  EXPECT_EQ(map.free_slots(), 0U);
  map.check();
}

TEST_F(MapTest, SlotsFollowEachOtherInAClusterThatWasFree) {
  open(2048);
  for (std::uint64_t i = 1; i < 700; ++i) EXPECT_EQ(map.allocate(), SwapSlot(i));
  // Freed slots of old clusters are left alone while a free cluster is left.
  for (std::uint64_t i = 1; i < 100; ++i) EXPECT_EQ(map.free(SwapSlot(i)), SwapAnswer::freed);
  for (std::uint64_t i = 700; i < 2048; ++i) EXPECT_EQ(map.allocate(), SwapSlot(i));
  EXPECT_EQ(map.allocate(), SwapSlot(1));
  map.check();
}

TEST_F(MapTest, ACountRefusesToOverflow) {
  open(512);
  const SwapSlot slot = map.allocate();
  for (int i = 1; i < Map::kMaxCount; ++i) EXPECT_EQ(map.duplicate(slot), SwapAnswer::done);
  EXPECT_EQ(map.duplicate(slot), SwapAnswer::saturated);
  EXPECT_EQ(map.count(slot), Map::kMaxCount);
  for (int i = 1; i < Map::kMaxCount; ++i) EXPECT_EQ(map.free(slot), SwapAnswer::done);
  EXPECT_EQ(map.free(slot), SwapAnswer::freed);
  EXPECT_EQ(map.free(slot), SwapAnswer::unused);
  EXPECT_EQ(map.duplicate(slot), SwapAnswer::unused);
  map.check();
}

TEST_F(MapTest, WrongSlotsAreNamed) {
  open(300);
  EXPECT_EQ(map.free(SwapSlot(300)), SwapAnswer::out_of_range);
  EXPECT_EQ(map.duplicate(SwapSlot(~std::uint64_t{0})), SwapAnswer::out_of_range);
  EXPECT_EQ(map.mark_bad(SwapSlot(299)), SwapAnswer::done);
  EXPECT_EQ(map.mark_bad(SwapSlot(299)), SwapAnswer::bad);
  EXPECT_EQ(map.free(SwapSlot(299)), SwapAnswer::bad);
  const SwapSlot slot = map.allocate();
  EXPECT_EQ(map.mark_bad(slot), SwapAnswer::in_use);
  for (int i = 0; i < 297; ++i) EXPECT_NE(map.allocate().value, 0U);
  EXPECT_EQ(map.allocate().value, 0U) << "the bad slot is not used";
  map.check();
}

TEST_F(MapTest, AgreesWithANaiveModel) {
  for (std::uint32_t slots : {2U, 255U, 256U, 257U, 1000U, 4096U}) {
    open(slots);
    std::vector<unsigned> model(slots, 0);
    std::vector<std::uint64_t> used;  // each use of each slot
    Random random(slots);
    for (int step = 0; step < 30'000; ++step) {
      const std::uint64_t what = random.below(100);
      const std::uint64_t bias = step / 3000 % 2 == 0 ? 60 : 25;  // fill, then empty, ...
      if (what < bias) {
        const SwapSlot slot = map.allocate();
        const bool full =
            used.size() >= slots - 1 && std::count(model.begin() + 1, model.end(), 0U) == 0;
        ASSERT_EQ(slot.value == 0, full);
        if (full) continue;
        ASSERT_EQ(model[slot.value], 0U) << "a slot in use was handed out";
        model[slot.value] = 1;
        used.push_back(slot.value);
      } else if (!used.empty()) {
        const std::size_t at = random.below(used.size());
        const std::uint64_t slot = used[at];
        if (what < bias + 10 && model[slot] < Map::kMaxCount) {
          ASSERT_EQ(map.duplicate(SwapSlot(slot)), SwapAnswer::done);
          ++model[slot];
          used.push_back(slot);
        } else {
          const auto expected = --model[slot] == 0 ? SwapAnswer::freed : SwapAnswer::done;
          ASSERT_EQ(map.free(SwapSlot(slot)), expected);
          used[at] = used.back();
          used.pop_back();
        }
      }
    }
    for (std::uint32_t i = 1; i < slots; ++i) ASSERT_EQ(map.count(SwapSlot(i)), model[i]);
    map.check();
    for (std::uint64_t slot : used) map.free(SwapSlot(slot));
    EXPECT_EQ(map.free_slots(), slots - 1);
    map.check();
  }
}

TEST_F(MapTest, ThreadsNeverGetTheSameSlot) {
  constexpr std::uint32_t kSlots = 2000;
  open(kSlots);
  std::vector<Atomic<int>> owners(kSlots);
  std::vector<std::thread> threads;
  for (int number = 1; number <= 4; ++number) {
    threads.emplace_back([&, number] {
      for (int round = 0; round < 2000; ++round) {
        SwapSlot slots[16];
        for (SwapSlot& slot : slots) {
          slot = map.allocate();
          ASSERT_NE(slot.value, 0U);
          ASSERT_EQ(owners[slot.value].exchange(number), 0);
        }
        for (const SwapSlot slot : slots) {
          ASSERT_EQ(owners[slot.value].exchange(0), number);
          ASSERT_EQ(map.free(slot), SwapAnswer::freed);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(map.free_slots(), kSlots - 1);
  map.check();
}

}  // namespace
}  // namespace vc::kernel
