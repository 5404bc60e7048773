// The malloc family of C. The extra functions of jemalloc (mallocx, …) are not replaced: programs
// find out by such symbols which allocator they have.

#include "tools/recorder/interpose.h"

#include <cstdlib>
#include <cstring>

namespace vc::recorder {
namespace {

/// realloc() of a block that the bootstrap buffer gave: its length is not known, so all that can
/// be its content is copied.
void* move_out_of_bootstrap(void* old, std::size_t bytes) {
  void* const fresh = ::malloc(bytes);
  if (fresh == nullptr) return nullptr;
  const std::size_t readable = bootstrap_bytes_after(old);
  ::memcpy(fresh, old, readable < bytes ? readable : bytes);
  return fresh;
}

}  // namespace
}  // namespace vc::recorder

using vc::recorder::allocate_and_note;
using vc::recorder::next_functions;
using vc::recorder::note_and_free;
using vc::recorder::reallocate_and_note;

VC_REPLACES void* malloc(std::size_t bytes) noexcept {
  const auto* const next = next_functions();
  if (next == nullptr) return vc::recorder::bootstrap_allocate(bytes);
  return allocate_and_note(bytes, [=] { return next->malloc(bytes); });
}

VC_REPLACES void free(void* pointer) noexcept {
  const auto* const next = next_functions();
  if (next == nullptr) return;
  note_and_free(pointer, [=] { next->free(pointer); });
}

VC_REPLACES void* calloc(std::size_t count, std::size_t each) noexcept {
  std::size_t bytes = 0;
  if (__builtin_mul_overflow(count, each, &bytes)) bytes = SIZE_MAX;
  const auto* const next = next_functions();
  if (next == nullptr) return vc::recorder::bootstrap_allocate(bytes);
  return allocate_and_note(bytes, [=] { return next->calloc(count, each); });
}

VC_REPLACES void* realloc(void* old, std::size_t bytes) noexcept {
  if (old == nullptr) return malloc(bytes);
  const auto* const next = next_functions();
  if (next == nullptr || vc::recorder::is_bootstrap(old)) {
    return vc::recorder::move_out_of_bootstrap(old, bytes);
  }
  return reallocate_and_note(old, bytes, [=] { return next->realloc(old, bytes); });
}

VC_REPLACES void* reallocarray(void* old, std::size_t count, std::size_t each) noexcept {
  std::size_t bytes = 0;
  if (__builtin_mul_overflow(count, each, &bytes)) {
    errno = ENOMEM;
    return nullptr;
  }
  return realloc(old, bytes);
}

VC_REPLACES void* memalign(std::size_t alignment, std::size_t bytes) noexcept {
  return allocate_and_note(bytes, [=] { return next_functions()->memalign(alignment, bytes); });
}

VC_REPLACES void* aligned_alloc(std::size_t alignment, std::size_t bytes) noexcept {
  return allocate_and_note(bytes,
                           [=] { return next_functions()->aligned_alloc(alignment, bytes); });
}

VC_REPLACES int posix_memalign(void** result, std::size_t alignment, std::size_t bytes) noexcept {
  int code = 0;
  allocate_and_note(bytes, [&]() -> void* {
    code = next_functions()->posix_memalign(result, alignment, bytes);
    return code == 0 ? *result : nullptr;
  });
  return code;
}

VC_REPLACES void* valloc(std::size_t bytes) noexcept {
  return allocate_and_note(bytes, [=] { return next_functions()->valloc(bytes); });
}

VC_REPLACES void* pvalloc(std::size_t bytes) noexcept {
  return allocate_and_note(bytes, [=] { return next_functions()->pvalloc(bytes); });
}
