// Call sites: who allocates, how often, and with what success.
//
//      CallSite {file, line}  --key-->  index  ---->  number  ---->  | key | site | counters |
//      CallSite {0, address}            (a hash table of numbers, open addressing, never shrinks)
//
// A site is registered at its first allocation and keeps its number for the life of the arena; the
// number stands in the descriptor of every compound it owns. When the table is full, further sites
// share number 0, "unknown", so nothing is refused for want of bookkeeping.
//
// Reading is lock-free: an entry is complete before its number is published in the index.
// Registration takes the caller's lock.
#pragma once

#include <cstdint>

#include "vcompound/base/atomic.h"
#include "vcompound/frame/frame.h"

namespace vc {

/// A place in the caller's code: a source line, or a code address where there is no source.
struct CallSite {
  const char* file = nullptr;  ///< a string literal, or nullptr
  std::uint64_t where = 0;     ///< a line number, or a code address when `file` is nullptr

  /// The line that calls the function which has this as a default argument.
  static constexpr CallSite here(const char* file = __builtin_FILE(),
                                 std::uint32_t line = __builtin_LINE()) {
    return {file, line};
  }
  /// A code address, as __builtin_return_address gives it.
  static CallSite at(const void* address) {
    return {nullptr, reinterpret_cast<std::uintptr_t>(address)};
  }
  bool operator==(const CallSite&) const = default;

  /// One number that no other site has, or 0 if there is none (`CallSite{}`, and lines from 131,072
  /// on): a look at it is one compare. An address has 47 bits below its sign, so a line stands
  /// above, and line 0, which no file has, is left for code addresses.
  std::uint64_t mark() const {
    if (file == nullptr) return where;
    if (where >> 17 != 0) return 0;
    return reinterpret_cast<std::uintptr_t>(file) ^ where << 47;
  }
  /// A well-mixed number that is never 0; the same site has the same key.
  std::uint64_t key() const {
    const std::uint64_t both = reinterpret_cast<std::uintptr_t>(file) ^ where ^ where << 48;
    return both * 0x9e37'79b9'7f4a'7c15ULL | 1;
  }
};

/// What a call site has done. `contiguous + mapped` allocations succeeded.
struct SiteCounters {
  Atomic<std::uint64_t> contiguous;
  Atomic<std::uint64_t> mapped;
  Atomic<std::uint64_t> refused;
  Atomic<std::uint64_t> forced;  ///< mapped because forced fallback said so
};

/// The table of call sites.
class CallSites {
 public:
  static constexpr std::uint32_t kCapacity = 1024;

  struct Entry {
    Atomic<std::uint64_t> key;
    CallSite site;
    SiteCounters counters;
    Atomic<std::uint32_t> forced;  ///< always map what this site asks for
  };

  /// Zeroed memory for a table.
  struct Memory {
    Entry entries[kCapacity];
    Atomic<SiteId> index[2 * kCapacity];
  };

  /// Must come before anything else. `memory` is zeroed and outlives the table.
  void open(Memory* memory) { memory_ = memory; }

  /// The number of a registered site, or 0.
  SiteId find(CallSite site) const;
  /// The number of a site, which is registered if it is new; 0 if the table is full. Not
  /// thread-safe against itself.
  SiteId add(CallSite site);
  /// The entry with that number; 0 is the entry of all unknown sites.
  Entry& operator[](SiteId id) const { return memory_->entries[id]; }
  /// One more than the largest number in use.
  std::uint32_t size() const { return size_.load_acquire(); }

 private:
  std::uint32_t place_of(CallSite site) const;

  Memory* memory_ = nullptr;
  Atomic<std::uint32_t> size_{1};
};

}  // namespace vc
