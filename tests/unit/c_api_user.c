/* A C program's use of the interface, compiled by a C compiler; c_api_test.cc calls it. Each
 * function returns 0, or the line at which something was not as it must be. */
#define VC_LINUX_NAMES
#include <stdio.h>
#include <string.h>

#include "vcompound/linux_style.h"
#include "vcompound/vcompound.h"

#define CHECK(condition) \
  do {                   \
    if (!(condition)) {  \
      return __LINE__;   \
    }                    \
  } while (0)

int c_user_allocates(void);
int c_user_uses_the_original_names(void);

static int use(vc_arena* arena) {
  vc_request request = {.size = 100000, .zero = 1, .contiguity = VC_CONTIGUITY_NEVER};
  vc_extent extents[64];
  vc_stats stats;
  unsigned char* bytes = vc_allocate(arena, 5000);
  unsigned char* mapped = vc_allocate_request(arena, &request);
  CHECK(bytes != NULL && mapped != NULL);
  CHECK(vc_size_of(arena, bytes) == 8192);
  CHECK(vc_kind_of(arena, mapped) == VC_KIND_MAPPED);
  memset(bytes, 1, 8192);
  CHECK(mapped[0] == 0 && mapped[99999] == 0);
  CHECK(vc_extents(arena, mapped, extents, 64) >= 1);
  CHECK(extents[0].length >= 4096);
  CHECK(vc_get_stats(arena, &stats) == 1);
  CHECK(stats.mapped_allocations + stats.contiguous_allocations == 2);
  CHECK(vc_free(arena, mapped) == VC_MISUSE_NONE);
  CHECK(vc_free(arena, bytes) == VC_MISUSE_NONE);
  return 0;
}

int c_user_allocates(void) {
  vc_arena_options options;
  vc_arena* arena;
  int line;
  vc_arena_options_init(&options);
  options.budget = 8U << 20;
  arena = vc_arena_create(&options);
  if (arena == NULL) {
    fputs(vc_last_error()->sentence, stderr);
    return __LINE__;
  }
  line = use(arena);
  vc_arena_destroy(arena);
  return line;
}

int c_user_uses_the_original_names(void) {
  struct page* page = alloc_vcompound(GFP_KERNEL | __GFP_ZERO, 3);
  void* address;
  CHECK(page != NULL);
  CHECK(compound_order(page) == 3);
  address = page_address(page);
  CHECK(virt_to_head_page((char*)address + 5000) == page);
  CHECK(compound_nth_page(page, 1) == virt_to_page((char*)address + 4096));
  free_vcompound(page);
  CHECK(alloc_vcompound(GFP_KERNEL | __GFP_NOWARN, 32768) == NULL);
  CHECK(strstr(vc_last_error()->sentence, "is it a size in bytes?") != NULL);
  address = __alloc_vcompound(GFP_ATOMIC | __GFP_NOWARN, 0);
  __free_vcompound(address);
  return 0;
}
