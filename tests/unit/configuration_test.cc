// VCOMPOUND_CONF: what is accepted, what is refused and how, and that settings survive a round
// trip.
#include "vcompound/api/configuration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "vcompound/api/setting_values.h"
#include "vcompound/api/settings.h"
#include "vcompound/base/random.h"

namespace vc {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

/// The options that a text gives on top of the defaults.
ArenaOptions parsed(std::string_view text) {
  auto result = parse_configuration(text, {});
  EXPECT_TRUE(result) << (result ? "" : result.error().message);
  return result ? std::move(*result) : ArenaOptions{};
}

std::string refusal(std::string_view text) {
  const auto result = parse_configuration(text, {});
  EXPECT_FALSE(result) << text << " was accepted";
  return result ? "" : result.error().message;
}

TEST(Configuration, EveryKeySetsItsOption) {
  const ArenaOptions o = parsed(
      "budget:4GiB,frame_size:2MiB,backing:hugetlb,huge:never,precommit:yes,overcommit:yes,"
      "after_fork:exclude,nodes:all,vmap_space:1TiB,mapping_limit:1000,thread_cache:8MiB,"
      "always_map:every=3,always_map_site:ring.cc:12;net/queue.cc,inject:nth=7,warn_above:never,"
      "on_misuse:abort,echo:yes,runs:smallest_first");
  EXPECT_EQ(o.budget, gib(4));
  EXPECT_EQ(o.frame_size, mib(2));
  EXPECT_EQ(o.backing, Backing::hugetlb);
  EXPECT_EQ(o.huge, HugePages::never);
  EXPECT_EQ(o.precommit, Precommit::yes);
  EXPECT_EQ(o.overcommit, Overcommit::yes);
  EXPECT_EQ(o.after_fork, AfterFork::exclude);
  EXPECT_EQ(o.nodes, 0U);
  EXPECT_EQ(o.vmap_space, gib(1024));
  EXPECT_EQ(o.mapping_limit, 1000U);
  EXPECT_EQ(o.thread_cache, mib(8));
  EXPECT_EQ(o.runs, RunChoice::smallest_first);
  EXPECT_EQ(o.always_map, Trigger::every(3));
  EXPECT_EQ(o.always_map_site, "ring.cc:12;net/queue.cc");
  EXPECT_EQ(o.inject, Trigger::nth(7));
  EXPECT_EQ(o.warn_above, kNeverWarn);
  EXPECT_EQ(o.on_misuse, OnMisuse::abort);
  EXPECT_EQ(o.echo, Echo::yes);
}

TEST(Configuration, WhatIsNotNamedKeepsItsValue) {
  const ArenaOptions base{.budget = mib(7), .nodes = 3, .on_misuse = OnMisuse::ignore};
  const auto result = parse_configuration("huge:never", base);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->budget, mib(7));
  EXPECT_EQ(result->nodes, 3U);
  EXPECT_EQ(result->on_misuse, OnMisuse::ignore);
  EXPECT_EQ(result->huge, HugePages::never);
}

TEST(Configuration, WhiteSpaceAndEmptyItemsMeanNothing) {
  const ArenaOptions o = parsed(" \t,, budget : 4 GiB ,\n huge: never , ");
  EXPECT_EQ(o.budget, gib(4));
  EXPECT_EQ(o.huge, HugePages::never);
  EXPECT_EQ(parsed("").budget, ArenaOptions{}.budget);
}

TEST(Configuration, SizesHaveBinaryUnits) {
  EXPECT_EQ(parsed("budget:4096").budget, Bytes(4096));
  EXPECT_EQ(parsed("budget:4096B").budget, Bytes(4096));
  EXPECT_EQ(parsed("budget:3.5GiB").budget, mib(3584));
  EXPECT_EQ(parsed("budget:1.5m").budget, kib(1536));
  EXPECT_EQ(parsed("budget:0.1KiB").budget, Bytes(102));
  EXPECT_EQ(parsed("budget:15EiB").budget, Bytes(std::uint64_t{15} << 60));
  EXPECT_EQ(parsed("budget:18446744073709551615").budget, Bytes(~std::uint64_t{0}));
}

