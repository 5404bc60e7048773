// The buffer, and the trial.
#include "bench/compare/peers/budget.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace vc::compare {

namespace {

constexpr std::size_t kPage = 4096;
constexpr int kPopulateWrite = 23;  // MADV_POPULATE_WRITE, Linux 5.14

/// Touches every page of a block. Where the kernel cannot do it in one call, word by word.
void populate(std::byte* block, std::size_t bytes) {
  const std::size_t before = (kPage - reinterpret_cast<std::uintptr_t>(block) % kPage) % kPage;
  const std::size_t whole = bytes <= before ? 0 : (bytes - before) / kPage * kPage;
  if (whole != 0 && madvise(block + before, whole, kPopulateWrite) == 0) return;
  for (std::size_t at = 0; at < bytes; at += kPage) {
    *reinterpret_cast<volatile std::byte*>(block + at) = std::byte{0};
  }
}

/// Blocks of `largest` bytes, then smaller ones; all freed again. Returns their sum.
std::uint64_t trial(const Peer& peer, std::uint64_t largest) {
  std::vector<void*> blocks;
  std::uint64_t sum = 0;
  for (std::uint64_t size = largest; size >= kPage; size /= 2) {
    while (void* block = peer.allocate(size)) {
      populate(static_cast<std::byte*>(block), size);
      blocks.push_back(block);
      sum += size;
    }
  }
  while (!blocks.empty()) {
    peer.free(blocks.back());
    blocks.pop_back();
  }
  return sum;
}

}  // namespace

Buffer map_buffer(std::size_t size, std::size_t alignment, bool huge_pages) {
  void* mapping = mmap(nullptr, size + alignment, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) return {};
  const std::size_t past = reinterpret_cast<std::uintptr_t>(mapping) % alignment;
  std::byte* data = static_cast<std::byte*>(mapping) + (past == 0 ? 0 : alignment - past);
  if (huge_pages) madvise(data, size, MADV_HUGEPAGE);
  return {data, size};
}

void outside_of_budget(const char* peer, const void* block, std::size_t bytes) {
  std::fprintf(stderr, "compare: %s handed out %zu bytes at %p, outside of its budget\n", peer,
               bytes, block);
  std::abort();
}

std::uint64_t usable_by_trial(const Peer& peer, const Setting& setting) {
  if (setting.budget == 0) return 0;
  std::uint64_t best = 0;
  // The smallest first: a peer that keeps its tables then has all of them at the next.
  for (const std::uint64_t largest : {std::uint64_t{1} << 15, std::bit_floor(setting.budget)}) {
    best = std::max(best, trial(peer, std::min(largest, setting.budget)));
  }
  return best;
}

}  // namespace vc::compare
