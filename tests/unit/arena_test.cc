// vc::Arena and vc::Compound: ownership, misuse, and what outlives what.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <optional>
#include <utility>

#include "vcompound/arena.h"

namespace vc {
namespace {

using ::testing::HasSubstr;

Arena make_arena(OnMisuse on_misuse = OnMisuse::report) {
  auto arena = Arena::create({.budget = mib(4), .on_misuse = on_misuse});
  EXPECT_TRUE(arena) << to_string(arena.error());
  return std::move(*arena);
}

TEST(Arena, AHandleThatOutlivesItsArenaIsReportedAndHarmless) {
  std::optional<Arena> arena(make_arena());
  auto buffer = arena->allocate(kib(64));
  ASSERT_TRUE(buffer);
  arena.reset();
  testing::internal::CaptureStderr();
  buffer->reset();
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("closed arena"));
  EXPECT_FALSE(*buffer);
}

TEST(Arena, AnArenaThatWasMovedFromRefusesEverything) {
  Arena first = make_arena();
  Arena second(std::move(first));
  EXPECT_EQ(first.try_allocate(kib(4)), nullptr);  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(Arena::last_error().reason, Reason::policy);
  int local = 0;
  EXPECT_EQ(first.free(&local), Misuse::closed);
  EXPECT_TRUE(second.allocate(kib(4)));
}

TEST(Arena, LastErrorTellsOfEveryRefusedAllocation) {
  Arena arena = make_arena();
  const auto by_size = arena.allocate(gib(1));
  ASSERT_FALSE(by_size.ok());
  EXPECT_EQ(by_size.error().reason, Reason::budget);
  EXPECT_EQ(by_size.error().requested, gib(1));
  EXPECT_EQ(Arena::last_error().requested, gib(1));
  EXPECT_FALSE(arena.allocate(Request{.size = gib(2)}).ok());
  EXPECT_EQ(Arena::last_error().requested, gib(2));
  EXPECT_FALSE(arena.allocate_pointer(Request{.size = gib(3)}).ok());
  EXPECT_EQ(Arena::last_error().requested, gib(3));
  EXPECT_EQ(arena.try_allocate(gib(4)), nullptr);
  EXPECT_EQ(Arena::last_error().requested, gib(4));
  EXPECT_TRUE(arena.allocate(kib(4)));
  EXPECT_EQ(Arena::last_error().requested, gib(4)) << "only what was refused";
}

TEST(Arena, SharedHandlesFreeWithTheLastOne) {
  Arena arena = make_arena();
  auto first = arena.allocate(kib(64));
  ASSERT_TRUE(first);
  void* const data = first->data();
  Compound second = first->share();
  first->reset();
  EXPECT_EQ(arena.head_of(data), data) << "freed while a handle was left";
  second.reset();
  EXPECT_EQ(arena.head_of(data), nullptr);
}

TEST(Arena, MovingAHandleLeavesNothingBehind) {
  Arena arena = make_arena();
  auto made = arena.allocate(kib(8));
  ASSERT_TRUE(made);
  Compound a = std::move(*made);
  Compound b;
  b = std::move(a);
  EXPECT_FALSE(a);  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(b.size(), kib(8).value);
  std::memset(b.data(), 1, b.size());
  b = Compound();
  EXPECT_EQ(arena.stats().live_pages(), PageCount(0));
}

TEST(Arena, WrongPointersAreNamed) {
  Arena arena = make_arena(OnMisuse::ignore);
  char* p = static_cast<char*>(arena.try_allocate(kib(64)));
  ASSERT_NE(p, nullptr);
  int local = 0;
  EXPECT_EQ(arena.free(&local), Misuse::foreign);
  EXPECT_EQ(arena.free(p + 1), Misuse::misaligned);
  EXPECT_EQ(arena.free(p + 4096), Misuse::interior);
  EXPECT_EQ(arena.free(p), Misuse::none);
  EXPECT_EQ(arena.free(p), Misuse::already_freed);
  EXPECT_EQ(arena.free(nullptr), Misuse::none);
  EXPECT_EQ(arena.stats().misuses, 4U);
}

TEST(ArenaDeathTest, MisuseCanBeFatal) {
  Arena arena = make_arena(OnMisuse::abort);
  void* p = arena.try_allocate(kib(64));
  arena.free(p);
  EXPECT_DEATH(arena.free(p), "double free");
}

}  // namespace
}  // namespace vc