TEST(Configuration, WrongSizesAreRefusedWithAnExample) {
  for (const char* value :
       {"", "x", "-1", "+1", "4GB", "4 G iB", "1.", ".5GiB", "0x10", "1e9", "4GiBx"}) {
    const std::string message = refusal(std::string("budget:") + value);
    EXPECT_THAT(message, HasSubstr("budget must be")) << value;
    EXPECT_THAT(message, HasSubstr("3.5GiB")) << value;
    EXPECT_THAT(message, HasSubstr("\"" + std::string(value) + "\"")) << value;
  }
  EXPECT_THAT(refusal("budget:0"), HasSubstr("above 0"));
  EXPECT_THAT(refusal("budget:16EiB"), HasSubstr("below 16EiB"));
  EXPECT_THAT(refusal("budget:18446744073709551616"), HasSubstr("below 16EiB"));
  EXPECT_THAT(refusal("budget:99999999999999999999999999"), HasSubstr("must be a size"));
}

TEST(Configuration, ValuesOutOfRangeAreRefusedWithTheRange) {
  EXPECT_THAT(refusal("frame_size:5000"), HasSubstr("a power of two from 4KiB"));
  EXPECT_THAT(refusal("frame_size:2KiB"), HasSubstr("a power of two from 4KiB"));
  EXPECT_THAT(refusal("frame_size:2GiB"), HasSubstr("a power of two from 4KiB"));
  EXPECT_THAT(refusal("nodes:0"), HasSubstr("from 1 to 8, or all"));
  EXPECT_THAT(refusal("nodes:9"), HasSubstr("from 1 to 8, or all"));
  EXPECT_THAT(refusal("mapping_limit:0"), HasSubstr("from 1 up, or auto"));
  EXPECT_THAT(refusal("backing:malloc"), HasSubstr("backing must be memfd or hugetlb"));
  EXPECT_THAT(refusal("on_misuse:Abort"), HasSubstr("ignore or report or abort"));
  EXPECT_THAT(refusal("warn_above:often"), HasSubstr("or never"));
  EXPECT_THAT(refusal("vmap_space:lots"), HasSubstr("or auto"));
  EXPECT_THAT(refusal("precommit:1"), HasSubstr("no or yes"));
}

TEST(Configuration, UnknownKeysAreRefusedWithTheNearestOne) {
  EXPECT_EQ(refusal("bugdet:4GiB"),
            "configuration: unknown key \"bugdet\"; did you mean \"budget\"?");
  EXPECT_THAT(refusal("frame-size:4KiB"), HasSubstr("did you mean \"frame_size\"?"));
  EXPECT_THAT(refusal("BUDGET_:1"), HasSubstr("the keys are budget, frame_size"));
  EXPECT_THAT(refusal(":1"), HasSubstr("the keys are"));
}

TEST(Configuration, AKeyMayBeGivenOnce) {
  EXPECT_EQ(refusal("nodes:1,nodes:1"), "configuration: nodes is given twice; give it once");
}

TEST(Configuration, AnItemNeedsAColon) {
  EXPECT_EQ(refusal("budget=4GiB"), "configuration: \"budget=4GiB\" has no value; write key:value");
}

TEST(Configuration, OneWrongSettingRefusesTheWholeText) {
  const ArenaOptions base{.budget = mib(7)};
  const auto result = parse_configuration("budget:4GiB,nodes:many", base);
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("nodes must be"));
  EXPECT_EQ(base.budget, mib(7));
}

TEST(Configuration, AMessageIsOneShortPrintableLine) {
  const std::string message = refusal("budget:\x01\n\xff\"" + std::string(1000, 'x'));
  EXPECT_LT(message.size(), 250U);
  for (const char c : message) EXPECT_TRUE(c >= 0x20 && c < 0x7f) << int{c};
}

