// pattern.h — contents that tell whose they are, so that an overlap or a wrong mapping is found.
//
//   word i of piece n:  mix64(n) + i * odd        64 bits; different for every (n, i) that occurs
//
// Two pieces that share a frame, a frame shown at the wrong page, and a page that was exchanged
// with another all leave words that are not the expected ones. A full pattern covers every word, a
// sparse one the first word of each step and the last word.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace vc::tool {

/// Writes every word of [data, data + bytes). `bytes` is a multiple of 8, `data` aligned to 8.
void fill_pattern(void* data, std::size_t bytes, std::uint64_t piece);

/// The offset of the first word that is not what fill_pattern() wrote; nothing if all are.
std::optional<std::size_t> find_pattern_error(const void* data, std::size_t bytes,
                                              std::uint64_t piece);

/// Writes the first word of every `step` bytes and the last word; `step` is a multiple of 8.
void fill_sparse_pattern(void* data, std::size_t bytes, std::size_t step, std::uint64_t piece);

/// The offset of the first word that is not what fill_sparse_pattern() wrote; nothing if all are.
std::optional<std::size_t> find_sparse_pattern_error(const void* data, std::size_t bytes,
                                                     std::size_t step, std::uint64_t piece);

}  // namespace vc::tool
