// The C interface: what it gives, and what it says of wrong arguments.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "vcompound/vcompound.h"

extern "C" int c_user_allocates(void);
extern "C" int c_user_uses_the_original_names(void);

namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;

class CApi : public ::testing::Test {
 protected:
  void SetUp() override {
    arena_ = vc_arena_create_text("budget:16MiB,on_misuse:ignore,warn_above:never");
    ASSERT_NE(arena_, nullptr) << vc_last_error()->sentence;
    vc_set_always_map(arena_, {VC_TRIGGER_OFF, 0});  // whatever VCOMPOUND_CONF says
  }
  void TearDown() override { vc_arena_destroy(arena_); }

  /// A compound that is mapped.
  void* mapped(std::size_t size) {
    vc_request request{};
    request.size = size;
    request.contiguity = VC_CONTIGUITY_NEVER;
    return vc_allocate_request(arena_, &request);
  }

  vc_arena* arena_ = nullptr;
};

TEST(CUser, AllocatesFromC) { EXPECT_EQ(c_user_allocates(), 0) << "line of c_api_user.c"; }

TEST(CUser, UsesTheOriginalNamesFromC) {
  EXPECT_EQ(c_user_uses_the_original_names(), 0) << "line of c_api_user.c";
}

// ---- arenas -------------------------------------------------------------------------------------

TEST(COptions, DefaultsAreThoseOfTheLibrary) {
  vc_arena_options options;
  std::memset(&options, 0xff, sizeof options);
  vc_arena_options_init(&options);
  EXPECT_EQ(options.struct_size, sizeof options);
  EXPECT_EQ(options.budget, 0U);
  EXPECT_EQ(options.frame_size, 4096U);
  EXPECT_EQ(options.nodes, 1U);
  EXPECT_EQ(options.warn_above, 1U << 20);
  EXPECT_EQ(options.on_misuse, static_cast<std::uint32_t>(VC_ON_MISUSE_REPORT));
  EXPECT_EQ(options.always_map_site, nullptr);
  EXPECT_EQ(options.runs, static_cast<std::uint64_t>(VC_RUNS_LONGEST_FIRST));
}

TEST(COptions, MeanWhatTheySay) {
  unsetenv("VCOMPOUND_CONF");
  vc_arena_options options;
  vc_arena_options_init(&options);
  options.budget = 4 << 20;
  options.on_misuse = VC_ON_MISUSE_IGNORE;
  options.always_map = {VC_TRIGGER_EVERY_NTH, 3};
  options.always_map_site = "ring.c:7";
  options.warn_above = VC_NEVER_WARN;
  options.runs = VC_RUNS_SMALLEST_FIRST;
  vc_arena* arena = vc_arena_create(&options);
  ASSERT_NE(arena, nullptr) << vc_last_error()->sentence;
  char text[1000];
  ASSERT_LT(vc_configuration(arena, text, sizeof text), sizeof text);
  EXPECT_THAT(text, HasSubstr("budget:4MiB,"));
  EXPECT_THAT(text, HasSubstr(",on_misuse:ignore"));
  EXPECT_THAT(text, HasSubstr(",runs:smallest_first,"));
  EXPECT_THAT(text, HasSubstr(",always_map:every=3,always_map_site:ring.c:7,"));
  EXPECT_THAT(text, HasSubstr(",warn_above:never,"));
  vc_arena_destroy(arena);
}

/// What vc_arena_create() says of these options.
std::string refusal(const vc_arena_options* options) {
  EXPECT_EQ(vc_arena_create(options), nullptr);
  return vc_last_error()->sentence;
}

TEST(COptions, WrongOnesAreRefused) {
  EXPECT_THAT(refusal(nullptr), HasSubstr("NULL"));
  vc_arena_options zeroed{};
  EXPECT_THAT(refusal(&zeroed), HasSubstr("vc_arena_options_init()"));
  vc_arena_options options;
  vc_arena_options_init(&options);
  EXPECT_EQ(vc_arena_create(&options), nullptr) << "a budget of 0";
  EXPECT_EQ(vc_last_error()->reason, VC_REASON_INVALID);
  options.budget = 1 << 20;
  options.backing = 7;
  EXPECT_THAT(refusal(&options), HasSubstr("a value that its list does not have"));
  options.backing = VC_BACKING_MEMFD;
  options.runs = VC_RUNS_SMALLEST_FIRST + 1;
  EXPECT_THAT(refusal(&options), HasSubstr("a value that its list does not have"));
  options.runs = VC_RUNS_LONGEST_FIRST;
  options.inject = {VC_TRIGGER_NTH, 0};
  EXPECT_THAT(refusal(&options), HasSubstr("must be 1 or more"));
}