TEST(Configuration, TriggersInEveryForm) {
  EXPECT_EQ(parsed("always_map:off").always_map, Trigger::off());
  EXPECT_EQ(parsed("always_map:no").always_map, Trigger::off());
  EXPECT_EQ(parsed("always_map:always").always_map, Trigger::always());
  EXPECT_EQ(parsed("always_map:yes").always_map, Trigger::always());
  EXPECT_EQ(parsed("always_map:5.0%").always_map, Trigger::per_mille(50));
  EXPECT_EQ(parsed("always_map:0.1%").always_map, Trigger::per_mille(1));
  EXPECT_EQ(parsed("always_map:0%").always_map, Trigger::off());
  EXPECT_EQ(parsed("always_map:100%").always_map, Trigger::always());
  EXPECT_EQ(parsed("always_map: every = 3").always_map, Trigger::every(3));
  EXPECT_EQ(parsed("inject:nth=4294967295").inject, Trigger::nth(0xffff'ffff));
}

TEST(Configuration, WrongTriggersAreRefused) {
  for (const char* value : {"", "sometimes", "5", "101%", "-5%", "every=0", "every=", "nth",
                            "nth=x", "each=3", "every=4294967296", "5%%", "0.0000000001%"}) {
    EXPECT_THAT(refusal(std::string("inject:") + value), HasSubstr("every=N or nth=N")) << value;
  }
}

TEST(Configuration, WrongSitesAreRefused) {
  for (const char* value : {"ring.cc:", "ring.cc:0", "ring.cc:x", ":12", "ring.cc:1;;tree.cc"}) {
    EXPECT_THAT(refusal(std::string("always_map_site:") + value), HasSubstr("FILE:LINE")) << value;
  }
}

// ---- round trip ---------------------------------------------------------------------------------

Trigger random_trigger(Random& random) {
  const auto n = static_cast<std::uint32_t>(random.below(0xffff'ffff)) + 1;
  switch (random.below(5)) {
    case 0: return Trigger::always();
    case 1: return Trigger::every(n);
    case 2: return Trigger::nth(n);
    case 3: return {Trigger::Mode::probability, n};
    default: return Trigger::off();
  }
}

/// A size of any magnitude.
Bytes random_size(Random& random) { return Bytes(random.next() >> random.below(64)); }

ArenaOptions random_options(Random& random) {
  ArenaOptions o;
  o.budget = random_size(random);
  o.frame_size = Bytes(std::uint64_t{4096} << random.below(10));
  o.backing = random.below(2) == 0 ? Backing::memfd : Backing::hugetlb;
  o.huge = random.below(2) == 0 ? HugePages::collapse : HugePages::never;
  o.precommit = Precommit(random.below(2) == 0);
  o.overcommit = Overcommit(random.below(2) == 0);
  o.after_fork = random.below(2) == 0 ? AfterFork::share : AfterFork::exclude;
  o.nodes = static_cast<std::uint32_t>(random.below(9));
  o.vmap_space = random_size(random);
  o.mapping_limit = random.next() >> random.below(64);
  o.thread_cache = random_size(random);
  o.runs = RunChoice(random.below(3));
  o.always_map = random_trigger(random);
  o.inject = random_trigger(random);
  o.always_map_site = random.below(2) == 0 ? "" : "a/b.cc:1;c.cc";
  o.warn_above = random_size(random);
  o.on_misuse = static_cast<OnMisuse>(random.below(3));
  o.echo = Echo(random.below(2) == 0);
  return o;
}

void expect_equal(const ArenaOptions& a, const ArenaOptions& b) {
  EXPECT_EQ(a.budget, b.budget);
  EXPECT_EQ(a.frame_size, b.frame_size);
  EXPECT_EQ(a.backing, b.backing);
  EXPECT_EQ(a.huge, b.huge);
  EXPECT_EQ(a.precommit, b.precommit);
  EXPECT_EQ(a.overcommit, b.overcommit);
  EXPECT_EQ(a.after_fork, b.after_fork);
  EXPECT_EQ(a.nodes, b.nodes);
  EXPECT_EQ(a.vmap_space, b.vmap_space);
  EXPECT_EQ(a.mapping_limit, b.mapping_limit);
  EXPECT_EQ(a.thread_cache, b.thread_cache);
  EXPECT_EQ(a.runs, b.runs);
  EXPECT_EQ(a.always_map, b.always_map);
  EXPECT_EQ(a.inject, b.inject);
  EXPECT_EQ(a.always_map_site, b.always_map_site);
  EXPECT_EQ(a.warn_above, b.warn_above);
  EXPECT_EQ(a.on_misuse, b.on_misuse);
  EXPECT_EQ(a.echo, b.echo);
}

TEST(Configuration, SettingsSurviveARoundTrip) {
  Random random(1);
  for (int i = 0; i < 3000; ++i) {
    const ArenaOptions options = random_options(random);
    const std::string text = to_configuration(options);
    SCOPED_TRACE(text);
    expect_equal(parsed(text), options);
    if (HasFailure()) return;
  }
}

TEST(Configuration, EveryKeyIsWritten) {
  const std::string text = to_configuration({.budget = gib(1), .always_map_site = "a.cc"});
  for (const setting::Setting& known : setting::all_settings()) {
    EXPECT_THAT("," + text, HasSubstr("," + std::string(known.key) + ":"));
  }
}

TEST(Configuration, WritesWhatPeopleWrite) {
  EXPECT_EQ(setting::write_size(mib(3584)), "3584MiB");
  EXPECT_EQ(setting::write_size(Bytes(4097)), "4097B");
  EXPECT_EQ(setting::write_size(Bytes(0)), "0B");
  EXPECT_EQ(setting::write_trigger(Trigger::per_mille(50)), "5%");
  EXPECT_EQ(setting::write_trigger(Trigger::per_mille(1)), "0.1%");
  EXPECT_EQ(setting::write_trigger({Trigger::Mode::probability, 0xffff'ffff}), "99.99999998%");
  EXPECT_EQ(setting::write_trigger({Trigger::Mode::probability, 1}), "0.00000003%");
}

TEST(EditDistance, CountsLetters) {
  EXPECT_EQ(setting::edit_distance("budget", "budget"), 0U);
  EXPECT_EQ(setting::edit_distance("bugdet", "budget"), 1U);
  EXPECT_EQ(setting::edit_distance("", "abc"), 3U);
  EXPECT_EQ(setting::edit_distance("kitten", "sitting"), 3U);
}

// ---- the environment ----------------------------------------------------------------------------

/// VCOMPOUND_CONF for the length of a scope.
class Environment {
 public:
  explicit Environment(const char* text) { setenv(kConfigurationVariable, text, 1); }
  ~Environment() { unsetenv(kConfigurationVariable); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
};

TEST(EffectiveOptions, TheVariableOverridesTheProgram) {
  const Environment environment("budget:2MiB,on_misuse:abort");
  const auto result = effective_options({.budget = mib(1), .nodes = 2});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->budget, mib(2));
  EXPECT_EQ(result->on_misuse, OnMisuse::abort);
  EXPECT_EQ(result->nodes, 2U);
}

TEST(EffectiveOptions, WithoutTheVariableTheProgramIsRight) {
  unsetenv(kConfigurationVariable);
  const auto result = effective_options({.budget = mib(1), .always_map = Trigger::every(5)});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->budget, mib(1));
  EXPECT_EQ(result->always_map, Trigger::every(5));
}

TEST(EffectiveOptions, AnErrorNamesTheVariable) {
  const Environment environment("huge:maybe");
  const auto result = effective_options({});
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, StartsWith("VCOMPOUND_CONF: configuration: huge must be"));
}

TEST(EffectiveOptions, EchoPrintsOneLineWhenAsked) {
  ::testing::internal::CaptureStderr();
  echo_options({.budget = mib(1)});
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  ::testing::internal::CaptureStderr();
  echo_options({.budget = mib(1), .echo = Echo::yes});
  const std::string text = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(text, StartsWith("vcompound: settings in force: budget:1MiB,frame_size:4KiB,"));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
}

}  // namespace
}  // namespace vc
