// Draws the list of calls.
#include "bench/compare/rows/call_script.h"

#include <cmath>

#include "vcompound/base/random.h"

namespace vc::compare {

namespace {

struct Live {
  std::uint32_t object;
  std::size_t size;
};

std::size_t draw_size(Random& random, const ScriptOptions& options) {
  const double part = static_cast<double>(random.next() >> 11) * 0x1p-53;
  const double smallest = static_cast<double>(options.smallest);
  const double ratio = static_cast<double>(options.largest) / smallest;
  return static_cast<std::size_t>(smallest * std::pow(ratio, part));
}

}  // namespace

Script make_script(const ScriptOptions& options) {
  Script script;
  Random random(options.seed);
  std::vector<Live> live;
  std::uint64_t live_bytes = 0;
  for (std::uint32_t i = 0; i < options.allocations; ++i) {
    const std::size_t size = draw_size(random, options);
    while (!live.empty() && live_bytes + size > options.most_live) {
      Live& victim = live[random.below(live.size())];
      script.steps.push_back({.object = victim.object, .size = 0});
      live_bytes -= victim.size;
      victim = live.back();
      live.pop_back();
    }
    script.steps.push_back({.object = script.objects, .size = size});
    live.push_back({script.objects++, size});
    live_bytes += size;
  }
  script.last_free = script.steps.size();
  for (const Live& last : live) script.steps.push_back({.object = last.object, .size = 0});
  return script;
}

bool is_unlimited(const std::string& peer) {
  if (peer.ends_with("_budget")) return false;
  for (const char* name : {"glibc", "mimalloc", "jemalloc", "tcmalloc", "libhugetlbfs", "mmap"}) {
    if (peer.starts_with(name)) return true;
  }
  return false;
}

}  // namespace vc::compare
