// The conformance suite in the fake home, as it is and with the fallback forced.
#include "tests/conformance/conformance_suite.h"
#include "tests/conformance/fake_home.h"

namespace vc::testing {

VC_CONFORMANCE(Fake, FakeHome<false>);
VC_CONFORMANCE(FakeAlwaysMap, FakeHome<true>);

}  // namespace vc::testing
