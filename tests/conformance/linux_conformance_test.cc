// The conformance suite in the linux home, as it is and with the fallback forced.
#include "tests/conformance/conformance_suite.h"
#include "tests/conformance/linux_home.h"

namespace vc::testing {

VC_CONFORMANCE(Linux, LinuxHome<false>);
VC_CONFORMANCE(LinuxAlwaysMap, LinuxHome<true>);

}  // namespace vc::testing
