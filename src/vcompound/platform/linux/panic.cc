// How a process ends when an invariant is broken: one line on standard error, then abort().
//
// Nothing here allocates, locks or formats with stdio: a panic may come from a signal handler or
// from inside an allocator that is no longer sound.
#include <unistd.h>

#include <cstdlib>

#include "vcompound/base/assert.h"
#include "vcompound/base/text.h"

namespace vc {

void panic(const char* what, const char* file, int line) noexcept {
  char buffer[512];
  TextWriter message(buffer, sizeof buffer);
  message.text("vcompound: panic: ").text(what).text(" (").text(file).text(":");
  message.number_signed(line).text(")\n");
  if (::write(STDERR_FILENO, buffer, message.length()) < 0) {
    // Standard error is gone; the abort below still tells that something was wrong.
  }
  std::abort();
}

}  // namespace vc
