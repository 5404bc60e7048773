// Prints what traces hold: `vcompound-trace-stats TRACE…` gives one Markdown table row for each,
// `vcompound-trace-stats --sizes TRACE…` adds the allocations by size class.
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "tools/trace/trace.h"

namespace {

constexpr double kMiB = 1024.0 * 1024.0;
constexpr std::uint64_t kFrame = 4096;

unsigned long long number(std::uint64_t value) { return value; }

void print_heading() {
  std::printf(
      "| trace | events | threads | seconds | peak live MiB | peak live pages | peak live objects "
      "| smallest KiB | largest MiB | left live MiB | frees unmatched |\n"
      "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
}

void print_row(const vc::Trace& trace) {
  const std::string name = trace.name.substr(trace.name.find_last_of('/') + 1);
  const vc::TraceStats& stats = trace.stats;
  std::printf(
      "| %s | %llu | %llu | %.1f | %.1f | %llu | %llu | %.1f | %.1f | %.1f | %llu |\n",
      name.c_str(), number(trace.counts.rows), number(stats.threads),
      static_cast<double>(stats.duration_us) / 1e6,
      static_cast<double>(stats.peak_live_bytes) / kMiB, number(vc::peak_live_pages(trace, kFrame)),
      number(stats.peak_live_objects), static_cast<double>(stats.smallest) / 1024.0,
      static_cast<double>(stats.largest) / kMiB, static_cast<double>(stats.left_live_bytes) / kMiB,
      number(trace.counts.frees_unmatched));
}

void print_sizes(const vc::Trace& trace) {
  for (std::size_t k = 0; k < trace.stats.by_size_class.size(); ++k) {
    const std::uint64_t count = trace.stats.by_size_class[k];
    if (count == 0) continue;
    std::printf("  %12llu bytes and more: %llu\n", number(std::uint64_t{1} << k), number(count));
  }
}

}  // namespace

int main(int argc, char** argv) {
  const bool sizes = argc > 1 && std::string_view(argv[1]) == "--sizes";
  const int first = sizes ? 2 : 1;
  if (first >= argc) {
    std::fprintf(stderr, "usage: vcompound-trace-stats [--sizes] TRACE...\n");
    return 2;
  }
  print_heading();
  for (int i = first; i < argc; ++i) {
    vc::TraceError error;
    const auto trace = vc::load_trace(argv[i], {}, error);
    if (!trace) {
      std::fprintf(stderr, "%s\n", error.message.c_str());
      return error.kind == vc::TraceError::Kind::kInput ? 2 : 3;
    }
    print_row(*trace);
    if (sizes) print_sizes(*trace);
  }
  return 0;
}
