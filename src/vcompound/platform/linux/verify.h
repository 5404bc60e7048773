// Asking the kernel what it really did: huge pages, small pages, or nothing.
#pragma once

#include <cstdint>

#include "vcompound/base/units.h"

namespace vc {

/// What is mapped in a range of addresses, as the kernel tells.
struct MappedPages {
  enum class Method : std::uint8_t {
    pagemap_scan,  ///< Exact (Linux 6.7 and later).
    smaps,         ///< From /proc/self/smaps: exact for whole mappings, else an estimate.
    none,          ///< Neither is there; all figures are 0.
  };

  Bytes huge{};    ///< By huge entries.
  Bytes small{};   ///< By small entries.
  Bytes absent{};  ///< No translation at the moment.
  Method method = Method::none;

  bool operator==(const MappedPages&) const = default;
};

/// Looks at a range of this process. Thread-safe; about 3 us and a little per page that is mapped.
MappedPages mapped_pages(VirtRange range);

namespace os {

/// The two ways, for tests. Each answers Method::none where it does not work.
/// @{
MappedPages scan_pagemap(VirtRange range);
MappedPages parse_smaps(VirtRange range);
/// @}

}  // namespace os
}  // namespace vc
