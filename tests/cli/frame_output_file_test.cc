// Atomic writing of result files.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "tests/cli/scratch.h"
#include "tools/vcompound/common/exit_code.h"
#include "tools/vcompound/common/output_file.h"

namespace vc::tool {
namespace {

using test::read_file;
using test::ScratchFolder;
namespace fs = std::filesystem;

std::size_t entries(const ScratchFolder& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()));
}

template <typename Action>
void expect_usage_error(Action action, const std::string& path, const std::string& reason) {
  try {
    action();
    FAIL() << "no error for " << path;
  } catch (const ToolError& error) {
    EXPECT_EQ(error.code(), ExitCode::kUsage);
    EXPECT_NE(std::string(error.what()).find(path), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find(reason), std::string::npos) << error.what();
    EXPECT_FALSE(error.remedy().empty());
  }
}

TEST(WriteFile, ReplacesInOneStep) {
  const ScratchFolder folder;
  write_file(folder.str("f"), "one");
  const int old = open(folder.str("f").c_str(), O_RDONLY);
  ASSERT_GE(old, 0);
  write_file(folder.str("f"), "two");
  char buffer[8] = {};
  EXPECT_EQ(read(old, buffer, sizeof buffer), 3) << "who has the old file open keeps it whole";
  EXPECT_EQ(std::string(buffer), "one");
  close(old);
  EXPECT_EQ(read_file(folder.path() / "f"), "two");
  EXPECT_EQ(entries(folder), 1U) << "no temporary file is left";
}

TEST(WriteFile, KeepsSymbolicLinks) {
  const ScratchFolder folder;
  folder.write("target", "old");
  fs::create_symlink("target", folder.path() / "link");
  write_file(folder.str("link"), "new");
  EXPECT_TRUE(fs::is_symlink(folder.path() / "link"));
  EXPECT_EQ(read_file(folder.path() / "target"), "new");
}

TEST(WriteFile, WritesDevicesDirectly) {
  EXPECT_NO_THROW(write_file("/dev/null", "gone"));
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
  expect_usage_error([] { write_file("/dev/full", "x"); }, "/dev/full", "No space");
}

TEST(WriteFile, NamesPathAndReason) {
  const ScratchFolder folder;
  folder.write("file", "x");
  const std::string missing = folder.str("none/f");
  const std::string below_file = folder.str("file/f");
  expect_usage_error([&] { write_file(missing, "x"); }, missing, "No such file");
  expect_usage_error([&] { write_file(below_file, "x"); }, below_file, "Not a directory");
  expect_usage_error([&] { write_file(folder.str(), "x"); }, folder.str(), "Is a directory");
}

TEST(RequireWritable, FailsEarlyAndLeavesNothing) {
  const ScratchFolder folder;
  folder.write("old", "kept");
  require_writable(folder.str("new"));
  require_writable(folder.str("old"));
  require_writable("");
  require_writable("-");
  require_writable("/dev/null");
  EXPECT_EQ(entries(folder), 1U);
  EXPECT_EQ(read_file(folder.path() / "old"), "kept");
  const std::string missing = folder.str("none/f");
  expect_usage_error([&] { require_writable(missing); }, missing, "No such file");
  expect_usage_error([&] { require_writable(folder.str()); }, folder.str(), "Is a directory");
}

TEST(RequireWritable, RefusesAFolderWithoutPermission) {
  if (geteuid() == 0) GTEST_SKIP() << "root may write everywhere; run the tests as another user";
  const ScratchFolder folder;
  chmod(folder.str().c_str(), 0500);
  const std::string path = folder.str("f");
  expect_usage_error([&] { require_writable(path); }, path, "Permission denied");
}

TEST(WriteJson, IsIndentedAndAlwaysUtf8) {
  const ScratchFolder folder;
  write_json(folder.str("j"), {{"name",
                                "a\xFF"
                                "b"},
                               {"n", 3}});
  const auto back = nlohmann::json::parse(read_file(folder.path() / "j"));
  EXPECT_EQ(back["name"],
            "a\xEF\xBF\xBD"
            "b");
  EXPECT_EQ(back["n"], 3);
  EXPECT_EQ(read_file(folder.path() / "j").back(), '\n');
}

TEST(TextStream, GivesWayToJsonOnStdout) {
  EXPECT_EQ(&text_stream("-"), &std::cerr);
  EXPECT_EQ(&text_stream(""), &std::cout);
  EXPECT_EQ(&text_stream("file"), &std::cout);
}

}  // namespace
}  // namespace vc::tool
