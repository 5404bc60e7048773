// The wait tables in the kernel: bits of words in compounds of every kind, waited for on all CPUs.
#include <gtest/gtest.h>

#include "kernel/test/users_testing.h"
#include "kernel/users/wait_table.h"
#include "vcompound/base/lock.h"
#include "vcompound/platform/x86_64/cpu.h"

namespace vc::kernel {
namespace {

constexpr Bytes kSize{std::uint64_t{10} << 12};

class WaitTableTest : public UsersTest {
 protected:
  void SetUp() override {
    UsersTest::SetUp();
    ASSERT_TRUE(wait_tables().open());
  }
  void TearDown() override {
    if (what_.pages.value != 0) free(what_.address);
    wait_tables().close();
    UsersTest::TearDown();
  }
  /// A compound whose words are waited for.
  void allocate_words(Layout layout, Placement placement = Placement::any()) {
    const LayoutScope scope(layout);
    auto result = allocate({.size = kSize, .zero = Zero::yes, .placement = placement});
    ASSERT_TRUE(result.ok());
    what_ = *result;
    if (placement == Placement::any()) expect_kind(what_, layout);
  }
  BitWord& word_at(std::uint64_t offset) {
    return *pointer<BitWord>(what_.address + Bytes(offset));
  }
  /// The words of the compound that are tried: its ends, its middle, and across its pages.
  template <class Visitor>
  void for_each_word(Visitor&& visit) {
    for (std::uint64_t offset = 0; offset < kSize.value; offset += 4096 * 3 / 2) {
      visit(word_at(offset));
    }
    visit(word_at(kSize.value - sizeof(BitWord)));
  }

