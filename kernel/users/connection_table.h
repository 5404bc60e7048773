// The connection table: who talks to whom (the ehash of 2008, with its ehash_locks).
//
//      hash of the 4-tuple
//          |            table: one virtual compound, spread over the nodes if there are several
//          |        +----------------------------+-----------------------------------------+
//          +------->| buckets: index of an entry | entries 1, 2, 3, ... (0 is "none")      |
//          |        +----------------------------+-----------------------------------------+
//          |              |                         ^ next  ^ next
//          |              +-------------------------+-------+
//          |
//          |            locks: another one; bucket b is protected by lock b mod locks
//          |        +----+----+----+----+
//          +------->|    |    |    |    |
//                   +----+----+----+----+
//
// Entries that were never used are handed out in order; those given back wait on a stack without a
// lock, whose top carries a tag that changes with every operation: a thread that was interrupted
// while it took an entry sees that the stack has moved on.
//
// Both memories are passed in, so this is tested on the host. Invariant: an entry is in the chain
// of its key's bucket, or on the stack of free ones, or was never used.
#pragma once

#include <cstdint>
#include <new>

#include "kernel/thread/lock.h"
#include "kernel/users/user_memory.h"
#include "vcompound/base/atomic.h"
#include "vcompound/base/lock.h"
#include "vcompound/base/random.h"
#include "vcompound/base/units.h"

namespace vc::kernel {

/// The two ends of a connection, as a packet names them.
struct ConnectionKey {
  std::uint32_t source = 0;
  std::uint32_t destination = 0;
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;

  constexpr bool operator==(const ConnectionKey&) const = default;
  /// A well-mixed number.
  constexpr std::uint64_t hash() const {
    const std::uint64_t addresses = std::uint64_t{source} << 32 | destination;
    const std::uint64_t ports = std::uint64_t{source_port} << 16 | destination_port;
    return mix64(mix64(addresses) ^ ports);
  }
};

enum class ConnectionState : std::uint8_t { opening, established, closing };

/// What is known of one connection.
struct Connection {
  ConnectionKey key{};
  ConnectionState state = ConnectionState::opening;
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
};

/// What became of an insertion.
enum class Inserted : std::uint8_t { added, present, full };

/// How large a table is. Buckets and locks are powers of two.
struct ConnectionShape {
  std::uint32_t entries = 0;
  std::uint32_t buckets = 0;
  std::uint32_t locks = 0;

  /// A bucket for each of `entries` (at least 1, at most 2^30), and 64 locks for each CPU.
  static constexpr ConnectionShape of(std::uint32_t entries, std::uint32_t cpus) {
    const std::uint32_t buckets = std::uint32_t{1} << ceil_log2(entries);
    const std::uint32_t locks = std::uint32_t{64} << ceil_log2(cpus == 0 ? 1 : cpus);
    return {entries, buckets, locks < buckets ? locks : buckets};
  }
};

/// See the head of this file. Thread-safe after open().
template <class Lock>
class ConnectionTable {
 public:
  constexpr ConnectionTable() = default;
  ConnectionTable(const ConnectionTable&) = delete;
  ConnectionTable& operator=(const ConnectionTable&) = delete;

  /// The memory that a table of that shape needs.
  static constexpr Bytes table_bytes(const ConnectionShape& shape) {
    return entries_offset(shape) + Bytes(sizeof(Entry)) * shape.entries;
  }
  static constexpr Bytes lock_bytes(const ConnectionShape& shape) {
    return Bytes(sizeof(Lock)) * shape.locks;
  }

  /// Starts an empty table in zeroed memory, which stays the caller's. Each lock is made of the
  /// further arguments.
  template <class... Arguments>
  void open(const ConnectionShape& shape, void* table, void* locks,
            const Arguments&... lock_arguments) {
    shape_ = shape;
    buckets_ = static_cast<std::uint32_t*>(table);
    entries_ = reinterpret_cast<Entry*>(static_cast<char*>(table) + entries_offset(shape).value);
    locks_ = static_cast<Lock*>(locks);
    for (std::uint32_t i = 0; i < shape.locks; ++i) ::new (&locks_[i]) Lock(lock_arguments...);
    touched_.store_relaxed(0);
    free_.store_relaxed(0);
    size_.store_relaxed(0);
  }
  /// Nobody uses the table any more.
  void close() {
    for (std::uint32_t i = 0; i < shape_.locks; ++i) locks_[i].~Lock();
    shape_ = {};
  }

