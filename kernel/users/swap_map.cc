#include "kernel/users/swap_map.h"

#include "kernel/console/console.h"

namespace vc::kernel {
namespace {

constinit Swap the_swap;

constexpr std::uint32_t kSlotShift = 12;  // a slot holds one page
constexpr Bytes kSmallest{std::uint64_t{1} << 20};
constexpr Bytes kLargest{std::uint64_t{1} << 40};

}  // namespace

Swap& swap_space() { return the_swap; }

bool Swap::open(Bytes size) {
  if (size < kSmallest || size > kLargest) {
    Line().text("swap map: a swap space of ").size(size).text("; 1 MiB to 1 TiB are allowed");
    return false;
  }
  const auto slots = static_cast<std::uint32_t>(size.value >> kSlotShift);
  if (!memory_.open("swap map", Map::bytes_for(slots))) return false;
  map_.open(slots, memory_.at());
  return true;
}

void Swap::close() {
  if (!is_open()) return;
  map_.close();
  memory_.close();
}

void Swap::print() {
  Line()
      .text("swap map: ")
      .number(map_.slots() - map_.free_slots())
      .text(" of ")
      .number(map_.slots())
      .text(" slots in use, ")
      .number(map_.empty_clusters())
      .text(" clusters empty, ")
      .size(memory_.size())
      .text(" ")
      .text(name_of(memory_.what().kind));
}

}  // namespace vc::kernel
