// Anonymous mappings: mmap, munmap, mremap.
//
// Recorded is what becomes memory of the program: anonymous, accessible, not MAP_NORESERVE. A range
// reserved with PROT_NONE or MAP_NORESERVE is address space, not memory. What the malloc library
// maps for itself is already recorded as the blocks it hands out.
#include <sys/mman.h>

#include <cstdarg>

#include "tools/recorder/interpose.h"
#include "tools/recorder/raw_system.h"

namespace vc::recorder {
namespace {

constexpr std::uint64_t kPage = 4096;

std::uint64_t whole_pages(std::size_t bytes) { return (bytes + kPage - 1) & ~(kPage - 1); }

bool is_memory(std::size_t bytes, int protection, int flags) {
  return !is_small(bytes) && (flags & MAP_ANONYMOUS) != 0 && (flags & MAP_NORESERVE) == 0 &&
         protection != PROT_NONE;
}

std::uint64_t address_of(const void* pointer) { return reinterpret_cast<std::uint64_t>(pointer); }

/// A mapping at a fixed address takes the place of what was there.
void* map_over(ProcessRecorder& recorder, void* address, std::size_t bytes, int protection,
               int flags, int descriptor, long offset) {
  const SpinGuard guard(recorder.mapping_lock());
  void* const result = raw_mmap(address, bytes, protection, flags, descriptor, offset);
  if (result != MAP_FAILED) recorder.unmapped_locked(address_of(result), whole_pages(bytes));
  return result;
}

void* map_and_note(void* address, std::size_t bytes, int protection, int flags, int descriptor,
                   long offset, const void* caller) {
  ProcessRecorder* const old = ProcessRecorder::if_recording();
  void* const result = (flags & MAP_FIXED) != 0 && old != nullptr
                           ? map_over(*old, address, bytes, protection, flags, descriptor, offset)
                           : raw_mmap(address, bytes, protection, flags, descriptor, offset);
  if (!is_memory(bytes, protection, flags) || is_inside_allocator(caller)) return result;
  const int saved_errno = errno;
  if (ProcessRecorder* const recorder = ProcessRecorder::get()) {
    if (result != MAP_FAILED) {
      recorder->mapped(result, whole_pages(bytes));
    } else {
      recorder->failed(bytes);
    }
  }
  errno = saved_errno;
  return result;
}

void* raw_mremap(void* old, std::size_t old_bytes, std::size_t bytes, int flags, void* fixed) {
  return reinterpret_cast<void*>(::syscall(SYS_mremap, old, old_bytes, bytes, flags, fixed));
}

void* remap_and_note(ProcessRecorder& recorder, void* old, std::size_t old_bytes, std::size_t bytes,
                     int flags, void* fixed) {
  const SpinGuard guard(recorder.mapping_lock());
  void* const result = raw_mremap(old, old_bytes, bytes, flags, fixed);
  if (result == MAP_FAILED) return result;
  const bool was_recorded = recorder.unmapped_locked(address_of(old), whole_pages(old_bytes));
  if ((flags & MREMAP_FIXED) != 0) recorder.unmapped_locked(address_of(result), whole_pages(bytes));
  if (was_recorded) recorder.mapped_locked(address_of(result), whole_pages(bytes));
  return result;
}

}  // namespace
}  // namespace vc::recorder

VC_REPLACES void* mmap(void* address, std::size_t bytes, int protection, int flags, int descriptor,
                       off_t offset) noexcept {
  return vc::recorder::map_and_note(address, bytes, protection, flags, descriptor, offset,
                                    __builtin_return_address(0));
}

VC_REPLACES void* mmap64(void* address, std::size_t bytes, int protection, int flags,
                         int descriptor, off_t offset) noexcept {
  return vc::recorder::map_and_note(address, bytes, protection, flags, descriptor, offset,
                                    __builtin_return_address(0));
}

VC_REPLACES int munmap(void* address, std::size_t bytes) noexcept {
  using namespace vc::recorder;
  ProcessRecorder* const recorder = ProcessRecorder::if_recording();
  if (recorder == nullptr) return raw_munmap(address, bytes);
  const SpinGuard guard(recorder->mapping_lock());
  const int code = raw_munmap(address, bytes);
  if (code == 0) recorder->unmapped_locked(address_of(address), whole_pages(bytes));
  return code;
}

VC_REPLACES void* mremap(void* old, std::size_t old_bytes, std::size_t bytes, int flags,
                         ...) noexcept {
  using namespace vc::recorder;
  void* fixed = nullptr;
  if ((flags & MREMAP_FIXED) != 0) {
    va_list rest;
    va_start(rest, flags);
    fixed = va_arg(rest, void*);
    va_end(rest);
  }
  ProcessRecorder* const recorder = ProcessRecorder::if_recording();
  if (recorder == nullptr || old_bytes == 0) return raw_mremap(old, old_bytes, bytes, flags, fixed);
  return remap_and_note(*recorder, old, old_bytes, bytes, flags, fixed);
}
