// Slots of threads, no-block scopes, and the pair of barriers.
#include <algorithm>
#include <atomic>
#include <barrier>
#include <set>
#include <thread>
#include <vector>

#include "linux_platform_testing.h"

namespace vc::testing {
namespace {

using os::ThreadSlots;

/// The slot that a new thread gets.
std::uint32_t slot_of_a_new_thread() {
  std::uint32_t slot = kNoSlot;
  std::thread([&slot] { slot = LinuxPlatform::slot(); }).join();
  return slot;
}

TEST(LinuxThreadSlots, AThreadKeepsItsSlot) {
  const std::uint32_t mine = LinuxPlatform::slot();
  ASSERT_LT(mine, LinuxPlatform::kSlots);
  EXPECT_EQ(LinuxPlatform::slot(), mine);
  EXPECT_NE(slot_of_a_new_thread(), mine);
}

TEST(LinuxThreadSlots, TheLowestFreeSlotIsReused) {
  ASSERT_LT(LinuxPlatform::slot(), LinuxPlatform::kSlots);
  const std::uint32_t used = ThreadSlots::used();
  const std::uint32_t first = slot_of_a_new_thread();
  for (int i = 0; i < 600; ++i) {
    ASSERT_EQ(slot_of_a_new_thread(), first) << "thread " << i;
  }
  EXPECT_EQ(ThreadSlots::used(), used) << "every thread gave its slot back";
}

TEST(LinuxThreadSlots, MoreThreadsThanSlotsWorkWithout) {
  constexpr std::size_t kThreads = ThreadSlots::kSlots + 8;
  const std::uint32_t taken_before = ThreadSlots::used();
  std::vector<std::uint32_t> slots(kThreads, kNoSlot);
  std::vector<std::uint32_t> later(kThreads, kNoSlot);
  std::barrier step(kThreads + 1);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      slots[i] = LinuxPlatform::slot();
      step.arrive_and_wait();  // everybody has asked
      if (slots[i] != kNoSlot) {
        step.arrive_and_drop();  // whoever has a slot ends and gives it back
        return;
      }
      step.arrive_and_wait();
      later[i] = LinuxPlatform::slot();  // the others ask again
      step.arrive_and_wait();
    });
  }
  step.arrive_and_wait();
  std::set<std::uint32_t> distinct;
  for (std::size_t i = 0; i < kThreads; ++i) {
    if (slots[i] == kNoSlot) continue;
    EXPECT_LT(slots[i], ThreadSlots::kSlots);
    EXPECT_TRUE(distinct.insert(slots[i]).second) << "slot " << slots[i] << " given twice";
    threads[i].join();
  }
  EXPECT_EQ(distinct.size(), ThreadSlots::kSlots - taken_before);
  step.arrive_and_wait();
  step.arrive_and_wait();
  for (std::size_t i = 0; i < kThreads; ++i) {
    if (slots[i] != kNoSlot) continue;
    EXPECT_LT(later[i], ThreadSlots::kSlots) << "a slot became free, and the thread got it";
    threads[i].join();
  }
  EXPECT_EQ(ThreadSlots::used(), taken_before);
}

TEST(LinuxThreadSlots, AFirstCallInANoBlockScopeGetsNone) {
  std::thread([] {
    {
      const NoBlockScope scope;
      EXPECT_EQ(LinuxPlatform::slot(), kNoSlot);
    }
    EXPECT_EQ(LinuxPlatform::slot_offset_at_hand(), LinuxPlatform::kSlots * kSlotStride)
        << "nothing was given behind its back";
    const std::uint32_t slot = LinuxPlatform::slot();
    EXPECT_LT(slot, LinuxPlatform::kSlots);
    const NoBlockScope scope;
    EXPECT_EQ(LinuxPlatform::slot_offset_at_hand(), slot * kSlotStride);
    EXPECT_EQ(LinuxPlatform::slot(), slot) << "a slot that is there stays usable";
  }).join();
}

/// Asks for a slot when its thread ends.
struct AsksAtExit {
  std::uint32_t* answer = nullptr;
  ~AsksAtExit() {
    if (answer != nullptr) *answer = LinuxPlatform::slot();
  }
};
thread_local AsksAtExit asks_at_exit;

TEST(LinuxThreadSlots, AnEndingThreadHasNone) {
  std::uint32_t at_exit = 0;
  const std::uint32_t used = ThreadSlots::used();
  std::thread([&at_exit] {
    asks_at_exit.answer = &at_exit;  // made before the slot, so destroyed after it
    EXPECT_LT(LinuxPlatform::slot(), LinuxPlatform::kSlots);
  }).join();
  EXPECT_EQ(at_exit, kNoSlot);
  EXPECT_EQ(ThreadSlots::used(), used) << "and it takes no second one";
}

TEST(LinuxNoBlockScope, NestsAndBelongsToItsThread) {
  EXPECT_TRUE(LinuxPlatform::may_block());
  {
    const NoBlockScope outer;
    { const NoBlockScope inner; }
    EXPECT_FALSE(LinuxPlatform::may_block());
    std::thread([] { EXPECT_TRUE(LinuxPlatform::may_block()); }).join();
  }
  EXPECT_TRUE(LinuxPlatform::may_block());
}

/// Two threads that run one round after the other, starting each as much at once as can be.
class Rounds {
 public:
  /// Waits until both threads have come.
  void meet() {
    const int round = round_.load();
    if (arrived_.fetch_add(1) == 1) {
      arrived_.store(0);
      round_.store(round + 1);
      return;
    }
    for (int spins = 0; round_.load() == round; ++spins) {
      if (spins > 1000) std::this_thread::yield();
    }
  }

 private:
  std::atomic<int> arrived_{0};
  std::atomic<int> round_{0};
};

/// A moment that differs from round to round, so that the two threads meet in every way.
void dawdle(int moments) {
  for (int i = 0; i < moments; ++i) compiler_barrier();
}

TEST(LinuxBarriers, LightAndHeavyOrderLikeTwoFullBarriers) {
  os::prepare_barriers();
  constexpr int kRounds = 100'000;
  struct alignas(64) Flag {
    std::atomic<int> value{0};
  };
  Flag x;
  Flag y;
  Rounds rounds;
  int seen_by_heavy = 0;
  int both_missed = 0;
  std::thread heavy([&] {
    for (int i = 1; i <= kRounds; ++i) {
      rounds.meet();
      dawdle(i / 256 % 256);
      y.value.store(i, std::memory_order_relaxed);
      LinuxPlatform::heavy_barrier();
      seen_by_heavy = x.value.load(std::memory_order_relaxed);
      rounds.meet();
    }
  });
  for (int i = 1; i <= kRounds; ++i) {
    rounds.meet();
    dawdle(i % 256);
    x.value.store(i, std::memory_order_relaxed);
    LinuxPlatform::light_barrier();
    const int seen_by_light = y.value.load(std::memory_order_relaxed);
    rounds.meet();
    if (seen_by_light != i && seen_by_heavy != i) ++both_missed;
  }
  heavy.join();
  EXPECT_EQ(both_missed, 0) << "at least one side must see the other";
}

}  // namespace
}  // namespace vc::testing
