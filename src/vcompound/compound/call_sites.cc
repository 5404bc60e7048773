#include "vcompound/compound/call_sites.h"

namespace vc {

/// The place in the index where the site's number stands, or would stand. The index is never more
/// than half full, so the search ends.
std::uint32_t CallSites::place_of(CallSite site) const {
  static constexpr std::uint32_t kPlaces = 2 * kCapacity;
  const std::uint64_t key = site.key();
  auto place = static_cast<std::uint32_t>((key >> 32) % kPlaces);
  for (;; place = (place + 1) % kPlaces) {
    const SiteId id = memory_->index[place].load_acquire();
    if (id == 0) return place;
    const Entry& entry = memory_->entries[id];
    if (entry.key.load_relaxed() == key && entry.site == site) return place;
  }
}

SiteId CallSites::find(CallSite site) const {
  return memory_->index[place_of(site)].load_acquire();
}

SiteId CallSites::add(CallSite site) {
  const std::uint32_t place = place_of(site);
  const SiteId known = memory_->index[place].load_relaxed();
  const std::uint32_t id = size_.load_relaxed();
  if (known != 0 || id == kCapacity) return known;
  memory_->entries[id].site = site;
  memory_->entries[id].key.store_relaxed(site.key());
  memory_->index[place].store_release(static_cast<SiteId>(id));
  size_.store_release(id + 1);
  return static_cast<SiteId>(id);
}

}  // namespace vc
