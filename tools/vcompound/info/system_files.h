// system_files.h — reading of /proc and /sys below a prefix, so that a copy of another machine's
// files (or a test's fixture) can be read in place of this machine's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vc::tool {

/// Reads files below a root directory. Never throws for a file that is missing or unreadable: it
/// answers "nothing", since every kernel lacks some of them. Thread-safe (no state but the root).
class SystemFiles {
 public:
  /// `root` is put before every path; empty for this machine.
  explicit SystemFiles(std::string root = "") : root_(std::move(root)) {}

  /// True when this machine's own files are read.
  [[nodiscard]] bool is_this_machine() const { return root_.empty(); }
  /// The root given.
  [[nodiscard]] const std::string& root() const { return root_; }

  /// The text of a file without blanks and newlines at its end; at most 16 MiB of it.
  [[nodiscard]] std::optional<std::string> text(std::string_view path) const;
  /// The whole number a file starts with; nothing when it starts with something else.
  [[nodiscard]] std::optional<std::uint64_t> number(std::string_view path) const;
  /// The lines of a file; none when it is missing.
  [[nodiscard]] std::vector<std::string> lines(std::string_view path) const;
  /// The names in a directory, sorted; none when it is missing.
  [[nodiscard]] std::vector<std::string> names(std::string_view path) const;
  /// Whether a file or directory is there.
  [[nodiscard]] bool exists(std::string_view path) const;

 private:
  [[nodiscard]] std::string full(std::string_view path) const;
  std::string root_;
};

/// The whole number `text` starts with after blanks; nothing when there is none or it overflows.
std::optional<std::uint64_t> leading_number(std::string_view text);

/// The words of a line, split at blanks and tabs.
std::vector<std::string> words_of(std::string_view line);

/// The word in brackets of a kernel choice: "always [madvise] never" gives "madvise"; the whole
/// text when there are no brackets.
std::string chosen_word(std::string_view text);

/// How many numbers a kernel list such as "0-3,8" holds; 0 when it cannot be read.
std::size_t list_count(std::string_view list);

}  // namespace vc::tool
