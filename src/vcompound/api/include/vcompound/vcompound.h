/* vcompound for C programs: an arena with a fixed budget in which an allocation succeeds while
 * enough memory is free, contiguous or not.
 *
 *     vc_arena *arena = vc_arena_create_text("budget:4GiB");
 *     if (arena == NULL) { puts(vc_last_error()->sentence); return 1; }
 *     void *buffer = vc_allocate(arena, 64 << 20);      // contiguous, or mapped if it must be
 *     if (buffer == NULL) { puts(vc_last_error()->sentence); return 1; }
 *     vc_free(arena, buffer);
 *     vc_arena_destroy(arena);
 *
 * C11 or C++. All functions are thread-safe, but creating, destroying and checking an arena. No
 * exception leaves them. What fails returns NULL, 0 or a vc_misuse, and sets vc_last_error() of the
 * calling thread. The functions mean what those of the same name in arena.h mean. */
#ifndef VCOMPOUND_VCOMPOUND_H
#define VCOMPOUND_VCOMPOUND_H

/* NOLINTBEGIN(modernize-*,readability-*,bugprone-*): this is C, in the style of C. */

#include <stddef.h>
#include <stdint.h>

#include "vcompound/export.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- types ------------------------------------------------------------------------------------
 */

/** An arena; see vc_arena_create(). */
typedef struct vc_arena vc_arena;

/** Why something was refused. */
typedef enum vc_reason {
  VC_REASON_NONE = 0,
  VC_REASON_INVALID,       /**< the request or an argument makes no sense */
  VC_REASON_BUDGET,        /**< fewer frames are free than needed */
  VC_REASON_FRAGMENTATION, /**< enough is free, but no run is long enough and one was required */
  VC_REASON_MAPPINGS,      /**< the system's limit on mappings is reached */
  VC_REASON_ADDRESS_SPACE, /**< no range of addresses is long enough */
  VC_REASON_PAGE_TABLES,   /**< the system could not build page tables */
  VC_REASON_BACKING,       /**< the system could not put memory behind the frames */
  VC_REASON_POLICY,        /**< a rule forbids it */
  VC_REASON_INJECTED,      /**< a test asked for this failure */
  VC_REASON_CONTEXT        /**< it would have had to block where that is forbidden */
} vc_reason;
#define VC_REASON_COUNT 11

/** What is wrong with a pointer. */
typedef enum vc_misuse {
  VC_MISUSE_NONE = 0,
  VC_MISUSE_FOREIGN,          /**< not an address of this arena (or the arena is NULL) */
  VC_MISUSE_MISALIGNED,       /**< inside a page */
  VC_MISUSE_INTERIOR,         /**< inside a compound, not at its start */
  VC_MISUSE_ALREADY_FREED,    /**< freed before */
  VC_MISUSE_NOT_ALLOCATED,    /**< no compound in use covers it */
  VC_MISUSE_STILL_REFERENCED, /**< freed while others hold references: vc_put() is the right call */
  VC_MISUSE_CLOSED            /**< this process is a forked child of the arena's owner */
} vc_misuse;

/** Must memory be physically contiguous? */
typedef enum vc_contiguity {
  VC_CONTIGUITY_PREFERRED = 0, /**< contiguous if a run is free, else mapped */
  VC_CONTIGUITY_REQUIRED,      /**< contiguous or refused */
  VC_CONTIGUITY_NEVER          /**< mapped */
} vc_contiguity;

/** Contiguous or mapped? */
typedef enum vc_kind { VC_KIND_NONE = 0, VC_KIND_CONTIGUOUS, VC_KIND_MAPPED } vc_kind;

/** Which requests a test setting applies to. */
typedef enum vc_trigger_mode {
  VC_TRIGGER_OFF = 0,
  VC_TRIGGER_ALWAYS,
  VC_TRIGGER_PROBABILITY, /**< parameter: the chance in 1 / 2^32 */
  VC_TRIGGER_EVERY_NTH,   /**< parameter: n >= 1 */
  VC_TRIGGER_NTH          /**< parameter: n >= 1; once */
} vc_trigger_mode;
typedef struct vc_trigger {
  uint32_t mode; /**< a vc_trigger_mode */
  uint32_t parameter;
} vc_trigger;

