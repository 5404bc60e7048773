// A sorted array: programs hold tens of large mappings, rarely thousands.
#include "tools/recorder/mapping_table.h"

#include <cstring>

#include "tools/recorder/raw_system.h"

namespace vc::recorder {
namespace {

constexpr std::size_t kFirstCapacity = 256;

}  // namespace

std::size_t MappingTable::first_ending_after(std::uint64_t address) const {
  std::size_t low = 0;
  std::size_t high = count_;
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (entries_[middle].end <= address) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

bool MappingTable::grow() {
  const std::size_t capacity = capacity_ == 0 ? kFirstCapacity : capacity_ * 2;
  auto* const entries = static_cast<Mapping*>(map_wiped_on_fork(capacity * sizeof(Mapping)));
  if (entries == nullptr) return false;
  if (entries_ != nullptr) {
    ::memcpy(entries, entries_, count_ * sizeof(Mapping));
    raw_munmap(entries_, capacity_ * sizeof(Mapping));
  }
  entries_ = entries;
  capacity_ = capacity;
  return true;
}

bool MappingTable::insert(Mapping mapping) {
  if (count_ == capacity_ && !grow()) return false;
  const std::size_t place = first_ending_after(mapping.start);
  ::memmove(entries_ + place + 1, entries_ + place, (count_ - place) * sizeof(Mapping));
  entries_[place] = mapping;
  ++count_;
  return true;
}

bool MappingTable::take_overlapping(Mapping cut, Mapping& taken) {
  const std::size_t place = first_ending_after(cut.start);
  if (place == count_ || entries_[place].start >= cut.end) return false;
  taken = entries_[place];
  --count_;
  ::memmove(entries_ + place, entries_ + place + 1, (count_ - place) * sizeof(Mapping));
  return true;
}

}  // namespace vc::recorder
