// The C interface: compound functions, housekeeping, test settings, inspection.
#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

#include "vcompound/api/c_arena.h"
#include "vcompound/api/c_options.h"

using vc::Arena;
using vc::Reason;
using vc::c::guarded;
using vc::c::set_error;

namespace {

/// The arena, or nullptr with the thread's error set.
const Arena* known(const vc_arena* arena) {
  if (arena != nullptr) return &arena->arena;
  set_error(Reason::invalid, "the arena is NULL; was vc_arena_create() refused?");
  return nullptr;
}
Arena* known(vc_arena* arena) {
  return known(static_cast<const vc_arena*>(arena)) == nullptr ? nullptr : &arena->arena;
}

vc_frame to_c(vc::Pfn frame) { return frame == vc::kNoPfn ? VC_NO_FRAME : frame.value; }

/// As snprintf does it.
size_t copy_text(std::string_view text, char* buffer, size_t capacity) {
  if (capacity != 0 && buffer != nullptr) {
    const size_t length = std::min(text.size(), capacity - 1);
    std::memcpy(buffer, text.data(), length);
    buffer[length] = '\0';
  }
  return text.size();
}

/// Text made by f(), copied to the caller.
template <class F>
size_t text_of(const vc_arena* arena, char* buffer, size_t capacity, F&& f) {
  const Arena* a = known(arena);
  if (a == nullptr) return static_cast<size_t>(-1);
  return guarded(static_cast<size_t>(-1),
                 [&] { return copy_text(std::string(f(*a)), buffer, capacity); });
}

vc_stats to_c(const vc::Stats& s, vc::FrameSize frame_size) {
  const auto bytes = [&](vc::PageCount pages) {
    return frame_size.bytes(pages).value;
  };
  vc_stats c{};
  c.total = bytes(s.total_pages);
  c.free = bytes(s.free_pages);
  c.cached = bytes(s.cached_pages);
  c.pending = bytes(s.pending_pages);
  c.deferred = bytes(s.deferred_pages);
  c.committed = bytes(s.committed_pages);
  c.contiguous_allocations = s.contiguous_allocations;
  c.mapped_allocations = s.mapped_allocations;
  c.cache_hits = s.cache_hits;
  c.forced_fallbacks = s.forced_fallbacks;
  c.frees = s.frees;
  c.deferred_frees = s.deferred_frees;
  c.misuses = s.misuses;
  c.maps = s.maps;
  c.unmaps = s.unmaps;
  c.shootdowns = s.shootdowns;
  c.drains = s.drains;
  c.mappings_used = s.mappings_used;
  c.mappings_limit = s.mappings_limit;
  c.largest_run = bytes(s.largest_run);
  c.largest_gap = bytes(s.largest_gap);
  std::copy(std::begin(s.refusals), std::end(s.refusals), c.refusals);
  return c;
}

/// Calls set(trigger) if the trigger makes sense.
template <class F>
int with_trigger(vc_trigger c, F&& set) {
  const auto trigger = vc::c::trigger_from(c);
  if (!trigger) {
    set_error(Reason::invalid, trigger.error().what);
    return 0;
  }
  set(*trigger);
  return 1;
}

/// A refusal to tell something about an address; describe() would speak of an allocation.
void set_query_error(const vc::Error& error) { set_error(error.reason, error.detail); }

}  // namespace

