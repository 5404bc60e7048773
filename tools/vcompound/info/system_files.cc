// system_files.cc — reading of small text files of the kernel.
#include "tools/vcompound/info/system_files.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace vc::tool {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kMostBytes = std::size_t{16} << 20;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\0'; }

}  // namespace

std::string SystemFiles::full(std::string_view path) const { return root_ + std::string(path); }

std::optional<std::string> SystemFiles::text(std::string_view path) const {
  std::ifstream file(full(path), std::ios::binary);
  if (!file) return std::nullopt;
  std::string out;
  std::string block(std::size_t{64} << 10, '\0');
  while (out.size() < kMostBytes) {
    file.read(block.data(), static_cast<std::streamsize>(block.size()));
    const auto got = static_cast<std::size_t>(file.gcount());
    if (got == 0) break;
    out.append(block, 0, got);
  }
  if (file.bad() || (out.empty() && file.fail() && !file.eof())) return std::nullopt;
  while (!out.empty() && is_blank(out.back())) out.pop_back();
  return out;
}

std::optional<std::uint64_t> SystemFiles::number(std::string_view path) const {
  const auto content = text(path);
  return content ? leading_number(*content) : std::nullopt;
}

std::vector<std::string> SystemFiles::lines(std::string_view path) const {
  std::vector<std::string> out;
  std::istringstream stream(text(path).value_or(""));
  for (std::string line; std::getline(stream, line);) out.push_back(line);
  return out;
}

std::vector<std::string> SystemFiles::names(std::string_view path) const {
  std::vector<std::string> out;
  std::error_code error;
  for (fs::directory_iterator at(full(path), error), end; !error && at != end;
       at.increment(error)) {
    out.push_back(at->path().filename().string());
  }
  std::sort(out.begin(), out.end());
  return out;
}

bool SystemFiles::exists(std::string_view path) const {
  std::error_code error;
  return fs::exists(full(path), error);
}

std::optional<std::uint64_t> leading_number(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} ? std::optional(value) : std::nullopt;
}

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> out;
  std::istringstream stream{std::string(line)};
  for (std::string word; stream >> word;) out.push_back(word);
  return out;
}

std::string chosen_word(std::string_view text) {
  const std::size_t open = text.find('[');
  const std::size_t close = text.find(']');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) {
    return std::string(text);
  }
  return std::string(text.substr(open + 1, close - open - 1));
}

std::size_t list_count(std::string_view list) {
  std::size_t count = 0;
  while (!list.empty()) {
    const std::string_view part = list.substr(0, list.find(','));
    const std::size_t dash = part.find('-');
    const auto first = leading_number(part);
    const auto last =
        dash == std::string_view::npos ? first : leading_number(part.substr(dash + 1));
    if (!first || !last || *last < *first) return 0;
    count += static_cast<std::size_t>(*last - *first + 1);
    list.remove_prefix(std::min(list.size(), part.size() + 1));
  }
  return count;
}

}  // namespace vc::tool
