// Filling an arena and freeing every second block.
#include "bench/fragments.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace vc::bench {

namespace {

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "bench: cannot make a fragmented arena: %s\n", why.c_str());
  std::exit(3);
}

/// Every block of that size which the arena can give, in the order of addresses.
std::vector<void*> fill(Arena& arena, Bytes block) {
  const Request request{.size = block,
                        .alignment = block,
                        .contiguity = Contiguity::required,
                        .may_block = MayBlock::yes};
  std::vector<void*> blocks;
  for (;;) {
    Result<void*> p = arena.allocate_pointer(request);
    if (!p) break;
    blocks.push_back(*p);
  }
  std::sort(blocks.begin(), blocks.end());
  return blocks;
}

void prove_runs(const Arena& arena, Bytes run) {
  const PageCount wanted = arena.frame_size().whole_pages(run);
  const std::vector<PfnRange> runs = arena.free_runs();
  if (runs.empty()) give_up("no run is free");
  for (const PfnRange found : runs) {
    if (found.count != wanted) {
      give_up("a free run has " + std::to_string(found.count.value) + " frames, not " +
              std::to_string(wanted.value));
    }
  }
}

}  // namespace

std::vector<void*> fragment(Arena& arena, Bytes run) {
  const std::vector<void*> blocks = fill(arena, run);
  std::vector<void*> held;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (i % 2 == 0) {
      held.push_back(blocks[i]);
    } else {
      arena.free(blocks[i]);
    }
  }
  arena.reclaim();
  prove_runs(arena, run);
  return held;
}

Fragments make_fragments(const ArenaOptions& options, Bytes run) {
  Result<Arena> arena = Arena::create(options);
  if (!arena) give_up(to_string(arena.error()));
  Fragments fragments{.arena = std::move(arena).value(), .held = {}};
  fragments.held = fragment(fragments.arena, run);
  return fragments;
}

}  // namespace vc::bench
