// The choice of the fastest right xor routine, with a clock that the test moves.
#include <gtest/gtest.h>

#include <vector>

#include "kernel/users/xor_buffer.h"

namespace vc::kernel {
namespace {

std::uint64_t ticks = 0;

template <std::uint64_t kCost>
void costs(std::uint64_t* target, const std::uint64_t* source, std::size_t words) {
  xor_by_words(target, source, words);
  ticks += kCost;
}
void is_wrong(std::uint64_t* target, const std::uint64_t* source, std::size_t words) {
  xor_by_words(target, source, words);
  target[words / 2] ^= 1;
}
void leaves_the_last_word(std::uint64_t* target, const std::uint64_t* source, std::size_t words) {
  xor_by_words(target, source, words - 1);
}
void writes_behind(std::uint64_t* target, const std::uint64_t* source, std::size_t words) {
  xor_by_words(target, source, words);
  target[words] = 0;
}

struct XorTest : ::testing::Test {
  std::uint32_t choose(const std::vector<XorRoutine>& routines) {
    results.assign(routines.size(), {});
    return choose_xor(buffer.data(), routines.data(), static_cast<std::uint32_t>(routines.size()),
                      results.data(), [] { return ticks; });
  }
  std::vector<std::uint64_t> buffer = std::vector<std::uint64_t>(XorTrial::kBufferSize.value / 8);
  std::vector<XorResult> results;
};

TEST_F(XorTest, OurRoutinesAreRight) {
  XorTrial trial(buffer.data());
  for (const XorRoutine& routine : kXorRoutines)
    EXPECT_TRUE(trial.is_right(routine)) << routine.name;
}

TEST_F(XorTest, TheFastestIsChosenAndTheFirstOfEquals) {
  EXPECT_EQ(choose({{"slow", costs<9>}, {"fast", costs<3>}, {"middle", costs<5>}}), 1U);
  EXPECT_EQ(results[0].best, 9U);
  EXPECT_EQ(results[1].best, 3U);
  EXPECT_EQ(results[2].best, 5U);
  EXPECT_EQ(choose({{"a", costs<4>}, {"b", costs<4>}}), 0U);
}

TEST_F(XorTest, AWrongRoutineIsNeverChosenHoweverFast) {
  EXPECT_EQ(choose({{"wrong", is_wrong}, {"right", costs<7>}}), 1U);
  EXPECT_FALSE(results[0].right);
  EXPECT_EQ(results[0].best, 0U);
  EXPECT_EQ(choose({{"short", leaves_the_last_word}, {"right", costs<7>}}), 1U);
  EXPECT_EQ(choose({{"long", writes_behind}, {"right", costs<7>}}), 1U);
  EXPECT_EQ(choose({{"wrong", is_wrong}}), 1U) << "none is right";
}

TEST_F(XorTest, TheBestOfSeveralTriesCounts) {
  std::uint64_t calls = 0;
  XorTrial trial(buffer.data());
  // One of the tries takes 2 ticks, the others 50: something came in between.
  const auto clock = [&] {
    ++calls;
    return calls == 6 ? calls / 2 * 50 + 2 - 50
                      : (calls % 2 == 0 ? calls / 2 * 50 : calls / 2 * 50);
  };
  const XorResult result = trial.measure({"words", xor_by_words}, clock);
  EXPECT_TRUE(result.right);
  EXPECT_EQ(result.best, 2U);
  EXPECT_EQ(calls, 2 * XorTrial::kTries);
}

}  // namespace
}  // namespace vc::kernel
