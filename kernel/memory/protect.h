// Taking pages out of the direct map, and putting them back: guard pages of contiguous compounds.
#pragma once

#include <cstdint>

#include "vcompound/base/units.h"
#include "vcompound/platform/contract.h"

namespace vc::kernel {

/// What a page of the direct map may be used for.
enum class Access : std::uint8_t { none, read_write };

/// Changes what may be done with whole pages of the direct map, and makes every CPU see it. They
/// lie inside compounds of the caller. `none` may need tables, because it splits large leaves; it
/// is refused (Reason::page_tables, nothing changed) if there are none. `read_write` never fails on
/// what `none` was done to. Waits for other CPUs: not with interrupts off, once they are started.
PlatformStatus protect_direct(VirtRange pages, Access access);

}  // namespace vc::kernel
