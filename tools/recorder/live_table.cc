// Open addressing in memory that a forked child finds empty.
#include "tools/recorder/live_table.h"

#include "tools/recorder/raw_system.h"

namespace vc::recorder {
namespace {

constexpr std::size_t kFirstCapacity = 256;  // one page of entries

}  // namespace

/// The place of `pointer`, or the empty place where it belongs. The shard has an empty place.
std::size_t LiveTable::find(const Shard& shard, std::uint64_t pointer, std::uint64_t hash) {
  std::size_t place = home(hash, shard.capacity);
  while (shard.entries[place].pointer != 0 && shard.entries[place].pointer != pointer) {
    place = (place + 1) & (shard.capacity - 1);
  }
  return place;
}

bool LiveTable::grow(Shard& shard) {
  Shard larger{};
  larger.capacity = shard.capacity == 0 ? kFirstCapacity : shard.capacity * 2;
  larger.entries = static_cast<Entry*>(map_wiped_on_fork(larger.capacity * sizeof(Entry)));
  if (larger.entries == nullptr) return false;
  for (std::size_t i = 0; i < shard.capacity; ++i) {
    const Entry& entry = shard.entries[i];
    if (entry.pointer == 0) continue;
    larger.entries[find(larger, entry.pointer, hash_of(entry.pointer))] = entry;
  }
  if (shard.entries != nullptr) raw_munmap(shard.entries, shard.capacity * sizeof(Entry));
  shard.entries = larger.entries;
  shard.capacity = larger.capacity;
  return true;
}

LiveTable::Insert LiveTable::insert(std::uint64_t pointer, std::uint64_t size,
                                    std::uint64_t& old_size) {
  const std::uint64_t hash = hash_of(pointer);
  Shard& shard = shard_of(hash);
  const SpinGuard guard(shard.lock);
  if (shard.used * 4 >= shard.capacity * 3 && !grow(shard)) return Insert::kNoMemory;
  Entry& entry = shard.entries[find(shard, pointer, hash)];
  const bool was_live = entry.pointer != 0;
  old_size = entry.size;
  entry = {pointer, size};
  if (was_live) return Insert::kReplaced;
  ++shard.used;
  count_up(hash);
  return Insert::kNew;
}

/// Empties `place` and moves back the later entries of its run that may not be found otherwise.
void LiveTable::erase(Shard& shard, std::size_t place) {
  const std::size_t mask = shard.capacity - 1;
  std::size_t hole = place;
  for (std::size_t next = (hole + 1) & mask; shard.entries[next].pointer != 0;
       next = (next + 1) & mask) {
    const std::size_t wanted = home(hash_of(shard.entries[next].pointer), shard.capacity);
    if (((next - wanted) & mask) < ((next - hole) & mask)) continue;  // reachable without the hole
    shard.entries[hole] = shard.entries[next];
    hole = next;
  }
  shard.entries[hole] = {0, 0};
}

bool LiveTable::remove(std::uint64_t pointer, std::uint64_t& size) {
  const std::uint64_t hash = hash_of(pointer);
  Shard& shard = shard_of(hash);
  const SpinGuard guard(shard.lock);
  if (shard.capacity == 0) return false;
  const std::size_t place = find(shard, pointer, hash);
  if (shard.entries[place].pointer == 0) return false;
  size = shard.entries[place].size;
  erase(shard, place);
  --shard.used;
  count_down(hash);
  return true;
}

void LiveTable::count_up(std::uint64_t hash) {
  auto& counter = filter_[filter_index(hash)];
  std::uint8_t value = counter.load(std::memory_order_relaxed);
  while (value != kSticky &&
         !counter.compare_exchange_weak(value, static_cast<std::uint8_t>(value + 1),
                                        std::memory_order_relaxed)) {}
}

void LiveTable::count_down(std::uint64_t hash) {
  auto& counter = filter_[filter_index(hash)];
  std::uint8_t value = counter.load(std::memory_order_relaxed);
  while (value != kSticky && value != 0 &&
         !counter.compare_exchange_weak(value, static_cast<std::uint8_t>(value - 1),
                                        std::memory_order_relaxed)) {}
}

}  // namespace vc::recorder
