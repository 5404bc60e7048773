// SPDX-License-Identifier: GPL-2.0
/*
 * The operations that are measured. All use GFP_KERNEL, as ordinary callers do; those that may fail
 * on fragmented memory do so without a warning, and do not retry.
 */
#include "count.h"

#include <linux/gfp.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#define QUIET (GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY)

static bool is_an_order(unsigned long pages) { return ilog2(pages) < MAX_ORDER; }

static void* pages_begin(unsigned long pages) { return alloc_pages(QUIET, ilog2(pages)); }

static void* compound_begin(unsigned long pages) {
  return alloc_pages(QUIET | __GFP_COMP, ilog2(pages));
}

static void pages_end(void* what, unsigned long pages) { __free_pages(what, ilog2(pages)); }

static void* vmalloc_begin(unsigned long pages) { return vmalloc(pages << PAGE_SHIFT); }

static void vmalloc_end(void* what, unsigned long pages) { vfree(what); }

static void* kvmalloc_begin(unsigned long pages) {
  return kvmalloc(pages << PAGE_SHIFT, GFP_KERNEL);
}

static void kvmalloc_end(void* what, unsigned long pages) { kvfree(what); }

/* map and unmap: the frames are there already. */
static struct page** frames;

static void free_frames(unsigned long pages) {
  unsigned long i;

  for (i = 0; i < pages && frames[i]; i++) __free_page(frames[i]);
  kvfree(frames);
  frames = NULL;
}

static bool take_frames(unsigned long pages) {
  unsigned long i;

  frames = kvcalloc(pages, sizeof(*frames), GFP_KERNEL);
  if (!frames) return false;
  for (i = 0; i < pages; i++) {
    frames[i] = alloc_page(QUIET);
    if (!frames[i]) {
      free_frames(pages);
      return false;
    }
  }
  return true;
}

static void* map_begin(unsigned long pages) { return vmap(frames, pages, VM_MAP, PAGE_KERNEL); }

static void map_end(void* what, unsigned long pages) { vunmap(what); }

/* shootdown: unmap without it, then everything that is pending at once. */
static void* purge_begin(unsigned long pages) {
  void* area = vmap(frames, pages, VM_MAP, PAGE_KERNEL);

  if (area) vunmap(area);
  return area;
}

static void purge_end(void* what, unsigned long pages) { vm_unmap_aliases(); }

const struct operation vc_operations[] = {
    {"alloc_pages", pages_begin, pages_end, is_an_order, NULL},
    {"alloc_pages_comp", compound_begin, pages_end, is_an_order, NULL},
    {"vmalloc", vmalloc_begin, vmalloc_end, NULL, NULL},
    {"kvmalloc", kvmalloc_begin, kvmalloc_end, NULL, NULL},
    {"vmap", map_begin, map_end, take_frames, free_frames},
    {"shootdown", purge_begin, purge_end, take_frames, free_frames},
};
const unsigned int vc_operation_count = ARRAY_SIZE(vc_operations);
