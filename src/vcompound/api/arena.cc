// Arena: life, allocation, and the switches. What an arena tells is in arena_inspect.cc.
#include "vcompound/arena.h"

#include <cstdio>
#include <memory>

#include "vcompound/api/arena_control.h"
#include "vcompound/api/configuration.h"

namespace vc {

using detail::address_of;
using detail::allocator_of;
using detail::ArenaControl;
using detail::ArenaLink;
using detail::control_of;
using detail::pointer_to;

namespace {

thread_local Error last_refusal;

Error make_error(Reason reason, Bytes requested, const char* detail) {
  Error error;
  error.reason = reason;
  error.requested = requested;
  error.detail = detail;
  return error;
}

LinuxOptions platform_options(const ArenaOptions& o) {
  LinuxOptions out;
  out.budget = o.budget;
  out.frame_size = FrameSize(floor_log2(o.frame_size.value));
  out.backing =
      o.backing == Backing::hugetlb ? LinuxOptions::Backing::hugetlb : LinuxOptions::Backing::memfd;
  out.huge = o.huge == HugePages::never ? LinuxOptions::Huge::never : LinuxOptions::Huge::collapse;
  out.overcommit = LinuxOptions::Overcommit(o.overcommit == Overcommit::yes);
  out.precommit = LinuxOptions::Precommit(o.precommit == Precommit::yes);
  out.after_fork = o.after_fork == AfterFork::exclude ? LinuxOptions::AfterFork::exclude
                                                      : LinuxOptions::AfterFork::share;
  out.nodes = o.nodes;
  out.vmap_space = o.vmap_space;
  out.mapping_limit = o.mapping_limit;
  return out;
}

}  // namespace

// ---- life ---------------------------------------------------------------------------------------

Result<Arena> Arena::create(const ArenaOptions& wanted) {
  auto effective = effective_options(wanted);
  if (!effective) {
    std::fprintf(stderr, "vcompound: %s\n", effective.error().message.c_str());
    return make_error(Reason::invalid, wanted.budget, "a wrong setting in VCOMPOUND_CONF");
  }
  const ArenaOptions& options = *effective;
  if (!is_power_of_two(options.frame_size.value)) {
    return make_error(Reason::invalid, options.budget, "a frame size that is not a power of two");
  }
  auto patterns = SitePatterns::parse(options.always_map_site);
  if (!patterns) {
    return make_error(Reason::invalid, options.budget, "a call site pattern that cannot be read");
  }
  const LinuxOptions platform = platform_options(options);
  const PageCount cache = platform.frame_size.pages_for(options.thread_cache);
  auto arena = LinuxArena::create(platform, {.slot_cache = cache, .run_choice = options.runs});
  if (!arena) return arena.error();

  CompoundAllocator<LinuxPlatform>& allocator = (*arena)->allocator;
  allocator.set_always_map(options.always_map);
  allocator.set_injection(options.inject);
  ArenaControl* control = detail::new_control();
  control->options = options;
  control->options.frame_size = allocator.frame_size().bytes();
  control->patterns = std::move(*patterns);
  allocator.set_watched(!control->patterns.empty());
  control->begin((*arena).release());
  echo_options(control->options);
  return Arena(control);
}

Arena::~Arena() {
  if (ArenaControl* control = control_of(link_))
    const std::unique_ptr<LinuxArena> last(control->end());
}

// ---- allocation ---------------------------------------------------------------------------------

namespace {

/// The core, then what an arena adds to it.
Result<Allocation> ask(ArenaLink* link, const Request& request, CallSite site) {
  auto* allocator = allocator_of(link);
  if (allocator == nullptr) {
    return make_error(Reason::policy, request.size, "the arena was destroyed or moved from");
  }
  ArenaControl* control = control_of(link);
  if (LinuxPlatform::may_block()) {  // forcing a site takes a lock
    control->patterns.apply(site, [&](CallSite s) { allocator->set_site_forced(s, true); });
  }
  auto got = allocator->allocate(request, site);
  const bool fell_back = got && got->kind == Kind::mapped &&
                         request.contiguity == Contiguity::preferred &&
                         request.placement != Placement::spread() && !allocator->is_forcing();
  if (fell_back && request.size >= control->options.warn_above) {
    detail::warn_of_fallback(*control, request.size.value, site);
  }
  return got;
}

/// A request beyond what the thread has at hand.
Result<Allocation> allocate_in(ArenaLink* link, const Request& request, CallSite site) {
  auto got = ask(link, request, site);
  if (!got) last_refusal = got.error();
  return got;
}

}  // namespace

Result<Compound> Arena::allocate(const Request& request, CallSite site) {
  auto got = allocate_in(link_, request, site);
  if (!got) return got.error();
  const std::size_t bytes = frame_size().bytes(got->pages).value;
  return Result<Compound>(std::in_place, link_, pointer_to(got->address), bytes, got->kind);
}

Result<void*> Arena::allocate_pointer(const Request& request, CallSite site) {
  auto got = allocate_in(link_, request, site);
  if (!got) return got.error();
  return pointer_to(got->address);
}

Arena::Served Arena::allocate_beyond_cache(Bytes size, CallSite site) noexcept {
  const auto got = allocate_in(link_, Request{.size = size}, site);
  return got ? Served{pointer_to(got->address), got->kind} : Served{};
}

void* Arena::try_allocate_beyond_cache(Bytes size, CallSite site) noexcept {
  return try_allocate(Request{.size = size}, site);
}

void* Arena::try_allocate(const Request& request, CallSite site) noexcept {
  const auto got = allocate_in(link_, request, site);
  return got ? pointer_to(got->address) : nullptr;
}

const Error& Arena::last_error() noexcept { return last_refusal; }

Error Arena::can_allocate(const Request& request) {
  auto* allocator = allocator_of(link_);
  if (allocator == nullptr) {
    return make_error(Reason::policy, request.size, "the arena was destroyed or moved from");
  }
  return allocator->can_allocate(request);
}

Misuse Arena::free_beyond_cache(void* pointer) {
  auto* allocator = allocator_of(link_);
  if (pointer == nullptr) return Misuse::none;
  if (allocator == nullptr) return Misuse::closed;
  const Misuse misuse = allocator->free(address_of(pointer));
  return misuse == Misuse::none ? misuse
                                : detail::handle_misuse(*control_of(link_), misuse, pointer);
}

Misuse Arena::get(void* pointer) {
  auto* allocator = allocator_of(link_);
  if (allocator == nullptr) return Misuse::closed;
  const Misuse misuse = allocator->get(address_of(pointer));
  return misuse == Misuse::none ? misuse
                                : detail::handle_misuse(*control_of(link_), misuse, pointer);
}

Misuse Arena::put(void* pointer) {
  auto* allocator = allocator_of(link_);
  if (allocator == nullptr) return Misuse::closed;
  const Misuse misuse = allocator->put(address_of(pointer));
  return misuse == Misuse::none ? misuse
                                : detail::handle_misuse(*control_of(link_), misuse, pointer);
}

// ---- handles ------------------------------------------------------------------------------------

/// The rest of reset().
void Compound::drop(ArenaLink& arena, void* pointer) noexcept {
  auto* allocator = allocator_of(&arena);
  const Misuse misuse = allocator == nullptr ? Misuse::closed : allocator->put(address_of(pointer));
  // A forked child destroys its copies of handles; the memory is the parent's, so nothing is wrong.
  const bool in_child = misuse == Misuse::closed && allocator != nullptr;
  if (misuse != Misuse::none && !in_child)
    detail::handle_misuse(*control_of(&arena), misuse, pointer);
}

Compound Compound::share() const {
  auto* allocator = allocator_of(arena_);
  if (data_ == nullptr || allocator == nullptr) return {};
  if (allocator->get(address_of(data_)) != Misuse::none) return {};
  return Compound(arena_, data_, size_, kind_);
}

// ---- housekeeping and switches ------------------------------------------------------------------

Bytes Arena::trim() {
  auto* allocator = allocator_of(link_);
  return allocator == nullptr ? Bytes(0) : frame_size().bytes(allocator->trim());
}

void Arena::reclaim() {
  if (auto* allocator = allocator_of(link_)) allocator->reclaim();
}

void Arena::set_always_map(Trigger trigger) {
  if (auto* allocator = allocator_of(link_)) allocator->set_always_map(trigger);
}

Trigger Arena::always_map() const {
  auto* allocator = allocator_of(link_);
  return allocator == nullptr ? Trigger::off() : allocator->always_map();
}

void Arena::set_site_forced(CallSite site, bool forced) {
  if (auto* allocator = allocator_of(link_)) allocator->set_site_forced(site, forced);
}

void Arena::set_injection(Trigger trigger) {
  if (auto* allocator = allocator_of(link_)) allocator->set_injection(trigger);
}

// ---- no-block scopes ----------------------------------------------------------------------------

NoBlock::NoBlock() { ++os::no_block_depth; }
NoBlock::~NoBlock() { --os::no_block_depth; }

}  // namespace vc
