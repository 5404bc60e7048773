// The connection table against a naive model, and on several threads.
#include <gtest/gtest.h>

#include <map>
#include <mutex>
#include <thread>
#include <tuple>
#include <vector>

#include "kernel/users/connection_table.h"
#include "vcompound/base/random.h"

namespace vc::kernel {
namespace {

using Table = ConnectionTable<std::mutex>;

/// A table with memory of its own.
struct TableTest : ::testing::Test {
  void open(std::uint32_t entries, std::uint32_t cpus) {
    const ConnectionShape shape = ConnectionShape::of(entries, cpus);
    table_memory.assign(Table::table_bytes(shape).value / 8 + 1, 0);
    lock_memory.assign(Table::lock_bytes(shape).value / 8 + 1, 0);
    table.open(shape, table_memory.data(), lock_memory.data());
  }
  void TearDown() override { table.close(); }

  std::vector<std::uint64_t> table_memory;
  std::vector<std::uint64_t> lock_memory;
  Table table;
};

ConnectionKey key_of(std::uint64_t n) {
  return {static_cast<std::uint32_t>(n % 7), static_cast<std::uint32_t>(n / 7 % 5),
          static_cast<std::uint16_t>(n / 35), static_cast<std::uint16_t>(n % 3)};
}

TEST(ConnectionShape, BucketsAndLocksArePowersOfTwo) {
  for (std::uint32_t entries : {1U, 2U, 3U, 1000U, 1024U, 1025U, 262'144U}) {
    for (std::uint32_t cpus : {0U, 1U, 3U, 16U}) {
      const ConnectionShape shape = ConnectionShape::of(entries, cpus);
      EXPECT_TRUE(is_power_of_two(shape.buckets));
      EXPECT_TRUE(is_power_of_two(shape.locks));
      EXPECT_GE(shape.buckets, entries);
      EXPECT_LT(shape.buckets, 2 * entries);
      EXPECT_LE(shape.locks, shape.buckets);
    }
  }
  EXPECT_EQ(ConnectionShape::of(4096, 4).locks, 256U);
}

TEST(ConnectionKey, EveryPartCountsInTheHash) {
  const ConnectionKey key{1, 2, 3, 4};
  EXPECT_NE(key.hash(), (ConnectionKey{0, 2, 3, 4}.hash()));
  EXPECT_NE(key.hash(), (ConnectionKey{1, 0, 3, 4}.hash()));
  EXPECT_NE(key.hash(), (ConnectionKey{1, 2, 0, 4}.hash()));
  EXPECT_NE(key.hash(), (ConnectionKey{1, 2, 3, 0}.hash()));
  EXPECT_NE(key.hash(), (ConnectionKey{2, 1, 4, 3}.hash())) << "the other direction";
}

TEST_F(TableTest, FindsWhatWasInsertedUntilItIsErased) {
  open(8, 1);
  Connection found;
  EXPECT_FALSE(table.find(key_of(1), found));
  EXPECT_EQ(table.insert({key_of(1), ConnectionState::established, 3, 4}), Inserted::added);
  EXPECT_EQ(table.insert({key_of(1), ConnectionState::closing, 0, 0}), Inserted::present);
  ASSERT_TRUE(table.find(key_of(1), found));
  EXPECT_EQ(found.state, ConnectionState::established);
  EXPECT_EQ(found.packets, 3U);
  EXPECT_EQ(found.bytes, 4U);
  EXPECT_TRUE(table.erase(key_of(1)));
  EXPECT_FALSE(table.erase(key_of(1)));
  EXPECT_FALSE(table.find(key_of(1), found));
  EXPECT_EQ(table.size(), 0U);
}

TEST_F(TableTest, AFullTableRefusesAndServesAgainAfterAnErase) {
  open(100, 1);
  for (std::uint64_t n = 0; n < 100; ++n) {
    EXPECT_EQ(table.count(key_of(n), Bytes(1)), Inserted::added);
  }
  EXPECT_EQ(table.count(key_of(100), Bytes(1)), Inserted::full);
  EXPECT_EQ(table.insert({key_of(100)}), Inserted::full);
  EXPECT_EQ(table.count(key_of(7), Bytes(1)), Inserted::present);
  EXPECT_TRUE(table.erase(key_of(50)));
  EXPECT_EQ(table.insert({key_of(100)}), Inserted::added);
  EXPECT_EQ(table.insert({key_of(101)}), Inserted::full);
  EXPECT_EQ(table.size(), 100U);
}

TEST_F(TableTest, AgreesWithANaiveModel) {
  open(200, 2);
  std::map<std::uint64_t, Connection> model;
  Random random(5);
  for (int step = 0; step < 50'000; ++step) {
    const std::uint64_t n = random.below(300);
    const ConnectionKey key = key_of(n);
    const bool known = model.count(n) != 0;
    const auto expected = known                 ? Inserted::present
                          : model.size() == 200 ? Inserted::full
                                                : Inserted::added;
    switch (random.below(4)) {
      case 0:
        ASSERT_EQ(table.insert({key, ConnectionState::opening, n, 0}), expected);
        if (expected == Inserted::added) model[n] = {key, ConnectionState::opening, n, 0};
        break;
      case 1:
        ASSERT_EQ(table.count(key, Bytes(n)), expected);
        if (expected == Inserted::added) model[n] = {key, ConnectionState::established, 0, 0};
        if (expected != Inserted::full) {
          ++model[n].packets;
          model[n].bytes += n;
        }
        break;
      case 2:
        ASSERT_EQ(table.erase(key), known);
        model.erase(n);
        break;
      default: {
        Connection found;
        ASSERT_EQ(table.find(key, found), known);
        if (!known) break;
        ASSERT_TRUE(found.key == key);
        ASSERT_EQ(found.packets, model[n].packets);
        ASSERT_EQ(found.bytes, model[n].bytes);
        ASSERT_EQ(found.state, model[n].state);
      }
    }
    ASSERT_EQ(table.size(), model.size());
  }
  std::uint64_t seen = 0;
  table.for_each([&](const Connection&) { ++seen; });
  EXPECT_EQ(seen, model.size());
  EXPECT_LT(table.longest_chain(), 12U);
}

TEST_F(TableTest, ThreadsShareKeysAndEntriesWithoutLosingAny) {
  open(64, 4);
  constexpr std::uint64_t kThreads = 4;
  constexpr std::uint64_t kRounds = 20'000;
  std::vector<std::thread> threads;
  Atomic<std::uint64_t> counted;
  for (std::uint64_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      Random random(t);
      for (std::uint64_t i = 0; i < kRounds; ++i) {
        // Keys 0..31 are everybody's and are only counted; the others come and go.
        if (table.count(key_of(random.below(32)), Bytes(2)) != Inserted::full) counted.fetch_add(1);
        const ConnectionKey own = key_of(1000 + t * 10 + random.below(8));
        if (table.insert({own}) == Inserted::added) {
          Connection found;
          EXPECT_TRUE(table.find(own, found));
          EXPECT_TRUE(table.erase(own));
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
  table.for_each([&](const Connection& connection) {
    packets += connection.packets;
    bytes += connection.bytes;
  });
  EXPECT_EQ(packets, counted.load_relaxed());
  EXPECT_EQ(bytes, 2 * counted.load_relaxed());
  EXPECT_EQ(table.size(), 32U);
  for (std::uint64_t n = 0; n < 32; ++n)
    EXPECT_EQ(table.insert({key_of(5000 + n)}), Inserted::added);
  EXPECT_EQ(table.insert({key_of(6000)}), Inserted::full) << "an entry was handed out twice";
}

}  // namespace
}  // namespace vc::kernel
