/* The original names of the 2008 patches, on one arena of the process, for code that moves between
 * the kernel and a program (and for tests of such code).
 *
 *     struct page *page = alloc_vcompound(VC_GFP_KERNEL, 4);      // C; in C++: vc::Order(4)
 *     char *buffer = (char *)page_address(page);                  // 16 pages, one range of
 * addresses free_vcompound(page);
 *
 * The arena is the one given to vc_linux_style_use(), or else one made at the first use, of 256 MiB
 * or what VCOMPOUND_CONF says ("budget:4GiB").
 *
 * A `struct page *` is a number in disguise: it must not be dereferenced, and page + n does not
 * compile, because in a mapped compound the n-th page is not head + n. Say compound_nth_page().
 *
 * An order is log2 of a number of pages. In C++ it is a vc::Order, so a size in bytes does not
 * compile in its place; in C an order above 18 is refused. All functions are thread-safe. What
 * fails sets vc_last_error() of the thread and, but for VC_GFP_NOWARN, prints one line to stderr
 * now and then. */
#ifndef VCOMPOUND_LINUX_STYLE_H
#define VCOMPOUND_LINUX_STYLE_H

/* NOLINTBEGIN(modernize-*,readability-*,bugprone-*): this is C, with the original names. */

#include "vcompound/vcompound.h"

#ifdef __cplusplus
#include "vcompound/base/units.h"
extern "C" {
#endif

/** One page of a compound; never defined. */
struct page;

/** How memory is wanted: a combination of VC_GFP_... */
typedef unsigned int vc_gfp_t;
#define VC_GFP_KERNEL 0U /**< may block */
#define VC_GFP_ATOMIC 1U /**< must not block: served from what is at hand, or refused */
#define VC_GFP_ZERO 2U   /**< must read as zero */
#define VC_GFP_NOWARN 4U /**< a refusal prints nothing */
#define VC_GFP_DMA 8U    /**< must be physically contiguous: no fallback */

/** The number of orders, 0 to 18. */
#define VC_LINUX_ORDERS 19U
/** "Any node." */
#define VC_LINUX_ANY_NODE (-1)
typedef uint64_t vc_phys_addr_t;

/** Makes these functions use this arena; NULL: the default one again. Pages of the arena used
 * before mean nothing afterwards, so call it first. The caller keeps the arena alive. */
VC_API void vc_linux_style_use(vc_arena* arena);
/** The arena in use, made if there is none yet; NULL if that is refused. May block. */
VC_API vc_arena* vc_linux_style_arena(void);

/* The functions behind the names below. */
VC_API struct page* vc_linux_alloc_order(int node, vc_gfp_t flags, unsigned order, const char* file,
                                         unsigned line);
VC_API struct page* vc_linux_alloc_size(vc_gfp_t flags, size_t size, size_t maxloss,
                                        const char* file, unsigned line);
VC_API void vc_linux_free_page(struct page* page);
VC_API void vc_linux_free_address(const void* address);
VC_API void* vc_linux_page_address(const struct page* page);
VC_API struct page* vc_linux_virt_to_page(const void* address);
VC_API struct page* vc_linux_virt_to_head_page(const void* address);
VC_API struct page* vc_linux_compound_head(const struct page* page);
VC_API unsigned vc_linux_compound_order(const struct page* page);
VC_API struct page* vc_linux_nth_page(const struct page* page, size_t n);
VC_API vc_kind vc_linux_page_kind(const struct page* page);
VC_API int vc_linux_page_is_head(const struct page* page);
VC_API int vc_linux_page_is_tail(const struct page* page);
VC_API void vc_linux_get_page(struct page* page);
VC_API void vc_linux_put_page(struct page* page);
VC_API unsigned vc_linux_page_count(const struct page* page);
VC_API int vc_linux_is_mapped(const void* address);
VC_API vc_frame vc_linux_page_to_pfn(const struct page* page);
VC_API struct page* vc_linux_pfn_to_page(vc_frame frame);
VC_API vc_phys_addr_t vc_linux_virt_to_phys(const void* address);
VC_API size_t vc_linux_pages(const void* address, struct page** pages, size_t capacity);

#ifdef __cplusplus
} /* extern "C" */
#endif

/* ---- allocation, by page and by address --------------------------------------------------------
 */

#ifdef __cplusplus

/// 2^order pages, contiguous or mapped; nullptr if refused.
inline struct page* alloc_vcompound(vc_gfp_t flags, vc::Order order,
                                    const char* file = __builtin_FILE(),
                                    unsigned line = __builtin_LINE()) {
  return vc_linux_alloc_order(VC_LINUX_ANY_NODE, flags, order.value, file, line);
}
/// The same on a NUMA node, elsewhere if that node has too little.
inline struct page* alloc_vcompound_node(int node, vc_gfp_t flags, vc::Order order,
                                         const char* file = __builtin_FILE(),
                                         unsigned line = __builtin_LINE()) {
  return vc_linux_alloc_order(node, flags, order.value, file, line);
}
/// `size` bytes, rounded up to whole pages; refused if that wastes more than `maxloss`.
inline struct page* alloc_vcompound_maxloss(vc_gfp_t flags, vc::Bytes size, vc::Bytes maxloss,
                                            const char* file = __builtin_FILE(),
                                            unsigned line = __builtin_LINE()) {
  return vc_linux_alloc_size(flags, size.value, maxloss.value, file, line);
}
/// The address of 2^order pages, to be freed by __free_vcompound(); nullptr if refused.
inline void* __alloc_vcompound(vc_gfp_t flags, vc::Order order, const char* file = __builtin_FILE(),
                               unsigned line = __builtin_LINE()) {
  return vc_linux_page_address(
      vc_linux_alloc_order(VC_LINUX_ANY_NODE, flags, order.value, file, line));
}
/// log2 of the pages of a compound, rounded up.
inline vc::Order compound_order(const struct page* page) {
  return vc::Order(vc_linux_compound_order(page));
}

