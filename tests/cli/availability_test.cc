// The verb `availability` as a user runs it, at small sizes: what it promises, its JSON, its
// report, bad usage, and machines that give less than asked for.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/cli/scratch.h"

namespace vc::tool {
namespace {

using nlohmann::json;
using test::Outcome;
using test::run_shell;
using test::run_vcompound;
using test::ScratchFolder;

constexpr std::uint64_t kMebibyte = std::uint64_t{1} << 20;

/// Runs the verb and gives back its JSON; the exit code must be the one expected.
json run_for_json(const std::string& arguments, int code = 0, const std::string& environment = "") {
  const ScratchFolder folder;
  const std::string file = folder.str("result.json");
  const Outcome outcome = run_shell(environment + " '" VC_TEST_BIN_DIR "/vcompound' availability " +
                                    arguments + " --json '" + file + "'");
  EXPECT_EQ(outcome.code, code) << arguments << "\n" << outcome.out << outcome.err;
  return json::parse(test::read_file(file));
}

void expect_usage_error(const std::string& arguments, const std::string& message) {
  const Outcome outcome = run_vcompound("availability " + arguments);
  EXPECT_EQ(outcome.code, 2) << arguments;
  EXPECT_EQ(outcome.out, "") << arguments;
  EXPECT_NE(outcome.err.find(message), std::string::npos) << arguments << "\n" << outcome.err;
}

TEST(Availability, VcompoundHandsOutAllThatContiguousOnlyCannot) {
  const json result = run_for_json("--budget 64MiB --sizes 64KiB,1MiB,2MiB,8MiB,32MiB --seed 7");
  EXPECT_EQ(result["budget"], 64 * kMebibyte);
  EXPECT_EQ(result["blocks"], 2048);
  EXPECT_EQ(result["blocks_live"], 66) << "96.8 % of 2048 blocks are freed";
  EXPECT_EQ(result["free_bytes"], 64 * kMebibyte - 66 * 32 * 1024);
  ASSERT_EQ(result["rows"].size(), 5U);
  double before = 101;
  for (const json& row : result["rows"]) {
    const std::uint64_t free_bytes = result["free_bytes"];
    EXPECT_EQ(row["pieces_possible"], free_bytes / row["size"].get<std::uint64_t>());
    EXPECT_EQ(row["vcompound_pieces"], row["pieces_possible"]) << row;
    EXPECT_EQ(row["vcompound_percent"], 100.0) << row;
    EXPECT_EQ(row["content_errors"], 0) << row;
    EXPECT_EQ(row["stopped_by"], "budget") << row;
    EXPECT_TRUE(row["fault"].is_null()) << row;
    EXPECT_LE(row["contiguous_percent"], before) << "larger pieces find fewer runs: " << row;
    before = row["contiguous_percent"];
  }
  EXPECT_EQ(result["rows"][4]["contiguous_percent"], 0.0) << "no run of 32 MiB can be left";
  EXPECT_EQ(result["rows"][4]["contiguous_stopped_by"], "fragmentation");
  EXPECT_GT(result["rows"][4]["runs_median"], 1);
}

TEST(Availability, EveryKeyIsThere) {
  const json result = run_for_json("--budget 16MiB --sizes 1MiB");
  for (const char* key :
       {"budget",    "budget_asked", "scaled_down", "frame_size",     "block",
        "freed",     "seed",         "blocks",      "blocks_live",    "free_bytes",
        "free_runs", "largest_run",  "fingerprint", "mappings_limit", "machine",
        "command",   "version",      "seconds",     "rows",           "maps"}) {
    EXPECT_TRUE(result.contains(key)) << key;
  }
  const json& row = result["rows"][0];
  for (const char* key : {"size",
                          "pieces_possible",
                          "published_percent",
                          "model_percent",
                          "contiguous_percent",
                          "vcompound_percent",
                          "contiguous_pieces",
                          "vcompound_pieces",
                          "mapped_pieces",
                          "runs_median",
                          "runs_most",
                          "mappings_peak",
                          "alloc_us_median",
                          "alloc_us_p99",
                          "contiguous_alloc_us_median",
                          "huge_percent",
                          "contiguous_huge_percent",
                          "content_errors",
                          "stopped_by",
                          "contiguous_stopped_by",
                          "fault",
                          "seconds"}) {
    EXPECT_TRUE(row.contains(key)) << key;
  }
  EXPECT_TRUE(row["published_percent"].is_null()) << "16 MiB is not the published setting";
  EXPECT_NEAR(row["model_percent"], 35.3, 0.1) << "0.968 to the power of 32";
}

TEST(Availability, TheSeedDecides) {
  const std::string arguments = "--budget 32MiB --sizes 1MiB,4MiB --seed ";
  const json first = run_for_json(arguments + "5");
  const json again = run_for_json(arguments + "5");
  const json other = run_for_json(arguments + "6");
  EXPECT_EQ(first["fingerprint"], again["fingerprint"]);
  EXPECT_NE(first["fingerprint"], other["fingerprint"]);
  for (std::size_t i = 0; i < 2; ++i) {
    for (const char* key : {"contiguous_pieces", "vcompound_pieces", "runs_median"}) {
      EXPECT_EQ(first["rows"][i][key], again["rows"][i][key]) << key;
    }
  }
}

TEST(Availability, ForcedFallbackMapsEveryPiece) {
  const json result =
      run_for_json("--budget 32MiB --sizes 64KiB,1MiB", 0, "VCOMPOUND_CONF=always_map:yes");
  for (const json& row : result["rows"]) {
    EXPECT_EQ(row["mapped_pieces"], row["vcompound_pieces"]) << row;
    EXPECT_EQ(row["vcompound_percent"], 100.0) << row;
    EXPECT_GE(row["mappings_peak"], row["mapped_pieces"]) << row;
  }
}

TEST(Availability, AMappingLimitIsNamedAndIsNoFault) {
  const ScratchFolder folder;
  const Outcome outcome =
      run_shell("VCOMPOUND_CONF=mapping_limit:20 '" VC_TEST_BIN_DIR
                "/vcompound' availability --budget 64MiB --sizes 2MiB --json '" +
                folder.str("f") + "'");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  const json row = json::parse(test::read_file(folder.path() / "f"))["rows"][0];
  EXPECT_EQ(row["stopped_by"], "mappings");
  EXPECT_LE(row["mappings_peak"], 20);
  EXPECT_LT(row["vcompound_percent"], 100.0);
  EXPECT_GT(row["vcompound_pieces"], row["contiguous_pieces"]) << "some were mapped";
  EXPECT_NE(outcome.out.find("stopped by a limit of the system"), std::string::npos) << outcome.out;
}

TEST(Availability, TheEndsOfTheScale) {
  const json none = run_for_json("--budget 8MiB --sizes 1MiB --freed 0");
  EXPECT_EQ(none["free_bytes"], 0);
  EXPECT_TRUE(none["rows"][0]["vcompound_percent"].is_null()) << "not one piece is possible";
  const json all = run_for_json("--budget 8MiB --sizes 1MiB,8MiB --freed 100%");
  EXPECT_EQ(all["free_runs"], 1);
  for (const json& row : all["rows"]) {
    EXPECT_EQ(row["contiguous_percent"], 100.0) << row;
    EXPECT_EQ(row["vcompound_percent"], 100.0) << row;
  }
}

TEST(Availability, OddSizesAreRoundedUpToFrames) {
  const json result = run_for_json("--budget 10000KiB --block 12KiB --sizes 100001 --freed 0.9");
  const std::uint64_t frame = result["frame_size"];
  const std::uint64_t piece = (100'001 + frame - 1) / frame * frame;
  EXPECT_EQ(result["rows"][0]["pieces_possible"],
            result["free_bytes"].get<std::uint64_t>() / piece);
  EXPECT_EQ(result["rows"][0]["vcompound_percent"], 100.0);
}

TEST(Availability, ScalesDownToWhatThereIs) {
  // A limit on the size of files makes the machine look small: 32 MiB in units of 1 KiB.
  const ScratchFolder folder;
  const Outcome outcome =
      run_shell("bash -c \"ulimit -f 32768; '" VC_TEST_BIN_DIR
                "/vcompound' availability --budget 64MiB --sizes 1MiB --json '" +
                folder.str("f") + "'\"");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  const json result = json::parse(test::read_file(folder.path() / "f"));
  EXPECT_TRUE(result["scaled_down"]);
  EXPECT_EQ(result["budget_asked"], 64 * kMebibyte);
  EXPECT_LE(result["budget"], 32 * kMebibyte);
  EXPECT_GE(result["budget"], 16 * kMebibyte);
  EXPECT_NE(outcome.out.find("scaled down from 64 MiB"), std::string::npos) << outcome.out;
}

TEST(Availability, WithoutMemoryItSaysSo) {
  const Outcome outcome = run_shell("bash -c \"set -o pipefail; (ulimit -f 0; '" VC_TEST_BIN_DIR
                                    "/vcompound' availability --budget 64MiB 2>&1) | cat\"");
  EXPECT_EQ(outcome.code, 3) << outcome.out;
  EXPECT_NE(outcome.out.find("error: "), std::string::npos) << outcome.out;
}

TEST(Availability, TheReportShowsIt) {
  const ScratchFolder folder;
  const Outcome outcome = run_vcompound(
      "availability --budget 16MiB --sizes 512KiB,1MiB --report '" + folder.str("r.html") + "'");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("Report: " + folder.str("r.html")), std::string::npos);
  const std::string page = test::read_file(folder.path() / "r.html");
  for (const char* part : {"Availability by piece size", "Time of one allocation",
                           "The arena before", "After contiguous-only pieces of 1 MiB",
                           "After vcompound pieces of 1 MiB", "<svg", "</html>"}) {
    EXPECT_NE(page.find(part), std::string::npos) << part;
  }
}

TEST(Availability, JsonOnStdoutIsAlone) {
  const Outcome outcome = run_vcompound("availability --budget 8MiB --sizes 1MiB --json -");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(json::parse(outcome.out)["verb"], "availability");
  EXPECT_NE(outcome.err.find("Availability of large pieces"), std::string::npos);
}

TEST(Availability, BadUsage) {
  expect_usage_error("--freed 1.5", "above 1");
  expect_usage_error("--freed -0.1", "--freed");
  expect_usage_error("--budget 0", "too small");
  expect_usage_error("--budget -1MiB", "negative");
  expect_usage_error("--budget 999999999999GiB", "--budget");
  expect_usage_error("--budget 1ZiB", "--budget");
  expect_usage_error("--block 8MiB --budget 4MiB", "is larger than --budget");
  expect_usage_error("--block 1", "too small");
  expect_usage_error("--sizes ''", "--sizes");
  expect_usage_error("--sizes 1MiB,,2MiB", "--sizes");
  expect_usage_error("--sizes 0", "too small");
  expect_usage_error("--seed x", "--seed");
  expect_usage_error("--json /nonexistent/f.json", "cannot write /nonexistent/f.json");
  expect_usage_error("--report -", "not possible here");
  expect_usage_error("extra", "'extra' was not expected here");
}

TEST(Availability, AWrongConfigurationIsRefused) {
  for (const char* text : {"no_such_key:1", "inject:always"}) {
    const Outcome outcome =
        run_shell(std::string("VCOMPOUND_CONF=") + text +
                  " '" VC_TEST_BIN_DIR "/vcompound' availability --budget 8MiB --sizes 1MiB");
    EXPECT_EQ(outcome.code, 2) << text << "\n" << outcome.err;
    EXPECT_NE(outcome.err.find("VCOMPOUND_CONF"), std::string::npos) << outcome.err;
  }
}

}  // namespace
}  // namespace vc::tool