  Allocation what_{};
};

// ---- waiters ------------------------------------------------------------------------------------

struct Waiter {
  BitWord* word;
  std::uint32_t bit;
  Atomic<std::uint32_t> awake;
};

void wait_for_bit(void* argument) {
  Waiter& waiter = *static_cast<Waiter*>(argument);
  wait_on_bit(*waiter.word, waiter.bit);
  waiter.awake.store_release(1);
}

/// Waits until somebody sleeps in the queue of that bit.
void await_sleeper(BitWord& word, std::uint32_t bit) {
  WaitBucket& bucket = wait_tables().bucket_of(word, bit);
  for (;;) {
    {
      Guard guard(bucket.lock);
      if (!bucket.queue.empty()) return;
    }
    yield();
  }
}

/// Threads on all CPUs sleep for two bits of a word; each bit wakes its own and only its own.
void wakes_sleepers(BitWord& word) {
  constexpr std::uint32_t kBits[] = {0, 63};
  word.store_release(std::uint64_t{1} << 63 | 1);
  Waiter waiters[Crew::kMost];
  const std::uint32_t count = Crew::size();
  for (std::uint32_t i = 0; i < count; ++i) {
    waiters[i].word = &word;
    waiters[i].bit = kBits[i % 2];
  }
  Crew crew;
  crew.start(wait_for_bit, waiters, count);
  await_sleeper(word, 0);
  await_sleeper(word, 63);
  for (const Waiter& waiter : waiters) ASSERT_EQ(waiter.awake.load_acquire(), 0U);
  EXPECT_FALSE(wait_on_bit_for(word, 0, 1000));
  unlock_bit(word, 0);
  for (std::uint32_t i = 0; i < count; i += 2) {
    while (waiters[i].awake.load_acquire() == 0) yield();
  }
  EXPECT_TRUE(wait_on_bit_for(word, 0, 1000));
  for (std::uint32_t i = 1; i < count; i += 2) EXPECT_EQ(waiters[i].awake.load_acquire(), 0U);
  unlock_bit(word, 63);
  crew.finish();
  for (std::uint32_t i = 0; i < count; ++i) EXPECT_EQ(waiters[i].awake.load_acquire(), 1U);
}

struct Locker {
  BitWord* word;
  std::uint64_t* sum;
};

/// Adds to a plain sum, which only whoever holds the bit may touch.
void add_under_bit(void* argument) {
  const Locker& locker = *static_cast<Locker*>(argument);
  for (std::uint32_t i = 0; i < 500; ++i) {
    lock_bit(*locker.word, 5);
    const std::uint64_t sum = *locker.sum;
    x86::pause();  // the emulator goes on with the next CPU, which finds the bit taken
    *locker.sum = sum + 1;
    unlock_bit(*locker.word, 5);
  }
}

void excludes(BitWord& word) {
  std::uint64_t sum = 0;
  Locker lockers[Crew::kMost];
  const std::uint32_t count = Crew::size();
  for (std::uint32_t i = 0; i < count; ++i) lockers[i] = {&word, &sum};
  Crew crew;
  crew.start(add_under_bit, lockers, count);
  crew.finish();
  EXPECT_EQ(sum, 500U * count);
  EXPECT_EQ(word.load_acquire(), 0U);
}

// ---- tests --------------------------------------------------------------------------------------

TEST_F(WaitTableTest, EachTableLiesOnItsNode) {
  auto& allocator = arena().allocator;
  ASSERT_EQ(wait_tables().nodes(), allocator.node_count());
  for (std::uint32_t node = 0; node < wait_tables().nodes(); ++node) {
    EXPECT_EQ(wait_tables().queues(node), wait_queues_for(allocator.total_pages(node)));
    allocator.for_each_extent(wait_tables().memory(node).what().head,
                              [&](PfnRange run) { EXPECT_EQ(allocator.node_of(run.first), node); });
  }
}

TEST_F(WaitTableTest, WakesWhoWaitsForAWordOfAContiguousCompound) {
  ASSERT_NO_FATAL_FAILURE(allocate_words(Layout::as_it_comes));
  for_each_word(wakes_sleepers);
}

TEST_F(WaitTableTest, WakesWhoWaitsForAWordOfAMappedCompound) {
  ASSERT_NO_FATAL_FAILURE(allocate_words(Layout::forced));
  for_each_word(wakes_sleepers);
}

TEST_F(WaitTableTest, AWordOfASpreadCompoundBelongsToTheNodeOfTheHead) {
  if (!can_spread()) GTEST_SKIP() << "one node, or policy=contiguous_only";
  ASSERT_NO_FATAL_FAILURE(allocate_words(Layout::as_it_comes, Placement::spread()));
  auto& allocator = arena().allocator;
  const std::uint32_t node = allocator.node_of(what_.head);
  bool elsewhere = false;
  for_each_word([&](BitWord& word) {
    const VirtAddr address(reinterpret_cast<std::uintptr_t>(&word));
    elsewhere = elsewhere || allocator.node_of(allocator.frame_at(address)) != node;
    EXPECT_EQ(node_of_word(allocator, address), node);
    wakes_sleepers(word);
  });
  EXPECT_TRUE(elsewhere) << "no word lies on another node than the head";
}

TEST_F(WaitTableTest, WakesWhoWaitsForAWordOfTheImageOrOfAStack) {
  static constinit BitWord in_image;
  wakes_sleepers(in_image);
  BitWord on_stack;
  wakes_sleepers(on_stack);
}

TEST_F(WaitTableTest, WakesFromAnInterruptHandler) {
  for (const Layout layout : {Layout::as_it_comes, Layout::forced}) {
    ASSERT_NO_FATAL_FAILURE(allocate_words(layout));
    BitWord& word = word_at(kSize.value / 2);
    word.store_release(1);
    Waiter waiter{.word = &word, .bit = 0, .awake = Atomic<std::uint32_t>(0)};
    Crew crew;
    crew.start(wait_for_bit, &waiter, 1);
    await_sleeper(word, 0);
    const auto unlock = [](void* argument) {
      unlock_bit(*static_cast<BitWord*>(argument), 0);
    };
    call_on(cpu_count() - 1, unlock, &word);
    crew.finish();
    EXPECT_EQ(waiter.awake.load_acquire(), 1U);
    free(what_.address);
    what_ = {};
  }
}

TEST_F(WaitTableTest, OneOfAllCpusHoldsABit) {
  ASSERT_NO_FATAL_FAILURE(allocate_words(Layout::as_it_comes));
  excludes(word_at(4096 + 8));
}

TEST_F(WaitTableTest, OneOfAllCpusHoldsABitOfAMappedCompound) {
  ASSERT_NO_FATAL_FAILURE(allocate_words(Layout::forced));
  excludes(word_at(4096 + 8));
}

TEST_F(WaitTableTest, TheTablesThemselvesMayBeMapped) {
  wait_tables().close();
  {
    const LayoutScope scope(Layout::forced);
    ASSERT_TRUE(wait_tables().open());
  }
  for (std::uint32_t node = 0; node < wait_tables().nodes(); ++node) {
    expect_kind(wait_tables().memory(node).what(), Layout::forced);
  }
  ASSERT_NO_FATAL_FAILURE(allocate_words(Layout::forced));
  wakes_sleepers(word_at(0));
  excludes(word_at(kSize.value / 2));
}

TEST_F(WaitTableTest, ARefusalOfAnyNodesTableLeavesNothing) {
  wait_tables().close();
  for (std::uint32_t k = 1; k <= arena().allocator.node_count(); ++k) {
    arena().allocator.set_injection(Trigger::nth(k));
    EXPECT_FALSE(wait_tables().open()) << "table " << k;
    EXPECT_EQ(live_pages(), live_at_start());
  }
  arena().allocator.set_injection(Trigger::off());
  EXPECT_TRUE(wait_tables().open());
}

}  // namespace
}  // namespace vc::kernel
