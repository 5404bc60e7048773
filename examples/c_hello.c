/* The smallest C program. Note how a failure says what to do. */
#include <stdio.h>
#include <string.h>

#include "vcompound/vcompound.h"

int main(void) {
  vc_arena* arena = vc_arena_create_text("budget:256MiB");
  char* buffer = vc_allocate(arena, 64 << 20);
  if (buffer == NULL) {
    fprintf(stderr, "%s\n", vc_last_error()->sentence);
    vc_arena_destroy(arena);
    return 1;
  }
  memset(buffer, 42, 64 << 20);
  printf("%zu bytes, %s\n", vc_size_of(arena, buffer),
         vc_kind_of(arena, buffer) == VC_KIND_MAPPED ? "mapped" : "contiguous");

  if (vc_allocate(arena, (size_t)1 << 40) == NULL) {
    printf("as expected: %s\n", vc_last_error()->sentence);
  }
  vc_free(arena, buffer);
  vc_arena_destroy(arena);
  return 0;
}
