// SPDX-License-Identifier: GPL-2.0
/*
 * Fragmented memory, as in the published experiment: all memory is taken in blocks of 32 KiB
 * (order 3), then most of the blocks are freed at random.
 */
#include "count.h"

#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>

#define BLOCK_ORDER 3
/* To the last block: neither watermarks nor reclaim decide how much is taken. */
#define TAKE (GFP_ATOMIC | __GFP_MEMALLOC | __GFP_NOWARN)

static struct page** blocks;
static unsigned long count;

static u64 next_random(u64* state) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state;
}

int vc_fragment(unsigned int permille) {
  const unsigned long most = totalram_pages() >> BLOCK_ORDER;
  u64 state = 0x9e3779b97f4a7c15ULL;
  unsigned long i;

  blocks = vmalloc(array_size(most, sizeof(*blocks)));
  if (!blocks) return -ENOMEM;
  for (count = 0; count < most; count++) {
    blocks[count] = alloc_pages(TAKE, BLOCK_ORDER);
    if (!blocks[count]) break;
  }
  for (i = 0; i < count; i++) {
    if (next_random(&state) % 1000 < permille) {
      __free_pages(blocks[i], BLOCK_ORDER);
      blocks[i] = NULL;
    }
  }
  return 0;
}

void vc_restore(void) {
  unsigned long i;

  for (i = 0; i < count; i++)
    if (blocks[i]) __free_pages(blocks[i], BLOCK_ORDER);
  vfree(blocks);
  blocks = NULL;
  count = 0;
}

unsigned long vc_fragment_blocks(void) { return count; }
