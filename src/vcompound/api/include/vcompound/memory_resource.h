// vcompound for the standard library: a std::pmr::memory_resource and a standard allocator.
//
//     vc::MemoryResource pages(*arena);
//     std::pmr::unsynchronized_pool_resource pool(&pages);     // small objects share frames
//     std::pmr::vector<int> numbers(&pool);
//
//     std::vector<float, vc::Allocator<float>> samples(vc::Allocator<float>(*arena));
//
// Both hand out whole frames: an allocation of one byte takes a frame (4 KiB). That is right for
// large vectors and as the upstream of a pool; it is wrong for single small objects. This is the
// only place where vcompound throws: std::bad_alloc, with the reason in Arena::last_error() of the
// thread.
#pragma once

#include <cstddef>
#include <limits>
#include <memory_resource>
#include <new>

#include "vcompound/arena.h"

namespace vc {

/// A memory resource over an arena, which must outlive it and not move. Thread-safe.
class VC_API MemoryResource : public std::pmr::memory_resource {
 public:
  /// `wish` says contiguity, placement and zeroing of all requests; its size and alignment do not
  /// count. Allocations are attributed to the line that makes the resource.
  explicit MemoryResource(Arena& arena, const Request& wish = {}, CallSite site = CallSite::here())
      : arena_(&arena), wish_(wish), site_(site) {}

  Arena& arena() const { return *arena_; }

 private:
  void* do_allocate(std::size_t size, std::size_t alignment) override {
    Request request = wish_;
    request.size = Bytes(size == 0 ? 1 : size);
    request.alignment = Bytes(alignment);
    void* const pointer = arena_->try_allocate(request, site_);
    if (pointer == nullptr) throw std::bad_alloc();
    return pointer;
  }
  void do_deallocate(void* pointer, std::size_t, std::size_t) override { arena_->free(pointer); }
  /// Two resources are equal when what one allocates the other may free.
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
    const auto* same = dynamic_cast<const MemoryResource*>(&other);
    return same != nullptr && same->arena_ == arena_;
  }

  Arena* arena_;
  Request wish_;
  CallSite site_;
};

/// A standard allocator over an arena, which must outlive the containers and not move. Containers
/// take it along when they are copied, moved or swapped.
template <class T>
class Allocator {
 public:
  using value_type = T;
  using propagate_on_container_copy_assignment = std::true_type;
  using propagate_on_container_move_assignment = std::true_type;
  using propagate_on_container_swap = std::true_type;

  /// Allocations are attributed to the line that makes the allocator.
  explicit Allocator(Arena& arena, CallSite site = CallSite::here())
      : arena_(&arena), site_(site) {}
  template <class U>
  Allocator(const Allocator<U>& other)  // NOLINT(google-explicit-constructor): containers rebind
      : arena_(&other.arena()), site_(other.site()) {}

  /// Throws std::bad_array_new_length if n objects have no size, std::bad_alloc if refused.
  T* allocate(std::size_t n) {
    if (n > std::numeric_limits<std::size_t>::max() / sizeof(T)) throw std::bad_array_new_length();
    const std::size_t size = n == 0 ? 1 : n * sizeof(T);
    const Request request{.size = Bytes(size), .alignment = Bytes(alignof(T))};
    void* const pointer = arena_->try_allocate(request, site_);
    if (pointer == nullptr) throw std::bad_alloc();
    return static_cast<T*>(pointer);
  }
  void deallocate(T* pointer, std::size_t) { arena_->free(pointer); }

  Arena& arena() const { return *arena_; }
  CallSite site() const { return site_; }

  template <class U>
  bool operator==(const Allocator<U>& other) const {
    return arena_ == &other.arena();
  }

 private:
  Arena* arena_;
  CallSite site_;
};

}  // namespace vc
