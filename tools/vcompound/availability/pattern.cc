// pattern.cc — writing and checking of contents.
#include "tools/vcompound/availability/pattern.h"

#include <algorithm>

#include "vcompound/base/random.h"

namespace vc::tool {
namespace {

constexpr std::size_t kWord = sizeof(std::uint64_t);
constexpr std::uint64_t kStride = 0x9e37'79b9'7f4a'7c15ULL;
/// Words compared before the result is looked at: the loop over them has no branch.
constexpr std::size_t kGroup = 512;

std::uint64_t word(std::uint64_t base, std::size_t index) { return base + index * kStride; }

}  // namespace

void fill_pattern(void* data, std::size_t bytes, std::uint64_t piece) {
  auto* const words = static_cast<std::uint64_t*>(data);
  const std::uint64_t base = mix64(piece);
  const std::size_t count = bytes / kWord;
  for (std::size_t i = 0; i < count; ++i) words[i] = word(base, i);
}

std::optional<std::size_t> find_pattern_error(const void* data, std::size_t bytes,
                                              std::uint64_t piece) {
  const auto* const words = static_cast<const std::uint64_t*>(data);
  const std::uint64_t base = mix64(piece);
  const std::size_t count = bytes / kWord;
  for (std::size_t first = 0; first < count; first += kGroup) {
    const std::size_t end = std::min(first + kGroup, count);
    std::uint64_t difference = 0;
    for (std::size_t i = first; i < end; ++i) difference |= words[i] ^ word(base, i);
    if (difference == 0) continue;
    for (std::size_t i = first; i < end; ++i) {
      if (words[i] != word(base, i)) return i * kWord;
    }
  }
  return std::nullopt;
}

void fill_sparse_pattern(void* data, std::size_t bytes, std::size_t step, std::uint64_t piece) {
  auto* const words = static_cast<std::uint64_t*>(data);
  const std::uint64_t base = mix64(piece);
  const std::size_t count = bytes / kWord;
  for (std::size_t i = 0; i < count; i += step / kWord) words[i] = word(base, i);
  words[count - 1] = word(base, count - 1);
}

std::optional<std::size_t> find_sparse_pattern_error(const void* data, std::size_t bytes,
                                                     std::size_t step, std::uint64_t piece) {
  const auto* const words = static_cast<const std::uint64_t*>(data);
  const std::uint64_t base = mix64(piece);
  const std::size_t count = bytes / kWord;
  for (std::size_t i = 0; i < count; i += step / kWord) {
    if (words[i] != word(base, i)) return i * kWord;
  }
  if (words[count - 1] != word(base, count - 1)) return (count - 1) * kWord;
  return std::nullopt;
}

}  // namespace vc::tool
