// exit_code.h — the program's exit codes, and the error a verb throws to end with one.
#pragma once

#include <stdexcept>
#include <string>

namespace vc::tool {

/// How the program ends. The numbers are part of the interface: scripts test them.
enum class ExitCode : int {
  kDone = 0,         ///< the run is done and found nothing wrong
  kFound = 1,        ///< the run found what it must not: a refusal, a content error, a bug
  kUsage = 2,        ///< bad usage or input: options, traces, paths
  kMachineLacks = 3  ///< the machine lacks something the run needs; the message says what
};

/// The number a shell sees.
constexpr int to_int(ExitCode code) { return static_cast<int>(code); }

/// Ends a verb from any depth: the program prints `what()` and, on a line of its own, `remedy()`
/// to stderr and exits with `code()`. Say what is wrong, where and why in `what`, and what to do
/// about it in `remedy` (which may be empty).
class ToolError : public std::runtime_error {
 public:
  ToolError(ExitCode code, const std::string& what, std::string remedy = "")
      : std::runtime_error(what), code_(code), remedy_(std::move(remedy)) {}

  /// The exit code to end with; never kDone.
  [[nodiscard]] ExitCode code() const { return code_; }
  /// What the user can do about it; may be empty.
  [[nodiscard]] const std::string& remedy() const { return remedy_; }

 private:
  ExitCode code_;
  std::string remedy_;
};

}  // namespace vc::tool
