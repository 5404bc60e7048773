#include "bench/golden/paths.h"

#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vcompound/arena.h"
#include "vcompound/linux_style.h"
#include "vcompound/vcompound.h"

namespace vc::golden {

namespace {

/// Enough for the longest row of 1 MiB compounds beside what the cache keeps.
constexpr Bytes kBudget = mib(kMostCount + 256);
constexpr Bytes kThreadCache = mib(128);
/// Where the O(1) functions look: some way into a compound of 1 MiB.
constexpr std::size_t kInside = 100 * 4096 + 50;

/// What the paths work on.
struct State {
  Arena plain;
  Arena forced;    ///< always map
  Arena uncached;  ///< a thread keeps a page at most
  vc_arena* c;
  std::vector<void*> many = std::vector<void*>(kMostCount);
  Compound contiguous;
  Compound mapped;
  const void* in_contiguous = nullptr;
  const void* in_mapped = nullptr;
};

std::optional<State> state;

/// Needed by the program, but the compiler cannot know what for.
template <class T>
[[gnu::always_inline]] inline void keep(const T& value) {
  asm volatile("" : : "r"(value) : "memory");
}

[[noreturn]] void give_up(const char* what, const std::string& why) {
  std::fprintf(stderr, "golden_paths: %s: %s\n", what, why.c_str());
  std::exit(1);
}

/// Each path has a call site of its own: a small number.
constexpr CallSite site(std::uint64_t number) { return {nullptr, number}; }

// ---- pairs of this thread's cache ---------------------------------------------------------------

template <std::uint64_t kSize, std::uint64_t kSite>
[[gnu::always_inline]] inline void pairs(Arena& arena, std::uint64_t count) {
  for (; count != 0; --count) {
    void* const pointer = arena.try_allocate(bytes(kSize), site(kSite));
    keep(pointer);
    arena.free(pointer);
  }
}

template <std::uint64_t kSize, std::uint64_t kSite>
[[gnu::always_inline]] inline void handles(Arena& arena, std::uint64_t count) {
  for (; count != 0; --count) {
    Result<Compound> compound = arena.allocate(bytes(kSize), site(kSite));
    keep(compound->data());
  }
}

[[gnu::noinline]] void pair_4k(std::uint64_t count) { pairs<4096, 1>(state->plain, count); }
[[gnu::noinline]] void pair_64k(std::uint64_t count) { pairs<65536, 2>(state->plain, count); }
[[gnu::noinline]] void pair_1m(std::uint64_t count) { pairs<1 << 20, 3>(state->plain, count); }
[[gnu::noinline]] void pair_64m(std::uint64_t count) { pairs<64 << 20, 4>(state->plain, count); }
[[gnu::noinline]] void handle_4k(std::uint64_t count) { handles<4096, 5>(state->plain, count); }
[[gnu::noinline]] void handle_1m(std::uint64_t count) { handles<1 << 20, 6>(state->plain, count); }

[[gnu::noinline]] void c_pair_64k(std::uint64_t count) {
  vc_arena* const arena = state->c;
  for (; count != 0; --count) {
    void* const pointer = vc_allocate_at(arena, 65536, nullptr, 7);
    keep(pointer);
    vc_free(arena, pointer);
  }
}

[[gnu::noinline]] void linux_pair_64k(std::uint64_t count) {
  for (; count != 0; --count) {
    struct page* const page = alloc_vcompound(VC_GFP_KERNEL, Order(4), nullptr, 8);
    keep(page);
    free_vcompound(page);
  }
}

// ---- mapped compounds that are used again -------------------------------------------------------

/// The fallback is forced: the site is looked up, the cache searched for a mapped compound.
[[gnu::noinline]] void forced_cached_1m(std::uint64_t count) {
  pairs<1 << 20, 9>(state->forced, count);
}

/// A mapped compound is what the cache holds, as after a fallback.
[[gnu::noinline]] void mapped_cached_2m(std::uint64_t count) {
  pairs<2 << 20, 10>(state->plain, count);
}

// ---- many in a row ------------------------------------------------------------------------------

template <std::uint64_t kPages, std::uint64_t kSite>
[[gnu::always_inline]] inline void row(Arena& arena, std::uint64_t count) {
  void** const many = state->many.data();
  for (std::uint64_t i = 0; i != count; ++i) {
    many[i] = arena.try_allocate(bytes(kPages * 4096), site(kSite));
  }
  for (std::uint64_t i = 0; i != count; ++i) arena.free(many[i]);
}

/// By way of the cache, bin by bin to the depot and back.
[[gnu::noinline]] void row_1p(std::uint64_t count) { row<1, 11>(state->plain, count); }
[[gnu::noinline]] void row_16p(std::uint64_t count) { row<16, 12>(state->plain, count); }
[[gnu::noinline]] void row_256p(std::uint64_t count) { row<256, 13>(state->plain, count); }
/// Each from the zone and back to it.
[[gnu::noinline]] void zone_1p(std::uint64_t count) { row<1, 14>(state->uncached, count); }
[[gnu::noinline]] void zone_16p(std::uint64_t count) { row<16, 15>(state->uncached, count); }
[[gnu::noinline]] void zone_256p(std::uint64_t count) { row<256, 16>(state->uncached, count); }

// ---- the compound functions, on both kinds ------------------------------------------------------

template <auto kFunction>
[[gnu::always_inline]] inline void ask(const void* address, std::uint64_t count) {
  const Arena& arena = state->plain;
  for (; count != 0; --count) keep(kFunction(arena, address));
}

constexpr auto kHeadOf = [](const Arena& a, const void* p) {
  return a.head_of(p);
};
constexpr auto kSizeOf = [](const Arena& a, const void* p) {
  return a.size_of(p);
};
constexpr auto kFrameOf = [](const Arena& a, const void* p) {
  return a.frame_of(p).value;
};
constexpr auto kNthPage = [](const Arena& a, const void* p) {
  return a.nth_page(p, 200).value;
};

[[gnu::noinline]] void head_of_contiguous(std::uint64_t n) {
  ask<kHeadOf>(state->in_contiguous, n);
}
[[gnu::noinline]] void head_of_mapped(std::uint64_t n) { ask<kHeadOf>(state->in_mapped, n); }
[[gnu::noinline]] void size_of_contiguous(std::uint64_t n) {
  ask<kSizeOf>(state->in_contiguous, n);
}
[[gnu::noinline]] void size_of_mapped(std::uint64_t n) { ask<kSizeOf>(state->in_mapped, n); }
[[gnu::noinline]] void frame_of_contiguous(std::uint64_t n) {
  ask<kFrameOf>(state->in_contiguous, n);
}
[[gnu::noinline]] void frame_of_mapped(std::uint64_t n) { ask<kFrameOf>(state->in_mapped, n); }
[[gnu::noinline]] void nth_page_contiguous(std::uint64_t n) {
  ask<kNthPage>(state->in_contiguous, n);
}
[[gnu::noinline]] void nth_page_mapped(std::uint64_t n) { ask<kNthPage>(state->in_mapped, n); }

constexpr Path kPaths[] = {
    {"pair_4k", pair_4k},
    {"pair_64k", pair_64k},
    {"pair_1m", pair_1m},
    {"pair_64m", pair_64m},
    {"handle_4k", handle_4k},
    {"handle_1m", handle_1m},
    {"c_pair_64k", c_pair_64k},
    {"linux_pair_64k", linux_pair_64k},
    {"forced_cached_1m", forced_cached_1m},
    {"mapped_cached_2m", mapped_cached_2m},
    {"row_1p", row_1p},
    {"row_16p", row_16p},
    {"row_256p", row_256p},
    {"zone_1p", zone_1p},
    {"zone_16p", zone_16p},
    {"zone_256p", zone_256p},
    {"head_of_contiguous", head_of_contiguous},
    {"head_of_mapped", head_of_mapped},
    {"size_of_contiguous", size_of_contiguous},
    {"size_of_mapped", size_of_mapped},
    {"frame_of_contiguous", frame_of_contiguous},
    {"frame_of_mapped", frame_of_mapped},
    {"nth_page_contiguous", nth_page_contiguous},
    {"nth_page_mapped", nth_page_mapped},
};

// ---- the arenas ---------------------------------------------------------------------------------

/// All memory is there from the start: no path has to ask the kernel for it.
Arena open_arena(Bytes budget, Bytes thread_cache, Trigger always_map) {
  auto arena = Arena::create({.budget = budget,
                              .huge = HugePages::never,
                              .precommit = Precommit::yes,
                              .vmap_space = gib(1),
                              .thread_cache = thread_cache,
                              .always_map = always_map,
                              .warn_above = kNeverWarn});
  if (!arena) give_up("no arena", to_string(arena.error()));
  return std::move(*arena);
}

vc_arena* open_c_arena() {
  vc_arena_options options;
  vc_arena_options_init(&options);
  options.budget = mib(16).value;
  options.huge = VC_HUGE_NEVER;
  options.precommit = 1;
  vc_arena* const arena = vc_arena_create(&options);
  if (arena == nullptr) give_up("no arena of the C interface", vc_last_error()->sentence);
  return arena;
}

Compound open_compound(Arena& arena, Bytes size, Contiguity contiguity) {
  auto compound = arena.allocate({.size = size, .contiguity = contiguity}, site(60));
  if (!compound) give_up("no compound", to_string(compound.error()));
  return std::move(*compound);
}

/// A path that went another way than its name says would be counted as something else.
void prove_the_ways() {
  for (const Arena* const arena : {&state->plain, &state->forced, &state->uncached}) {
    const Stats stats = arena->stats();
    const std::uint64_t refusals =
        std::accumulate(std::begin(stats.refusals), std::end(stats.refusals), std::uint64_t{0});
    if (refusals != 0) give_up("a path was refused memory", arena->stats(Arena::Format::text));
    if (stats.unmaps != 0 || stats.drains != 0) {
      give_up("a path emptied the caches", arena->stats(Arena::Format::text));
    }
  }
  if (state->forced.stats().contiguous_allocations != 0) {
    give_up("the fallback was not forced", state->forced.stats(Arena::Format::text));
  }
}

}  // namespace

std::span<const Path> paths() { return kPaths; }

void open_arenas() {
  state.emplace(State{.plain = open_arena(kBudget, kThreadCache, Trigger::off()),
                      .forced = open_arena(mib(16), kThreadCache, Trigger::always()),
                      .uncached = open_arena(mib(kMostCount + 16), bytes(4096), Trigger::off()),
                      .c = open_c_arena(),
                      .contiguous = {},
                      .mapped = {}});
  vc_linux_style_use(state->c);
  state->contiguous = open_compound(state->plain, mib(1), Contiguity::required);
  state->mapped = open_compound(state->plain, mib(1), Contiguity::never);
  state->in_contiguous = static_cast<const char*>(state->contiguous.data()) + kInside;
  state->in_mapped = static_cast<const char*>(state->mapped.data()) + kInside;
  // Freed, it is the one compound of its size in the cache.
  open_compound(state->plain, mib(2), Contiguity::never).reset();
}

void close_arenas() {
  prove_the_ways();
  state->contiguous.reset();
  state->mapped.reset();
  state->plain.check();
  state->forced.check();
  state->uncached.check();
  vc_check(state->c);
  vc_arena_destroy(state->c);
  state.reset();
}

}  // namespace vc::golden
