// Reading results, and the statistics over repetitions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bench/compare/report/statistics.h"
#include "tests/compare/samples.h"

namespace vc::compare {
namespace {

using test::cannot;
using test::figure;
using test::pair_at;
using test::read;

std::string refusal_of(const std::string& lines) {
  try {
    read(lines);
  } catch (const BrokenInput& problem) {
    return problem.what();
  }
  return "accepted";
}

TEST(CompareResults, BrokenLinesAreNamed) {
  const std::string good = pair_at("4 KiB", 4096, 8, 20);
  EXPECT_EQ(refusal_of(good), "accepted");
  EXPECT_THAT(refusal_of(good + "{\"row\":\"pa"), testing::StartsWith("sample:3: not JSON"));
  EXPECT_EQ(refusal_of(good + "17\n"), "sample:3: not an object");
  EXPECT_EQ(refusal_of("{\"row\":\"pair\",\"case\":\"4 KiB\"}"), "sample:1: no \"peer\"");
  EXPECT_EQ(refusal_of("{\"row\":\"pair\",\"peer\":\"x\",\"case\":\"c\",\"at\":1,"
                       "\"metric\":\"time\",\"unit\":\"ns\",\"value\":null}"),
            "sample:1: \"value\" is not a number");
  EXPECT_EQ(refusal_of(good + figure("pair", "4 KiB", 4096, "glibc", "time", "ms", 1)),
            "sample:3: \"unit\" was ns before and is ms now");
  EXPECT_EQ(refusal_of(""), "sample: no row was measured");
}

TEST(CompareResults, CasesAreGroupedAndSorted) {
  const Results results = read(figure("a", "random, 1 MiB", 1 << 20, "x", "m", "count", 1) +
                               figure("a", "random, 4 KiB", 4096, "x", "m", "count", 1) +
                               figure("a", "comb, 4 KiB", 4096, "x", "m", "count", 1) +
                               figure("a", "comb, 1 MiB", 1 << 20, "x", "m", "count", 1) +
                               figure("a", "malloc, huge pages", 0, "x", "m", "count", 1));
  const Row& row = results.rows.at(0);
  std::vector<std::string> labels;
  for (const CaseName& one : row.cases) labels.push_back(one.group + "/" + one.label);
  EXPECT_THAT(labels, testing::ElementsAre("random/4 KiB", "random/1 MiB", "comb/4 KiB",
                                           "comb/1 MiB", "/malloc, huge pages"));
}

TEST(CompareResults, DescriptionOrdersAndNames) {
  Results results =
      read(figure("b", "c", 0, "y", "m", "count", 1) + figure("a", "c", 0, "y", "m", "count", 1) +
           figure("a", "c", 0, "x", "m", "count", 1));
  describe(results, nlohmann::json::parse(R"([{"row":"a","title":"A","what":"w","peers":["x","y"]},
    {"row":"b","title":"B","what":"v","peers":[]}])"));
  EXPECT_EQ(results.rows[0].title, "A");
  EXPECT_EQ(results.rows[1].title, "B");
  EXPECT_THAT(results.rows[0].peers, testing::ElementsAre("x", "y"));
  EXPECT_THROW(describe(results, nlohmann::json::parse(R"([{"row":"a"}])")), BrokenInput);
}

TEST(CompareStatistics, MedianQuartilesAndSpread) {
  EXPECT_FALSE(summarise({}).has_value());
  const Summary summary = summarise({50, 10, 40, 20, 30}).value();
  EXPECT_EQ(summary.median, 30);
  EXPECT_EQ(summary.least, 10);
  EXPECT_EQ(summary.greatest, 50);
  EXPECT_DOUBLE_EQ(summary.spread, (40.0 - 20.0) / 30.0);
  EXPECT_EQ(summary.count, 5U);
  EXPECT_EQ(summarise({1, 2})->median, 1.5);
  EXPECT_EQ(summarise({7})->spread, 0);
  EXPECT_EQ(summarise({0, 0, 0})->spread, 0) << "no division by a median of nothing";
}

TEST(CompareStatistics, BestPeerIsNotOursAndDoesNotRefuse) {
  std::string lines = figure("latency", "c", 0, "vcompound", "allocate_worst", "ns", 1) +
                      figure("latency", "c", 0, "vcompound_kept", "allocate_worst", "ns", 2) +
                      figure("latency", "c", 0, "quick", "allocate_worst", "ns", 3) +
                      figure("latency", "c", 0, "slow", "allocate_worst", "ns", 9);
  EXPECT_EQ(best_peer(read(lines).rows[0], "c", "allocate_worst")->peer, "quick");
  lines += figure("latency", "c", 0, "quick", "refused", "percent", 1.5);
  EXPECT_EQ(best_peer(read(lines).rows[0], "c", "allocate_worst")->peer, "slow");
}

TEST(CompareStatistics, VariantsAreNoBestPeer) {
  const auto time = [](const char* peer, double ns) {
    return figure("replace", "c", 0, peer, "time", "ns", ns);
  };
  const Results results =
      read(time("vcompound", 1) + time("glibc_thp", 2) + time("glibc", 9) +
           time("boost_interprocess", 8) + time("mimalloc_budget", 7) + time("mimalloc", 10));
  const Row& row = results.rows[0];
  EXPECT_TRUE(is_variant(row, "glibc_thp"));
  EXPECT_FALSE(is_variant(row, "glibc"));
  EXPECT_FALSE(is_variant(row, "boost_interprocess")) << "there is no peer boost";
  EXPECT_FALSE(is_variant(row, "mimalloc_budget")) << "how it gets a fixed memory at all";
  EXPECT_EQ(best_peer(row, "c", "time")->peer, "mimalloc_budget");
}

TEST(CompareStatistics, MoreIsBetterForShares) {
  const Results results = read(figure("availability", "c", 0, "a", "availability", "percent", 5) +
                               figure("availability", "c", 0, "b", "availability", "percent", 70) +
                               cannot("availability", "c", 0, "d", "availability", "no budget"));
  EXPECT_EQ(best_peer(results.rows[0], "c", "availability")->peer, "b");
}

}  // namespace
}  // namespace vc::compare
