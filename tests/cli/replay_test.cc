// The verb `replay` as a user runs it: the promise on made and on bundled traces, its JSON, its
// report, bad and hostile traces.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/cli/scratch.h"

namespace vc::tool {
namespace {

using nlohmann::json;
using test::Outcome;
using test::run_shell;
using test::run_vcompound;
using test::ScratchFolder;

constexpr std::uint64_t kKibibyte = 1024;
constexpr char kHeader[] = "Thread,Time,Action,Pointer,Size,Stream\n";

/// Writes rows with pointers that are numbers and times that count up.
class TraceText {
 public:
  TraceText& allocate(std::uint64_t pointer, std::uint64_t size) {
    return row("allocate", pointer, size);
  }
  TraceText& free(std::uint64_t pointer, std::uint64_t size) { return row("free", pointer, size); }
  std::string str() const { return kHeader + rows_.str(); }

 private:
  TraceText& row(const char* action, std::uint64_t pointer, std::uint64_t size) {
    rows_ << "1,00:00:00." << 100'000 + count_++ << "," << action << ",0x" << std::hex
          << (pointer + 1) * 0x1000 << std::dec << "," << size << ",0x0\n";
    return *this;
  }
  std::ostringstream rows_;
  int count_ = 0;
};

/// 64 pieces of 64 KiB; every other one is freed; then the freed 2 MiB are wanted in one piece.
std::string comb() {
  TraceText text;
  for (std::uint64_t i = 0; i < 64; ++i) text.allocate(i, 64 * kKibibyte);
  for (std::uint64_t i = 0; i < 64; i += 2) text.free(i, 64 * kKibibyte);
  text.allocate(100, 2048 * kKibibyte);
  return text.str();
}
constexpr std::uint64_t kCombPeak = 4096 * kKibibyte;

/// Runs the verb on traces in `folder` and gives back its JSON.
json run_for_json(const ScratchFolder& folder, const std::string& arguments, int code = 0,
                  const std::string& environment = "") {
  const std::string file = folder.str("result.json");
  const Outcome outcome =
      run_shell("cd '" + folder.str() + "' && " + environment +
                " '" VC_TEST_BIN_DIR "/vcompound' replay " + arguments + " --json '" + file + "'");
  EXPECT_EQ(outcome.code, code) << arguments << "\n" << outcome.out << outcome.err;
  return json::parse(test::read_file(file));
}

const json& policy_in(const json& result, const std::string& name) {
  for (const json& policy : result["policies"]) {
    if (policy["policy"] == name) return policy;
  }
  ADD_FAILURE() << "no policy " << name;
  return result;
}

void expect_failure(const ScratchFolder& folder, const std::string& arguments, int code,
                    const std::string& message) {
  const Outcome outcome =
      run_shell("cd '" + folder.str() + "' && '" VC_TEST_BIN_DIR "/vcompound' replay " + arguments);
  EXPECT_EQ(outcome.code, code) << arguments << "\n" << outcome.err;
  EXPECT_NE(outcome.err.find(message), std::string::npos) << arguments << "\n" << outcome.err;
}

TEST(Replay, PreferredNeedsThePeakAndContiguousOnlyMore) {
  const ScratchFolder folder;
  folder.write("comb.csv", comb());
  const json result = run_for_json(folder, "comb.csv --tightest");
  EXPECT_EQ(result["name"], "comb");
  EXPECT_EQ(result["peak_live_bytes"], kCombPeak);
  EXPECT_EQ(result["allocations"], 65);
  const json& contiguous = policy_in(result, "contiguous_only");
  EXPECT_EQ(contiguous["refusals"], 1);
  EXPECT_EQ(contiguous["first_refusal"]["reason"], "fragmentation");
  EXPECT_EQ(contiguous["first_refusal"]["step"], 97);
  EXPECT_GT(contiguous["tightest_budget_bytes"], kCombPeak);
  EXPECT_LE(contiguous["tightest_budget_bytes"], kCombPeak + 2048 * kKibibyte)
      << "behind the comb 2 MiB are free";
  EXPECT_TRUE(contiguous["tightest_confirmed"]);
  for (const char* name : {"preferred", "always_map"}) {
    const json& policy = policy_in(result, name);
    EXPECT_EQ(policy["refusals"], 0) << name;
    EXPECT_EQ(policy["tightest_budget_bytes"], kCombPeak) << name;
    EXPECT_EQ(policy["content_errors"], 0) << name;
    EXPECT_GE(policy["mapped"], 1) << name;
    EXPECT_GE(policy["mappings_peak"], 32) << name << ": the last piece has 32 runs";
  }
}

TEST(Replay, EveryKeyIsThere) {
  const ScratchFolder folder;
  folder.write("comb.csv", comb());
  const json result = run_for_json(folder, "comb.csv --touch");
  for (const char* key : {"name",
                          "trace",
                          "frame_size",
                          "budget",
                          "machine_lacks_memory",
                          "peak_live_bytes",
                          "peak_requested_bytes",
                          "smallest_bytes",
                          "largest_bytes",
                          "allocations",
                          "frees",
                          "frees_unmatched",
                          "failures",
                          "zero_sized",
                          "truncated",
                          "threads",
                          "duration_seconds",
                          "availability_piece_bytes",
                          "policies",
                          "traces",
                          "verb",
                          "version",
                          "command"}) {
    EXPECT_TRUE(result.contains(key)) << key;
  }
  ASSERT_EQ(result["policies"].size(), 3U);
  for (const json& policy : result["policies"]) {
    for (const char* key : {"policy",
                            "budget",
                            "served",
                            "refusals",
                            "refused_for",
                            "first_refusal",
                            "peak_live_bytes",
                            "peak_served_bytes",
                            "tightest_budget_bytes",
                            "tightest_confirmed",
                            "contiguous",
                            "mapped",
                            "contiguous_percent",
                            "alloc_us_median",
                            "alloc_us_p99",
                            "free_us_median",
                            "mappings_peak",
                            "least_availability_percent",
                            "content_errors",
                            "fault",
                            "seconds"}) {
      EXPECT_TRUE(policy.contains(key)) << key;
    }
    EXPECT_TRUE(policy["tightest_budget_bytes"].is_null()) << "it was not asked for";
  }
}

TEST(Replay, OnePolicyOnly) {
  const ScratchFolder folder;
  folder.write("comb.csv", comb());
  const json result = run_for_json(folder, "comb.csv --policy contiguous_only");
  ASSERT_EQ(result["policies"].size(), 1U);
  EXPECT_EQ(result["policies"][0]["policy"], "contiguous_only");
  EXPECT_EQ(result["policies"][0]["contiguous_percent"], 100.0);
}

TEST(Replay, ABudgetBelowThePeakIsExplained) {
  const ScratchFolder folder;
  folder.write("comb.csv", comb());
  const json result = run_for_json(folder, "comb.csv --budget 3MiB");
  EXPECT_EQ(result["budget"], 3072 * kKibibyte);
  const json& preferred = policy_in(result, "preferred");
  EXPECT_EQ(preferred["served"], 48) << "3 MiB hold 48 of the 64 pieces, and then no 2 MiB";
  EXPECT_EQ(preferred["refusals"], 17);
  EXPECT_EQ(preferred["refused_for"]["budget"], 17);
  EXPECT_EQ(preferred["peak_served_bytes"], 3072 * kKibibyte);
}

TEST(Replay, SeveralTracesInOneTable) {
  const ScratchFolder folder;
  folder.write("a.csv", comb());
  folder.write("b.csv", TraceText().allocate(1, 5000).free(1, 5000).str());
  const json result = run_for_json(folder, "a.csv b.csv --tightest");
  ASSERT_EQ(result["traces"].size(), 2U);
  EXPECT_FALSE(result.contains("policies")) << "at the top only for one trace";
  EXPECT_EQ(result["traces"][1]["name"], "b");
  EXPECT_EQ(result["traces"][1]["policies"].size(), 3U);
}

TEST(Replay, TheReportShowsIt) {
  const ScratchFolder folder;
  folder.write("comb.csv", comb());
  ASSERT_EQ(
      run_vcompound("availability --budget 8MiB --sizes 1MiB --json '" + folder.str("a.json") + "'")
          .code,
      0);
  run_for_json(folder, "comb.csv --tightest --with-availability a.json --report r.html");
  const std::string page = test::read_file(folder.path() / "r.html");
  for (const char* part : {"Availability by piece size", "Smallest budget that serves a trace",
                           "comb over its events, preferred", "comb: availability over its events",
                           "comb, the arena at the peak, preferred", "first refusal", "</html>"}) {
    EXPECT_NE(page.find(part), std::string::npos) << part;
  }
}

TEST(Replay, AMappingLimitIsNamedAndIsNoFault) {
  const ScratchFolder folder;
  folder.write("comb.csv", comb());
  const json result = run_for_json(folder, "comb.csv --tightest --policy preferred", 0,
                                   "VCOMPOUND_CONF=mapping_limit:8");
  const json& preferred = result["policies"][0];
  EXPECT_EQ(preferred["refused_for"]["mappings"], 1);
  EXPECT_TRUE(preferred["fault"].is_null()) << preferred;
  EXPECT_GT(preferred["tightest_budget_bytes"], kCombPeak)
      << "with more frames it needs no mapping";
}

TEST(Replay, LargerFramesRaiseThePeak) {
  const ScratchFolder folder;
  folder.write("t.csv", TraceText().allocate(1, 20'000).allocate(2, 70'000).str());
  const json result =
      run_for_json(folder, "t.csv --tightest", 0, "VCOMPOUND_CONF=frame_size:64KiB");
  EXPECT_EQ(result["frame_size"], 64 * kKibibyte);
  EXPECT_EQ(result["peak_live_bytes"], 3 * 64 * kKibibyte);
  EXPECT_EQ(policy_in(result, "preferred")["tightest_budget_bytes"], 3 * 64 * kKibibyte);
}

TEST(Replay, HostileSizesAreRefusedAndCounted) {
  const ScratchFolder folder;
  folder.write("h.csv", TraceText()
                            .allocate(1, 100'000)
                            .allocate(2, std::uint64_t{1} << 50)
                            .allocate(3, std::uint64_t{1} << 46)
                            .free(2, std::uint64_t{1} << 50)
                            .free(1, 100'000)
                            .str());
  const json with_budget = run_for_json(folder, "h.csv --budget 1MiB");
  for (const json& policy : with_budget["policies"]) {
    EXPECT_EQ(policy["refusals"], 2) << policy;
    EXPECT_EQ(policy["served"], 1) << policy;
  }
  const json without = run_for_json(folder, "h.csv", 3);
  EXPECT_TRUE(without["machine_lacks_memory"]);
  EXPECT_EQ(policy_in(without, "preferred")["refusals"], 2);
  EXPECT_LT(without["budget"], 1024 * kKibibyte) << "only what can be served is taken";
  expect_failure(folder, "h.csv --tightest", 3, "less memory than a trace's peak");
  expect_failure(folder, "h.csv --budget 60TiB", 3, "--budget 60 TiB");
}

TEST(Replay, BadTraces) {
  const ScratchFolder folder;
  folder.write("empty.csv", "");
  folder.write("header.csv", kHeader);
  folder.write("row.csv", std::string(kHeader) + "1,00:00:01,allocate,0x10,64,0x0\n1,2,3\n");
  folder.write("cut.csv",
               std::string(kHeader) + "1,00:00:01,allocate,0x10,64,0x0\n1,00:00:02,allocate,0x2");
  folder.write("noise.zst", std::string("\x28\xb5\x2f\xfd\x00\x01\x02\x03garbage", 15));
  expect_failure(folder, "missing.csv", 2, "missing.csv");
  expect_failure(folder, ".", 2, "error: ");
  expect_failure(folder, "empty.csv", 2, "empty.csv");
  expect_failure(folder, "header.csv", 2, "there is no allocation in this trace");
  expect_failure(folder, "row.csv", 2, "row.csv:3");
  expect_failure(folder, "cut.csv", 2, "cut.csv:3");
  expect_failure(folder, "noise.zst", 2, "noise.zst");
  EXPECT_TRUE(run_for_json(folder, "cut.csv --allow-truncated")["truncated"]);
}

TEST(Replay, BadUsage) {
  const ScratchFolder folder;
  folder.write("comb.csv", comb());
  folder.write("no.json", "{}");
  folder.write("text.json", "not JSON");
  expect_failure(folder, "", 2, "TRACE");
  expect_failure(folder, "comb.csv --budget 3MiB --tightest", 2, "--tightest");
  expect_failure(folder, "comb.csv --policy best", 2, "--policy");
  expect_failure(folder, "comb.csv --budget 0", 2, "--budget");
  expect_failure(folder, "comb.csv --budget lots", 2, "--budget");
  expect_failure(folder, "comb.csv --report /nonexistent/r.html", 2, "cannot write");
  expect_failure(folder, "comb.csv --with-availability missing.json", 2, "cannot be read");
  expect_failure(folder, "comb.csv --with-availability text.json", 2, "is not JSON");
  expect_failure(folder, "comb.csv --with-availability no.json --report r.html", 2,
                 "no.json is not a result of 'vcompound availability --json'");
}

TEST(Replay, AConfigurationThatDisturbsIsRefused) {
  const ScratchFolder folder;
  folder.write("comb.csv", comb());
  for (const char* text : {"no_such_key:1", "budget:64MiB"}) {
    const Outcome outcome =
        run_shell("VCOMPOUND_CONF=" + std::string(text) +
                  " '" VC_TEST_BIN_DIR "/vcompound' replay '" + folder.str("comb.csv") + "'");
    EXPECT_EQ(outcome.code, 2) << text << "\n" << outcome.err;
    EXPECT_NE(outcome.err.find("VCOMPOUND_CONF"), std::string::npos) << outcome.err;
  }
}

class BundledTrace : public ::testing::TestWithParam<const char*> {};

TEST_P(BundledTrace, IsServedByItsPeakOfLivePages) {
  const std::string trace = std::string(VC_TEST_SOURCE_ROOT "/traces/") + GetParam() + ".csv.zst";
  if (!std::filesystem::exists(trace)) GTEST_SKIP() << trace << " is not there";
  const ScratchFolder folder;
  const json result = run_for_json(folder, "'" + trace + "' --tightest --policy preferred");
  const json& preferred = result["policies"][0];
  EXPECT_EQ(preferred["refusals"], 0);
  EXPECT_EQ(preferred["tightest_budget_bytes"], result["peak_live_bytes"]);
  EXPECT_EQ(preferred["content_errors"], 0);
  EXPECT_EQ(preferred["peak_served_bytes"], result["peak_live_bytes"]);
}

INSTANTIATE_TEST_SUITE_P(All, BundledTrace,
                         ::testing::Values("compiler", "imagemagick", "numpy", "postgres", "redis",
                                           "sqlite"),
                         [](const auto& trace) { return std::string(trace.param); });

}  // namespace
}  // namespace vc::tool
