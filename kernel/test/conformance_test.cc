// The conformance suite in the kernel, as it is and with the fallback forced. How many CPUs there
// are is chosen at boot.
#include "kernel/test/kernel_home.h"
#include "tests/conformance/conformance_suite.h"

namespace vc::testing {

VC_CONFORMANCE(Kernel, KernelHomes<false>);
VC_CONFORMANCE(KernelAlwaysMap, KernelHomes<true>);

}  // namespace vc::testing
