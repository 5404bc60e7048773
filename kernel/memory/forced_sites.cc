#include "kernel/memory/forced_sites.h"

#include "kernel/memory/memory.h"
#include "kernel/parameters.h"
#include "vcompound/base/atomic.h"

namespace vc::kernel {

namespace {

/// Twice as many places as sites that the core keeps apart. If it is full all the same, sites are
/// only compared again.
constexpr std::uint32_t kSeen = 2 * CallSites::kCapacity;
constexpr std::uint32_t kProbes = 16;
constinit Atomic<std::uint64_t> seen[kSeen];

bool ends_with(const char* text, const char* ending) {
  const std::size_t length = __builtin_strlen(text);
  const std::size_t wanted = __builtin_strlen(ending);
  return wanted <= length && __builtin_memcmp(text + length - wanted, ending, wanted) == 0;
}

bool is_named(CallSite site) {
  if (site.file == nullptr) return false;
  const Parameters& p = parameters();
  for (std::uint32_t i = 0; i < p.forced_site_count; ++i) {
    if (ends_with(site.file, p.forced_sites[i])) return true;
  }
  return false;
}

/// True if the site is in the table. If not, it is put there.
bool test_and_remember(CallSite site) {
  const std::uint64_t key = site.key();
  for (std::uint32_t i = 0; i < kProbes; ++i) {
    Atomic<std::uint64_t>& place = seen[((key >> 40) + i) % kSeen];
    std::uint64_t there = place.load_relaxed();
    if (there == 0 && place.compare_exchange(there, key)) return false;
    if (there == key) return true;
  }
  return false;
}

}  // namespace

void install_test_settings() {
  const Parameters& p = parameters();
  arena().allocator.set_always_map(p.always_map);
  // What must be looked at before the core sees it, must not be served from the cache.
  if (p.forced_site_count != 0 || p.policy == Policy::contiguous_only) {
    arena().allocator.set_watched(true);
  }
}

void note_site(CallSite site) {
  if (parameters().forced_site_count == 0 || test_and_remember(site)) return;
  if (is_named(site)) arena().allocator.set_site_forced(site, true);
}

}  // namespace vc::kernel
