// mimalloc in a fixed budget: an exclusive arena over one buffer, and a heap of each thread that
// may use that arena only. mimalloc's arenas consist of whole 32 MiB, aligned alike. Every block is
// checked to lie in the buffer. (The option limit_os_alloc is no way: it refuses the few KiB that
// describe a heap as well, for which an exclusive arena does not serve.)
#include <cstdlib>

#include "bench/compare/peers/budget.h"

namespace vc::compare {

namespace {

constexpr const char* kName = "mimalloc_budget";
constexpr std::size_t kUnit = std::size_t{32} << 20;

struct Functions {
  bool (*manage)(void*, std::size_t, bool committed, bool large, bool zero, int node,
                 bool exclusive, int* arena);
  void* (*new_heap)(int arena);
  void* (*allocate)(void* heap, std::size_t);
  void (*collect)(void* heap, bool force);
  void (*free)(void*);
  int (*version)();
};

Functions mimalloc{};
Buffer buffer{};
int arena = 0;
thread_local void* heap = nullptr;

/// What freed pages and segments a heap keeps for later goes back before a refusal counts.
void* allocate(std::size_t bytes) {
  if (heap == nullptr) heap = mimalloc.new_heap(arena);
  if (heap == nullptr) return nullptr;
  void* block = mimalloc.allocate(heap, bytes);
  if (block == nullptr) {
    mimalloc.collect(heap, true);
    block = mimalloc.allocate(heap, bytes);
  }
  return inside(buffer, kName, block, bytes);
}

std::string version() {
  const int number = mimalloc.version();
  return std::to_string(number / 100) + "." + std::to_string(number / 10 % 10) + "." +
         std::to_string(number % 10);
}

bool load(Library& library) {
  mimalloc.manage = library.symbol<bool(void*, std::size_t, bool, bool, bool, int, bool, int*)>(
      "mi_manage_os_memory_ex");
  mimalloc.new_heap = library.symbol<void*(int)>("mi_heap_new_in_arena");
  mimalloc.allocate = library.symbol<void*(void*, std::size_t)>("mi_heap_malloc");
  mimalloc.collect = library.symbol<void(void*, bool)>("mi_heap_collect");
  mimalloc.free = library.symbol<void(void*)>("mi_free");
  mimalloc.version = library.symbol<int()>("mi_version");
  return library.complete();
}

Opened open_mimalloc(const Setting& setting) {
  // Options by their names in the environment; their numbers differ between versions.
  setenv("MIMALLOC_ALLOW_DECOMMIT", "0", 1);
  setenv("MIMALLOC_SHOW_ERRORS", "0", 1);
  Library library("libmimalloc.so.2");
  if (!load(library)) return library.reason();
  const std::size_t size = budget_of(setting) / kUnit * kUnit;
  if (size == 0) return "its arenas have at least 32 MiB";
  buffer = map_buffer(size, kUnit, setting.huge_pages);
  if (buffer.data == nullptr) return "the system refused a buffer of that size";
  if (!mimalloc.manage(buffer.data, size, true, false, true, -1, true, &arena)) {
    return "mi_manage_os_memory_ex refused the buffer";
  }
  Peer peer{.name = kName, .version = version(), .allocate = allocate, .free = mimalloc.free};
  peer.usable = usable_by_trial(peer, setting);
  peer.remark = "an exclusive arena over one buffer; collects before it refuses";
  return peer;
}

const PeerRegistration registration{kName, {.open = open_mimalloc}};

}  // namespace

}  // namespace vc::compare