/** What the last failed call of this thread found. Figures are of the moment of the refusal. */
typedef struct vc_error {
  vc_reason reason;
  vc_misuse misuse;         /**< set when a pointer was wrong; `reason` is then VC_REASON_INVALID */
  uint64_t requested;       /**< bytes asked for */
  uint64_t free;            /**< bytes free */
  uint64_t largest_run;     /**< bytes in the longest run of free frames */
  uint64_t largest_gap;     /**< bytes in the longest free range of addresses */
  uint64_t mappings_used;   /**< mappings in use */
  uint64_t mappings_limit;  /**< mappings that may be in use */
  uint64_t mappings_needed; /**< mappings that this request needed */
  int system_error;         /**< errno of the system call that failed, or 0 */
  char sentence[512];       /**< what was refused, the figures, and what to do */
} vc_error;

/** A frame number. */
typedef uint64_t vc_frame;
#define VC_NO_FRAME UINT64_MAX
#define VC_NO_PHYSICAL UINT64_MAX

enum { VC_BACKING_MEMFD = 0, VC_BACKING_HUGETLB };
enum { VC_HUGE_COLLAPSE = 0, VC_HUGE_NEVER };
enum { VC_AFTER_FORK_SHARE = 0, VC_AFTER_FORK_EXCLUDE };
enum { VC_ON_MISUSE_IGNORE = 0, VC_ON_MISUSE_REPORT, VC_ON_MISUSE_ABORT };
enum { VC_RUNS_LONGEST_FIRST = 0, VC_RUNS_SMALLEST_SUFFICIENT, VC_RUNS_SMALLEST_FIRST };
#define VC_NODES_ALL 0U
#define VC_NEVER_WARN UINT64_MAX

/** What an arena is made of. Fill it with vc_arena_options_init() first; `budget` has no default.
 * It may grow at its end in later versions, which `struct_size` tells apart. */
typedef struct vc_arena_options {
  size_t struct_size;
  uint64_t budget;             /**< bytes */
  uint64_t frame_size;         /**< bytes; 4 KiB */
  uint32_t backing;            /**< VC_BACKING_... */
  uint32_t huge;               /**< VC_HUGE_... */
  uint32_t precommit;          /**< 1: take all memory now */
  uint32_t overcommit;         /**< 1: allow a budget above the memory there is */
  uint32_t after_fork;         /**< VC_AFTER_FORK_... */
  uint32_t nodes;              /**< NUMA nodes, or VC_NODES_ALL */
  uint64_t vmap_space;         /**< bytes of addresses for mapped compounds; 0: automatic */
  uint64_t mapping_limit;      /**< 0: automatic */
  uint64_t thread_cache;       /**< bytes that one thread keeps, and all once more; 0: automatic */
  uint64_t warn_above;         /**< bytes; VC_NEVER_WARN */
  uint32_t on_misuse;          /**< VC_ON_MISUSE_... */
  uint32_t echo;               /**< 1: print the settings in force to stderr */
  vc_trigger always_map;       /**< forced fallback */
  vc_trigger inject;           /**< refusals on purpose */
  const char* always_map_site; /**< sites to force, "ring.cc:123;queue.c", or NULL */
  uint64_t runs;               /**< VC_RUNS_..., what mapped compounds are made of */
} vc_arena_options;

#define VC_NODE_ANY 0
#define VC_NODE_SPREAD (-1)
/** The `node` of a request for NUMA node n. */
#define VC_NODE(n) ((n) + 1)

/** One request. Zero is the default of every field but `size`: `vc_request r = {.size = n}`. */
typedef struct vc_request {
  size_t size;      /**< bytes, 1 or more; rounded up to whole frames */
  size_t alignment; /**< a power of two up to 1 GiB; 0: one frame */
  vc_contiguity contiguity;
  int zero;       /**< 1: the memory must read as zero */
  int no_block;   /**< 1: refuse rather than block */
  int node;       /**< VC_NODE_ANY, VC_NODE_SPREAD or VC_NODE(n) */
  int limit_loss; /**< 1: refuse if rounding up wastes more than `max_loss` bytes */
  size_t max_loss;
  uint64_t reserved[4]; /**< must be 0 */
} vc_request;

