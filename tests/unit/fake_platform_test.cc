// FakePlatform: does the model trap what it promises to trap?
#include "vcompound/platform/fake/fake_platform.h"

#include <gtest/gtest.h>

#include <memory>

namespace vc {
namespace {

struct FakePlatformTest : ::testing::Test {
  void SetUp() override {
    FakePlatform::set_cpu(0);
    FakePlatform::set_no_block(false);
  }
  void TearDown() override { FakePlatform::set_no_block(false); }
};
using FakePlatformDeathTest = FakePlatformTest;

constexpr PfnRange kUnit{Pfn(0), PageCount(512)};

PfnRange run(std::uint64_t first, std::uint64_t count) { return {Pfn(first), PageCount(count)}; }
VirtAddr page(const FakePlatform& p, std::uint64_t n) {
  return p.vmap_range().start + p.frame_size().bytes(PageCount(n));
}
VirtAddr direct(const FakePlatform& p, std::uint64_t n) {
  return p.direct_map().start + p.frame_size().bytes(PageCount(n));
}
VirtRange pages(const FakePlatform& p, std::uint64_t n, std::uint64_t count) {
  return {page(p, n), p.frame_size().bytes(PageCount(count))};
}

TEST_F(FakePlatformTest, AStaleTranslationIsSeen) {
  FakePlatform p(FakeOptions{});
  ASSERT_TRUE(p.commit(kUnit).ok());
  ASSERT_TRUE(p.map(page(p, 3), run(7, 1)).ok());
  EXPECT_TRUE(p.write(0, page(p, 3), 42));  // CPU 0 has the translation now
  const VirtRange range = p.unmap(pages(p, 3, 1)).range();
  std::uint64_t stamp = 0;
  EXPECT_TRUE(p.read(0, page(p, 3), stamp)) << "its TLB still has it";
  EXPECT_EQ(stamp, 42U);
  EXPECT_EQ(p.stale_uses(), 1U);
  EXPECT_FALSE(p.read(1, page(p, 3), stamp)) << "another CPU never had it";
  EXPECT_EQ(p.faults(), 1U);
  [[maybe_unused]] const Invalidated proof = p.shootdown(Unmapped(range));
  EXPECT_FALSE(p.read(0, page(p, 3), stamp));
  EXPECT_EQ(p.stale_uses(), 1U);
}

TEST_F(FakePlatformTest, ARemappedPageWithoutShootdownIsStale) {
  FakePlatform p(FakeOptions{});
  ASSERT_TRUE(p.commit(kUnit).ok());
  ASSERT_TRUE(p.map(page(p, 0), run(1, 1)).ok());
  EXPECT_TRUE(p.write(2, page(p, 0), 1));
  { [[maybe_unused]] const Unmapped stale = p.unmap(pages(p, 0, 1)); }
  ASSERT_TRUE(p.map(page(p, 0), run(2, 1)).ok());
  EXPECT_TRUE(p.write(2, page(p, 0), 9));
  EXPECT_EQ(p.stale_uses(), 1U);
  EXPECT_EQ(p.stamp(Pfn(1)), 9U) << "the write went to the old frame";
  EXPECT_EQ(p.stamp(Pfn(2)), 0U);
}

TEST_F(FakePlatformTest, ContentsFollowTheFrame) {
  FakePlatform p(FakeOptions{});
  ASSERT_TRUE(p.commit(kUnit).ok());
  ASSERT_TRUE(p.map(page(p, 0), run(5, 2)).ok());
  EXPECT_TRUE(p.write(0, page(p, 1), 7));
  std::uint64_t stamp = 0;
  EXPECT_TRUE(p.read(1, direct(p, 6), stamp));
  EXPECT_EQ(stamp, 7U);
  p.zero(pages(p, 1, 1));
  EXPECT_EQ(p.stamp(Pfn(6)), 0U);
  EXPECT_TRUE(p.is_mapped(page(p, 1)));
  EXPECT_FALSE(p.is_mapped(page(p, 2)));
  EXPECT_FALSE(p.is_mapped(direct(p, 6))) << "the direct map is not the vmap range";
}

TEST_F(FakePlatformTest, UncommittedFramesFault) {
  FakePlatform p(FakeOptions{});
  EXPECT_FALSE(p.write(0, direct(p, 600), 1));
  EXPECT_EQ(p.faults(), 1U);
  ASSERT_TRUE(p.commit(run(512, 512)).ok());
  EXPECT_TRUE(p.write(0, direct(p, 600), 1));
  EXPECT_EQ(p.committed(), PageCount(512));
  ASSERT_TRUE(p.decommit(run(512, 512)).ok());
  ASSERT_TRUE(p.commit(run(512, 512)).ok());
  EXPECT_EQ(p.stamp(Pfn(600)), 0U) << "committed memory reads as zero";
}

TEST_F(FakePlatformTest, HugeEntriesAreTold) {
  FakePlatform p(FakeOptions{});
  ASSERT_TRUE(p.commit(run(0, 1024)).ok());
  ASSERT_TRUE(p.map(page(p, 512), run(0, 512)).ok());
  EXPECT_EQ(p.mapped_huge(), PageCount(512));
  ASSERT_TRUE(p.map(page(p, 1025), run(512, 4)).ok());
  EXPECT_EQ(p.mapped_small(), PageCount(4));
  { [[maybe_unused]] const Unmapped stale = p.unmap(pages(p, 0, 2048)); }
  EXPECT_EQ(p.mapped_huge() + p.mapped_small(), PageCount(0));
}

TEST_F(FakePlatformTest, NodesHaveGapsBetweenThem) {
  const FakePlatform p({.nodes = {PageCount(10), PageCount(20)},
                        .gap_between_nodes = PageCount(5),
                        .first_frame = Pfn(100)});
  EXPECT_EQ(p.node_count(), 2U);
  EXPECT_EQ(p.node_frames(0), run(100, 10));
  EXPECT_EQ(p.node_frames(1), run(115, 20));
}

TEST_F(FakePlatformTest, TheKthCallFailsOnceAndIsRemembered) {
  FakePlatform p({.commit_unit = PageCount(1)});
  p.fail(FakeCall::commit, 2);
  EXPECT_TRUE(p.commit(run(0, 1)).ok());
  EXPECT_FALSE(p.has_failed(FakeCall::commit));
  const PlatformStatus failed = p.commit(run(1, 1));
  EXPECT_EQ(failed.reason, Reason::backing);
  EXPECT_TRUE(p.has_failed(FakeCall::commit));
  EXPECT_TRUE(p.commit(run(1, 1)).ok());
  p.fail(FakeCall::map, 1);
  EXPECT_EQ(p.map(page(p, 0), run(0, 1)).reason, Reason::page_tables);
  EXPECT_FALSE(p.is_mapped(page(p, 0)));
  p.fail(FakeCall::decommit, 1);
  EXPECT_FALSE(p.decommit(run(0, 1)).ok());
  p.fail(FakeCall::charge, 1);
  EXPECT_FALSE(p.charge_mappings(1));
  p.fail(FakeCall::metadata, 1);
  EXPECT_EQ(p.metadata(Bytes(1)), nullptr);
}

TEST_F(FakePlatformTest, MappingsAreChargedUpToTheLimit) {
  FakePlatform p({.mapping_limit = 10});
  EXPECT_FALSE(p.charge_mappings(11));
  EXPECT_FALSE(p.charge_mappings(~std::uint64_t{0}));
  EXPECT_TRUE(p.charge_mappings(10));
  EXPECT_FALSE(p.charge_mappings(1));
  EXPECT_EQ(p.mappings_used(), 10U);
  p.refund_mappings(4);
  EXPECT_TRUE(p.charge_mappings(4));
}

// ---- preconditions are traps --------------------------------------------------------------------

TEST_F(FakePlatformDeathTest, BrokenPreconditionsOfMemory) {
  FakePlatform p(FakeOptions{});
  EXPECT_DEATH((void)p.map(page(p, 0), run(0, 1)), "map of a frame that is not committed");
  EXPECT_DEATH((void)p.decommit(kUnit), "decommit of a frame that is not committed");
  EXPECT_DEATH(p.zero({direct(p, 0), Bytes(4096)}), "not committed");
  EXPECT_DEATH((void)p.commit(run(1000, 100)), "does not exist");
  ASSERT_TRUE(p.commit(kUnit).ok());
  EXPECT_DEATH((void)p.commit(kUnit), "commit of a committed frame");
}

TEST_F(FakePlatformDeathTest, BrokenPreconditionsOfMapping) {
  FakePlatform p(FakeOptions{});
  ASSERT_TRUE(p.commit(kUnit).ok());
  ASSERT_TRUE(p.map(page(p, 0), run(0, 1)).ok());
  EXPECT_DEATH((void)p.map(page(p, 0), run(1, 1)), "map over a mapped page");
  EXPECT_DEATH((void)p.map(page(p, 9), run(0, 1)), "a frame is mapped twice");
  EXPECT_DEATH((void)p.decommit(kUnit), "decommit of a mapped frame");
  EXPECT_DEATH(p.zero(pages(p, 5, 1)), "zeroing what is not mapped");
}

TEST_F(FakePlatformDeathTest, NoShootdownWhereBlockingIsForbidden) {
  FakePlatform p(FakeOptions{});
  FakePlatform::set_no_block(true);
  EXPECT_FALSE(p.may_block());
  EXPECT_DEATH((void)p.shootdown(Unmapped(pages(p, 0, 1))), "blocking is forbidden");
}

}  // namespace
}  // namespace vc
