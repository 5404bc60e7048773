// The goals: met, missed, without figures, told apart.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bench/compare/report/goals.h"
#include "tests/compare/samples.h"

namespace vc::compare {
namespace {

using test::cannot;
using test::figure;
using test::pair_at;
using test::read;

/// The verdict of the only goal.
std::string verdict_of(const std::string& lines) {
  const auto goals = judge(read(lines));
  if (goals.size() != 1) return std::to_string(goals.size()) + " goals";
  return to_text(goals[0].verdict);
}

TEST(CompareGoals, PairAtItsBound) {
  EXPECT_EQ(verdict_of(pair_at("4 KiB", 4096, 7, 10)), "met");
  EXPECT_EQ(verdict_of(pair_at("4 KiB", 4096, 7.01, 10)), "missed");
}

TEST(CompareGoals, TheMedianCounts) {
  std::string lines;
  for (const double ours : {1.0, 2.0, 90.0}) lines += pair_at("4 KiB", 4096, ours, 10);
  EXPECT_EQ(verdict_of(lines), "met");
}

TEST(CompareGoals, ReplaceIsStricterAtTheEnd) {
  const auto at = [](const char* size, double ours) {
    return figure("replace", size, 1, "vcompound", "time", "us", ours) +
           figure("replace", size, 1, "mmap", "time", "us", 100);
  };
  EXPECT_EQ(verdict_of(at("1 MiB", 99)), "met");
  EXPECT_EQ(verdict_of(at("1 MiB", 100)), "missed");
  EXPECT_EQ(verdict_of(at("64 MiB", 2)), "met");
  EXPECT_EQ(verdict_of(at("64 MiB", 3)), "missed");
}

TEST(CompareGoals, VariantsDoNotCount) {
  const std::string both = figure("replace", "1 MiB", 1, "vcompound", "time", "us", 50) +
                           figure("replace", "1 MiB", 1, "glibc", "time", "us", 100);
  EXPECT_EQ(verdict_of(both + figure("replace", "1 MiB", 1, "glibc_kept", "time", "us", 10)),
            "met");
  EXPECT_EQ(verdict_of(both + figure("replace", "1 MiB", 1, "mimalloc", "time", "us", 10)),
            "missed");
}

TEST(CompareGoals, WhatTheFloorMissesIsToldApart) {
  const auto at = [](double floor) {
    return figure("replace", "64 MiB", 1, "vcompound", "time", "us", 60) +
           figure("replace", "64 MiB", 1, "tcmalloc", "time", "us", 100) +
           figure("replace", "64 MiB", 1, "floor", "time", "us", floor);
  };
  EXPECT_EQ(verdict_of(at(2)), "missed") << "the floor meets 0.02, and is not the best peer";
  EXPECT_EQ(verdict_of(at(3)), "apart");
  const auto goals = judge(read(at(50)));
  EXPECT_THAT(goals.at(0).figure, testing::HasSubstr("tcmalloc"));
  EXPECT_THAT(goals.at(0).figure, testing::HasSubstr("the writes alone: 0.50"));
  EXPECT_EQ(count(goals).of, 0U);
}

TEST(CompareGoals, WhoIsOutsideTheBudgetIsNoMeasure) {
  const char* const where = "fragmented, <=1 MiB";
  const auto peer = [&](const char* name, double worst, double held) {
    return figure("latency", where, 1, name, "usable_worst", "us", worst) +
           figure("latency", where, 1, name, "held", "percent", held);
  };
  const std::string ours = peer("vcompound", 100, 100);
  const auto verdict = [&](const std::string& peers) {
    for (const GoalResult& goal : judge(read(ours + peers))) {
      if (goal.metric == "usable_worst") return std::string(to_text(goal.verdict));
    }
    return std::string("no goal");
  };
  EXPECT_EQ(verdict(peer("tcmalloc", 1, 110)), "missed");
  EXPECT_EQ(verdict(peer("tcmalloc", 1, 111)), "apart");
  EXPECT_EQ(verdict(peer("tcmalloc", 200, 111)), "met");
  EXPECT_EQ(verdict(peer("tcmalloc", 1, 111) + peer("buddy", 90, 100)), "missed");
  EXPECT_EQ(verdict(peer("tcmalloc", 1, 111) + peer("buddy", 110, 100)), "met");
}

TEST(CompareGoals, WhoOnlyPutsOffIsNoMeasureForABareCall) {
  const char* const where = "fragmented, <=1 MiB";
  const auto peer = [&](const char* name, double bare, double usable) {
    return figure("latency", where, 1, name, "allocate_worst", "us", bare) +
           figure("latency", where, 1, name, "usable_worst", "us", usable);
  };
  const std::string ours = peer("vcompound", 100, 120);
  const auto judged = [&](const std::string& peers) {
    for (const GoalResult& goal : judge(read(ours + peers))) {
      if (goal.metric == "allocate_worst") return goal;
    }
    return GoalResult{};
  };
  const auto verdict = [&](const std::string& peers) {
    return std::string(to_text(judged(peers).verdict));
  };
  EXPECT_EQ(verdict(peer("tcmalloc", 1, 121)), "apart");
  EXPECT_THAT(judged(peer("tcmalloc", 1, 121)).figure,
              testing::HasSubstr("until it can be used: 120 µs, tcmalloc 121 µs"));
  EXPECT_EQ(verdict(peer("tcmalloc", 1, 119)), "missed");
  EXPECT_EQ(verdict(peer("tcmalloc", 101, 500)), "met");
  EXPECT_EQ(verdict(peer("tcmalloc", 1, 500) + peer("buddy", 90, 110)), "missed");
  EXPECT_EQ(verdict(peer("tcmalloc", 1, 500) + peer("buddy", 101, 110)), "apart");
  EXPECT_EQ(verdict(figure("latency", where, 1, "tcmalloc", "allocate_worst", "us", 1)), "missed")
      << "nobody knows whether it puts off";
}

TEST(CompareGoals, TheFloorDoesNotHelpWhoMeetsTheGoal) {
  EXPECT_EQ(verdict_of(figure("replace", "1 MiB", 1, "vcompound", "time", "us", 50) +
                       figure("replace", "1 MiB", 1, "tcmalloc", "time", "us", 100) +
                       figure("replace", "1 MiB", 1, "floor", "time", "us", 200)),
            "met");
}

TEST(CompareGoals, MissingFiguresMiss) {
  const std::string peer = figure("pair", "4 KiB", 4096, "glibc", "time", "ns", 10);
  EXPECT_EQ(verdict_of(peer), "missed");
  const auto goals =
      judge(read(peer + cannot("pair", "4 KiB", 4096, "vcompound", "time", "refused")));
  EXPECT_EQ(goals.at(0).figure, "refused");
  EXPECT_EQ(
      verdict_of("{\"row\":\"pair\",\"peer\":\"vcompound\",\"cannot\":\"ended by signal 11\"}"),
      "missed");
}

TEST(CompareGoals, NobodyElse) {
  const std::string ours = figure("pair", "1 GiB", 1 << 30, "vcompound", "time", "ns", 10);
  const std::string refused = cannot("pair", "1 GiB", 1 << 30, "dpdk", "time", "refused");
  EXPECT_EQ(verdict_of(ours + refused), "missed") << "nobody was measured at all";
  const auto goals = judge(read(ours + refused + pair_at("4 KiB", 4096, 1, 10)));
  ASSERT_EQ(goals.size(), 2U);
  EXPECT_EQ(goals[1].verdict, Verdict::kMet);
  EXPECT_THAT(goals[1].figure, testing::HasSubstr("no peer has a figure"));
}

TEST(CompareGoals, AvailabilityToOneDecimal) {
  const auto share = [](double percent) {
    return figure("availability", "random, 1 MiB", 1, "vcompound", "availability", "percent",
                  percent);
  };
  const auto limited = [](double value) {
    return figure("availability", "random, 1 MiB", 1, "vcompound", "limited_by_mappings", "count",
                  value);
  };
  EXPECT_EQ(verdict_of(share(99.96)), "met");
  EXPECT_EQ(verdict_of(share(99.9)), "missed");
  EXPECT_EQ(verdict_of(share(99.9) + limited(0)), "missed");
  EXPECT_EQ(verdict_of(share(61) + limited(1)), "apart");
  EXPECT_EQ(count(judge(read(share(61) + limited(1)))).of, 0U);
}

TEST(CompareGoals, LatencyOfFragmentedMemory) {
  std::string lines;
  for (const char* where : {"fresh, <=1 MiB", "fragmented, <=1 MiB"}) {
    for (const char* metric : {"allocate_worst", "usable_worst"}) {
      lines += figure("latency", where, 1, "vcompound", metric, "ns", 200) +
               figure("latency", where, 1, "mimalloc", metric, "ns", 100);
    }
    lines += figure("latency", where, 1, "vcompound", "contiguous_p999", "ns", 1000);
  }
  const auto goals = judge(read(lines));
  ASSERT_EQ(goals.size(), 4U) << "two worst calls when fragmented, p99.9 in both";
  EXPECT_EQ(count(goals).met, 2U);
}

TEST(CompareGoals, ThreadsAndReads) {
  EXPECT_EQ(
      verdict_of(figure("threads", "4 KiB, 2 threads", 2, "vcompound", "scaling", "ratio", 1.8)),
      "met");
  const auto reads = [](double mapped) {
    return figure("reads", "contiguous", 0, "vcompound", "read", "ns", 100) +
           figure("reads", "mapped from 2 MiB runs", 1, "vcompound", "read", "ns", mapped);
  };
  EXPECT_EQ(verdict_of(reads(103)), "met");
  EXPECT_EQ(verdict_of(reads(104)), "missed");
}

TEST(CompareGoals, OtherRowsHaveNone) {
  EXPECT_TRUE(judge(read(figure("new_row", "c", 0, "vcompound", "time", "ns", 1))).empty());
}

}  // namespace
}  // namespace vc::compare
