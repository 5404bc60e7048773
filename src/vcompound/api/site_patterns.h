// SitePatterns: call sites named from outside the program ("ring.cc:123;net/queue.cc").
//
// A call site is known by the address of its file's name, which no configuration can know. So the
// patterns are kept, and each call site is compared with them once, at its first request:
//
//      request from a site --> seen before? --yes--> nothing to do (one load or two)
//                                   | no
//                              does a pattern match? --yes--> force the site
//                                   |
//                              remember it as seen
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "vcompound/api/setting_values.h"
#include "vcompound/base/atomic.h"
#include "vcompound/compound/call_sites.h"

namespace vc {

/// A list of patterns, and the call sites already compared with it. match() and apply() are
/// thread-safe.
class SitePatterns {
 public:
  /// PATTERN[;PATTERN...] with PATTERN = FILE[:LINE]; FILE is a path or the end of one, from a `/`
  /// on.
  static Result<SitePatterns, setting::Expected> parse(std::string_view text);

  bool empty() const { return patterns_.empty(); }
  /// Does a pattern name this site? Never true for a site known by its code address only.
  bool match(CallSite site) const;
  /// Calls force(site) if a pattern matches a site that was not seen before. When two threads meet
  /// a new site at once, both call it, before either goes on.
  template <class Force>
  void apply(CallSite site, Force&& force) {
    if (empty() || is_seen(site)) return;
    if (match(site)) force(site);
    remember(site);
  }

 private:
  /// A power of two above the number of sites an arena keeps apart.
  static constexpr std::size_t kSeen = 2048;
  struct Pattern {
    std::string file;
    std::uint64_t line = 0;  ///< 0: any
  };

  bool is_seen(CallSite site) const;
  void remember(CallSite site);

  std::vector<Pattern> patterns_;
  std::unique_ptr<Atomic<std::uint64_t>[]> seen_;  ///< keys; a full table only costs comparisons
};

}  // namespace vc
