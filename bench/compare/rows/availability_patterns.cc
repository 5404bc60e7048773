// The five patterns, and the blocks that know whose they are.
#include "bench/compare/rows/availability_patterns.h"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstdlib>

namespace vc::compare {

namespace {

/// A word at the start of a block, one at its end, and one every so many bytes between.
constexpr std::uint64_t kStep = 64 * 1024;

/// Calls f(word, value) for each word that tells whose the block is.
template <class Function>
void for_each_word(const Block& block, Function&& f) {
  auto* bytes = static_cast<std::byte*>(block.data);
  for (std::uint64_t at = 0; at < block.size; at += kStep) {
    f(reinterpret_cast<std::uint64_t*>(bytes + at), mix64(block.id) + at);
  }
  const std::uint64_t last = block.size - sizeof(std::uint64_t);
  f(reinterpret_cast<std::uint64_t*>(bytes + last), mix64(block.id) + last);
}

void write_words(const Block& block) {
  for_each_word(block, [](std::uint64_t* word, std::uint64_t value) { *word = value; });
}

void check_words(const Block& block) {
  for_each_word(block, [&](const std::uint64_t* word, std::uint64_t value) {
    if (*word == value) return;
    std::fprintf(stderr, "compare: a block of %llu bytes at %p was overwritten\n",
                 static_cast<unsigned long long>(block.size), block.data);
    std::abort();
  });
}

void fill(Holding& holding, std::uint64_t size) {
  while (holding.allocate(size)) continue;
}

/// 4 KiB to 4 MiB, every power of two equally likely.
std::uint64_t mixed_size(Random& random) {
  const std::uint64_t power = kPage << random.below(10);
  return (power + random.below(power)) / kPage * kPage;
}

void free_at_random(Holding& holding, std::uint64_t count, Random& random) {
  for (std::uint64_t i = 0; i < count && !holding.blocks().empty(); ++i) {
    holding.free(static_cast<std::size_t>(random.below(holding.blocks().size())));
  }
}

void make_random(Holding& holding, std::uint64_t, Random& random) {
  fill(holding, 32 * 1024);
  free_at_random(holding, (holding.blocks().size() * 968 + 500) / 1000, random);
}

void make_comb_of(Holding& holding, std::uint64_t size) {
  fill(holding, size);
  std::vector<Block>& blocks = holding.blocks();
  std::sort(blocks.begin(), blocks.end(),
            [](const Block& a, const Block& b) { return a.data < b.data; });
  // From the end, and the even ones stay: what takes a freed one's place has been looked at.
  for (std::size_t i = blocks.size(); i-- > 0;) {
    if (i % 2 == 1) holding.free(i);
  }
}

void make_comb(Holding& holding, std::uint64_t, Random&) { make_comb_of(holding, 64 * 1024); }

void make_comb_4k(Holding& holding, std::uint64_t, Random&) { make_comb_of(holding, kPage); }

/// Mixed sizes until full; a refused size is halved until it fits or is less than a page.
void fill_mixed(Holding& holding, Random& random) {
  for (;;) {
    std::uint64_t size = mixed_size(random);
    while (!holding.allocate(size)) {
      if (size == kPage) return;
      size = std::max(size / 2 / kPage * kPage, kPage);
    }
  }
}

void make_lifo(Holding& holding, std::uint64_t, Random& random) {
  constexpr std::size_t kLongLived = 16;
  fill_mixed(holding, random);
  const std::uint64_t half = holding.live() / 2;
  for (std::size_t i = holding.blocks().size(); i-- > 0 && holding.live() > half;) {
    if (i % kLongLived != 0) holding.free(i);
  }
}

void make_mixed(Holding& holding, std::uint64_t usable, Random& random) {
  constexpr std::uint64_t kTurnovers = 4;
  const std::uint64_t most = usable / 10 * 9;
  for (std::uint64_t asked = 0; asked < usable * kTurnovers;) {
    const std::uint64_t size = mixed_size(random);
    asked += size;
    while (holding.live() + size > most) free_at_random(holding, 1, random);
    // Refused for fragmentation: room is made, and another size is drawn.
    if (!holding.allocate(size)) free_at_random(holding, 1, random);
  }
  free_at_random(holding, holding.blocks().size() * 6 / 10, random);
}

}  // namespace

const Pattern kPatterns[kPatternCount] = {{"random", make_random},
                                          {"comb", make_comb},
                                          {"comb 4k", make_comb_4k},
                                          {"lifo", make_lifo},
                                          {"mixed", make_mixed}};

bool Holding::allocate(std::uint64_t size) {
  void* data = with_calls(peer_, [&](const auto& calls) { return calls.allocate(size); });
  if (data == nullptr) return false;
  blocks_.push_back({data, size, next_id_++});
  live_ += (size + kPage - 1) / kPage * kPage;
  write_words(blocks_.back());
  return true;
}

void Holding::free(std::size_t index) {
  const Block block = blocks_[index];
  check_words(block);
  with_calls(peer_, [&](const auto& calls) { calls.free(block.data); });
  live_ -= (block.size + kPage - 1) / kPage * kPage;
  blocks_[index] = blocks_.back();
  blocks_.pop_back();
}

void Holding::free_all() {
  while (!blocks_.empty()) free(blocks_.size() - 1);
}

void Holding::check() const {
  for (const Block& block : blocks_) check_words(block);
}

}  // namespace vc::compare
