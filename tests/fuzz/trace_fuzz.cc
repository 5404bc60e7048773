// libFuzzer target of the trace parser: whatever the bytes, parsing ends, with a trace whose steps
// fit together or with an error that can be printed.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "tools/trace/trace.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

bool is_printable_line(std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) return false;
  }
  return !text.empty();
}

void check(std::string_view bytes, const vc::TraceOptions& options) {
  vc::TraceError error;
  const auto trace = vc::parse_trace(bytes, "fuzz", options, error);
  if (!trace) {
    require(is_printable_line(error.message));
    return;
  }
  require(vc::is_consistent(*trace));
  require(vc::peak_live_pages(*trace, 4096) <= trace->stats.peak_live_bytes);
  require(vc::peak_live_pages(*trace, 1) == trace->stats.peak_live_bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  vc::TraceOptions options;
  options.max_events = 100'000;
  check(bytes, options);
  options.truncated_tail = vc::TruncatedTail::kAccept;
  options.strictness = vc::Strictness::kRefuse;
  check(bytes, options);
  return 0;
}
