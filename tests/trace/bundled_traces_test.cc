// The recorded traces of traces/: whole, regular, small, and rich enough to be worth replaying.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "tools/trace/trace.h"

namespace vc {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> bundled(const std::string& extension) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(fs::path(VC_TEST_SOURCE_ROOT) / "traces")) {
    if (entry.path().extension() == extension) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

TEST(BundledTraces, AreAtLeastFourAndEachHasItsScript) {
  std::set<std::string> scripts;
  for (const fs::path& script : bundled(".sh")) scripts.insert(script.stem().string());
  const auto traces = bundled(".zst");
  EXPECT_GE(traces.size(), 4u);
  for (const fs::path& trace : traces) {
    EXPECT_EQ(scripts.count("record_" + trace.stem().stem().string()), 1u) << trace;
  }
}

TEST(BundledTraces, AreRegularSmallAndRich) {
  for (const fs::path& path : bundled(".zst")) {
    SCOPED_TRACE(path);
    TraceError error;
    const auto trace = load_trace(path.string(), {.strictness = Strictness::kRefuse}, error);
    ASSERT_TRUE(trace.has_value()) << error.message;
    EXPECT_TRUE(is_consistent(*trace));
    EXPECT_LE(fs::file_size(path), 300u * 1024);
    EXPECT_GE(trace->counts.allocates, 1000u);
    EXPECT_GE(trace->stats.smallest, 16u * 1024);
    EXPECT_GE(trace->stats.largest, 1u << 20);
    EXPECT_GE(trace->stats.peak_live_bytes, std::uint64_t{20} << 20);
    EXPECT_LE(trace->stats.peak_live_bytes, std::uint64_t{1} << 30);
  }
}

}  // namespace
}  // namespace vc
