// The connection table and the swap map in the kernel: contiguous and mapped, on all CPUs.
#include <gtest/gtest.h>

#include "kernel/test/users_testing.h"
#include "kernel/users/connection_table.h"
#include "kernel/users/swap_map.h"
#include "vcompound/base/random.h"
#include "vcompound/platform/x86_64/cpu.h"

namespace vc::kernel {
namespace {

// ---- the connection table -----------------------------------------------------------------------

ConnectionKey key_of(std::uint64_t n) {
  return {0x0a00'0002, static_cast<std::uint32_t>(0x0a00'0100 + n % 7),
          static_cast<std::uint16_t>(1024 + n / 7), 7};
}

class ConnectionTableTest : public UsersTest {
 protected:
  static constexpr std::uint32_t kEntries = 2000;
  static constexpr std::uint32_t kKeys = 3000;

  void open(Layout layout) {
    const LayoutScope scope(layout);
    ASSERT_TRUE(connections_.open(kEntries));
    if (!can_spread()) expect_kind(connections_.table_memory().what(), layout);
    expect_kind(connections_.lock_memory().what(), layout);
  }
  void TearDown() override {
    connections_.close();
    UsersTest::TearDown();
  }
  void agrees_with_a_model();
  void serves_all_cpus();

  Connections connections_;
  Connections::Table& table_ = connections_.table();
};

/// 20,000 operations against an array of counts; 0: not in the table.
void ConnectionTableTest::agrees_with_a_model() {
  static std::uint32_t packets[kKeys];
  for (std::uint32_t& each : packets) each = 0;
  std::uint32_t size = 0;
  Random random(7);
  for (std::uint32_t step = 0; step < 20'000; ++step) {
    const std::uint64_t n = random.below(kKeys);
    if (random.below(3) == 0) {
      ASSERT_EQ(table_.erase(key_of(n)), packets[n] != 0);
      size -= packets[n] != 0 ? 1 : 0;
      packets[n] = 0;
      continue;
    }
    const Inserted expected = packets[n] != 0    ? Inserted::present
                              : size == kEntries ? Inserted::full
                                                 : Inserted::added;
    ASSERT_EQ(table_.count(key_of(n), Bytes(10)), expected);
    if (expected == Inserted::full) continue;
    size += packets[n] == 0 ? 1 : 0;
    ++packets[n];
  }
  EXPECT_EQ(table_.size(), size);
  for (std::uint64_t n = 0; n < kKeys; ++n) {
    Connection found;
    ASSERT_EQ(table_.find(key_of(n), found), packets[n] != 0);
    if (packets[n] == 0) continue;
    EXPECT_EQ(found.packets, packets[n]);
    EXPECT_EQ(found.bytes, 10 * std::uint64_t{packets[n]});
    EXPECT_EQ(found.state, ConnectionState::established);
  }
}

struct FlowJob {
  Connections::Table* table;
  std::uint64_t number;
  std::uint64_t counted;
};

/// Counts packets of 64 connections that all threads share; connections of its own come and go. The
/// emulator changes to the next CPU at each pause: in the middle of a change, others want the
/// entry.
void count_flows(void* argument) {
  FlowJob& job = *static_cast<FlowJob*>(argument);
  Random random(job.number);
  for (std::uint32_t i = 0; i < 2000; ++i) {
    const ConnectionKey shared = key_of(random.below(64));
    EXPECT_NE(job.table->count(shared, Bytes(1)), Inserted::full);
    EXPECT_TRUE(job.table->update(shared, [](Connection& connection) {
      const std::uint64_t bytes = connection.bytes;
      x86::pause();
      connection.bytes = bytes + 2;
    }));
    ++job.counted;
    const ConnectionKey own = key_of(1000 + job.number * 100 + random.below(100));
    EXPECT_EQ(job.table->insert({own}), Inserted::added);
    x86::pause();
    Connection found;
    EXPECT_TRUE(job.table->find(own, found));
    EXPECT_TRUE(job.table->erase(own));
  }
}

void ConnectionTableTest::serves_all_cpus() {
  FlowJob jobs[Crew::kMost];
  const std::uint32_t count = Crew::size();
  for (std::uint32_t i = 0; i < count; ++i) jobs[i] = {&table_, i, 0};
  Crew crew;
  crew.start(count_flows, jobs, count);
  crew.finish();
  std::uint64_t expected = 0;
  for (std::uint32_t i = 0; i < count; ++i) expected += jobs[i].counted;
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
  table_.for_each([&](const Connection& connection) {
    packets += connection.packets;
    bytes += connection.bytes;
  });
  EXPECT_EQ(table_.size(), 64U);
  EXPECT_EQ(packets, expected);
  EXPECT_EQ(bytes, 3 * expected);
}

TEST_F(ConnectionTableTest, AgreesWithAModel) {
  ASSERT_NO_FATAL_FAILURE(open(Layout::as_it_comes));
  agrees_with_a_model();
}

TEST_F(ConnectionTableTest, MappedAgreesWithAModel) {
  ASSERT_NO_FATAL_FAILURE(open(Layout::forced));
  agrees_with_a_model();
}

TEST_F(ConnectionTableTest, ServesAllCpus) {
  ASSERT_NO_FATAL_FAILURE(open(Layout::as_it_comes));
  serves_all_cpus();
}

TEST_F(ConnectionTableTest, MappedServesAllCpus) {
  ASSERT_NO_FATAL_FAILURE(open(Layout::forced));
  serves_all_cpus();
}

TEST_F(ConnectionTableTest, CountsInAnInterruptHandler) {
  ASSERT_NO_FATAL_FAILURE(open(Layout::forced));
  const auto count = [](void* table) {
    auto& connections = *static_cast<Connections::Table*>(table);
    EXPECT_NE(connections.count(key_of(1), Bytes(64)), Inserted::full);
  };
  for (std::uint32_t i = 0; i < 100; ++i) {
    call_on(i % cpu_count(), count, &table_);
    count(&table_);
  }
  Connection found;
  ASSERT_TRUE(table_.find(key_of(1), found));
  EXPECT_EQ(found.packets, 200U);
  EXPECT_EQ(found.bytes, 200U * 64);
}

TEST_F(ConnectionTableTest, IsSpreadInEqualPartsOverTheNodes) {
  if (!can_spread()) GTEST_SKIP() << "one node, or policy=contiguous_only";
  ASSERT_NO_FATAL_FAILURE(open(Layout::as_it_comes));
  auto& allocator = arena().allocator;
  const Allocation& what = connections_.table_memory().what();
  EXPECT_EQ(what.kind, Kind::mapped);
  std::uint64_t pages[X86Options::kMaxNodes] = {};
  allocator.for_each_extent(
      what.head, [&](PfnRange run) { pages[allocator.node_of(run.first)] += run.count.value; });
  const std::uint32_t nodes = allocator.node_count();
  for (std::uint32_t node = 0; node < nodes; ++node) {
    EXPECT_GE(pages[node], what.pages.value / nodes) << "node " << node;
    EXPECT_LE(pages[node], what.pages.value / nodes + 1) << "node " << node;
  }
  serves_all_cpus();
}

TEST_F(ConnectionTableTest, ARefusalOfEitherPartLeavesNothing) {
  for (std::uint32_t k = 1; k <= 2; ++k) {
    arena().allocator.set_injection(Trigger::nth(k));
    EXPECT_FALSE(connections_.open(kEntries)) << "allocation " << k;
    EXPECT_FALSE(connections_.is_open());
    EXPECT_EQ(live_pages(), live_at_start());
  }
  arena().allocator.set_injection(Trigger::off());
  EXPECT_FALSE(connections_.open(std::uint32_t{1} << 30)) << "44 GiB";
  EXPECT_EQ(live_pages(), live_at_start());
  EXPECT_TRUE(connections_.open(kEntries));
}

// ---- the swap map -------------------------------------------------------------------------------

class SwapMapTest : public UsersTest {
 protected:
  static constexpr Bytes kSwapSpace{std::uint64_t{64} << 20};
  static constexpr std::uint32_t kSlots = 16'384;

