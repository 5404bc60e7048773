// The C interface: arenas and allocation. Each function checks its arguments, calls the function of
// vc::Arena of the same name, and lets no exception out. What an arena tells is in c_inspect.cc.
#include <cstring>
#include <new>

#include "vcompound/api/c_arena.h"
#include "vcompound/api/c_options.h"

using vc::Bytes;
using vc::CallSite;
using vc::Misuse;
using vc::Reason;
using vc::Request;
using vc::c::guarded;
using vc::c::set_error;

namespace {

constexpr const char* kNoArena = "the arena is NULL; was vc_arena_create() refused?";
constexpr const char* kNoArgument = "a pointer argument is NULL";

void* allocate(vc_arena* arena, const Request& request, CallSite site) {
  if (arena == nullptr) {
    set_error(Reason::invalid, kNoArena);
    return nullptr;
  }
  void* const pointer = arena->arena.try_allocate(request, site);
  if (pointer == nullptr) set_error(vc::Arena::last_error());
  return pointer;
}

void* allocate(vc_arena* arena, const vc_request* c, CallSite site) {
  if (c == nullptr) {
    set_error(Reason::invalid, kNoArgument);
    return nullptr;
  }
  const auto request = vc::c::request_from(*c);
  if (request) return allocate(arena, *request, site);
  set_error(Reason::invalid, request.error().what);
  return nullptr;
}

/// A request that has nothing but a size: served by the thread's cache, if it can be.
void* allocate(vc_arena* arena, Bytes size, CallSite site) {
  if (arena == nullptr) {
    set_error(Reason::invalid, kNoArena);
    return nullptr;
  }
  void* const pointer = arena->arena.try_allocate(size, site);
  if (pointer == nullptr) [[unlikely]]
    set_error(vc::Arena::last_error());
  return pointer;
}

Request zeroed(size_t size) { return {.size = Bytes(size), .zero = vc::Zero::yes}; }
Request aligned(size_t alignment, size_t size) {
  return {.size = Bytes(size), .alignment = Bytes(alignment)};
}

vc_misuse finish(Misuse misuse) {
  if (misuse != Misuse::none) set_error(misuse);
  return static_cast<vc_misuse>(misuse);
}

/// A scope that C begins and ends by two calls. It must not need a destructor of the thread: signal
/// handlers begin scopes too.
struct NoBlockScopes {
  unsigned depth;
  alignas(vc::NoBlock) unsigned char storage[sizeof(vc::NoBlock)];
};
thread_local NoBlockScopes no_block_scopes;

}  // namespace

namespace vc::c {

vc_arena* create(const ArenaOptions& options) {
  auto made = Arena::create(options);
  if (!made) {
    set_error(made.error());
    return nullptr;
  }
  auto* const arena = new (std::nothrow) vc_arena{std::move(*made)};
  if (arena == nullptr) set_error(Reason::backing, "no memory for the arena's own object");
  return arena;
}

}  // namespace vc::c

extern "C" {

vc_arena* vc_arena_create(const vc_arena_options* options) {
  return guarded(static_cast<vc_arena*>(nullptr), [&]() -> vc_arena* {
    if (options == nullptr) {
      set_error(Reason::invalid, kNoArgument);
      return nullptr;
    }
    const auto converted = vc::c::options_from(*options);
    if (converted) return vc::c::create(*converted);
    set_error(Reason::invalid, converted.error().what);
    return nullptr;
  });
}

vc_arena* vc_arena_create_text(const char* configuration) {
  return guarded(static_cast<vc_arena*>(nullptr), [&]() -> vc_arena* {
    const char* const text = configuration == nullptr ? "" : configuration;
    const auto options = vc::parse_configuration(text, vc::ArenaOptions{});
    if (options) return vc::c::create(*options);
    set_error(Reason::invalid, options.error().message.c_str());
    return nullptr;
  });
}

void vc_arena_destroy(vc_arena* arena) { delete arena; }

void* vc_allocate_at(vc_arena* arena, size_t size, const char* file, unsigned line) {
  return allocate(arena, Bytes(size), CallSite{file, line});
}
void* vc_allocate_zeroed_at(vc_arena* arena, size_t size, const char* file, unsigned line) {
  return allocate(arena, zeroed(size), CallSite{file, line});
}
void* vc_allocate_aligned_at(vc_arena* arena, size_t alignment, size_t size, const char* file,
                             unsigned line) {
  return allocate(arena, aligned(alignment, size), CallSite{file, line});
}
void* vc_allocate_request_at(vc_arena* arena, const vc_request* request, const char* file,
                             unsigned line) {
  return allocate(arena, request, CallSite{file, line});
}

void*(vc_allocate)(vc_arena* arena, size_t size) {
  return allocate(arena, Bytes(size), CallSite::at(__builtin_return_address(0)));
}
void*(vc_allocate_zeroed)(vc_arena* arena, size_t size) {
  return allocate(arena, zeroed(size), CallSite::at(__builtin_return_address(0)));
}
void*(vc_allocate_aligned)(vc_arena* arena, size_t alignment, size_t size) {
  return allocate(arena, aligned(alignment, size), CallSite::at(__builtin_return_address(0)));
}
void*(vc_allocate_request)(vc_arena* arena, const vc_request* request) {
  return allocate(arena, request, CallSite::at(__builtin_return_address(0)));
}

vc_reason vc_can_allocate(vc_arena* arena, const vc_request* c) {
  if (arena == nullptr || c == nullptr) {
    set_error(Reason::invalid, arena == nullptr ? kNoArena : kNoArgument);
    return VC_REASON_INVALID;
  }
  const auto request = vc::c::request_from(*c);
  if (!request) {
    set_error(Reason::invalid, request.error().what);
    return VC_REASON_INVALID;
  }
  const vc::Error error = arena->arena.can_allocate(*request);
  if (error.reason != Reason::none) set_error(error);
  return static_cast<vc_reason>(error.reason);
}

vc_misuse vc_free(vc_arena* arena, void* pointer) {
  if (pointer == nullptr) return VC_MISUSE_NONE;
  return finish(arena == nullptr ? Misuse::foreign : arena->arena.free(pointer));
}

vc_misuse vc_get(vc_arena* arena, void* pointer) {
  return finish(arena == nullptr ? Misuse::foreign : arena->arena.get(pointer));
}

vc_misuse vc_put(vc_arena* arena, void* pointer) {
  return finish(arena == nullptr ? Misuse::foreign : arena->arena.put(pointer));
}

void vc_no_block_begin(void) {
  if (no_block_scopes.depth++ == 0) ::new (no_block_scopes.storage) vc::NoBlock;
}

void vc_no_block_end(void) {
  if (no_block_scopes.depth == 0 || --no_block_scopes.depth != 0) return;
  std::launder(reinterpret_cast<vc::NoBlock*>(no_block_scopes.storage))->~NoBlock();
}

}  // extern "C"
