// What settings do to a live arena.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "vcompound/arena.h"

namespace vc {
namespace {

using ::testing::HasSubstr;

/// VCOMPOUND_CONF for the length of a scope; nullptr: not set.
class Environment {
 public:
  explicit Environment(const char* text) {
    if (const char* old = std::getenv("VCOMPOUND_CONF")) before_ = old;
    set(text);
  }
  ~Environment() { set(before_ ? before_->c_str() : nullptr); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  static void set(const char* text) {
    if (text == nullptr) {
      unsetenv("VCOMPOUND_CONF");
    } else {
      setenv("VCOMPOUND_CONF", text, 1);
    }
  }
  std::optional<std::string> before_;
};

/// An arena made under a VCOMPOUND_CONF.
Arena arena_under(const char* configuration, const ArenaOptions& options = {.budget = mib(16)}) {
  const Environment environment(configuration);
  auto made = Arena::create(options);
  if (!made) {
    ADD_FAILURE() << to_string(made.error());
    std::abort();
  }
  return std::move(*made);
}

Kind kind_at(Arena& arena, CallSite site) {
  auto compound = arena.allocate(kib(64), site);
  EXPECT_TRUE(compound);
  return compound ? compound->kind() : Kind::contiguous;
}

TEST(ArenaConfiguration, TheVariableOverridesTheProgram) {
  const Arena arena = arena_under("budget:32MiB,thread_cache:1MiB");
  EXPECT_EQ(arena.options().budget, mib(32));
  EXPECT_EQ(arena.options().thread_cache, mib(1));
  EXPECT_EQ(arena.stats().total_pages, PageCount(mib(32).value / 4096));
}

TEST(ArenaConfiguration, AWrongVariableMakesNoArena) {
  const Environment environment("budget:lots");
  ::testing::internal::CaptureStderr();
  const auto made = Arena::create({.budget = mib(16)});
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              HasSubstr("VCOMPOUND_CONF: configuration: budget must be a size"));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().reason, Reason::invalid);
  EXPECT_THAT(to_string(made.error()), HasSubstr("VCOMPOUND_CONF"));
}

TEST(ArenaConfiguration, EchoPrintsWhatIsInForce) {
  ::testing::internal::CaptureStderr();
  const Arena arena = arena_under("echo:yes,nodes:1");
  const std::string text = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(text, "vcompound: settings in force: " + to_configuration(arena.options()) + "\n");
}

TEST(ArenaConfiguration, ForcedFallbackOfEverything) {
  Arena arena = arena_under("always_map:yes,warn_above:never");
  EXPECT_EQ(kind_at(arena, {"a.cc", 1}), Kind::mapped);
  EXPECT_GE(arena.stats().forced_fallbacks, 1U);
}

TEST(ArenaConfiguration, ForcedFallbackOfEverySecond) {
  Arena arena = arena_under("always_map:every=2,warn_above:never");
  EXPECT_EQ(kind_at(arena, {"a.cc", 1}), Kind::contiguous);
  EXPECT_EQ(kind_at(arena, {"a.cc", 1}), Kind::mapped);
  EXPECT_EQ(kind_at(arena, {"a.cc", 1}), Kind::contiguous);
}

TEST(ArenaConfiguration, ForcedFallbackOfNamedSites) {
  Arena arena = arena_under("always_map_site:net/ring.cc:12;queue.cc,warn_above:never");
  for (int again = 0; again < 2; ++again) {
    EXPECT_EQ(kind_at(arena, {"src/net/ring.cc", 12}), Kind::mapped);
    EXPECT_EQ(kind_at(arena, {"src/net/ring.cc", 13}), Kind::contiguous);
    EXPECT_EQ(kind_at(arena, {"queue.cc", 99}), Kind::mapped);
    EXPECT_EQ(kind_at(arena, {"requeue.cc", 99}), Kind::contiguous);
  }
}

TEST(ArenaConfiguration, WrongSitesOfTheProgramMakeNoArena) {
  const Environment environment(nullptr);
  const auto made = Arena::create({.budget = mib(16), .always_map_site = "ring.cc:x"});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().reason, Reason::invalid);
}

TEST(ArenaConfiguration, OnlyRequestsWithAFallbackAreForced) {
  Arena arena = arena_under("always_map:yes,warn_above:never");
  const auto required = arena.allocate({.size = kib(64), .contiguity = Contiguity::required});
  const auto single = arena.allocate(kib(4));
  ASSERT_TRUE(required && single);
  EXPECT_EQ(required->kind(), Kind::contiguous);
  EXPECT_EQ(single->kind(), Kind::contiguous);
}

TEST(ArenaConfiguration, RefusalsOnPurpose) {
  Arena arena = arena_under("inject:nth=2");
  EXPECT_TRUE(arena.allocate(kib(4)));
  const auto refused = arena.allocate(kib(4));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, Reason::injected);
  EXPECT_TRUE(arena.allocate(kib(4)));
}

TEST(ArenaConfiguration, MisuseIsReportedAsAsked) {
  int local = 0;
  for (const char* wish : {"on_misuse:ignore", "on_misuse:report"}) {
    Arena arena = arena_under(wish);
    ::testing::internal::CaptureStderr();
    EXPECT_EQ(arena.free(&local), Misuse::foreign);
    const std::string text = ::testing::internal::GetCapturedStderr();
    EXPECT_EQ(text.empty(), std::string(wish) == "on_misuse:ignore") << text;
    EXPECT_EQ(arena.stats().misuses, 1U);
  }
}

TEST(ArenaConfigurationDeathTest, MisuseAbortsIfAsked) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  int local = 0;
  EXPECT_DEATH(
      {
        Arena arena = arena_under("on_misuse:abort");
        arena.free(&local);
      },
      "foreign pointer");
}

TEST(ArenaConfiguration, RunsAreChosenAsItSays) {
  for (const bool small : {false, true}) {
    Arena arena = arena_under(small ? "runs:smallest_first" : "runs:longest_first");
    std::vector<void*> pages;
    while (void* page = arena.try_allocate(kib(4))) pages.push_back(page);
    ASSERT_GT(pages.size(), 300U);
    const Pfn lonely = arena.frame_of(pages[100]);
    for (std::size_t i = 200; i < 216; ++i) EXPECT_EQ(arena.free(pages[i]), Misuse::none);
    arena.reclaim();
    EXPECT_EQ(arena.free(pages[100]), Misuse::none);
    arena.reclaim();
    const auto what = arena.allocate(Request{.size = kib(8), .contiguity = Contiguity::never});
    ASSERT_TRUE(what.ok());
    EXPECT_EQ(arena.frame_of(what->data()) == lonely, small);
  }
}

}  // namespace
}  // namespace vc
