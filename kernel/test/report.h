// What the runner and the expectations share: the state of the test that runs.
#pragma once

#include <cstdint>

#include "vcompound/base/atomic.h"
#include "vcompound/base/text.h"

namespace vc::kernel {

/// Written by expectations of any thread; read by the runner.
struct TestState {
  Atomic<std::uint32_t> failures;
  Atomic<std::uint32_t> fatal_failures;
  Atomic<std::uint32_t> skipped;
  char skip_reason[160] = {};
  const char* kept_memory = nullptr;  ///< why the test leaves memory in use; nullptr: it must not

  void reset();
};
extern TestState test_state;

/// Until it is stopped, failures are collected in it and do not fail the test: for tests of the
/// expectations themselves. One at a time, used by one thread.
class CapturedFailures {
 public:
  CapturedFailures();
  ~CapturedFailures();
  CapturedFailures(const CapturedFailures&) = delete;
  CapturedFailures& operator=(const CapturedFailures&) = delete;

  void stop();
  std::uint32_t count() const { return count_; }
  /// The texts, one behind the other.
  const char* text() const { return buffer_; }
  /// Takes a text in; false: nobody captures.
  static bool take(const char* text);

 private:
  std::uint32_t count_ = 0;
  char buffer_[2048];
  TextWriter out_{buffer_, sizeof buffer_};
};

}  // namespace vc::kernel
