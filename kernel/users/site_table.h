// The call-site table: who holds how much memory (slub's list of allocating callers).
//
//      sorted by site, so that one more compound of a known site costs a binary search
//      +----------------+----------------+----------------+----------+
//      | site A  n pages| site B  n pages| site C  n pages|  room    |   one virtual compound
//      +----------------+----------------+----------------+----------+
//
// The compounds of an arena are visited under its locks, where nothing can be allocated. So when a
// new site finds no room, the visit goes on and only counts what is missing; afterwards the table
// gets a larger compound, and the visit is made again. rank() then sorts by memory, for people.
//
// The memory is passed in, so this is tested on the host.
#pragma once

#include <cstdint>

#include "kernel/users/user_memory.h"
#include "vcompound/base/text.h"
#include "vcompound/base/units.h"
#include "vcompound/compound/call_sites.h"
#include "vcompound/compound/request.h"

namespace vc::kernel {

/// What one call site holds.
struct SiteUse {
  CallSite site{};  ///< {nullptr, 0}: unknown
  std::uint64_t compounds = 0;
  std::uint64_t mapped = 0;  ///< of these
  PageCount pages{};

  void add(const SiteUse& other) {
    compounds += other.compounds;
    mapped += other.mapped;
    pages += other.pages;
  }
};

/// Is `a` in front of `b` in the table? By file name, not by where the name stands in memory.
bool precedes(const CallSite& a, const CallSite& b);

/// See the head of this file. Not thread-safe.
class SiteUses {
 public:
  constexpr SiteUses() = default;
  SiteUses(const SiteUses&) = delete;
  SiteUses& operator=(const SiteUses&) = delete;

  /// Starts an empty table in memory for `capacity` entries, which stays the caller's.
  void open(void* memory, std::uint32_t capacity);
  /// Goes on in other memory, which is not smaller; the sites are copied.
  void move_to(void* memory, std::uint32_t capacity);
  /// Forgets every site.
  void clear();
  /// Adds to what a site holds; a site that finds no room is counted as missing.
  /// PRE: not ranked since clear().
  void add(const SiteUse& use);
  /// Sorts by pages, the most first; equals by site.
  void rank();

  std::uint32_t size() const { return size_; }
  std::uint32_t capacity() const { return capacity_; }
  /// Additions that found no room since clear(); 0: the table is complete.
  std::uint64_t missing() const { return missing_; }
  const SiteUse& operator[](std::uint32_t i) const { return entries_[i]; }

 private:
  std::uint32_t place_of(const CallSite& site) const;
  void sift_down(std::uint32_t root, std::uint32_t end);

  SiteUse* entries_ = nullptr;
  std::uint32_t capacity_ = 0;
  std::uint32_t size_ = 0;
  std::uint64_t missing_ = 0;
  bool ranked_ = false;
};

/// Writes one line: "  12 compounds, 3 mapped, 96 KiB  file.cc:34".
void describe(const SiteUse& use, FrameSize frame_size, TextWriter& out);

/// The kernel's table, which grows. One thread at a time.
class SiteTable {
 public:
  constexpr SiteTable() = default;
  /// Begins with room for that many sites; on a refusal says so.
  [[nodiscard]] bool open(std::uint32_t capacity);
  /// Gives everything back; does nothing if closed.
  void close();
  bool is_open() const { return memory_.is_open(); }

  /// Looks at all compounds in use, of the main arena and of hot-added memory. False: the table had
  /// to grow and was refused; it holds the sites that found room.
  [[nodiscard]] bool collect();
  /// Adds what a user counted itself, until the next collect(). Grows as needed; false: refused.
  [[nodiscard]] bool add(const SiteUse& use);

  const SiteUses& uses() const { return uses_; }
  const UserMemory& memory() const { return memory_; }
  /// How often it grew since open().
  std::uint32_t growths() const { return growths_; }
  /// One line per site, the largest first. Ends the adding until the next collect().
  void print();

 private:
  void visit();
  bool grow(std::uint64_t capacity);

  UserMemory memory_;
  SiteUses uses_;
  std::uint32_t growths_ = 0;
};

/// The one that boot opens.
SiteTable& site_table();

}  // namespace vc::kernel
