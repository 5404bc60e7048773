// text_table.h — aligned columns for people to read.
//
//   size     contiguous   vcompound
//   -------  ----------   ---------
//   1 MiB        36.5 %     100.0 %
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace vc::tool {

/// How many columns a terminal needs for UTF-8 `text`: combining marks take none, East Asian wide
/// characters and emoji two, a malformed byte one.
std::size_t display_width(std::string_view text);

/// `text` without control characters, so that data from a file or a command line cannot move the
/// terminal's cursor: each becomes a question mark.
std::string printable(std::string_view text);

enum class Align { kLeft, kRight };

/// One column of a TextTable.
struct Column {
  std::string heading;
  Align align = Align::kLeft;
};

/// Collects rows and prints them in aligned columns. Not thread-safe.
class TextTable {
 public:
  explicit TextTable(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// Adds one row; missing cells are empty, cells beyond the last column are dropped.
  void add_row(std::vector<std::string> cells);

  /// The table, each line starting with `indent` blanks and ending in a newline, without blanks
  /// at the end of lines. The heading and its rule are left out when every heading is empty.
  [[nodiscard]] std::string str(std::size_t indent = 0) const;

  /// How many rows were added.
  [[nodiscard]] std::size_t size() const { return rows_.size(); }

 private:
  [[nodiscard]] std::vector<std::size_t> widths() const;
  [[nodiscard]] std::string line(const std::vector<std::string>& cells,
                                 const std::vector<std::size_t>& widths, std::size_t indent) const;

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

/// `text` broken at blanks into lines that end before column `width`, each `indent` columns from
/// the left: the blanks of the first line are the caller's (a label may stand there), those of the
/// others are in the result. A word longer than a line stays whole.
std::string wrapped(std::string_view text, std::size_t width, std::size_t indent);

}  // namespace vc::tool
