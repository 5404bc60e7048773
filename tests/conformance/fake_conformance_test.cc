// The conformance suite in the fake home, as it is and with the fallback forced, with every choice
// of runs.
#include "tests/conformance/conformance_suite.h"
#include "tests/conformance/fake_home.h"

namespace vc::testing {

VC_CONFORMANCE(Fake, FakeHome<false>);
VC_CONFORMANCE(FakeAlwaysMap, FakeHome<true>);
using FakeHomeOfSufficientRuns = FakeHome<true, RunChoice::smallest_sufficient>;
VC_CONFORMANCE(FakeSmallestSufficient, FakeHomeOfSufficientRuns);
using FakeHomeOfSmallestRuns = FakeHome<true, RunChoice::smallest_first>;
VC_CONFORMANCE(FakeSmallestFirst, FakeHomeOfSmallestRuns);

}  // namespace vc::testing