extern "C" {

void* vc_head_of(const vc_arena* arena, const void* address) {
  const Arena* a = known(arena);
  return a == nullptr ? nullptr : a->head_of(address);
}

size_t vc_size_of(const vc_arena* arena, const void* address) {
  const Arena* a = known(arena);
  return a == nullptr ? 0 : a->size_of(address);
}

vc_kind vc_kind_of(const vc_arena* arena, const void* address) {
  const Arena* a = known(arena);
  if (a == nullptr || a->head_of(address) == nullptr) return VC_KIND_NONE;
  return a->kind_of(address) == vc::Kind::mapped ? VC_KIND_MAPPED : VC_KIND_CONTIGUOUS;
}

uint32_t vc_references(const vc_arena* arena, const void* address) {
  const Arena* a = known(arena);
  return a == nullptr ? 0 : a->references(address);
}

vc_frame vc_frame_of(const vc_arena* arena, const void* address) {
  const Arena* a = known(arena);
  return a == nullptr ? VC_NO_FRAME : to_c(a->frame_of(address));
}

vc_frame vc_nth_page(const vc_arena* arena, const void* address, size_t n) {
  const Arena* a = known(arena);
  return a == nullptr ? VC_NO_FRAME : to_c(a->nth_page(address, n));
}

void* vc_page_address(const vc_arena* arena, vc_frame frame) {
  const Arena* a = known(arena);
  return a == nullptr ? nullptr : a->page_address(vc::Pfn(frame));
}

size_t vc_extents(const vc_arena* arena, const void* address, vc_extent* extents, size_t capacity) {
  const Arena* a = known(arena);
  if (a == nullptr) return 0;
  return guarded(size_t{0}, [&] {
    const std::vector<vc::Extent> all = a->extents(address);
    const size_t count = extents == nullptr ? 0 : std::min(capacity, all.size());
    for (size_t i = 0; i < count; ++i) {
      extents[i] = {.base = all[i].direct, .length = all[i].size, .offset = all[i].offset};
    }
    return all.size();
  });
}

uint64_t vc_physical(const vc_arena* arena, const void* address) {
  const Arena* a = known(arena);
  if (a == nullptr) return VC_NO_PHYSICAL;
  const auto physical = a->physical(address);
  if (physical) return physical->value;
  set_query_error(physical.error());
  return VC_NO_PHYSICAL;
}

int vc_verify(const vc_arena* arena, const void* address, vc_verification* result) {
  const Arena* a = known(arena);
  if (a == nullptr || result == nullptr) return 0;
  return guarded(0, [&] {
    const auto verified = a->verify(address);
    if (!verified) {
      set_query_error(verified.error());
      return 0;
    }
    *result = {verified->huge.value, verified->small.value, verified->absent.value};
    return 1;
  });
}

uint64_t vc_trim(vc_arena* arena) {
  Arena* a = known(arena);
  return a == nullptr ? 0 : a->trim().value;
}

void vc_reclaim(vc_arena* arena) {
  if (Arena* a = known(arena)) a->reclaim();
}

int vc_set_always_map(vc_arena* arena, vc_trigger trigger) {
  Arena* a = known(arena);
  if (a == nullptr) return 0;
  return with_trigger(trigger, [&](vc::Trigger t) { a->set_always_map(t); });
}

vc_trigger vc_get_always_map(const vc_arena* arena) {
  const Arena* a = known(arena);
  return a == nullptr ? vc_trigger{} : vc::c::to_c(a->always_map());
}

int vc_set_injection(vc_arena* arena, vc_trigger trigger) {
  Arena* a = known(arena);
  if (a == nullptr) return 0;
  return with_trigger(trigger, [&](vc::Trigger t) { a->set_injection(t); });
}

void vc_set_site_forced(vc_arena* arena, const char* file, unsigned line, int forced) {
  if (Arena* a = known(arena)) a->set_site_forced(vc::CallSite{file, line}, forced != 0);
}

int vc_get_stats_sized(const vc_arena* arena, vc_stats* stats, size_t struct_size) {
  const Arena* a = known(arena);
  if (a == nullptr || stats == nullptr) return 0;
  const vc_stats c = to_c(a->stats(), a->frame_size());
  std::memset(stats, 0, struct_size);
  std::memcpy(stats, &c, std::min(struct_size, sizeof c));
  return 1;
}

size_t vc_stats_text(const vc_arena* arena, vc_format format, char* buffer, size_t capacity) {
  const auto which = static_cast<Arena::Format>(format);
  return text_of(arena, buffer, capacity, [&](const Arena& a) { return a.stats(which); });
}

size_t vc_listing(const vc_arena* arena, char* buffer, size_t capacity) {
  return text_of(arena, buffer, capacity, [](const Arena& a) { return a.listing(); });
}

size_t vc_configuration(const vc_arena* arena, char* buffer, size_t capacity) {
  return text_of(arena, buffer, capacity,
                 [](const Arena& a) { return vc::to_configuration(a.options()); });
}

double vc_availability(const vc_arena* arena, size_t size) {
  const Arena* a = known(arena);
  return a == nullptr ? 0 : a->availability(vc::Bytes(size));
}

size_t vc_frame_size(const vc_arena* arena) {
  const Arena* a = known(arena);
  return a == nullptr ? 0 : a->frame_size().bytes().value;
}

int vc_file_descriptor(const vc_arena* arena) {
  const Arena* a = known(arena);
  return a == nullptr ? -1 : a->file_descriptor();
}

void vc_check(const vc_arena* arena) {
  if (const Arena* a = known(arena)) a->check();
}

}  // extern "C"
