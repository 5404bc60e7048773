// Memory on which a mapping is the only way, and a window in which the next mapping needs a table.
//
//      FragmentedMemory    frames   [ ][ ][b][b][ ][ ][b][b][ ][ ][b][b]   no run of four
//
//      FullTables          window   |==|=====|===|==|===========|          |
//                                    a table: no room for two   no table: the next area goes here
//
// FullTables does not care what is mapped already, nor where, nor which CPU's stacks it is: tables
// that exist are of no use to whoever asks next.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "kernel/memory/memory.h"
#include "kernel/memory/table_reserve.h"

namespace vc::kernel {

/// Compounds of the main arena that are held for a while.
class HeldCompounds {
 public:
  HeldCompounds() = default;
  ~HeldCompounds() {
    for (const VirtAddr address : addresses_) give_back(address);
  }
  HeldCompounds(const HeldCompounds&) = delete;
  HeldCompounds& operator=(const HeldCompounds&) = delete;

  /// Takes compounds of that many pages until one is refused.
  void take_all(std::uint64_t pages, Contiguity contiguity) {
    constexpr CallSite kSite{"scarcity", 1};
    const Request request{.size = Bytes(pages << 12), .contiguity = contiguity};
    for (;;) {
      const auto got = arena().allocator.allocate(request, kSite);
      if (!got.ok()) return;
      addresses_.push_back(got->address);
    }
  }
  /// Gives back those of which `chosen(address)` is true.
  template <class Predicate>
  void give_back_if(Predicate&& chosen) {
    std::size_t kept = 0;
    for (const VirtAddr address : addresses_) {
      if (chosen(address)) {
        give_back(address);
      } else {
        addresses_[kept++] = address;
      }
    }
    addresses_.resize(kept);
  }

 private:
  static void give_back(VirtAddr address) {
    EXPECT_EQ(arena().allocator.free(address), Misuse::none);
  }
  std::vector<VirtAddr> addresses_;
};

/// All memory in pairs of frames, every second one of which is free. See the head of this file.
class FragmentedMemory {
 public:
  FragmentedMemory() {
    arena().allocator.reclaim();
    pairs_.take_all(2, Contiguity::required);
    pairs_.give_back_if([](VirtAddr pair) { return (pair.value >> 13) % 2 == 0; });
    arena().allocator.reclaim();
  }

 private:
  HeldCompounds pairs_;
};

/// Until this goes, the next compound that is mapped needs a page table. See the head of this file.
class FullTables {
 public:
  FullTables() {
    arena().allocator.reclaim();  // addresses of what is only cached
    table_reserve().set_injection(Trigger::always());
    for (const std::uint64_t pages : {256U, 64U, 16U, 4U, 2U}) {
      areas_.take_all(pages, Contiguity::never);
    }
    table_reserve().set_injection(Trigger::off());
  }

 private:
  HeldCompounds areas_;
};

}  // namespace vc::kernel
