// scratch.h — what the program's tests share: a folder that removes itself, and running of the
// program with its output caught.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

namespace vc::tool::test {

/// The text of a file; fails the test when it is missing.
inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  std::ostringstream out;
  out << file.rdbuf();
  return out.str();
}

/// A new empty folder, removed with all in it at the end of its life.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "vcompound-test-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed for " + name);
    path_ = name;
  }
  ~ScratchFolder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::string str(std::string_view name = "") const {
    return name.empty() ? path_.string() : (path_ / name).string();
  }
  /// Writes a file and the folders it needs; `name` may start with a slash.
  void write(std::string_view name, std::string_view content) const {
    while (name.starts_with('/')) {
      name.remove_prefix(1);
    }
    const std::filesystem::path file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << content;
  }

 private:
  std::filesystem::path path_;
};

/// What a command did.
struct Outcome {
  int code = -1;  ///< exit code, or 128 + the signal
  std::string out;
  std::string err;
};

/// Runs a shell command line.
inline Outcome run_shell(const std::string& command) {
  const ScratchFolder folder;
  const std::string all =
      "{ " + command + "; } >'" + folder.str("out") + "' 2>'" + folder.str("err") + "'";
  const int status = std::system(all.c_str());
  Outcome outcome;
  outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  outcome.out = read_file(folder.path() / "out");
  outcome.err = read_file(folder.path() / "err");
  return outcome;
}

/// Runs the program with arguments as typed in a shell.
inline Outcome run_vcompound(const std::string& arguments) {
  return run_shell("'" VC_TEST_BIN_DIR "/vcompound' " + arguments);
}

}  // namespace vc::tool::test
