// The least times over several runs, and work in a child.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "bench/compare/child.h"
#include "bench/compare/rows/latency_times.h"

namespace vc::compare {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// A run with three calls of each kind: these allocations, usable after ten times as long.
std::unique_ptr<ListTimes> run_of(double first, double second, double third) {
  auto run = std::make_unique<ListTimes>();
  const double times[] = {first, second, third};
  for (std::size_t i = 0; i < 3; ++i) {
    run->of(Timed::allocate)[i] = times[i];
    run->of(Timed::usable)[i] = 10 * times[i];
    run->of(Timed::free)[i] = kNotTimed;
    run->contiguous[i] = true;
  }
  run->tells_contiguous = true;
  run->calls = 6;
  return run;
}

TEST(CompareLatency, OfEachCallTheLeastCounts) {
  LeastTimes least(3);
  least.add(*run_of(5, 900, 7));
  least.add(*run_of(800, 6, 8));
  EXPECT_THAT(least.sorted(Timed::allocate), ElementsAre(5, 6, 7));
  EXPECT_THAT(least.sorted(Timed::usable), ElementsAre(50, 60, 70));
  EXPECT_EQ(least.worst_raw(Timed::allocate), 900);
  EXPECT_EQ(least.worst_run(Timed::allocate), 800);
}

TEST(CompareLatency, WhatARunRefusedIsNotTimed) {
  LeastTimes least(3);
  const auto refusing = run_of(5, kNotTimed, 7);
  refusing->refused = 1;
  least.add(*run_of(5, 6, 7));
  least.add(*refusing);
  EXPECT_THAT(least.sorted(Timed::allocate), ElementsAre(5, 7));
  EXPECT_THAT(least.sorted(Timed::free), IsEmpty());
  EXPECT_DOUBLE_EQ(least.refused_percent(), 100.0 / 12);
}

TEST(CompareLatency, ContiguousIsWhatWasSoInEachRun) {
  LeastTimes least(3);
  const auto mapping = run_of(5, 6, 7);
  mapping->contiguous[2] = false;
  mapping->held = 17;
  least.add(*mapping);
  EXPECT_EQ(least.held(), 17U);
  least.add(*run_of(1, 2, 3));
  EXPECT_THAT(least.sorted_contiguous(), ElementsAre(1, 2));
  EXPECT_NEAR(least.contiguous_percent(), 66.7, 0.1);
  EXPECT_FALSE(least.held().has_value());
}

TEST(CompareChild, WritesWhatItsParentReads) {
  SharedWithChild<int> shared;
  const int own = 1;
  int copied = own;
  EXPECT_EQ(in_child([&] {
              *shared = 5;
              copied = 5;
            }),
            0);
  EXPECT_EQ(*shared, 5);
  EXPECT_EQ(copied, own);
}

TEST(CompareChild, TellsHowItEnded) {
  const int killed = in_child([] { std::raise(SIGKILL); });
  EXPECT_TRUE(WIFSIGNALED(killed) && WTERMSIG(killed) == SIGKILL);
  const int ended = in_child([] { _exit(7); });
  EXPECT_TRUE(WIFEXITED(ended) && WEXITSTATUS(ended) == 7);
}

TEST(CompareChild, ItsEndIsThatOfTheParent) {
  EXPECT_EXIT(in_child_or_end([] { std::raise(SIGKILL); }), testing::KilledBySignal(SIGKILL), "");
  EXPECT_EXIT(in_child_or_end([] { _exit(7); }), testing::ExitedWithCode(7), "");
}

}  // namespace
}  // namespace vc::compare
