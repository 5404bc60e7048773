// Whole traces: dense ids, irregular rows, statistics, RMM logs.
#include "tools/trace/trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace vc {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const std::string kHeader = std::string(kTraceHeader) + "\n";

Trace parse(const std::string& rows, const TraceOptions& options = {}) {
  TraceError error;
  auto trace = parse_trace(kHeader + rows, "t.csv", options, error);
  EXPECT_TRUE(trace.has_value()) << error.message;
  if (!trace) return {};
  EXPECT_TRUE(is_consistent(*trace));
  return std::move(*trace);
}

std::string refusal(const std::string& rows, const TraceOptions& options = {}) {
  TraceError error;
  EXPECT_FALSE(parse_trace(kHeader + rows, "t.csv", options, error).has_value());
  return error.message;
}

std::string sample(const std::string& name) {
  return std::string(VC_TEST_DATA_DIR) + "/samples/" + name;
}

TEST(Trace, GivesEachAllocationItsId) {
  const Trace trace = parse(
      "1,0,allocate,0x10,100,0\n"
      "2,1,allocate,0x20,200,0\n"
      "1,2,free,0x10,100,0\n"
      "1,3,allocate,0x10,300,0\n");
  EXPECT_EQ(trace.object_count, 3u);
  ASSERT_EQ(trace.steps.size(), 4u);
  EXPECT_EQ(trace.steps[2].action, TraceAction::kFree);
  EXPECT_EQ(trace.steps[2].object, 0u);
  EXPECT_EQ(trace.steps[3].object, 2u);
  EXPECT_EQ(trace.steps[1].thread, 2u);
  EXPECT_EQ(trace.counts.allocates, 3u);
  EXPECT_EQ(trace.counts.frees, 1u);
}

TEST(Trace, CountsFreesOfUnknownPointers) {
  const Trace trace = parse("1,0,free,0x10,100,0\n1,1,allocate,0x10,5,0\n");
  EXPECT_EQ(trace.counts.frees_unmatched, 1u);
  EXPECT_EQ(trace.steps.size(), 1u);
}

TEST(Trace, AnAllocationAtALivePointerFreesTheOldOne) {
  const Trace trace = parse("1,0,allocate,0x10,100,0\n1,1,allocate,0x10,50,0\n");
  EXPECT_EQ(trace.counts.implicit_frees, 1u);
  ASSERT_EQ(trace.steps.size(), 3u);
  EXPECT_EQ(trace.steps[1].action, TraceAction::kFree);
  EXPECT_EQ(trace.steps[1].size, 100u);
  EXPECT_EQ(trace.stats.peak_live_bytes, 100u);
  EXPECT_EQ(trace.stats.left_live_bytes, 50u);
}

TEST(Trace, SkipsZeroSizesAndNullFrees) {
  const Trace trace =
      parse("1,0,allocate,(nil),0,0\n1,1,free,(nil),0,0\n1,2,allocate,0x9,0,0\n1,3,free,0x9,0,0\n");
  EXPECT_EQ(trace.counts.zero_sized, 4u);
  EXPECT_EQ(trace.counts.frees_unmatched, 0u);
  EXPECT_TRUE(trace.steps.empty());
}

TEST(Trace, KeepsFailuresAsStepsWithoutObject) {
  const Trace trace = parse("1,0,allocate failure,(nil),18446744073709551615,0\n");
  EXPECT_EQ(trace.counts.failures, 1u);
  ASSERT_EQ(trace.steps.size(), 1u);
  EXPECT_EQ(trace.steps[0].object, kNoObject);
  EXPECT_EQ(trace.stats.peak_live_bytes, 0u);
}

TEST(Trace, CountsFreesOfAnotherSize) {
  const Trace trace = parse("1,0,allocate,0x10,100,0\n1,1,free,0x10,99,0\n");
  EXPECT_EQ(trace.counts.size_mismatches, 1u);
  EXPECT_EQ(trace.steps[1].size, 100u);
}

TEST(Trace, StrictRefusesIrregularRows) {
  const TraceOptions strict{.strictness = Strictness::kRefuse};
  EXPECT_THAT(refusal("1,0,free,0x10,1,0\n", strict),
              AllOf(HasSubstr("t.csv:2: "), HasSubstr("not live"), HasSubstr("strict reading")));
  EXPECT_THAT(refusal("1,0,allocate,0x10,1,0\n1,0,allocate,0x10,1,0\n", strict),
              AllOf(HasSubstr("t.csv:3: "), HasSubstr("still live")));
  EXPECT_THAT(refusal("1,0,allocate,0x10,1,0\n1,0,free,0x10,2,0\n", strict),
              HasSubstr("a free of 2 bytes where 1 were allocated"));
}

