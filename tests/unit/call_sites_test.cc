// CallSites: stable numbers, one per site, and a full table that refuses nothing.
#include "vcompound/compound/call_sites.h"

#include <gtest/gtest.h>

#include <memory>

namespace vc {
namespace {

struct Table {
  Table() : memory(std::make_unique<CallSites::Memory>()) { sites.open(memory.get()); }

  std::unique_ptr<CallSites::Memory> memory;
  CallSites sites;
};

CallSite line(std::uint64_t number) { return {"file.cc", number}; }

TEST(CallSites, ANewTableKnowsOnlyTheUnknown) {
  Table t;
  EXPECT_EQ(t.sites.size(), 1U);
  EXPECT_EQ(t.sites.find(line(5)), 0);
}

TEST(CallSites, ASiteKeepsItsNumber) {
  Table t;
  const SiteId a = t.sites.add(line(1));
  const SiteId b = t.sites.add(line(2));
  EXPECT_NE(a, 0);
  EXPECT_NE(b, a);
  EXPECT_EQ(t.sites.add(line(1)), a);
  EXPECT_EQ(t.sites.find(line(2)), b);
  EXPECT_EQ(t.sites.size(), 3U);
  EXPECT_EQ(t.sites[a].site, line(1));
}

TEST(CallSites, SitesOfAFullTableAreUnknownNotRefused) {
  Table t;
  for (std::uint64_t n = 1; n < CallSites::kCapacity; ++n) {
    ASSERT_EQ(t.sites.add(line(n)), n);
  }
  EXPECT_EQ(t.sites.size(), CallSites::kCapacity);
  EXPECT_EQ(t.sites.add(line(5000)), 0);
  EXPECT_EQ(t.sites.add(line(7)), 7) << "known ones are still found";
  EXPECT_EQ(t.sites.size(), CallSites::kCapacity);
}

TEST(CallSite, KeysAreNeverZeroAndSiteOfSameFileDiffer) {
  EXPECT_NE(CallSite{}.key(), 0U);
  for (std::uint64_t n = 1; n < 1000; ++n) {
    EXPECT_NE(line(n).key(), 0U);
    EXPECT_NE(line(n).key(), line(n + 1).key());
  }
  const int object = 0;
  EXPECT_NE(CallSite::at(&object).key(), 0U);
  EXPECT_EQ(CallSite::at(&object).file, nullptr);
}

TEST(CallSites, EqualKeysOfDifferentSitesAreToldApart) {
  Table t;
  const CallSite real = line(1);
  const SiteId a = t.sites.add(real);
  // An entry with this key but another site: what a collision would leave.
  t.sites[a].site = line(99);
  EXPECT_EQ(t.sites.find(real), 0);
  EXPECT_NE(t.sites.add(real), a);
}

TEST(CallSite, HereIsTheCallersLine) {
  const CallSite a = CallSite::here();
  const CallSite b = CallSite::here();
  EXPECT_EQ(b.where, a.where + 1);
  EXPECT_STREQ(a.file, __FILE__);
}

}  // namespace
}  // namespace vc