/** Adjacent bytes of a compound. */
typedef struct vc_extent {
  void* base;      /**< address in the direct map: good for iovec.iov_base */
  size_t length;   /**< bytes: good for iovec.iov_len */
  uint64_t offset; /**< offset in the arena's file: its "physical" address */
} vc_extent;

/** What the kernel really mapped, in bytes. */
typedef struct vc_verification {
  uint64_t huge;
  uint64_t small;
  uint64_t absent;
} vc_verification;

/** Counters since creation, sizes in bytes of the moment. May grow at its end in later versions. */
typedef struct vc_stats {
  uint64_t total, free, cached, pending, deferred, committed;
  uint64_t contiguous_allocations, mapped_allocations, cache_hits, forced_fallbacks;
  uint64_t frees, deferred_frees, misuses, maps, unmaps, shootdowns, drains;
  uint64_t mappings_used, mappings_limit, largest_run, largest_gap;
  uint64_t refusals[VC_REASON_COUNT]; /**< by vc_reason */
} vc_stats;

typedef enum vc_format { VC_FORMAT_TEXT = 0, VC_FORMAT_JSON, VC_FORMAT_PROMETHEUS } vc_format;

/* ---- arenas -----------------------------------------------------------------------------------
 */

/** Fills in the defaults; the macro tells the size of the caller's struct. */
VC_API void vc_arena_options_init_sized(vc_arena_options* options, size_t struct_size);
#define vc_arena_options_init(options) \
  vc_arena_options_init_sized((options), sizeof(vc_arena_options))

/** Makes an arena, or returns NULL. The environment variable VCOMPOUND_CONF overrides the options.
 */
VC_API vc_arena* vc_arena_create(const vc_arena_options* options);
/** The same from a text "key:value,key:value" (docs/configuration.md). */
VC_API vc_arena* vc_arena_create_text(const char* configuration);
/** Ends an arena and all memory handed out. NULL is allowed. */
VC_API void vc_arena_destroy(vc_arena* arena);

/** The last failure of this thread; never NULL. Valid until the next failing call of the thread. */
VC_API const vc_error* vc_last_error(void);
VC_API const char* vc_reason_name(vc_reason reason);
VC_API const char* vc_misuse_name(vc_misuse misuse);

/* ---- allocation -------------------------------------------------------------------------------
 */

/** Memory of at least `size` bytes, or NULL. These are also macros, which note the caller's line;
 * the functions note the caller's code address. */
VC_API void* vc_allocate(vc_arena* arena, size_t size);
VC_API void* vc_allocate_zeroed(vc_arena* arena, size_t size);
/** `alignment`: a power of two up to 1 GiB. */
VC_API void* vc_allocate_aligned(vc_arena* arena, size_t alignment, size_t size);
VC_API void* vc_allocate_request(vc_arena* arena, const vc_request* request);
/** The same for callers that know their site; `file` must live as long as the arena. */
VC_API void* vc_allocate_request_at(vc_arena* arena, const vc_request* request, const char* file,
                                    unsigned line);
VC_API void* vc_allocate_at(vc_arena* arena, size_t size, const char* file, unsigned line);
VC_API void* vc_allocate_zeroed_at(vc_arena* arena, size_t size, const char* file, unsigned line);
VC_API void* vc_allocate_aligned_at(vc_arena* arena, size_t alignment, size_t size,
                                    const char* file, unsigned line);
#define vc_allocate(arena, size) vc_allocate_at((arena), (size), __FILE__, __LINE__)
#define vc_allocate_zeroed(arena, size) vc_allocate_zeroed_at((arena), (size), __FILE__, __LINE__)
#define vc_allocate_aligned(arena, alignment, size) \
  vc_allocate_aligned_at((arena), (alignment), (size), __FILE__, __LINE__)
#define vc_allocate_request(arena, request) \
  vc_allocate_request_at((arena), (request), __FILE__, __LINE__)

/** Would the request succeed? VC_REASON_NONE if so, else the reason, with vc_last_error() set. */
VC_API vc_reason vc_can_allocate(vc_arena* arena, const vc_request* request);
/** Frees what starts at `pointer`, from any thread; NULL is allowed. */
VC_API vc_misuse vc_free(vc_arena* arena, void* pointer);
/** One more reference. */
VC_API vc_misuse vc_get(vc_arena* arena, void* pointer);
/** One reference less; the last one frees. */
VC_API vc_misuse vc_put(vc_arena* arena, void* pointer);

