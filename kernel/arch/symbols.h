// Names for code addresses.
#pragma once

#include <cstdint>

namespace vc::kernel {

/// A function of the image; no name: not known.
struct Symbol {
  const char* name = nullptr;
  std::uint64_t start = 0;
};

/// The function around a code address.
Symbol find_symbol(std::uint64_t address);

}  // namespace vc::kernel
