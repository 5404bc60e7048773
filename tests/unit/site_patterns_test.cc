// Call sites named from outside the program.
#include "vcompound/api/site_patterns.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace vc {
namespace {

SitePatterns patterns(std::string_view text) {
  auto result = SitePatterns::parse(text);
  EXPECT_TRUE(result) << text;
  return result ? std::move(*result) : SitePatterns{};
}

TEST(SitePatterns, AFileMatchesAsItsPathEnds) {
  const SitePatterns p = patterns("ring.cc;net/queue.cc");
  EXPECT_TRUE(p.match({"ring.cc", 1}));
  EXPECT_TRUE(p.match({"/home/me/net/ring.cc", 77}));
  EXPECT_TRUE(p.match({"src/net/queue.cc", 5}));
  EXPECT_FALSE(p.match({"src/string.cc", 1}));
  EXPECT_FALSE(p.match({"src/queue.cc", 5}));
  EXPECT_FALSE(p.match({"ring.cc.orig", 1}));
}

TEST(SitePatterns, ALineNarrowsTheMatch) {
  const SitePatterns p = patterns(" ring.cc : 12 ; tree.cc:3");
  EXPECT_TRUE(p.match({"a/ring.cc", 12}));
  EXPECT_FALSE(p.match({"a/ring.cc", 13}));
  EXPECT_TRUE(p.match({"tree.cc", 3}));
}

TEST(SitePatterns, ACodeAddressNeverMatches) {
  EXPECT_FALSE(patterns("ring.cc").match({nullptr, 12}));
}

TEST(SitePatterns, NothingMatchesNothing) {
  SitePatterns p = patterns("");
  EXPECT_TRUE(p.empty());
  EXPECT_FALSE(p.match({"ring.cc", 12}));
  p.apply({"ring.cc", 12}, [](CallSite) { FAIL(); });
}

TEST(SitePatterns, EachSiteIsForcedOnce) {
  SitePatterns p = patterns("ring.cc:12");
  std::vector<CallSite> forced;
  const CallSite site{"src/ring.cc", 12};
  for (int i = 0; i < 3; ++i) p.apply(site, [&](CallSite s) { forced.push_back(s); });
  p.apply({"src/ring.cc", 13}, [&](CallSite s) { forced.push_back(s); });
  ASSERT_EQ(forced.size(), 1U);
  EXPECT_EQ(forced.front(), site);
}

TEST(SitePatterns, MoreSitesThanRoomAreStillForced) {
  SitePatterns p = patterns("ring.cc");
  std::size_t forced = 0;
  constexpr std::uint64_t kSites = 10'000;
  for (std::uint64_t line = 1; line <= kSites; ++line) {
    p.apply({"ring.cc", line}, [&](CallSite) { ++forced; });
  }
  EXPECT_EQ(forced, kSites);
}

}  // namespace
}  // namespace vc
