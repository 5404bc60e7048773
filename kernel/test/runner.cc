#include "kernel/test/runner.h"

#include <gtest/gtest.h>

#include <initializer_list>

#include "kernel/console/console.h"
#include "kernel/memory/memory.h"
#include "kernel/test/heap.h"
#include "kernel/test/report.h"
#include "kernel/thread/thread.h"
#include "kernel/thread/wait.h"

/// The section of pointers that the macros of gtest.h leave; see kernel/boot/linker.ld.
extern "C" const ::testing::internal::TestList* const kernel_tests_start[];
extern "C" const ::testing::internal::TestList* const kernel_tests_end[];

namespace vc::kernel {

namespace {

using ::testing::internal::TestCase;
using ::testing::internal::TestList;

struct Totals {
  std::uint32_t passed = 0;
  std::uint32_t failed = 0;
  std::uint32_t skipped = 0;
};

/// Does `name` match the pattern [pattern, end)?
bool matches_one(const char* pattern, const char* end, const char* name) {
  const char* star = nullptr;  // after the last star, and where it was tried last
  const char* tried = nullptr;
  while (*name != '\0') {
    if (pattern != end && *pattern == '*') {
      star = ++pattern;
      tried = name;
    } else if (pattern != end && (*pattern == '?' || *pattern == *name)) {
      ++pattern;
      ++name;
    } else if (star != nullptr) {
      pattern = star;
      name = ++tried;
    } else {
      return false;
    }
  }
  while (pattern != end && *pattern == '*') ++pattern;
  return pattern == end;
}

/// "Prefix/Suite.Name".
class FullName {
 public:
  FullName(const TestList& list, const TestCase& test) {
    TextWriter out(text_, sizeof text_);
    if (list.prefix != nullptr) out.text(list.prefix).text("/");
    out.text(test.suite).text(".").text(test.name);
  }
  const char* c_str() const { return text_; }

 private:
  char text_[160];
};

bool begins_with(const char* text, const char* beginning) {
  while (*beginning != '\0') {
    if (*text++ != *beginning++) return false;
  }
  return true;
}

/// Is the test asked for? One that ends the machine (Panic...) or fails (Failing...) must be meant:
/// by patterns that begin with that word.
bool is_asked_for(const char* patterns, const char* name) {
  for (const char* word : {"Panic", "Failing"}) {
    if (begins_with(name, word) && !begins_with(patterns, word)) return false;
  }
  return matches(patterns, name);
}

/// What a test must leave as it found it: the frames of the main arena that are in use by anybody
/// but the heap of the tests, and the bytes of that heap.
struct InUse {
  PageCount frames;
  Bytes heap;

  static InUse now() {
    flush_work();
    arena().allocator.reclaim();
    return {arena().allocator.stats().live_pages() - test_heap().pages(), test_heap().in_use()};
  }
};

/// Runs the phases of one test object, as GoogleTest does.
void run_phases(const TestCase& test) {
  using ::testing::Test;
  Test* const object = test.create();
  if (!Test::HasFatalFailure() && !Test::IsSkipped()) object->SetUp();
  if (!Test::HasFatalFailure() && !Test::IsSkipped()) object->TestBody();
  object->TearDown();
  delete object;
}

void report_loss(const TestCase& test, const char* what, std::uint64_t before,
                 std::uint64_t after) {
  Line line;
  line.text(test.file).text(":").number(static_cast<unsigned>(test.line)).text(": failure: ");
  line.number(before).text(" ").text(what).text(" were in use before the test, ");
  line.number(after).text(" are after it");
  test_state.failures.fetch_add(1);
}

/// What must hold after each test.
void check_memory(const TestCase& test, const InUse& before) {
  const InUse after = InUse::now();
  arena().allocator.check();
  if (after.heap != before.heap) {
    report_loss(test, "bytes of the heap", before.heap.value, after.heap.value);
  }
  if (after.frames == before.frames) return;
  if (test_state.kept_memory != nullptr) {
    Line().text("    keeps memory: ").text(test_state.kept_memory);
  } else {
    report_loss(test, "frames", before.frames.value, after.frames.value);
  }
}

void run_one(const TestList& list, const TestCase& test, Totals& totals) {
  const FullName name(list, test);
  Line().text("[ RUN  ] ").text(name.c_str());
  test_state.reset();
  if (list.prepare != nullptr) list.prepare();
  const InUse before = InUse::now();
  const std::uint64_t start = now();
  run_phases(test);
  check_memory(test, before);
  const std::uint64_t milliseconds = (now() - start) / 1000;
  if (test_state.failures.load_acquire() != 0) {
    ++totals.failed;
    Line().text("[ FAIL ] ").text(name.c_str()).text(" (").number(milliseconds).text(" ms)");
  } else if (test_state.skipped.load_acquire() != 0) {
    ++totals.skipped;
    Line().text("[ SKIP ] ").text(name.c_str()).text(": ").text(test_state.skip_reason);
  } else {
    ++totals.passed;
    Line().text("[  OK  ] ").text(name.c_str()).text(" (").number(milliseconds).text(" ms)");
  }
}

}  // namespace

bool matches(const char* patterns, const char* name) {
  bool found = false;
  const char* start = patterns;
  for (const char* end = start;; ++end) {
    if (*end != ',' && *end != '\0') continue;
    const bool excludes = *start == '-';
    if (matches_one(excludes ? start + 1 : start, end, name)) {
      if (excludes) return false;
      found = true;
    }
    if (*end == '\0') return found;
    start = end + 1;
  }
}

void keeps_memory(const char* reason) { test_state.kept_memory = reason; }

int run_tests(const char* patterns) {
  test_heap().open();
  Totals totals;
  // The compiler leaves the last test of a file first.
  for (auto* list = kernel_tests_end; list-- != kernel_tests_start;) {
    for (std::uint32_t i = 0; i < (*list)->count; ++i) {
      const TestCase& test = (*list)->cases[i];
      if (is_asked_for(patterns, FullName(**list, test).c_str())) run_one(**list, test, totals);
    }
  }
  if (totals.passed + totals.failed + totals.skipped == 0) {
    Line().text("no test matches \"").text(patterns).text("\"");
    ++totals.failed;
  }
  Line()
      .number(totals.passed)
      .text(" passed, ")
      .number(totals.failed)
      .text(" failed, ")
      .number(totals.skipped)
      .text(" skipped");
  return totals.failed == 0 ? 0 : 1;
}

}  // namespace vc::kernel