  void open(Layout layout, Bytes size) {
    const LayoutScope scope(layout);
    ASSERT_TRUE(swap_.open(size));
    expect_kind(swap_.memory().what(), layout);
  }
  void TearDown() override {
    swap_.close();
    UsersTest::TearDown();
  }
  void agrees_with_a_model();
  void serves_all_cpus();

  Swap swap_;
  Swap::Map& map_ = swap_.map();
};

/// 30,000 operations against an array of counts.
void SwapMapTest::agrees_with_a_model() {
  static std::uint8_t counts[kSlots];
  for (std::uint8_t& each : counts) each = 0;
  std::uint32_t used = 0;
  Random random(9);
  for (std::uint32_t step = 0; step < 30'000; ++step) {
    if (random.below(10) < 6 && used < kSlots - 1) {
      const SwapSlot slot = map_.allocate();
      ASSERT_NE(slot.value, 0U);
      ASSERT_EQ(counts[slot.value], 0) << "a slot in use was handed out";
      counts[slot.value] = 1;
      ++used;
      continue;
    }
    const std::uint64_t n = 1 + random.below(kSlots - 1);
    if (random.below(2) == 0) {
      ASSERT_EQ(map_.duplicate(SwapSlot(n)),
                counts[n] == 0 ? SwapAnswer::unused : SwapAnswer::done);
      counts[n] = static_cast<std::uint8_t>(counts[n] + (counts[n] != 0 ? 1 : 0));
    } else {
      ASSERT_EQ(map_.free(SwapSlot(n)), counts[n] == 0   ? SwapAnswer::unused
                                        : counts[n] == 1 ? SwapAnswer::freed
                                                         : SwapAnswer::done);
      used -= counts[n] == 1 ? 1 : 0;
      counts[n] = static_cast<std::uint8_t>(counts[n] - (counts[n] != 0 ? 1 : 0));
    }
  }
  for (std::uint64_t n = 1; n < kSlots; ++n) ASSERT_EQ(map_.count(SwapSlot(n)), counts[n]);
  EXPECT_EQ(map_.free_slots(), kSlots - 1 - used);
  map_.check();
}

struct SwapJob {
  Swap::Map* map;
  Atomic<std::uint8_t>* owners;  ///< of each slot; 0: nobody
  std::uint8_t number;
};

/// Takes 16 slots at a time, checks that nobody else has them, and gives them back. The emulator
/// changes to the next CPU at each pause, so all threads hold slots at the same time.
void swap_in_and_out(void* argument) {
  const SwapJob& job = *static_cast<SwapJob*>(argument);
  for (std::uint32_t round = 0; round < 300; ++round) {
    SwapSlot slots[16];
    for (SwapSlot& slot : slots) {
      slot = job.map->allocate();
      ASSERT_NE(slot.value, 0U);
      ASSERT_EQ(job.owners[slot.value].exchange(job.number), 0) << "two owners of one slot";
      EXPECT_EQ(job.map->duplicate(slot), SwapAnswer::done);
      x86::pause();
    }
    for (const SwapSlot slot : slots) {
      EXPECT_EQ(job.map->free(slot), SwapAnswer::done);
      x86::pause();
      EXPECT_EQ(job.owners[slot.value].exchange(0), job.number);
      EXPECT_EQ(job.map->free(slot), SwapAnswer::freed);
    }
  }
}

void SwapMapTest::serves_all_cpus() {
  static Atomic<std::uint8_t> owners[kSlots];
  SwapJob jobs[Crew::kMost];
  const std::uint32_t count = Crew::size();
  for (std::uint32_t i = 0; i < count; ++i) {
    jobs[i] = {&map_, owners, static_cast<std::uint8_t>(i + 1)};
  }
  Crew crew;
  crew.start(swap_in_and_out, jobs, count);
  crew.finish();
  EXPECT_EQ(map_.free_slots(), kSlots - 1);
  map_.check();
}

TEST_F(SwapMapTest, AgreesWithAModel) {
  ASSERT_NO_FATAL_FAILURE(open(Layout::as_it_comes, kSwapSpace));
  agrees_with_a_model();
}

TEST_F(SwapMapTest, MappedAgreesWithAModel) {
  ASSERT_NO_FATAL_FAILURE(open(Layout::forced, kSwapSpace));
  agrees_with_a_model();
}

TEST_F(SwapMapTest, ServesAllCpus) {
  ASSERT_NO_FATAL_FAILURE(open(Layout::as_it_comes, kSwapSpace));
  serves_all_cpus();
}

TEST_F(SwapMapTest, MappedServesAllCpus) {
  ASSERT_NO_FATAL_FAILURE(open(Layout::forced, kSwapSpace));
  serves_all_cpus();
}

TEST_F(SwapMapTest, SixteenGibibytesTakeExactly1032Pages) {
  for (const Layout layout : {Layout::as_it_comes, Layout::forced}) {
    ASSERT_NO_FATAL_FAILURE(open(layout, Bytes(std::uint64_t{16} << 30)));
    EXPECT_EQ(swap_.memory().what().pages, PageCount(1032));
    EXPECT_EQ(map_.slots(), std::uint32_t{4} << 20);
    for (std::uint64_t i = 1; i < 1000; ++i) EXPECT_EQ(map_.allocate(), SwapSlot(i));
    EXPECT_EQ(map_.mark_bad(SwapSlot((std::uint64_t{4} << 20) - 1)), SwapAnswer::done);
    map_.check();
    swap_.close();
  }
}

TEST_F(SwapMapTest, RefusalsLeaveNothing) {
  arena().allocator.set_injection(Trigger::nth(1));
  EXPECT_FALSE(swap_.open(kSwapSpace));
  arena().allocator.set_injection(Trigger::off());
  EXPECT_FALSE(swap_.open(Bytes(4096))) << "too small";
  EXPECT_FALSE(swap_.open(Bytes(std::uint64_t{2} << 40))) << "too large";
  EXPECT_FALSE(swap_.is_open());
  EXPECT_EQ(live_pages(), live_at_start());
}

}  // namespace
}  // namespace vc::kernel
