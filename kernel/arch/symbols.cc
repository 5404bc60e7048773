#include "kernel/arch/symbols.h"

#include <cstddef>

#include "kernel/boot/boot_info.h"

namespace vc::kernel {

namespace {

/// A function, by offsets from the text's start and in the names.
struct Entry {
  std::uint32_t start;
  std::uint32_t name;
};

}  // namespace

// Written by boot/link_with_symbols.sh, ascending; absent in an image that is linked without it.
extern "C" {
[[gnu::weak]] extern const std::uint32_t kernel_symbol_count;
[[gnu::weak]] extern const Entry kernel_symbols[];
[[gnu::weak]] extern const char kernel_symbol_names[];
}

Symbol find_symbol(std::uint64_t address) {
  const std::uint64_t text = reinterpret_cast<std::uintptr_t>(text_start);
  if (&kernel_symbol_count == nullptr || address < text ||
      address >= reinterpret_cast<std::uintptr_t>(text_end))
    return {};
  std::size_t low = 0;  // the first function beyond the address is one of [low, high]
  std::size_t high = kernel_symbol_count;
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (kernel_symbols[middle].start <= address - text) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == 0) return {};
  const Entry& found = kernel_symbols[low - 1];
  return {kernel_symbol_names + found.name, text + found.start};
}

}  // namespace vc::kernel
