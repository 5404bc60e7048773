// The recorded anonymous mappings, sorted by address, because munmap may cut any part out of them.
//
//      recorded     [────── A ──────)        [── B ──)
//      munmap            [──────────────────────)
//      left         [─A')                       [B'─)
//
//      events       free A, allocate A', free B, allocate B'      (parts below min-size: free only)
//
// Lives in zeroed memory: all zeros is the empty table. Not thread-safe: its owner has a lock.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vc::recorder {

/// A range of addresses [start, end).
struct Mapping {
  std::uint64_t start;
  std::uint64_t end;
  std::uint64_t bytes() const { return end - start; }
};

class MappingTable {
 public:
  /// Adds a range that overlaps none in the table. False: no memory.
  bool insert(Mapping mapping);
  /// Takes the first range that overlaps `cut` out of the table; false if none does.
  bool take_overlapping(Mapping cut, Mapping& taken);

 private:
  std::size_t first_ending_after(std::uint64_t address) const;
  bool grow();

  std::size_t count_;
  std::size_t capacity_;
  Mapping* entries_;
};

}  // namespace vc::recorder
