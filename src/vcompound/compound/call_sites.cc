#include "vcompound/compound/call_sites.h"

namespace vc {

// Numbers are given in order of registration, which keeps listings stable; the search is linear in
// the number of sites, and each thread remembers the sites it used (compound/slot.h), so it is
// rare.

SiteId CallSites::find(CallSite site) const {
  const std::uint64_t key = site.key();
  const std::uint32_t size = size_.load_acquire();
  for (std::uint32_t id = 1; id < size; ++id) {
    if (entries_[id].key.load_relaxed() == key && entries_[id].site == site) {
      return static_cast<SiteId>(id);
    }
  }
  return 0;
}

SiteId CallSites::add(CallSite site) {
  const SiteId known = find(site);
  const std::uint32_t id = size_.load_relaxed();
  if (known != 0 || id == kCapacity) return known;
  entries_[id].site = site;
  entries_[id].key.store_relaxed(site.key());
  size_.store_release(id + 1);
  return static_cast<SiteId>(id);
}

}  // namespace vc