  /// Adds a connection, unless its key is there already or no entry is free.
  Inserted insert(const Connection& connection) {
    const std::uint32_t bucket = bucket_of(connection.key);
    Guard guard(lock_of(bucket));
    if (find_in(bucket, connection.key) != 0) return Inserted::present;
    return add(bucket, connection) ? Inserted::added : Inserted::full;
  }
  /// Copies the connection with that key; false if there is none.
  bool find(const ConnectionKey& key, Connection& found) {
    return update(key, [&](const Connection& connection) { found = connection; });
  }
  /// Calls change(Connection&) under the lock; false if there is none with that key. `change` must
  /// leave the key alone.
  template <class Change>
  bool update(const ConnectionKey& key, Change&& change) {
    const std::uint32_t bucket = bucket_of(key);
    Guard guard(lock_of(bucket));
    const std::uint32_t index = find_in(bucket, key);
    if (index == 0) return false;
    change(entry(index).connection);
    return true;
  }
  /// Counts one packet of a connection, which becomes established if it is new.
  Inserted count(const ConnectionKey& key, Bytes length) {
    const std::uint32_t bucket = bucket_of(key);
    Guard guard(lock_of(bucket));
    const std::uint32_t index = find_in(bucket, key);
    if (index == 0) {
      const Connection first{key, ConnectionState::established, 1, length.value};
      return add(bucket, first) ? Inserted::added : Inserted::full;
    }
    Connection& connection = entry(index).connection;
    ++connection.packets;
    connection.bytes += length.value;
    return Inserted::present;
  }
  /// Removes a connection; false if there is none with that key.
  bool erase(const ConnectionKey& key) {
    const std::uint32_t bucket = bucket_of(key);
    Guard guard(lock_of(bucket));
    std::uint32_t previous = 0;
    for (std::uint32_t i = buckets_[bucket]; i != 0; previous = i, i = next(i)) {
      if (entry(i).connection.key != key) continue;
      if (previous == 0) {
        buckets_[bucket] = next(i);
      } else {
        entry(previous).next.store_relaxed(next(i));
      }
      give(i);
      size_.fetch_sub(1);
      return true;
    }
    return false;
  }
  /// Calls visit(const Connection&) for each connection, one bucket's lock held at a time. The
  /// visitor must not use the table.
  template <class Visitor>
  void for_each(Visitor&& visit) {
    for (std::uint32_t bucket = 0; bucket < shape_.buckets; ++bucket) {
      Guard guard(lock_of(bucket));
      for (std::uint32_t i = buckets_[bucket]; i != 0; i = next(i)) visit(entry(i).connection);
    }
  }

  /// The connections at this moment.
  std::uint32_t size() const { return size_.load_relaxed(); }
  const ConnectionShape& shape() const { return shape_; }
  /// The most connections that share a bucket.
  std::uint32_t longest_chain() {
    std::uint32_t longest = 0;
    for (std::uint32_t bucket = 0; bucket < shape_.buckets; ++bucket) {
      Guard guard(lock_of(bucket));
      std::uint32_t length = 0;
      for (std::uint32_t i = buckets_[bucket]; i != 0; i = next(i)) ++length;
      if (length > longest) longest = length;
    }
    return longest;
  }

 private:
  struct Entry {
    Connection connection;
    Atomic<std::uint32_t> next;  ///< in the chain, or on the stack of free entries; 0: the last
  };

  static constexpr Bytes entries_offset(const ConnectionShape& shape) {
    return Bytes(align_up(std::uint64_t{shape.buckets} * sizeof(std::uint32_t), alignof(Entry)));
  }
  std::uint32_t bucket_of(const ConnectionKey& key) const {
    return static_cast<std::uint32_t>(key.hash()) & (shape_.buckets - 1);
  }
  Lock& lock_of(std::uint32_t bucket) { return locks_[bucket & (shape_.locks - 1)]; }
  Entry& entry(std::uint32_t index) { return entries_[index - 1]; }
  std::uint32_t next(std::uint32_t index) { return entry(index).next.load_relaxed(); }

  std::uint32_t find_in(std::uint32_t bucket, const ConnectionKey& key) {
    std::uint32_t i = buckets_[bucket];
    while (i != 0 && entry(i).connection.key != key) i = next(i);
    return i;
  }
  bool add(std::uint32_t bucket, const Connection& connection) {
    const std::uint32_t index = take();
    if (index == 0) return false;
    entry(index).connection = connection;
    entry(index).next.store_relaxed(buckets_[bucket]);
    buckets_[bucket] = index;
    size_.fetch_add(1);
    return true;
  }

  static constexpr std::uint64_t kTag = std::uint64_t{1} << 32;
  static constexpr std::uint32_t index_of(std::uint64_t top) {
    return static_cast<std::uint32_t>(top);
  }
  /// An entry that is nobody's, or 0.
  std::uint32_t take() {
    std::uint64_t top = free_.load_acquire();
    while (index_of(top) != 0) {
      // If another thread takes this entry first, `next` is nonsense, and the tag has changed.
      const std::uint64_t rest = (top & ~(kTag - 1)) + kTag + next(index_of(top));
      if (free_.compare_exchange(top, rest)) return index_of(top);
    }
    std::uint32_t touched = touched_.load_relaxed();
    while (touched < shape_.entries) {
      if (touched_.compare_exchange(touched, touched + 1)) return touched + 1;
    }
    return 0;
  }
  void give(std::uint32_t index) {
    std::uint64_t top = free_.load_acquire();
    do {
      entry(index).next.store_relaxed(index_of(top));
    } while (!free_.compare_exchange(top, (top & ~(kTag - 1)) + kTag + index));
  }

  ConnectionShape shape_{};
  std::uint32_t* buckets_ = nullptr;
  Entry* entries_ = nullptr;
  Lock* locks_ = nullptr;
  Atomic<std::uint32_t> touched_;  ///< entries 1..touched_ were used at some time
  Atomic<std::uint64_t> free_;     ///< tag << 32 | index of the first free entry
  Atomic<std::uint32_t> size_;
};

/// The kernel's connection table with its memory. May be used in every context, by whoever holds no
/// lock of Rank::users or above.
class Connections {
 public:
  using Table = ConnectionTable<InterruptLock>;

  constexpr Connections() = default;
  /// Makes a table for that many connections; on a refusal says so and leaves nothing behind.
  [[nodiscard]] bool open(std::uint32_t entries);
  /// Gives everything back; does nothing if closed.
  void close();
  bool is_open() const { return table_memory_.is_open(); }

  Table& table() { return table_; }
  const UserMemory& table_memory() const { return table_memory_; }
  const UserMemory& lock_memory() const { return lock_memory_; }
  /// One line: how large, how full, how it lies in memory.
  void print();

 private:
  UserMemory table_memory_;
  UserMemory lock_memory_;
  Table table_;
};

/// The one that boot opens.
Connections& connections();

}  // namespace vc::kernel
