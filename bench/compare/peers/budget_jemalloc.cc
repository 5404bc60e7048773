// jemalloc in a fixed budget: an arena of its own whose extents, also those of its tables, come
// from one buffer through extent hooks.
//
//   jemalloc arena  --alloc-->  free ranges of the buffer, best fit, coalesced  <--dalloc--
//
// Nothing freed stays with the arena: no thread cache, decay at once. (A page more for each block
// of 16 KiB and above, for cache colouring, is a choice of Debian's build; version 5.3.0 has no
// setting for it.) Every block is checked to lie in the buffer.
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "bench/compare/peers/budget.h"

namespace vc::compare {

namespace {

constexpr const char* kName = "jemalloc_budget";
constexpr std::size_t kAlignment = std::size_t{2} << 20;
constexpr int kNoThreadCache = 1 << 8;
constexpr int kArenaShift = 20;

/// Free ranges of the buffer, by place and by length.
class Ranges {
 public:
  void add(std::uintptr_t start, std::size_t size) {
    const auto after = by_start_.lower_bound(start);
    if (after != by_start_.end() && after->first == start + size) {
      size += after->second;
      remove(after->first);
    }
    const auto next = by_start_.lower_bound(start);
    if (next != by_start_.begin()) {
      const auto [previous, length] = *std::prev(next);
      if (previous + length == start) {
        remove(previous);
        start = previous;
        size += length;
      }
    }
    insert(start, size);
  }

  /// The shortest range that holds an aligned one of `size` bytes; 0: there is none.
  std::uintptr_t take(std::size_t size, std::size_t alignment) {
    for (auto range = by_size_.lower_bound({size, 0}); range != by_size_.end(); ++range) {
      const std::uintptr_t start = (range->second + alignment - 1) / alignment * alignment;
      if (start + size > range->second + range->first) continue;
      take_from(range->second, start, size);
      return start;
    }
    return 0;
  }

  /// Exactly that range; false: not all of it is free.
  bool take_at(std::uintptr_t start, std::size_t size) {
    const auto after = by_start_.upper_bound(start);
    if (after == by_start_.begin()) return false;
    const auto [first, length] = *std::prev(after);
    if (start + size > first + length) return false;
    take_from(first, start, size);
    return true;
  }

 private:
  void insert(std::uintptr_t start, std::size_t size) {
    by_start_.emplace(start, size);
    by_size_.emplace(size, start);
  }
  void remove(std::uintptr_t start) {
    const auto range = by_start_.find(start);
    by_size_.erase({range->second, start});
    by_start_.erase(range);
  }
  void take_from(std::uintptr_t first, std::uintptr_t start, std::size_t size) {
    const std::uintptr_t end = first + by_start_.find(first)->second;
    remove(first);
    if (start != first) insert(first, start - first);
    if (start + size != end) insert(start + size, end - start - size);
  }

  std::map<std::uintptr_t, std::size_t> by_start_;
  std::set<std::pair<std::size_t, std::uintptr_t>> by_size_;
};

/// jemalloc's table of hooks: nine pointers; those it may do without are not offered.
struct Hooks {
  void* (*alloc)(Hooks*, void* at, std::size_t size, std::size_t alignment, bool* zero,
                 bool* commit, unsigned arena);
  bool (*dalloc)(Hooks*, void* start, std::size_t size, bool committed, unsigned arena);
  void (*destroy)(Hooks*, void* start, std::size_t size, bool committed, unsigned arena);
  void* commit;
  void* decommit;
  void* purge_lazy;
  void* purge_forced;
  bool (*split)(Hooks*, void*, std::size_t, std::size_t, std::size_t, bool, unsigned);
  bool (*merge)(Hooks*, void*, std::size_t, void*, std::size_t, bool, unsigned);
};

struct Functions {
  int (*control)(const char*, void*, std::size_t*, void*, std::size_t);
  void* (*allocate)(std::size_t, int flags);
  void (*free)(void*, int flags);
};

Functions jemalloc{};
Buffer buffer{};
int flags = 0;
std::mutex mutex;  // guards ranges
Ranges ranges;

void* hook_alloc(Hooks*, void* at, std::size_t size, std::size_t alignment, bool* zero,
                 bool* commit, unsigned) {
  const std::lock_guard guard(mutex);
  auto start = reinterpret_cast<std::uintptr_t>(at);
  if (start == 0) {
    start = ranges.take(size, alignment);
  } else if (!ranges.take_at(start, size)) {
    start = 0;
  }
  if (start == 0) return nullptr;
  void* extent = reinterpret_cast<void*>(start);
  if (*zero) std::memset(extent, 0, size);
  *commit = true;
  return extent;
}

/// The hooks return true for "refused".
bool hook_dalloc(Hooks*, void* start, std::size_t size, bool, unsigned) {
  const std::lock_guard guard(mutex);
  ranges.add(reinterpret_cast<std::uintptr_t>(start), size);
  return false;
}

void hook_destroy(Hooks* hooks, void* start, std::size_t size, bool committed, unsigned arena) {
  hook_dalloc(hooks, start, size, committed, arena);
}

bool hook_split(Hooks*, void*, std::size_t, std::size_t, std::size_t, bool, unsigned) {
  return false;
}

bool hook_merge(Hooks*, void*, std::size_t, void*, std::size_t, bool, unsigned) { return false; }

Hooks hooks{.alloc = hook_alloc,
            .dalloc = hook_dalloc,
            .destroy = hook_destroy,
            .commit = nullptr,
            .decommit = nullptr,
            .purge_lazy = nullptr,
            .purge_forced = nullptr,
            .split = hook_split,
            .merge = hook_merge};

void* allocate(std::size_t bytes) {
  return inside(buffer, kName, jemalloc.allocate(bytes, flags), bytes);
}

void free_block(void* block) {
  if (block != nullptr) jemalloc.free(block, flags);
}

std::string version() {
  const char* text = "";
  std::size_t length = sizeof(text);
  jemalloc.control("version", &text, &length, nullptr, 0);
  return text;
}

/// Makes the arena; false: mallctl refused.
bool make_arena() {
  unsigned arena = 0;
  std::size_t length = sizeof(arena);
  Hooks* mine = &hooks;
  if (jemalloc.control("arenas.create", &arena, &length, &mine, sizeof(mine)) != 0) return false;
  flags = static_cast<int>(arena + 1) << kArenaShift | kNoThreadCache;
  return true;
}

Opened open_jemalloc(const Setting& setting) {
  setenv("MALLOC_CONF", "dirty_decay_ms:0,muzzy_decay_ms:0,retain:false", 1);
  Library library("libjemalloc.so.2");
  jemalloc.control =
      library.symbol<int(const char*, void*, std::size_t*, void*, std::size_t)>("mallctl");
  jemalloc.allocate = library.symbol<void*(std::size_t, int)>("mallocx");
  jemalloc.free = library.symbol<void(void*, int)>("dallocx");
  if (!library.complete()) return library.reason();
  buffer = map_buffer(budget_of(setting), kAlignment, setting.huge_pages);
  if (buffer.data == nullptr) return "the system refused a buffer of that size";
  ranges.add(reinterpret_cast<std::uintptr_t>(buffer.data), buffer.size);
  if (!make_arena()) return "mallctl refused an arena with extent hooks";
  Peer peer{.name = kName, .version = version(), .allocate = allocate, .free = free_block};
  peer.usable = usable_by_trial(peer, setting);
  peer.remark = "extents and tables from one buffer by hooks; no thread cache, decay at once";
  return peer;
}

const PeerRegistration registration{kName, {.open = open_jemalloc}};

}  // namespace

}  // namespace vc::compare