TEST(COptions, AStructOfALaterVersionWorksUnlessItAsksForMore) {
  struct Later {
    vc_arena_options known;
    std::uint64_t added;
  } later;
  vc_arena_options_init_sized(&later.known, sizeof later);
  later.known.budget = 1 << 20;
  EXPECT_EQ(later.added, 0U);
  vc_arena* arena = vc_arena_create(&later.known);
  ASSERT_NE(arena, nullptr) << vc_last_error()->sentence;
  vc_arena_destroy(arena);
  later.added = 1;
  EXPECT_THAT(refusal(&later.known), HasSubstr("this version of the library does not know"));
}

TEST(COptions, TextIsParsed) {
  EXPECT_EQ(vc_arena_create_text("budget:1MiB,hugs:never"), nullptr);
  EXPECT_EQ(vc_last_error()->reason, VC_REASON_INVALID);
  EXPECT_THAT(vc_last_error()->sentence, HasSubstr("did you mean \"huge\"?"));
  EXPECT_EQ(vc_arena_create_text(nullptr), nullptr) << "a budget of 0";
}

// ---- allocation ---------------------------------------------------------------------------------

TEST_F(CApi, EveryWayOfAllocatingGivesMemory) {
  void* plain = vc_allocate(arena_, 10000);
  auto* zeroed = static_cast<unsigned char*>(vc_allocate_zeroed(arena_, 10000));
  void* aligned = vc_allocate_aligned(arena_, 1 << 16, 10000);
  void* by_function = (vc_allocate)(arena_, 10000);
  ASSERT_TRUE(plain && zeroed && aligned && by_function);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(aligned) % (1 << 16), 0U);
  for (std::size_t i = 0; i < 10000; ++i) ASSERT_EQ(zeroed[i], 0);
  for (void* p : {plain, static_cast<void*>(zeroed), aligned, by_function}) {
    std::memset(p, 0x5a, vc_size_of(arena_, p));
    EXPECT_EQ(vc_free(arena_, p), VC_MISUSE_NONE);
  }
  vc_check(arena_);
}

TEST_F(CApi, ARefusalLeavesItsFigures) {
  EXPECT_EQ(vc_allocate(arena_, std::size_t{1} << 30), nullptr);
  const vc_error* error = vc_last_error();
  EXPECT_EQ(error->reason, VC_REASON_BUDGET);
  EXPECT_STREQ(vc_reason_name(error->reason), "budget");
  EXPECT_EQ(error->requested, 1U << 30);
  EXPECT_EQ(error->free, 16U << 20);
  EXPECT_THAT(error->sentence, HasSubstr("only 16 MiB are free"));
}

TEST_F(CApi, TheErrorBelongsToTheThread) {
  EXPECT_EQ(vc_allocate(arena_, 0), nullptr);
  EXPECT_EQ(vc_last_error()->reason, VC_REASON_INVALID);
  std::thread([] { EXPECT_EQ(vc_last_error()->reason, VC_REASON_NONE); }).join();
}

TEST_F(CApi, WrongRequestsAreNamed) {
  vc_request request{};
  request.size = 4096;
  request.reserved[1] = 1;
  EXPECT_EQ(vc_allocate_request(arena_, &request), nullptr);
  EXPECT_THAT(vc_last_error()->sentence, HasSubstr("`reserved`"));
  request.reserved[1] = 0;
  request.node = -2;
  EXPECT_EQ(vc_can_allocate(arena_, &request), VC_REASON_INVALID);
  EXPECT_THAT(vc_last_error()->sentence, HasSubstr("`node`"));
  request.node = VC_NODE_ANY;
  request.contiguity = static_cast<vc_contiguity>(3);
  EXPECT_EQ(vc_allocate_request(arena_, &request), nullptr);
  EXPECT_THAT(vc_last_error()->sentence, HasSubstr("`contiguity`"));
  request.contiguity = VC_CONTIGUITY_PREFERRED;
  request.limit_loss = 1;
  request.size = 4097;
  EXPECT_EQ(vc_allocate_request(arena_, &request), nullptr);
  EXPECT_EQ(vc_last_error()->reason, VC_REASON_POLICY);
  EXPECT_EQ(vc_allocate_request(arena_, nullptr), nullptr);
  EXPECT_EQ(vc_last_error()->reason, VC_REASON_INVALID);
}

