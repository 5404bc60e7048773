// The functions that the recorder stands in front of, found with dlsym(RTLD_NEXT).
//
// dlsym may itself allocate (to keep an error message). While it runs on a thread, that thread's
// allocations come from a small static buffer, whose blocks are never given back.
#pragma once

#include <atomic>
#include <cstddef>

namespace vc::recorder {

/// Where an allocation function may be; null if the program has none of that name.
struct NextFunctions {
  void* (*malloc)(std::size_t);
  void (*free)(void*);
  void* (*calloc)(std::size_t, std::size_t);
  void* (*realloc)(void*, std::size_t);
  void* (*memalign)(std::size_t, std::size_t);
  int (*posix_memalign)(void**, std::size_t, std::size_t);
  void* (*aligned_alloc)(std::size_t, std::size_t);
  void* (*valloc)(std::size_t);
  void* (*pvalloc)(std::size_t);
};

extern constinit NextFunctions g_next;
extern constinit std::atomic<bool> g_next_found;
const NextFunctions* search_next_functions();

/// The functions; found on the first call. Null only for calls that the search itself makes, which
/// must use bootstrap_allocate(). Thread-safe.
inline const NextFunctions* next_functions() {
  return g_next_found.load(std::memory_order_acquire) ? &g_next : search_next_functions();
}

/// Zeroed memory from the static buffer, aligned to 16. Null when the buffer is used up.
void* bootstrap_allocate(std::size_t bytes);
/// True for memory of bootstrap_allocate().
bool is_bootstrap(const void* pointer);
/// How many bytes of the static buffer follow `pointer`.
std::size_t bootstrap_bytes_after(const void* pointer);

/// Finds `symbol` behind the recorder, also in a C++ library that was loaded with dlopen().
void* find_next(const char* symbol);

/// True if `code` belongs to the library that has the next malloc: what an allocator maps for
/// itself is not the program's.
bool is_inside_allocator(const void* code);

}  // namespace vc::recorder
