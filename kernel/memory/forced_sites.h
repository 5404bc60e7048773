// The boot parameters that change what requests become: policy=, always_map=.
//
// A forced call site is named by the end of its file's name, and the core knows a site by the
// address of that name. So while there are forced sites, the cached path is switched off, and each
// site is compared once, at its first request; afterwards a look into a table of sites seen is all.
// Without forced sites this costs nothing.
#pragma once

#include "vcompound/compound/call_sites.h"

namespace vc::kernel {

/// Gives the arena what the boot parameters ask for. Once, after it was opened.
void install_test_settings();
/// Forces a site that a parameter names, the first time it is met. Call for each request that does
/// not come from the cache.
void note_site(CallSite site);

}  // namespace vc::kernel