TEST_F(CApi, CanAllocateTellsTheReason) {
  vc_request request{};
  request.size = 1 << 20;
  EXPECT_EQ(vc_can_allocate(arena_, &request), VC_REASON_NONE);
  request.size = std::size_t{1} << 30;
  EXPECT_EQ(vc_can_allocate(arena_, &request), VC_REASON_BUDGET);
  EXPECT_EQ(vc_last_error()->requested, 1U << 30);
}

TEST_F(CApi, ReferencesKeepACompound) {
  void* p = vc_allocate(arena_, 4096);
  EXPECT_EQ(vc_references(arena_, p), 1U);
  EXPECT_EQ(vc_get(arena_, p), VC_MISUSE_NONE);
  EXPECT_EQ(vc_references(arena_, p), 2U);
  EXPECT_EQ(vc_free(arena_, p), VC_MISUSE_STILL_REFERENCED);
  EXPECT_EQ(vc_put(arena_, p), VC_MISUSE_NONE);
  EXPECT_EQ(vc_head_of(arena_, p), p);
  EXPECT_EQ(vc_put(arena_, p), VC_MISUSE_NONE);
  EXPECT_EQ(vc_head_of(arena_, p), nullptr);
  EXPECT_EQ(vc_references(arena_, p), 0U);
}

TEST_F(CApi, WrongPointersAreNamed) {
  auto* p = static_cast<char*>(vc_allocate(arena_, 16384));
  int local = 0;
  EXPECT_EQ(vc_free(arena_, nullptr), VC_MISUSE_NONE);
  EXPECT_EQ(vc_free(arena_, &local), VC_MISUSE_FOREIGN);
  EXPECT_EQ(vc_free(arena_, p + 1), VC_MISUSE_MISALIGNED);
  EXPECT_EQ(vc_free(arena_, p + 4096), VC_MISUSE_INTERIOR);
  EXPECT_EQ(vc_free(arena_, p), VC_MISUSE_NONE);
  EXPECT_EQ(vc_free(arena_, p), VC_MISUSE_ALREADY_FREED);
  EXPECT_EQ(vc_last_error()->misuse, VC_MISUSE_ALREADY_FREED);
  EXPECT_THAT(vc_last_error()->sentence, HasSubstr("double free: it was freed before"));
  EXPECT_STREQ(vc_misuse_name(VC_MISUSE_INTERIOR), "interior pointer");
}

TEST_F(CApi, FreesInANoBlockScopeAreNotLost) {
  void* p = mapped(1 << 20);
  ASSERT_NE(p, nullptr);
  vc_no_block_begin();
  vc_no_block_begin();
  vc_no_block_end();
  EXPECT_EQ(vc_free(arena_, p), VC_MISUSE_NONE);
  vc_no_block_end();
  vc_no_block_end();  // one too many changes nothing
  vc_reclaim(arena_);
  vc_stats stats;
  ASSERT_EQ(vc_get_stats(arena_, &stats), 1);
  EXPECT_EQ(stats.free, 16U << 20);
  vc_check(arena_);
}

// ---- compound functions -------------------------------------------------------------------------