TEST(Trace, RefusesSizesThatNoMachineHas) {
  EXPECT_THAT(refusal("1,0,allocate,0x10,18446744073709551615,0\n"), HasSubstr("2^56"));
  EXPECT_THAT(refusal("1,0,allocate,0x10,72057594037927936,0\n1,0,allocate,0x20,1,0\n"),
              AllOf(HasSubstr("t.csv:3: "), HasSubstr("2^56")));
  EXPECT_THAT(refusal("1,0,allocate,(nil),4096,0\n"), HasSubstr("null pointer"));
}

TEST(Trace, TellsItsStatistics) {
  const Trace trace = parse(
      "1,1000,allocate,0x10,4096,0\n"
      "2,2000,allocate,0x20,4097,0\n"
      "1,3000,free,0x10,4096,0\n"
      "1,5000,allocate,0x30,16384,0\n");
  EXPECT_EQ(trace.stats.threads, 2u);
  EXPECT_EQ(trace.stats.duration_us, 4000u);
  EXPECT_EQ(trace.stats.total_bytes, 4096u + 4097 + 16384);
  EXPECT_EQ(trace.stats.peak_live_bytes, 4097u + 16384);
  EXPECT_EQ(trace.stats.peak_live_objects, 2u);
  EXPECT_EQ(trace.stats.left_live_objects, 2u);
  EXPECT_EQ(trace.stats.smallest, 4096u);
  EXPECT_EQ(trace.stats.largest, 16384u);
  EXPECT_EQ(trace.stats.by_size_class[12], 2u);
  EXPECT_EQ(trace.stats.by_size_class[14], 1u);
}

TEST(Trace, RoundsEachAllocationUpToWholeFrames) {
  const Trace trace = parse(
      "1,0,allocate,0x10,1,0\n1,0,allocate,0x20,4096,0\n"
      "1,0,allocate,0x30,4097,0\n1,0,free,0x10,1,0\n");
  EXPECT_EQ(peak_live_pages(trace, 4096), 4u);
  EXPECT_EQ(peak_live_pages(trace, 65536), 3u);
  EXPECT_EQ(peak_live_pages(trace, 1), 1u + 4096 + 4097);
}

TEST(Trace, ATraceWithoutAllocationsHasZeros) {
  const Trace trace = parse("");
  EXPECT_EQ(trace.object_count, 0u);
  EXPECT_EQ(trace.stats.duration_us, 0u);
  EXPECT_EQ(trace.stats.smallest, 0u);
  EXPECT_EQ(peak_live_pages(trace, 4096), 0u);
}

TEST(Trace, ReadsOldRmmLogs) {
  TraceError error;
  const auto trace = load_trace(sample("rmm_old.csv"), {}, error);
  ASSERT_TRUE(trace) << error.message;
  EXPECT_EQ(trace->object_count, 3u);
  EXPECT_EQ(trace->counts.frees, 3u);
  EXPECT_EQ(trace->stats.duration_us, 3'000'000u) << "over midnight";
  EXPECT_EQ(trace->stats.peak_live_bytes, 3u << 20);
}

TEST(Trace, ReadsNewRmmLogs) {
  TraceError error;
  const auto trace = load_trace(sample("rmm_new.csv"), {}, error);
  ASSERT_TRUE(trace) << error.message;
  EXPECT_EQ(trace->object_count, 2u);
  EXPECT_EQ(trace->counts.failures, 1u);
  EXPECT_EQ(trace->counts.zero_sized, 2u);
  EXPECT_EQ(trace->stats.peak_live_bytes, 12u << 20);
  EXPECT_EQ(trace->stats.left_live_bytes, 0u);
}

/// Random rows against a naive recount that scans all live allocations.
TEST(Trace, AgreesWithANaiveModelOnRandomRows) {
  std::mt19937_64 random(20071003);
  for (int round = 0; round < 50; ++round) {
    std::string rows;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> live;
    std::uint64_t peak = 0;
    std::uint64_t unmatched = 0;
    for (int i = 0; i < 200; ++i) {
      const std::uint64_t pointer = 16 + random() % 32;
      const std::uint64_t size = 1 + random() % 10'000;
      const bool allocates = random() % 2 == 0;
      const std::string text = std::to_string(pointer);
      rows += "1,0," + std::string(allocates ? "allocate" : "free") + ",0x" + text + "," +
              std::to_string(size) + ",0\n";
      const std::size_t before = live.size();
      std::erase_if(live, [&](const auto& entry) { return entry.first == pointer; });
      if (allocates) live.emplace_back(pointer, size);
      if (!allocates && live.size() == before) ++unmatched;
      std::uint64_t sum = 0;
      for (const auto& entry : live) sum += (entry.second + 4095) / 4096;
      peak = std::max(peak, sum);
    }
    const Trace trace = parse(rows);
    EXPECT_EQ(peak_live_pages(trace, 4096), peak);
    EXPECT_EQ(trace.counts.frees_unmatched, unmatched);
    EXPECT_EQ(trace.stats.left_live_objects, live.size());
  }
}

}  // namespace
}  // namespace vc
