// The kernel's figures: exact instruction counts, when QEMU runs with -icount shift=0.
#pragma once

namespace vc::kernel {

/// Runs the benches whose names match (patterns with * and ?, separated by commas) and prints one
/// line for each:
///     bench NAME pages=N instructions=N entries=N tables=N invalidations=N interrupts=N
/// In a thread, with interrupts on. Returns 0, or 1 if one could not be run or none matched.
int run_benches(const char* patterns);

}  // namespace vc::kernel
