// Trigger: which requests are chosen, exactly.
#include "vcompound/compound/trigger.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace vc {
namespace {

/// '1' for each request that is chosen.
std::string choices(TriggerSwitch& trigger, int requests) {
  std::string chosen;
  for (int i = 0; i < requests; ++i) chosen += trigger.decide() ? '1' : '0';
  return chosen;
}

TEST(Trigger, OffAndAlways) {
  TriggerSwitch trigger;
  EXPECT_FALSE(trigger.armed());
  EXPECT_EQ(choices(trigger, 3), "000");
  trigger.set(Trigger::always());
  EXPECT_TRUE(trigger.armed());
  EXPECT_EQ(choices(trigger, 3), "111");
  trigger.set(Trigger::off());
  EXPECT_FALSE(trigger.armed());
}

TEST(Trigger, EveryNthAndTheNthOnce) {
  TriggerSwitch trigger;
  trigger.set(Trigger::every(3));
  EXPECT_EQ(choices(trigger, 9), "001001001");
  trigger.set(Trigger::nth(2));
  EXPECT_EQ(choices(trigger, 6), "010000");
  trigger.set(Trigger::nth(2));
  EXPECT_EQ(choices(trigger, 3), "010") << "set() starts the count anew";
  trigger.set(Trigger::every(1));
  EXPECT_EQ(choices(trigger, 3), "111");
}

TEST(Trigger, NothingIsDividedByZero) {
  EXPECT_EQ(Trigger::every(0), Trigger::every(1));
  EXPECT_EQ(Trigger::nth(0), Trigger::nth(1));
}

TEST(Trigger, ProbabilityIsRepeatableAndNearItsMean) {
  EXPECT_EQ(Trigger::per_mille(0), Trigger::off());
  EXPECT_EQ(Trigger::per_mille(1000), Trigger::always());
  EXPECT_EQ(Trigger::per_mille(4'000'000'000), Trigger::always());
  TriggerSwitch trigger;
  for (const std::uint32_t share : {1U, 100U, 500U, 999U}) {
    trigger.set(Trigger::per_mille(share));
    const std::string first = choices(trigger, 10'000);
    trigger.set(Trigger::per_mille(share));
    EXPECT_EQ(choices(trigger, 10'000), first);
    const auto hits = static_cast<double>(std::count(first.begin(), first.end(), '1'));
    EXPECT_NEAR(hits, share * 10.0, 150.0) << share << " per mille";
  }
}

TEST(Trigger, WhatIsSetCanBeRead) {
  TriggerSwitch trigger;
  for (const Trigger t : {Trigger::off(), Trigger::always(), Trigger::per_mille(999),
                          Trigger::every(0xffff'ffff), Trigger::nth(1)}) {
    trigger.set(t);
    EXPECT_EQ(trigger.get(), t);
  }
}

}  // namespace
}  // namespace vc