TEST_F(CApi, PagesOfBothKindsAgree) {
  for (void* p : {vc_allocate(arena_, 1 << 16), mapped(1 << 16)}) {
    ASSERT_NE(p, nullptr);
    auto* bytes = static_cast<char*>(p);
    for (std::size_t n = 0; n < 16; ++n) {
      const vc_frame frame = vc_nth_page(arena_, p, n);
      EXPECT_EQ(vc_frame_of(arena_, bytes + n * 4096 + 5), frame);
      EXPECT_EQ(vc_page_address(arena_, frame), bytes + n * 4096);
      EXPECT_EQ(vc_head_of(arena_, bytes + n * 4096 + 4095), p);
    }
    EXPECT_EQ(vc_nth_page(arena_, p, 16), VC_NO_FRAME);
  }
  EXPECT_EQ(vc_frame_of(arena_, &arena_), VC_NO_FRAME);
  EXPECT_EQ(vc_page_address(arena_, VC_NO_FRAME), nullptr);
  EXPECT_EQ(vc_kind_of(arena_, &arena_), VC_KIND_NONE);
}

TEST_F(CApi, ExtentsAreTheMemoryItself) {
  auto* p = static_cast<unsigned char*>(mapped(1 << 16));
  ASSERT_NE(p, nullptr);
  for (std::size_t i = 0; i < (1 << 16); ++i) p[i] = static_cast<unsigned char>(i * 7 >> 4);
  const std::size_t count = vc_extents(arena_, p, nullptr, 0);
  std::vector<vc_extent> extents(count);
  ASSERT_EQ(vc_extents(arena_, p, extents.data(), count), count);
  std::size_t at = 0;
  for (const vc_extent& e : extents) {
    EXPECT_EQ(std::memcmp(e.base, p + at, e.length), 0);
    at += e.length;
  }
  EXPECT_EQ(at, 1U << 16);
}

TEST_F(CApi, MappedMemoryHasNoPhysicalAddress) {
  auto* p = static_cast<char*>(vc_allocate(arena_, 1 << 16));
  vc_extent extent;
  ASSERT_EQ(vc_extents(arena_, p, &extent, 1), 1U);
  EXPECT_EQ(vc_physical(arena_, p + 5000), extent.offset + 5000);
  EXPECT_EQ(vc_physical(arena_, mapped(1 << 16)), VC_NO_PHYSICAL);
  EXPECT_THAT(vc_last_error()->sentence, HasSubstr("mapped"));
  EXPECT_EQ(vc_physical(arena_, &extent), VC_NO_PHYSICAL);
}

TEST_F(CApi, VerifyAccountsForEveryByte) {
  auto* p = static_cast<char*>(vc_allocate(arena_, 1 << 20));
  std::memset(p, 1, 1 << 20);
  vc_verification seen{};
  if (vc_verify(arena_, p, &seen) == 0) {
    GTEST_SKIP() << "this kernel does not tell: " << vc_last_error()->sentence;
  }
  EXPECT_EQ(seen.huge + seen.small + seen.absent, 1U << 20);
  EXPECT_EQ(seen.absent, 0U);
  EXPECT_EQ(vc_verify(arena_, &seen, &seen), 0);
}

// ---- test settings and inspection ---------------------------------------------------------------

TEST_F(CApi, ForcedFallbackIsASwitch) {
  EXPECT_EQ(vc_set_always_map(arena_, {VC_TRIGGER_ALWAYS, 0}), 1);
  EXPECT_EQ(vc_get_always_map(arena_).mode, static_cast<std::uint32_t>(VC_TRIGGER_ALWAYS));
  EXPECT_EQ(vc_kind_of(arena_, vc_allocate(arena_, 1 << 16)), VC_KIND_MAPPED);
  EXPECT_EQ(vc_set_always_map(arena_, {9, 0}), 0);
  EXPECT_EQ(vc_get_always_map(arena_).mode, static_cast<std::uint32_t>(VC_TRIGGER_ALWAYS));
  EXPECT_EQ(vc_set_always_map(arena_, {VC_TRIGGER_OFF, 0}), 1);
  EXPECT_EQ(vc_kind_of(arena_, vc_allocate(arena_, 1 << 16)), VC_KIND_CONTIGUOUS);
}

TEST_F(CApi, OneSiteCanBeForced) {
  const char* file = "ring.c";
  vc_set_site_forced(arena_, file, 7, 1);
  EXPECT_EQ(vc_kind_of(arena_, vc_allocate_at(arena_, 1 << 16, file, 7)), VC_KIND_MAPPED);
  EXPECT_EQ(vc_kind_of(arena_, vc_allocate_at(arena_, 1 << 16, file, 8)), VC_KIND_CONTIGUOUS);
  vc_set_site_forced(arena_, file, 7, 0);
  EXPECT_EQ(vc_kind_of(arena_, vc_allocate_at(arena_, 1 << 16, file, 7)), VC_KIND_CONTIGUOUS);
}

