// The smallest program: an arena, one allocation, one range of addresses.
#include <cstdio>
#include <cstring>

#include "vcompound/arena.h"

int main() {
  auto arena = vc::Arena::create({.budget = vc::mib(256)});
  if (!arena) return std::puts(vc::to_string(arena.error()).c_str()), 1;
  auto buffer = arena->allocate(vc::mib(64));  // contiguous, or mapped if it must be
  if (!buffer) return std::puts(vc::to_string(buffer.error()).c_str()), 1;
  std::memset(buffer->data(), 42, buffer->size());
  std::printf("%zu bytes, %s\n", buffer->size(), vc::name_of(buffer->kind()));
}  // the memory goes back with `buffer`, the arena with `arena`
