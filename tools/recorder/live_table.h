// Which pointers were recorded, and with which size.
//
//    free(p) ──► filter[hash(p)] == 0 ? ──yes──► not recorded: one load, no lock
//                       │ no
//                       ▼
//                shard[hash(p)] ── lock ── open addressing, linear probing
//                ┌────┬────┬────┬────┐
//                │ p,n│    │ q,m│ …  │    an entry is (pointer, size); pointer 0 is an empty place
//                └────┴────┴────┴────┘    removal moves later entries of the run back: no
//                tombstones
//
// Almost every free is of a small block, so the filter is what decides the cost: 64 Ki counters of
// one byte, small enough for the second-level cache. A counter that reached 255 stays there.
//
// Lives in zeroed memory: all zeros is the empty table. Thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "tools/recorder/spin_lock.h"

namespace vc::recorder {

class LiveTable {
 public:
  enum class Insert : std::uint8_t {
    kNew,
    kReplaced,  ///< the pointer was live: its free was not seen
    kNoMemory,
  };

  /// Makes `pointer` (not 0) live. On kReplaced `old_size` gets the size it had.
  Insert insert(std::uint64_t pointer, std::uint64_t size, std::uint64_t& old_size);
  /// False if `pointer` is certainly not live. One load.
  bool may_contain(const void* pointer) const {
    const std::uint64_t hash = hash_of(reinterpret_cast<std::uint64_t>(pointer));
    return filter_[filter_index(hash)].load(std::memory_order_relaxed) != 0;
  }
  /// Ends `pointer`; false if it is not live.
  bool remove(std::uint64_t pointer, std::uint64_t& size);

 private:
  static constexpr unsigned kFilterBits = 16;
  static constexpr unsigned kShardBits = 6;
  static constexpr std::uint8_t kSticky = 255;

  struct Entry {
    std::uint64_t pointer;
    std::uint64_t size;
  };
  struct Shard {
    SpinLock lock;
    std::size_t used;
    std::size_t capacity;  // a power of two, or 0
    Entry* entries;
  };

  static std::uint64_t hash_of(std::uint64_t pointer) {
    return (pointer ^ (pointer >> 20)) * 0x9e3779b97f4a7c15ull;
  }
  static std::size_t filter_index(std::uint64_t hash) { return hash >> (64 - kFilterBits); }
  Shard& shard_of(std::uint64_t hash) { return shards_[hash >> (64 - kShardBits)]; }
  /// Where a pointer of that hash is looked for first; uses bits that the shard does not.
  static std::size_t home(std::uint64_t hash, std::size_t capacity) {
    return (hash >> 24) & (capacity - 1);
  }
  static std::size_t find(const Shard& shard, std::uint64_t pointer, std::uint64_t hash);
  static bool grow(Shard& shard);
  static void erase(Shard& shard, std::size_t place);
  void count_up(std::uint64_t hash);
  void count_down(std::uint64_t hash);

  std::array<std::atomic<std::uint8_t>, std::size_t{1} << kFilterBits> filter_;
  std::array<Shard, std::size_t{1} << kShardBits> shards_;
};

}  // namespace vc::recorder
