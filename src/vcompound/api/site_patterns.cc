// Call sites named from outside the program; see the header.
#include "vcompound/api/site_patterns.h"

#include <optional>

namespace vc {
namespace {

constexpr std::uint32_t kLongestProbe = 8;
constexpr const char* kSites =
    "FILE or FILE:LINE, several with `;` between them, such as ring.cc:123";

/// Does a path end with `end`, at the border of a folder?
bool is_path_end(std::string_view path, std::string_view end) {
  if (!path.ends_with(end)) return false;
  return path.size() == end.size() || end.front() == '/' ||
         path[path.size() - end.size() - 1] == '/';
}

/// A comma would end the setting, a control character is a mistake.
bool is_file_name(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == ',') return false;
  }
  return !text.empty();
}

}  // namespace

Result<SitePatterns, setting::Expected> SitePatterns::parse(std::string_view text) {
  SitePatterns result;
  while (!text.empty()) {
    const std::size_t end = text.find(';');
    const std::string_view item = setting::trim(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    const std::size_t colon = item.rfind(':');
    const std::string_view file = setting::trim(item.substr(0, colon));
    if (!is_file_name(file)) return setting::Expected{kSites};
    Pattern pattern{.file = std::string(file)};
    if (colon != std::string_view::npos) {
      const auto line = setting::read_count(setting::trim(item.substr(colon + 1)), 1, 0xffff'ffff);
      if (!line) return setting::Expected{kSites};
      pattern.line = *line;
    }
    result.patterns_.push_back(std::move(pattern));
  }
  if (!result.empty()) result.seen_ = std::make_unique<Atomic<std::uint64_t>[]>(kSeen);
  return result;
}

bool SitePatterns::match(CallSite site) const {
  if (site.file == nullptr) return false;
  for (const Pattern& pattern : patterns_) {
    if (pattern.line != 0 && pattern.line != site.where) continue;
    if (is_path_end(site.file, pattern.file)) return true;
  }
  return false;
}

bool SitePatterns::is_seen(CallSite site) const {
  const std::uint64_t key = site.key();
  for (std::uint64_t i = 0, at = mix64(key); i < kLongestProbe; ++i, ++at) {
    const std::uint64_t found = seen_[at % kSeen].load_acquire();
    if (found == key) return true;
    if (found == 0) return false;
  }
  return false;
}

void SitePatterns::remember(CallSite site) {
  const std::uint64_t key = site.key();
  for (std::uint64_t i = 0, at = mix64(key); i < kLongestProbe; ++i, ++at) {
    std::uint64_t expected = 0;
    if (seen_[at % kSeen].compare_exchange(expected, key) || expected == key) return;
  }
}

}  // namespace vc
