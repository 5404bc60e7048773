// libFuzzer target of the configuration parser: whatever the text, it is refused with a line that
// can be printed, or accepted with settings that survive being written and read again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "vcompound/arena.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

bool is_printable_line(std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f) return false;
  }
  return !text.empty() && text.size() < 1000;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto options = vc::parse_configuration(text, vc::ArenaOptions{});
  if (!options) {
    require(is_printable_line(options.error().message));
    return 0;
  }
  const std::string written = vc::to_configuration(*options);
  const auto again = vc::parse_configuration(written, vc::ArenaOptions{});
  require(again.ok());
  require(vc::to_configuration(*again) == written);
  require(again->budget == options->budget && again->always_map == options->always_map);
  return 0;
}
