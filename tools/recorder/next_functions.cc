// Symbol search, the bootstrap buffer, and the address range of a foreign allocator.
#include "tools/recorder/next_functions.h"

#include <dlfcn.h>
#include <link.h>

#include <atomic>
#include <cstdint>

namespace vc::recorder {

constinit NextFunctions g_next{};
constinit std::atomic<bool> g_next_found{false};

namespace {

constexpr std::size_t kBootstrapBytes = 64 * 1024;
constexpr std::size_t kAlignment = 16;

alignas(kAlignment) char g_bootstrap[kBootstrapBytes];
std::atomic<std::size_t> g_bootstrap_used{0};

thread_local constinit bool t_searching = false;

struct CodeRange {
  std::uint64_t begin;
  std::uint64_t end;
};
CodeRange g_allocator;
std::atomic<bool> g_allocator_found{false};

template <class Function>
void find(Function& function, const char* symbol) {
  function = reinterpret_cast<Function>(::dlsym(RTLD_NEXT, symbol));
}

void find_all(NextFunctions& next) {
  find(next.malloc, "malloc");
  find(next.free, "free");
  find(next.calloc, "calloc");
  find(next.realloc, "realloc");
  find(next.memalign, "memalign");
  find(next.posix_memalign, "posix_memalign");
  find(next.aligned_alloc, "aligned_alloc");
  find(next.valloc, "valloc");
  find(next.pvalloc, "pvalloc");
}

/// Sets the range at `data` to the library that contains the address at its begin.
int match_library(dl_phdr_info* info, std::size_t, void* data) {
  auto* const range = static_cast<CodeRange*>(data);
  std::uint64_t low = UINT64_MAX;
  std::uint64_t high = 0;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& header = info->dlpi_phdr[i];
    if (header.p_type != PT_LOAD) continue;
    const std::uint64_t begin = info->dlpi_addr + header.p_vaddr;
    low = begin < low ? begin : low;
    high = begin + header.p_memsz > high ? begin + header.p_memsz : high;
  }
  if (range->begin < low || range->begin >= high) return 0;
  *range = {low, high};
  return 1;
}

}  // namespace

const NextFunctions* search_next_functions() {
  if (t_searching) return nullptr;
  t_searching = true;
  NextFunctions next{};
  find_all(next);
  t_searching = false;
  g_next = next;  // threads that search at the same time write the same values
  g_next_found.store(true, std::memory_order_release);
  return &g_next;
}

void* bootstrap_allocate(std::size_t bytes) {
  if (bytes > kBootstrapBytes) return nullptr;
  const std::size_t rounded = (bytes + kAlignment - 1) & ~(kAlignment - 1);
  const std::size_t offset = g_bootstrap_used.fetch_add(rounded, std::memory_order_relaxed);
  return offset + rounded <= kBootstrapBytes ? g_bootstrap + offset : nullptr;
}

bool is_bootstrap(const void* pointer) {
  const auto address = reinterpret_cast<std::uintptr_t>(pointer);
  const auto begin = reinterpret_cast<std::uintptr_t>(g_bootstrap);
  return address - begin < kBootstrapBytes;
}

std::size_t bootstrap_bytes_after(const void* pointer) {
  return reinterpret_cast<std::uintptr_t>(g_bootstrap) + kBootstrapBytes -
         reinterpret_cast<std::uintptr_t>(pointer);
}

void* find_next(const char* symbol) {
  if (void* const found = ::dlsym(RTLD_NEXT, symbol)) return found;
  for (const char* const library : {"libstdc++.so.6", "libc++.so.1"}) {
    void* const handle = ::dlopen(library, RTLD_LAZY | RTLD_NOLOAD);
    if (handle == nullptr) continue;
    if (void* const found = ::dlsym(handle, symbol)) return found;
  }
  return nullptr;
}

bool is_inside_allocator(const void* code) {
  if (!g_allocator_found.load(std::memory_order_acquire)) {
    const NextFunctions* const next = next_functions();
    if (next == nullptr) return false;
    CodeRange range{reinterpret_cast<std::uint64_t>(next->malloc), 0};
    if (::dl_iterate_phdr(match_library, &range) == 0) range = {0, 0};
    g_allocator = range;
    g_allocator_found.store(true, std::memory_order_release);
  }
  const auto address = reinterpret_cast<std::uint64_t>(code);
  return address >= g_allocator.begin && address < g_allocator.end;
}

}  // namespace vc::recorder
