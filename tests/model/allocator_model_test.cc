// CompoundAllocator on the fake platform against a naive observer, on machines of many shapes.
#include <gtest/gtest.h>

#include "tests/model/arena_model.h"

namespace vc {
namespace {

using testing::ModelOptions;
using testing::run_arena_model;

TEST(AllocatorModel, OneNode) { run_arena_model({}, 4, 4000); }

TEST(AllocatorModel, ThreeUnequalNodesWithGapsBetweenThem) {
  ModelOptions options;
  options.fake = {.nodes = {PageCount(300), PageCount(700), PageCount(513)},
                  .gap_between_nodes = PageCount(37),
                  .first_frame = Pfn(100),
                  .commit_unit = PageCount(64),
                  .huge_pages = PageCount(16)};
  run_arena_model(options, 4, 4000);
}

TEST(AllocatorModel, WithoutHugePagesAndWithoutCommit) {
  ModelOptions options;
  options.fake = {
      .nodes = {PageCount(800)}, .commit_unit = PageCount(0), .huge_pages = PageCount(1)};
  run_arena_model(options, 3, 4000);
}

TEST(AllocatorModel, FewMappings) {
  ModelOptions options;
  options.fake.mapping_limit = 40;
  options.unlimited = false;
  run_arena_model(options, 3, 4000);
}

TEST(AllocatorModel, FewAddresses) {
  ModelOptions options;
  options.fake.vmap_pages = PageCount(700);
  options.fake.huge_pages = PageCount(8);
  options.unlimited = false;
  run_arena_model(options, 3, 4000);
}

TEST(AllocatorModel, PlatformCallsFail) {
  ModelOptions options;
  options.fake.nodes = {PageCount(500), PageCount(500)};
  options.fake.commit_unit = PageCount(32);
  options.failures = true;
  run_arena_model(options, 4, 4000);
}

TEST(AllocatorModel, LargeCachesAndEveryFreeIsPurged) {
  ModelOptions options;
  options.allocator = {.slot_cache = PageCount(1024), .pending_limit = PageCount(1)};
  run_arena_model(options, 3, 4000);
}

TEST(AllocatorModel, NoCachesAndNothingIsPurgedUntilItMust) {
  ModelOptions options;
  options.allocator = {.slot_cache = PageCount(1), .pending_limit = PageCount(1 << 20)};
  run_arena_model(options, 3, 4000);
}

TEST(AllocatorModel, GigabytesInFramesOfTwoMebibytes) {
  ModelOptions options;
  options.fake = {.nodes = {PageCount(2048), PageCount(1024)},
                  .frame_size = FrameSize(21),
                  .commit_unit = PageCount(1),
                  .huge_pages = PageCount(1)};
  options.largest_request_pages = 1600;  // 3 GiB and more
  run_arena_model(options, 3, 2000);
}

TEST(AllocatorModel, ATinyArena) {
  for (std::uint64_t pages = 1; pages <= 9; pages += 4) {
    ModelOptions options;
    options.fake.nodes = {PageCount(pages)};
    options.fake.vmap_pages = PageCount(2048);
    options.largest_request_pages = 12;
    run_arena_model(options, 3, 1500);
  }
}

/// 3 GiB of 4 KiB frames out of 4 GiB that are in pieces: one request, mapped, written, freed.
TEST(AllocatorModel, ThreeGibibytesOfSmallFrames) {
  ModelOptions options;
  options.fake.nodes = {PageCount(1 << 20)};
  options.fake.vmap_pages = PageCount(1 << 21);
  testing::ArenaState state(options.fake, {}, 1);
  std::vector<VirtAddr> comb;  // every 8,192nd frame stays in use
  for (int i = 0; i < 128; ++i) {
    for (const std::uint64_t pages : {8191ULL, 1ULL}) {
      auto got = state.a.allocate({.size = Bytes(pages << 12)}, CallSite::here());
      ASSERT_TRUE(got.ok());
      if (pages > 1) comb.push_back(got->address);
    }
  }
  for (const VirtAddr address : comb) ASSERT_EQ(state.a.free(address), Misuse::none);
  const Request request{.size = Bytes(3ULL << 30)};
  auto got = state.a.allocate(request, CallSite::here());
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(got->kind, Kind::mapped);
  state.adopt(*got);
  state.check();
  ASSERT_FALSE(::testing::Test::HasFailure());
  EXPECT_EQ(state.a.free(got->address), Misuse::none);
}

}  // namespace
}  // namespace vc
