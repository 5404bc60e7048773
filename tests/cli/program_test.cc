// The program as a user types it: help, version, usage errors, exit codes, `info`.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>

#include "tests/cli/scratch.h"

namespace vc::tool {
namespace {

using test::Outcome;
using test::run_shell;
using test::run_vcompound;
using test::ScratchFolder;

void expect_usage_error(const std::string& arguments, const std::string& message) {
  const Outcome outcome = run_vcompound(arguments);
  EXPECT_EQ(outcome.code, 2) << arguments;
  EXPECT_EQ(outcome.out, "") << arguments;
  EXPECT_NE(outcome.err.find(message), std::string::npos) << arguments << "\n" << outcome.err;
  EXPECT_NE(outcome.err.find("error: "), std::string::npos) << arguments << "\n" << outcome.err;
}

TEST(Program, HelpListsVerbsAndExitCodes) {
  const Outcome outcome = run_vcompound("--help");
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.err, "");
  for (const char* part : {"availability", "record", "replay", "info", "Exit codes:",
                           "  2  bad usage or input", "  3  the machine lacks something"}) {
    EXPECT_NE(outcome.out.find(part), std::string::npos) << part;
  }
}

TEST(Program, EveryVerbHasHelp) {
  for (const char* verb : {"availability", "record", "replay", "info"}) {
    const Outcome outcome = run_vcompound(std::string(verb) + " --help");
    EXPECT_EQ(outcome.code, 0) << verb;
    EXPECT_NE(outcome.out.find(std::string("vcompound ") + verb), std::string::npos) << verb;
    const bool own_words = std::string(verb) == "record";  // its exit code is the program's
    EXPECT_NE(outcome.out.find(own_words ? "exit status" : "Exit codes:"), std::string::npos)
        << verb;
  }
}

TEST(Program, Version) {
  const Outcome outcome = run_vcompound("--version");
  EXPECT_EQ(outcome.code, 0);
  EXPECT_TRUE(std::regex_match(outcome.out, std::regex("vcompound \\d+\\.\\d+\\.\\d+\n")))
      << outcome.out;
}

TEST(Program, UsageErrorsSuggestWhatIsNear) {
  expect_usage_error("", "no verb is given");
  expect_usage_error("inof", "did you mean info?");
  expect_usage_error("zzzzzz", "the verbs are ");
  expect_usage_error("--versoin", "did you mean --version?");
  expect_usage_error("info --jsno x", "did you mean --json?");
  expect_usage_error("info --jsno=x", "there is no option --jsno\n");
  expect_usage_error("info extra", "'extra' was not expected here");
  expect_usage_error("frist info", "there is no verb 'frist'");
  expect_usage_error("''", "no verb is given");
  expect_usage_error("info --json", "--json");
  expect_usage_error("info --json=", "--json");
  expect_usage_error("\"$(printf 'a\\033[2Jb')\"", "there is no verb 'a?[2Jb'");
}

TEST(Program, UnwritableStdoutIsAnError) {
  const Outcome outcome = run_vcompound("info > /dev/full");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find("cannot write to stdout"), std::string::npos) << outcome.err;
}

TEST(Info, PrintsThisMachine) {
  const Outcome outcome = run_vcompound("info");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  for (const char* part :
       {"vm.max_map_count", "MADV_COLLAPSE on a memfd", "memfd_create", "What to change"}) {
    EXPECT_NE(outcome.out.find(part), std::string::npos) << part;
  }
}

TEST(Info, JsonGoesToAFileOrToStdout) {
  const ScratchFolder folder;
  EXPECT_EQ(run_vcompound("info --json '" + folder.str("info.json") + "'").code, 0);
  const auto file = nlohmann::json::parse(test::read_file(folder.path() / "info.json"));
  EXPECT_TRUE(file["probes"]["memfd_create"]["works"]);
  EXPECT_GT(file["max_map_count"], 0);
  const Outcome outcome = run_vcompound("info --json -");
  EXPECT_EQ(outcome.code, 0);
  EXPECT_TRUE(nlohmann::json::parse(outcome.out).contains("advice")) << "stdout is JSON only";
  EXPECT_NE(outcome.err.find("What to change"), std::string::npos);
}

TEST(Info, UnwritableJsonFailsBeforeTheWork) {
  expect_usage_error("info --json /nonexistent/folder/f.json",
                     "cannot write /nonexistent/folder/f.json: No such file or directory");
}

TEST(Info, ReadsACopyOfAnotherMachine) {
  const ScratchFolder tree;
  tree.write("/proc/sys/kernel/osrelease", "5.4.0\n");
  tree.write("/proc/meminfo", "MemTotal: 16777216 kB\nMemAvailable: 8388608 kB\n");
  tree.write("/proc/sys/vm/max_map_count", "1000\n");
  const Outcome outcome = run_vcompound("info --root '" + tree.str() + "'");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("Linux 5.4.0, 16 GiB"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("not tried"), std::string::npos);
  EXPECT_NE(outcome.out.find("sysctl -w vm.max_map_count=262144"), std::string::npos);
  expect_usage_error("info --root /nonexistent", "is not a directory");
}

TEST(Info, TellsWhenTheMachineCannotHoldAnArena) {
  // A file size limit of 0 forbids memory files of any size.
  const Outcome outcome = run_shell("bash -c \"set -o pipefail; (ulimit -f 0; '" VC_TEST_BIN_DIR
                                    "/vcompound' info 2>&1) | cat\"");
  EXPECT_EQ(outcome.code, 3) << outcome.out;
  EXPECT_NE(outcome.out.find("memory cannot be mapped a second time (ftruncate: File too large)"),
            std::string::npos)
      << outcome.out;
  EXPECT_NE(outcome.out.find("vm.max_map_count"), std::string::npos) << "facts are printed anyway";
}

}  // namespace
}  // namespace vc::tool