/** Between begin and end (which nest) this thread never blocks: frees are deferred, allocations are
 * served from what is at hand or refused. */
VC_API void vc_no_block_begin(void);
VC_API void vc_no_block_end(void);

/* ---- compound functions -----------------------------------------------------------------------
 */

/** The start of the compound that covers an address, or NULL. */
VC_API void* vc_head_of(const vc_arena* arena, const void* address);
/** Its bytes, or 0. */
VC_API size_t vc_size_of(const vc_arena* arena, const void* address);
/** Its kind, or VC_KIND_NONE. */
VC_API vc_kind vc_kind_of(const vc_arena* arena, const void* address);
/** Its references, or 0. */
VC_API uint32_t vc_references(const vc_arena* arena, const void* address);
/** The frame behind an address, or VC_NO_FRAME. */
VC_API vc_frame vc_frame_of(const vc_arena* arena, const void* address);
/** The n-th frame of the compound that covers an address, or VC_NO_FRAME. */
VC_API vc_frame vc_nth_page(const vc_arena* arena, const void* address, size_t n);
/** The address of a frame of a compound in use, or NULL. */
VC_API void* vc_page_address(const vc_arena* arena, vc_frame frame);
/** Writes at most `capacity` runs of the compound in order; returns how many there are. */
VC_API size_t vc_extents(const vc_arena* arena, const void* address, vc_extent* extents,
                         size_t capacity);
/** The "physical" address, or VC_NO_PHYSICAL with an error: mapped memory has none. */
VC_API uint64_t vc_physical(const vc_arena* arena, const void* address);
/** What the kernel really mapped there; 1 if it could be asked, else 0. */
VC_API int vc_verify(const vc_arena* arena, const void* address, vc_verification* result);

/* ---- housekeeping, test settings, inspection ---------------------------------------------------
 */

/** Gives memory behind free frames back to the system; returns the bytes. */
VC_API uint64_t vc_trim(vc_arena* arena);
/** Brings all free memory of caches and pending areas back to the zones. */
VC_API void vc_reclaim(vc_arena* arena);
/** Forced fallback; 0 if the trigger makes no sense. */
VC_API int vc_set_always_map(vc_arena* arena, vc_trigger trigger);
VC_API vc_trigger vc_get_always_map(const vc_arena* arena);
/** Refusals on purpose; 0 if the trigger makes no sense. */
VC_API int vc_set_injection(vc_arena* arena, vc_trigger trigger);
/** Forces what one line asks for; `file` is the very string the allocation passes (__FILE__). */
VC_API void vc_set_site_forced(vc_arena* arena, const char* file, unsigned line, int forced);

/** Fills *stats; the macro tells the size of the caller's struct. 1 if done, else 0. */
VC_API int vc_get_stats_sized(const vc_arena* arena, vc_stats* stats, size_t struct_size);
#define vc_get_stats(arena, stats) vc_get_stats_sized((arena), (stats), sizeof(vc_stats))
/** Writes text into buffer[0..capacity), always ended by NUL if capacity > 0; returns the length of
 * the whole text, like snprintf. (size_t)-1 on an error. */
VC_API size_t vc_stats_text(const vc_arena* arena, vc_format format, char* buffer, size_t capacity);
/** The same for the list of areas, free blocks and availability. */
VC_API size_t vc_listing(const vc_arena* arena, char* buffer, size_t capacity);
/** The same for the settings in force. */
VC_API size_t vc_configuration(const vc_arena* arena, char* buffer, size_t capacity);
/** Share (0 to 1) of the free memory that can be handed out contiguously in pieces of that size. */
VC_API double vc_availability(const vc_arena* arena, size_t size);
VC_API size_t vc_frame_size(const vc_arena* arena);
/** The file behind the arena, or -1. */
VC_API int vc_file_descriptor(const vc_arena* arena);
/** Proves every invariant or ends the program. Nobody else may use the arena meanwhile. */
VC_API void vc_check(const vc_arena* arena);

#ifdef __cplusplus
}
#endif

/* NOLINTEND(modernize-*,readability-*,bugprone-*) */

#endif /* VCOMPOUND_VCOMPOUND_H */