TEST_F(CApi, RefusalsCanBeInjected) {
  EXPECT_EQ(vc_set_injection(arena_, {VC_TRIGGER_NTH, 2}), 1);
  EXPECT_NE(vc_allocate(arena_, 4096), nullptr);
  EXPECT_EQ(vc_allocate(arena_, 4096), nullptr);
  EXPECT_EQ(vc_last_error()->reason, VC_REASON_INJECTED);
  EXPECT_NE(vc_allocate(arena_, 4096), nullptr);
}

TEST_F(CApi, TextIsCutLikeSnprintf) {
  const std::size_t length = vc_listing(arena_, nullptr, 0);
  std::string whole(length + 1, 'x');
  EXPECT_EQ(vc_listing(arena_, whole.data(), whole.size()), length);
  EXPECT_EQ(whole[length], '\0');
  char cut[10];
  EXPECT_EQ(vc_listing(arena_, cut, sizeof cut), length);
  EXPECT_EQ(std::string(cut), whole.substr(0, 9));
  for (const vc_format format : {VC_FORMAT_TEXT, VC_FORMAT_JSON, VC_FORMAT_PROMETHEUS}) {
    EXPECT_GT(vc_stats_text(arena_, format, nullptr, 0), 100U);
  }
}

TEST_F(CApi, CallersBehindAFunctionAreKnownByTheirCode) {
  void* p = (vc_allocate)(arena_, 1 << 16);
  ASSERT_NE(p, nullptr);
  std::string listing(100'000, '\0');
  vc_listing(arena_, listing.data(), listing.size());
  EXPECT_THAT(listing.c_str(), ContainsRegex(" 65536 [^ :]+ pages=16"));
}

TEST_F(CApi, AStatsStructOfAnEarlierVersionIsNotOverrun) {
  struct {
    std::uint64_t total;
    std::uint64_t canary;
  } earlier{0, 77};
  EXPECT_EQ(vc_get_stats_sized(arena_, reinterpret_cast<vc_stats*>(&earlier), 8), 1);
  EXPECT_EQ(earlier.total, 16U << 20);
  EXPECT_EQ(earlier.canary, 77U);
}

TEST_F(CApi, FactsOfTheArena) {
  EXPECT_EQ(vc_frame_size(arena_), 4096U);
  EXPECT_GE(vc_file_descriptor(arena_), 0);
  EXPECT_EQ(vc_availability(arena_, 1 << 20), 1.0);
  void* p = vc_allocate(arena_, 1 << 20);
  std::memset(p, 1, 1 << 20);
  vc_free(arena_, p);
  EXPECT_GE(vc_trim(arena_), 1U << 20);
}

TEST(CNull, NoFunctionNeedsAnArena) {
  EXPECT_EQ(vc_allocate(nullptr, 1), nullptr);
  EXPECT_THAT(vc_last_error()->sentence, HasSubstr("the arena is NULL"));
  EXPECT_EQ(vc_free(nullptr, nullptr), VC_MISUSE_NONE);
  int local = 0;
  EXPECT_EQ(vc_free(nullptr, &local), VC_MISUSE_FOREIGN);
  EXPECT_EQ(vc_head_of(nullptr, &local), nullptr);
  EXPECT_EQ(vc_size_of(nullptr, &local), 0U);
  EXPECT_EQ(vc_extents(nullptr, &local, nullptr, 0), 0U);
  EXPECT_EQ(vc_physical(nullptr, &local), VC_NO_PHYSICAL);
  EXPECT_EQ(vc_listing(nullptr, nullptr, 0), static_cast<std::size_t>(-1));
  EXPECT_EQ(vc_set_always_map(nullptr, {VC_TRIGGER_OFF, 0}), 0);
  EXPECT_EQ(vc_trim(nullptr), 0U);
  vc_reclaim(nullptr);
  vc_check(nullptr);
  vc_arena_destroy(nullptr);
}

}  // namespace
