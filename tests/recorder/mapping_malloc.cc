// A malloc library for the recorder tests that maps each block with plain mmap(), so that a
// recorder which mistook a library's own mappings for the program's would count all blocks twice.
#include <errno.h>
#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#define VC_EXPORT extern "C" __attribute__((visibility("default")))

namespace {

constexpr std::size_t kPage = 4096;

/// One page in front of the block holds where the mapping starts and how long it is.
struct Front {
  void* start;
  std::size_t mapped;
  std::size_t usable;
};

Front* front_of(void* block) {
  return reinterpret_cast<Front*>(static_cast<char*>(block) - sizeof(Front));
}

void* get(std::size_t alignment, std::size_t bytes) {
  if (bytes > PTRDIFF_MAX / 4) {
    errno = ENOMEM;
    return nullptr;
  }
  const std::size_t lead = alignment > kPage ? alignment : kPage;
  const std::size_t mapped = (bytes + lead + kPage - 1) / kPage * kPage;
  void* const start =
      ::mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED) return nullptr;
  const auto address = reinterpret_cast<std::uintptr_t>(start);
  const std::uintptr_t block = (address + lead) / lead * lead;
  void* const result = static_cast<char*>(start) + (block - address);
  *front_of(result) = {start, mapped, mapped - (block - address)};
  return result;
}

}  // namespace

VC_EXPORT void* malloc(std::size_t bytes) noexcept { return get(16, bytes); }

VC_EXPORT void free(void* block) noexcept {
  if (block == nullptr) return;
  const Front front = *front_of(block);
  ::munmap(front.start, front.mapped);
}

VC_EXPORT void* calloc(std::size_t count, std::size_t each) noexcept {
  std::size_t bytes = 0;
  return __builtin_mul_overflow(count, each, &bytes) ? nullptr : get(16, bytes);
}

VC_EXPORT void* realloc(void* old, std::size_t bytes) noexcept {
  void* const fresh = get(16, bytes);
  if (old == nullptr || fresh == nullptr) return fresh;
  const std::size_t usable = front_of(old)->usable;
  std::memcpy(fresh, old, usable < bytes ? usable : bytes);
  free(old);
  return fresh;
}

VC_EXPORT void* memalign(std::size_t alignment, std::size_t bytes) noexcept {
  return get(alignment, bytes);
}

VC_EXPORT void* aligned_alloc(std::size_t alignment, std::size_t bytes) noexcept {
  return get(alignment, bytes);
}

VC_EXPORT int posix_memalign(void** result, std::size_t alignment, std::size_t bytes) noexcept {
  *result = get(alignment, bytes);
  return *result == nullptr ? ENOMEM : 0;
}
