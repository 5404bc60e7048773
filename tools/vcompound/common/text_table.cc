// text_table.cc — display widths and aligned columns.
#include "tools/vcompound/common/text_table.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace vc::tool {
namespace {

struct Decoded {
  std::uint32_t code_point;
  std::size_t bytes;
};

/// The first code point of a text that is not empty; a malformed byte stands for itself.
Decoded decode(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  std::size_t length = 1;
  if (first >= 0xF0 && first < 0xF8) {
    length = 4;
  } else if (first >= 0xE0 && first < 0xF0) {
    length = 3;
  } else if (first >= 0xC2 && first < 0xE0) {
    length = 2;
  }
  if (length == 1 || length > text.size()) return {first, 1};
  std::uint32_t code_point = first & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xC0U) != 0x80U) return {first, 1};
    code_point = (code_point << 6U) | (next & 0x3FU);
  }
  return {code_point, length};
}

struct CodeRange {
  std::uint32_t first;
  std::uint32_t last;
};

template <std::size_t kSize>
bool in_any(std::uint32_t c, const std::array<CodeRange, kSize>& ranges) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [c](const CodeRange& r) { return c >= r.first && c <= r.last; });
}

constexpr std::array<CodeRange, 6> kNoWidth = {{{0x0300, 0x036F},
                                                {0x1AB0, 0x1AFF},
                                                {0x200B, 0x200F},
                                                {0x20D0, 0x20FF},
                                                {0xFE00, 0xFE0F},
                                                {0xFE20, 0xFE2F}}};
constexpr std::array<CodeRange, 7> kTwoWide = {{{0x1100, 0x115F},
                                                {0x2E80, 0xA4CF},
                                                {0xAC00, 0xD7A3},
                                                {0xF900, 0xFAFF},
                                                {0xFF00, 0xFF60},
                                                {0x1F300, 0x1FAFF},
                                                {0x20000, 0x3FFFD}}};

std::size_t code_point_width(std::uint32_t c) {
  if (in_any(c, kNoWidth)) return 0;
  return in_any(c, kTwoWide) ? 2 : 1;
}

}  // namespace

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const Decoded next = decode(text);
    width += code_point_width(next.code_point);
    text.remove_prefix(next.bytes);
  }
  return width;
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Decoded next = decode(text);
    const bool control =
        next.code_point < 0x20 || (next.code_point >= 0x7F && next.code_point < 0xA0);
    const bool malformed = next.bytes == 1 && next.code_point >= 0x80;
    if (control || malformed) {
      out += '?';
    } else {
      out += text.substr(0, next.bytes);
    }
    text.remove_prefix(next.bytes);
  }
  return out;
}

void TextTable::add_row(std::vector<std::string> cells) {
  cells.resize(columns_.size());
  rows_.push_back(std::move(cells));
}

std::vector<std::size_t> TextTable::widths() const {
  std::vector<std::size_t> widths;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    std::size_t width = display_width(columns_[c].heading);
    for (const auto& row : rows_) width = std::max(width, display_width(row[c]));
    widths.push_back(width);
  }
  return widths;
}

std::string TextTable::line(const std::vector<std::string>& cells,
                            const std::vector<std::size_t>& widths, std::size_t indent) const {
  std::string out(indent, ' ');
  for (std::size_t c = 0; c < cells.size(); ++c) {
    const std::string fill(widths[c] - display_width(cells[c]), ' ');
    if (c != 0) out += "  ";
    out += columns_[c].align == Align::kRight ? fill + cells[c] : cells[c] + fill;
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out + "\n";
}

std::string TextTable::str(std::size_t indent) const {
  const std::vector<std::size_t> column_widths = widths();
  std::vector<std::string> headings;
  std::vector<std::string> rules;
  bool any_heading = false;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    any_heading = any_heading || !columns_[c].heading.empty();
    headings.push_back(columns_[c].heading);
    rules.emplace_back(column_widths[c], '-');
  }
  std::string out;
  if (any_heading) out = line(headings, column_widths, indent) + line(rules, column_widths, indent);
  for (const auto& row : rows_) out += line(row, column_widths, indent);
  return out;
}

std::string wrapped(std::string_view text, std::size_t width, std::size_t indent) {
  const std::size_t room = width > indent ? width - indent : 1;
  std::string out;
  std::size_t used = 0;
  while (!text.empty()) {
    const std::size_t blank = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, blank);
    text.remove_prefix(std::min(blank + 1, text.size()));
    if (word.empty()) continue;
    const std::size_t word_width = display_width(word);
    if (used != 0 && used + 1 + word_width > room) {
      out += "\n" + std::string(indent, ' ');
      used = 0;
    } else if (used != 0) {
      out += ' ';
      ++used;
    }
    out += word;
    used += word_width;
  }
  return out;
}

}  // namespace vc::tool
