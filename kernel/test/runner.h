// Runs the tests of the image (kernel/test/*_test.cc) and says what came of it.
#pragma once

#include "vcompound/base/units.h"

namespace vc::kernel {

/// Runs the tests whose full name (Suite.Name, or Prefix/Suite.Name) matches one of the patterns:
/// separated by commas, * stands for any characters, ? for one. Each test leaves one line [  OK ],
/// [ FAIL ] or [ SKIP ]; the last line is "N passed, N failed, N skipped". Returns 0 if none failed
/// and at least one matched. Suites called Panic... end the machine, those called Failing... fail:
/// they run only if the patterns begin with that word. In a thread that may block; nobody else
/// allocates meanwhile.
///
/// After each test the allocator of the main arena is checked as a whole, and as much memory must
/// be in use as before; a test that keeps some says so by keeps_memory().
int run_tests(const char* patterns);

/// The test that runs leaves memory in use, for this reason.
void keeps_memory(const char* reason);

/// Does a name match one of the patterns? Pure.
bool matches(const char* patterns, const char* name);

}  // namespace vc::kernel