#else

#define alloc_vcompound(flags, order) \
  vc_linux_alloc_order(VC_LINUX_ANY_NODE, (flags), (order), __FILE__, __LINE__)
#define alloc_vcompound_node(node, flags, order) \
  vc_linux_alloc_order((node), (flags), (order), __FILE__, __LINE__)
#define alloc_vcompound_maxloss(flags, size, maxloss) \
  vc_linux_alloc_size((flags), (size), (maxloss), __FILE__, __LINE__)
#define __alloc_vcompound(flags, order) vc_linux_page_address(alloc_vcompound((flags), (order)))
static inline unsigned compound_order(const struct page* page) {
  return vc_linux_compound_order(page);
}

#endif

/** Drops the caller's reference; the last one frees, as __free_pages() does. NULL is allowed. */
static inline void free_vcompound(struct page* page) { vc_linux_free_page(page); }
/** The same by address. */
static inline void __free_vcompound(const void* address) { vc_linux_free_address(address); }

/* ---- compound functions, all O(1), the same for both kinds --------------------------------------
 */

/** The address at which the compound in use shows this page, or NULL. */
static inline void* page_address(const struct page* page) { return vc_linux_page_address(page); }
/** The page behind an address, or NULL. */
static inline struct page* virt_to_page(const void* address) {
  return vc_linux_virt_to_page(address);
}
/** The first page of the compound that covers an address, or NULL. */
static inline struct page* virt_to_head_page(const void* address) {
  return vc_linux_virt_to_head_page(address);
}
static inline struct page* vcompound_head_page(const void* address) {
  return vc_linux_virt_to_head_page(address);
}
/** The first page of the compound a page belongs to, or NULL. */
static inline struct page* compound_head(const struct page* page) {
  return vc_linux_compound_head(page);
}
/** Page n of the compound that `page` belongs to, or NULL: not page + n if it is mapped. */
static inline struct page* compound_nth_page(const struct page* page, size_t n) {
  return vc_linux_nth_page(page, n);
}
/** Is its compound mapped? (A contiguous one is an ordinary compound.) */
static inline int PageVcompound(const struct page* page) {
  return vc_linux_page_kind(page) == VC_KIND_MAPPED;
}
/** Is it the first of several pages? */
static inline int PageHead(const struct page* page) { return vc_linux_page_is_head(page); }
/** Is it a later one of several pages? */
static inline int PageTail(const struct page* page) { return vc_linux_page_is_tail(page); }

/** One more reference to the compound of any of its pages. */
static inline void get_page(struct page* page) { vc_linux_get_page(page); }
/** One reference less; the last one frees the compound. */
static inline void put_page(struct page* page) { vc_linux_put_page(page); }
/** The references to the compound. */
static inline unsigned page_count(const struct page* page) { return vc_linux_page_count(page); }

/** Is the address in a mapped compound? */
static inline int is_vmalloc_addr(const void* address) { return vc_linux_is_mapped(address); }
/** The page behind an address in a mapped compound, else NULL. */
static inline struct page* vmalloc_to_page(const void* address) {
  return vc_linux_is_mapped(address) ? vc_linux_virt_to_page(address) : NULL;
}
static inline vc_frame page_to_pfn(const struct page* page) { return vc_linux_page_to_pfn(page); }
static inline struct page* pfn_to_page(vc_frame frame) { return vc_linux_pfn_to_page(frame); }
/** The physical address: the offset in the arena's file. VC_NO_PHYSICAL and a message for an
 * address in a mapped compound: whoever needs it must allocate with VC_GFP_DMA or use the list of
 * pages. */
static inline vc_phys_addr_t virt_to_phys(const void* address) {
  return vc_linux_virt_to_phys(address);
}
/** Writes at most `capacity` pages of the compound that covers an address, in the order of
 * addresses (what vunmap() of the patches gave back); returns how many it has. */
static inline size_t vcompound_pages(const void* address, struct page** pages, size_t capacity) {
  return vc_linux_pages(address, pages, capacity);
}

/* ---- the unprefixed flags, on request -----------------------------------------------------------
 */

#ifdef VC_LINUX_NAMES
typedef vc_gfp_t gfp_t;
typedef vc_phys_addr_t phys_addr_t;
#define GFP_KERNEL VC_GFP_KERNEL
#define GFP_USER VC_GFP_KERNEL
#define GFP_ATOMIC VC_GFP_ATOMIC
#define GFP_NOWAIT VC_GFP_ATOMIC
#define GFP_DMA VC_GFP_DMA
#define __GFP_ZERO VC_GFP_ZERO
#define __GFP_NOWARN VC_GFP_NOWARN
#define __GFP_DMA VC_GFP_DMA
#define __GFP_COMP 0U    /* always */
#define __GFP_NORETRY 0U /* the first try never retries */
#define __GFP_HIGHMEM 0U /* there is no other memory */
#endif

/* NOLINTEND(modernize-*,readability-*,bugprone-*) */

#endif /* VCOMPOUND_LINUX_STYLE_H */
