// escape.cc — making any bytes safe inside the page.
#include <array>
#include <cstdint>

#include "tools/vcompound/report/report.h"

namespace vc::tool {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

struct Utf8Form {
  std::uint32_t least;  ///< the smallest code point of this length: less is overlong
  unsigned char lead;   ///< the first byte's fixed bits
  unsigned char lead_mask;
};

constexpr std::array<Utf8Form, 3> kForms = {
    {{0x80, 0xC0, 0xE0}, {0x800, 0xE0, 0xF0}, {0x10000, 0xF0, 0xF8}}};

/// Whether XML 1.0 may hold the code point (beyond ASCII).
bool allowed(std::uint32_t c) {
  const bool surrogate = c >= 0xD800 && c <= 0xDFFF;
  const bool control = c >= 0x80 && c < 0xA0;
  return !surrogate && !control && c != 0xFFFE && c != 0xFFFF && c <= 0x10FFFF;
}

/// The length of the well-formed, allowed sequence beyond ASCII at the front; 0 when there is none.
std::size_t sequence_length(std::string_view text) {
  for (std::size_t extra = 1; extra <= kForms.size(); ++extra) {
    const Utf8Form& form = kForms.at(extra - 1);
    const auto first = static_cast<unsigned char>(text[0]);
    if ((first & form.lead_mask) != form.lead || text.size() <= extra) continue;
    std::uint32_t code_point = first & static_cast<unsigned char>(~form.lead_mask);
    for (std::size_t i = 1; i <= extra; ++i) {
      const auto next = static_cast<unsigned char>(text[i]);
      if ((next & 0xC0U) != 0x80U) return 0;
      code_point = (code_point << 6U) | (next & 0x3FU);
    }
    return code_point >= form.least && allowed(code_point) ? extra + 1 : 0;
  }
  return 0;
}

std::string_view ascii_entity(const char& c) {
  switch (c) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    case '\n':
    case '\t': return {&c, 1};
    default: return c < 0x20 || c == 0x7F ? kReplacement : std::string_view{&c, 1};
  }
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  while (!text.empty()) {
    const bool ascii = static_cast<unsigned char>(text[0]) < 0x80;
    const std::size_t length = ascii ? 1 : sequence_length(text);
    if (ascii) {
      out += ascii_entity(text[0]);
    } else {
      out += length == 0 ? kReplacement : text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

}  // namespace vc::tool
