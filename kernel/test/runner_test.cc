// The test frame itself: what is reported, what is matched, and the heap behind operator new.
#include "kernel/test/runner.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "kernel/arch/machine.h"
#include "kernel/memory/memory.h"
#include "kernel/test/heap.h"
#include "kernel/test/report.h"
#include "kernel/thread/thread.h"

namespace vc::kernel {
namespace {

bool contains(const char* text, const char* part) {
  const std::size_t length = std::strlen(part);
  for (; *text != '\0'; ++text) {
    if (std::strlen(text) >= length && std::memcmp(text, part, length) == 0) return true;
  }
  return false;
}

TEST(RunnerPatterns, MatchWholeNames) {
  EXPECT_TRUE(matches("Zone.Splits", "Zone.Splits"));
  EXPECT_FALSE(matches("Zone.Splits", "Zone.SplitsTwice"));
  EXPECT_FALSE(matches("Zone.SplitsTwice", "Zone.Splits"));
  EXPECT_FALSE(matches("", "Zone.Splits"));
  EXPECT_TRUE(matches("*", "Zone.Splits"));
  EXPECT_TRUE(matches("Zone*", "Zone.Splits"));
  EXPECT_TRUE(matches("*its", "Zone.Splits"));
  EXPECT_TRUE(matches("*o*p*t*", "Zone.Splits"));
  EXPECT_FALSE(matches("*p*o*", "Zone.Splits"));
  EXPECT_TRUE(matches("Zon?.Spli?s", "Zone.Splits"));
  EXPECT_FALSE(matches("Zone.Splits?", "Zone.Splits"));
}

TEST(RunnerPatterns, AreSeparatedByCommas) {
  EXPECT_TRUE(matches("A.*,Zone.*", "Zone.Splits"));
  EXPECT_TRUE(matches("Zone.*,A.*", "Zone.Splits"));
  EXPECT_FALSE(matches("A.*,B.*,", "Zone.Splits"));
}

TEST(RunnerPatterns, WhatHasAMinusIsLeftOut) {
  EXPECT_TRUE(matches("*,-A.*", "Zone.Splits"));
  EXPECT_FALSE(matches("*,-Zone.*", "Zone.Splits"));
  EXPECT_FALSE(matches("-Zone.*,*", "Zone.Splits"));
  EXPECT_TRUE(matches("*,-Zone.*", "Home/Zone.Splits"));
  EXPECT_FALSE(matches("-A.*", "Zone.Splits")) << "nothing is asked for";
}

enum class Colour { red, green };

TEST(RunnerExpectations, AFailureShowsPlaceExpressionsAndValues) {
  CapturedFailures captured;
  const std::uint64_t pages = 5;
  EXPECT_EQ(pages, 7U) << "in round " << 3 << ' ' << true;
  EXPECT_EQ(pages, 5U) << "does not fail";
  captured.stop();
  EXPECT_EQ(captured.count(), 1U);
  EXPECT_TRUE(contains(captured.text(), "runner_test.cc:"));
  EXPECT_TRUE(contains(captured.text(), "expected pages == 7U"));
  EXPECT_TRUE(contains(captured.text(), "pages is 5"));
  EXPECT_TRUE(contains(captured.text(), "in round 3 true"));
}

TEST(RunnerExpectations, ValuesOfEveryKindAreShown) {
  CapturedFailures captured;
  EXPECT_NE(Bytes(4096), Bytes(4096));
  EXPECT_LT(VirtAddr(0xffff'8000'0000'1000), VirtAddr(1));
  EXPECT_GT(-3, -2);
  EXPECT_EQ(Colour::green, Colour::red);
  EXPECT_STREQ("left", "right");
  EXPECT_EQ('x', 'y');
  EXPECT_TRUE(captured.count() == 0);
  captured.stop();
  EXPECT_EQ(captured.count(), 7U);
  for (const char* part : {"is 4096", "0xffff800000001000", "is -3", "Colour::green is 1",
                           "is \"left\"", "is x", "expected to be true: captured.count() == 0"}) {
    EXPECT_TRUE(contains(captured.text(), part)) << part;
  }
}

void assert_that(bool condition, bool& went_on) {
  ASSERT_TRUE(condition) << "said so";
  went_on = true;
}

TEST(RunnerExpectations, AnAssertionLeavesTheFunction) {
  bool went_on = false;
  CapturedFailures captured;
  assert_that(false, went_on);
  captured.stop();
  EXPECT_FALSE(went_on);
  EXPECT_EQ(captured.count(), 1U);
  assert_that(true, went_on);
  EXPECT_TRUE(went_on);
}

TEST(RunnerExpectations, TracesOfThisThreadAreShown) {
  CapturedFailures captured;
  {
    SCOPED_TRACE("while it is alive");
    ADD_FAILURE();
  }
  captured.stop();
  EXPECT_TRUE(contains(captured.text(), "while it is alive"));
  CapturedFailures later;
  ADD_FAILURE() << "second";
  later.stop();
  EXPECT_FALSE(contains(later.text(), "alive"));
  EXPECT_TRUE(contains(later.text(), "second"));
}

// ---- what the boot must report as a failure (suite FailingRunner, one boot each)
// ------------------

TEST(FailingRunner, AnExpectation) { EXPECT_EQ(1 + 1, 3) << "on purpose"; }
TEST(FailingRunner, AnExpectationInAHandler) {
  call_on(
      cpu_count() - 1,
      [](void*) {
        EXPECT_TRUE(x86::is_preemptible()) << "on purpose, on CPU " << x86::cpu_number();
      },
      nullptr);
}
TEST(FailingRunner, AFrameThatIsNotFreed) { ASSERT_TRUE(allocate({.size = Bytes(4096)}).ok()); }
TEST(FailingRunner, MemoryOfTheHeap) { static_cast<void>(test_heap().allocate(100, 16)); }
TEST(RunnerMemory, AFrameThatIsKeptForAReasonIsNoFailure) {
  keeps_memory("the test of the promise");
  ASSERT_TRUE(allocate({.size = Bytes(4096)}).ok());
}

class RunnerFixture : public ::testing::Test {
 protected:
  void SetUp() override { word_ = 5; }
  void TearDown() override { EXPECT_EQ(word_, 6); }
  int word_ = 0;
};

TEST_F(RunnerFixture, IsSetUpAndTornDown) {
  EXPECT_EQ(word_, 5);
  word_ = 6;
}

TEST(RunnerFixtureLess, ASkippedTestIsNotCountedAsPassed) {
  GTEST_SKIP() << "as every run shows";
  ADD_FAILURE() << "the rest of it does not run";
}

TEST(RunnerHeap, GivesEverythingBack) {
  const Bytes before = test_heap().in_use();
  {
    std::vector<std::vector<std::uint64_t>> rows;
    for (std::uint64_t i = 0; i < 100; ++i) rows.emplace_back(i * 7, i);
    for (std::uint64_t i = 0; i < 100; ++i) {
      ASSERT_EQ(rows[i].size(), i * 7);
      for (const std::uint64_t word : rows[i]) ASSERT_EQ(word, i);
    }
    EXPECT_GT(test_heap().in_use(), before);
  }
  EXPECT_EQ(test_heap().in_use(), before);
}

TEST(RunnerHeap, ServesAlignmentsAndLargeSizes) {
  const PageCount pages = test_heap().pages();
  for (std::size_t alignment = 1; alignment <= 4096; alignment *= 4) {
    auto* const memory = static_cast<unsigned char*>(test_heap().allocate(3000, alignment));
    ASSERT_NE(memory, nullptr);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory) % alignment, 0U);
    std::memset(memory, 0xee, 3000);
    test_heap().free(memory);
  }
  void* const large = test_heap().allocate(3 << 20, 16);
  ASSERT_NE(large, nullptr);
  EXPECT_GT(test_heap().pages(), pages) << "it took a piece of its own";
  test_heap().free(large);
  EXPECT_EQ(test_heap().allocate(std::size_t{1} << 50, 16), nullptr);
}

TEST(RunnerHeap, ServesSeveralThreads) {
  static constexpr std::uint32_t kThreads = 4;
  const Bytes before = test_heap().in_use();
  Thread* threads[kThreads] = {};
  for (Thread*& thread : threads) {
    thread = start_thread(
        "heap",
        [](void*) {
          for (std::uint64_t i = 1; i < 300; ++i) {
            const std::vector<std::uint64_t> words(i, i);
            if (i % 32 == 0) yield();
            for (const std::uint64_t word : words) EXPECT_EQ(word, i);
          }
        },
        nullptr);
    ASSERT_NE(thread, nullptr);
  }
  for (Thread* thread : threads) join(thread);
  EXPECT_EQ(test_heap().in_use(), before);
}

}  // namespace
}  // namespace vc::kernel
