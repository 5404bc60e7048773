// The original names: they mean for both kinds of compounds what the patches of 2008 promised.
#define VC_LINUX_NAMES
#include "vcompound/linux_style.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using vc::Order;

vc_arena* make_arena(const char* configuration) {
  vc_arena* arena = vc_arena_create_text(configuration);
  EXPECT_NE(arena, nullptr) << vc_last_error()->sentence;
  if (arena != nullptr) vc_set_always_map(arena, {VC_TRIGGER_OFF, 0});
  return arena;
}

class LinuxStyle : public ::testing::Test {
 protected:
  void SetUp() override {
    arena_ = make_arena("budget:16MiB,warn_above:never");
    vc_linux_style_use(arena_);
  }
  void TearDown() override {
    vc_linux_style_use(nullptr);
    vc_arena_destroy(arena_);
  }
  void always_map(vc_trigger_mode mode) {
    vc_set_always_map(arena_, {static_cast<std::uint32_t>(mode), 0});
  }

  vc_arena* arena_ = nullptr;
};

/// The two ways in which a compound may lie in memory.
class BothKinds : public LinuxStyle, public ::testing::WithParamInterface<vc_trigger_mode> {
 protected:
  void SetUp() override {
    LinuxStyle::SetUp();
    always_map(GetParam());
  }
  bool is_mapped() const { return GetParam() == VC_TRIGGER_ALWAYS; }
};

INSTANTIATE_TEST_SUITE_P(Kinds, BothKinds, ::testing::Values(VC_TRIGGER_OFF, VC_TRIGGER_ALWAYS),
                         [](const auto& kind) {
                           return kind.param == VC_TRIGGER_OFF ? "Contiguous" : "Mapped";
                         });

TEST_P(BothKinds, EveryPageKnowsItsPlace) {
  struct page* head = alloc_vcompound(GFP_KERNEL, Order(4));
  ASSERT_NE(head, nullptr);
  auto* start = static_cast<char*>(page_address(head));
  ASSERT_NE(start, nullptr);
  std::memset(start, 7, 16 * 4096);
  EXPECT_EQ(PageVcompound(head), is_mapped() ? 1 : 0);
  EXPECT_EQ(is_vmalloc_addr(start), is_mapped() ? 1 : 0);
  EXPECT_EQ(compound_order(head), Order(4));
  EXPECT_EQ(PageHead(head), 1);
  EXPECT_EQ(PageTail(head), 0);
  for (std::size_t n = 0; n < 16; ++n) {
    char* address = start + n * 4096;
    struct page* page = compound_nth_page(head, n);
    ASSERT_NE(page, nullptr);
    EXPECT_EQ(virt_to_page(address + 123), page);
    EXPECT_EQ(page_address(page), address);
    EXPECT_EQ(compound_head(page), head);
    EXPECT_EQ(virt_to_head_page(address + 4095), head);
    EXPECT_EQ(vcompound_head_page(address), head);
    EXPECT_EQ(vmalloc_to_page(address), is_mapped() ? page : nullptr);
    EXPECT_EQ(pfn_to_page(page_to_pfn(page)), page);
    EXPECT_EQ(PageTail(page), n == 0 ? 0 : 1);
  }
  EXPECT_EQ(compound_nth_page(head, 16), nullptr);
  free_vcompound(head);
  EXPECT_EQ(page_address(head), nullptr);
  vc_check(arena_);
}

TEST_P(BothKinds, TheListOfPagesIsInTheOrderOfAddresses) {
  void* address = __alloc_vcompound(GFP_KERNEL, Order(3));
  ASSERT_NE(address, nullptr);
  std::vector<struct page*> pages(vcompound_pages(address, nullptr, 0));
  ASSERT_EQ(pages.size(), 8U);
  EXPECT_EQ(vcompound_pages(static_cast<char*>(address) + 5000, pages.data(), 8), 8U);
  for (std::size_t n = 0; n < 8; ++n) {
    EXPECT_EQ(page_address(pages[n]), static_cast<char*>(address) + n * 4096);
  }
  __free_vcompound(address);
  EXPECT_EQ(vcompound_pages(address, pages.data(), 8), 0U);
}

TEST_P(BothKinds, OneReferenceCountForTheWholeCompound) {
  struct page* head = alloc_vcompound(GFP_KERNEL, Order(2));
  struct page* tail = compound_nth_page(head, 3);
  EXPECT_EQ(page_count(head), 1U);
  get_page(tail);
  EXPECT_EQ(page_count(head), 2U);
  EXPECT_EQ(page_count(tail), 2U);
  free_vcompound(head);
  EXPECT_EQ(page_count(head), 1U);
  put_page(tail);
  EXPECT_EQ(page_address(head), nullptr);
  vc_reclaim(arena_);
  vc_stats stats;
  vc_get_stats(arena_, &stats);
  EXPECT_EQ(stats.free, stats.total);
}

TEST_P(BothKinds, ZeroMeansZero) {
  auto* dirty = static_cast<unsigned char*>(__alloc_vcompound(GFP_KERNEL, Order(4)));
  std::memset(dirty, 0xff, 16 * 4096);
  __free_vcompound(dirty);
  auto* zeroed = static_cast<unsigned char*>(__alloc_vcompound(GFP_KERNEL | __GFP_ZERO, Order(4)));
  ASSERT_NE(zeroed, nullptr);
  for (std::size_t i = 0; i < 16 * 4096; ++i) ASSERT_EQ(zeroed[i], 0) << i;
  __free_vcompound(zeroed);
}

TEST_P(BothKinds, ASinglePageIsNoCompoundAndNeverMapped) {
  struct page* page = alloc_vcompound(GFP_KERNEL, Order(0));
  EXPECT_EQ(compound_order(page), Order(0));
  EXPECT_EQ(PageHead(page), 0);
  EXPECT_EQ(PageTail(page), 0);
  EXPECT_EQ(PageVcompound(page), 0);
  free_vcompound(page);
}

TEST_P(BothKinds, RoundingLossIsBounded) {
  struct page* page = alloc_vcompound_maxloss(GFP_KERNEL, vc::Bytes(5 * 4096 - 10), vc::Bytes(10));
  ASSERT_NE(page, nullptr);
  EXPECT_EQ(vc_size_of(arena_, page_address(page)), 5U * 4096);
  EXPECT_EQ(compound_order(page), Order(3));
  free_vcompound(page);
  EXPECT_EQ(
      alloc_vcompound_maxloss(GFP_KERNEL | __GFP_NOWARN, vc::Bytes(5 * 4096 - 11), vc::Bytes(10)),
      nullptr);
  EXPECT_EQ(vc_last_error()->reason, VC_REASON_POLICY);
}

TEST_P(BothKinds, PhysicalAddressesExistOnlyOfContiguousCompounds) {
  struct page* head = alloc_vcompound(GFP_KERNEL, Order(4));
  auto* address = static_cast<char*>(page_address(head)) + 5000;
  ::testing::internal::CaptureStderr();
  const phys_addr_t physical = virt_to_phys(address);
  const std::string text = ::testing::internal::GetCapturedStderr();
  if (is_mapped()) {
    EXPECT_EQ(physical, VC_NO_PHYSICAL);
    EXPECT_THAT(text, HasSubstr("vcompound: virt_to_phys() of an address in a mapped compound"));
    EXPECT_THAT(text, HasSubstr("VC_GFP_DMA"));
  } else {
    EXPECT_EQ(physical, page_to_pfn(head) * 4096 + 5000);
    EXPECT_EQ(text, "");
  }
  free_vcompound(head);
}

TEST_P(BothKinds, DmaMemoryIsNeverMapped) {
  struct page* page = alloc_vcompound(GFP_KERNEL | __GFP_DMA, Order(4));
  ASSERT_NE(page, nullptr);
  EXPECT_EQ(PageVcompound(page), 0);
  free_vcompound(page);
}

TEST_P(BothKinds, TheListingShowsTheCaller) {
  const std::string site = "linux_style_test.cc:" + std::to_string(__LINE__ + 1);
  struct page* page = alloc_vcompound(GFP_KERNEL, Order(2));
  std::string listing(vc_listing(arena_, nullptr, 0) + 1, '\0');
  vc_listing(arena_, listing.data(), listing.size());
  EXPECT_THAT(listing, HasSubstr(site + " pages=4 "));
  EXPECT_EQ(listing.find(" vcompound ") != std::string::npos, is_mapped());
  free_vcompound(page);
}

// ---- wrong arguments ----------------------------------------------------------------------------

TEST_F(LinuxStyle, AnOrderThatIsASizeIsRefused) {
  EXPECT_EQ(vc_linux_alloc_order(VC_LINUX_ANY_NODE, VC_GFP_NOWARN, 65536, "a.c", 1), nullptr);
  EXPECT_THAT(vc_last_error()->sentence, HasSubstr("is it a size in bytes?"));
  EXPECT_EQ(vc_linux_alloc_order(VC_LINUX_ANY_NODE, VC_GFP_NOWARN, 19, "a.c", 1), nullptr);
  EXPECT_EQ(vc_last_error()->reason, VC_REASON_INVALID);
  EXPECT_EQ(vc_linux_alloc_order(VC_LINUX_ANY_NODE, VC_GFP_NOWARN, 18, "a.c", 1), nullptr);
  EXPECT_EQ(vc_last_error()->reason, VC_REASON_BUDGET);
}

TEST_F(LinuxStyle, FlagsThatAreAnOrderAreRefused) {
  ::testing::internal::CaptureStderr();  // a mistake is told whatever the flags say
  EXPECT_EQ(alloc_vcompound(16 | VC_GFP_NOWARN, Order(0)), nullptr);
  static_cast<void>(::testing::internal::GetCapturedStderr());
  EXPECT_THAT(vc_last_error()->sentence, HasSubstr("is the order passed first?"));
}

TEST_F(LinuxStyle, ANodeThatDoesNotExistIsRefused) {
  EXPECT_EQ(alloc_vcompound_node(-2, VC_GFP_NOWARN, Order(0)), nullptr);
  EXPECT_EQ(vc_last_error()->reason, VC_REASON_INVALID);
  EXPECT_EQ(alloc_vcompound_node(1000, VC_GFP_NOWARN, Order(0)), nullptr);
  EXPECT_EQ(vc_last_error()->reason, VC_REASON_INVALID);
  struct page* page = alloc_vcompound_node(0, GFP_KERNEL, Order(1));
  EXPECT_NE(page, nullptr);
  free_vcompound(page);
}

TEST_F(LinuxStyle, ARefusalIsPrintedUnlessUnwanted) {
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(alloc_vcompound(GFP_KERNEL | __GFP_NOWARN, Order(18)), nullptr);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  ::testing::internal::CaptureStderr();
  for (int i = 0; i < 4; ++i) EXPECT_EQ(alloc_vcompound(GFP_KERNEL, Order(18)), nullptr);
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              ContainsRegex("page allocation failure \\(number [0-9]+\\) at "
                            "[^ ]*linux_style_test.cc:[0-9]+: allocation of 1 GiB refused"));
}

/// What a call prints to stderr.
template <class F>
std::string printed(F&& f) {
  ::testing::internal::CaptureStderr();
  f();
  return ::testing::internal::GetCapturedStderr();
}

TEST_F(LinuxStyle, ADoubleFreeIsReportedAndChangesNothing) {
  struct page* page = alloc_vcompound(GFP_KERNEL, Order(2));
  free_vcompound(page);
  EXPECT_THAT(printed([&] { free_vcompound(page); }), HasSubstr("not a page of a compound in use"));
  EXPECT_THAT(printed([&] { put_page(page); }), HasSubstr("not a page of a compound in use"));
  EXPECT_THAT(printed([&] { get_page(page); }), HasSubstr("not a page of a compound in use"));
  vc_check(arena_);
}

TEST_F(LinuxStyle, ATailIsNotFreed) {
  struct page* head = alloc_vcompound(GFP_KERNEL, Order(2));
  EXPECT_THAT(printed([&] { free_vcompound(compound_nth_page(head, 1)); }),
              HasSubstr("interior pointer"));
  EXPECT_EQ(vc_last_error()->misuse, VC_MISUSE_INTERIOR);
  EXPECT_EQ(page_count(head), 1U);
  free_vcompound(head);
}

TEST_F(LinuxStyle, StrayPointersAreNoPages) {
  int local = 0;
  auto* stray = reinterpret_cast<struct page*>(&local);
  EXPECT_EQ(page_address(stray), nullptr);
  EXPECT_EQ(compound_head(stray), nullptr);
  EXPECT_EQ(page_to_pfn(stray), VC_NO_FRAME);
  EXPECT_EQ(page_count(stray), 0U);
  EXPECT_EQ(PageVcompound(stray), 0);
  EXPECT_EQ(virt_to_page(&local), nullptr);
  EXPECT_EQ(virt_to_head_page(&local), nullptr);
  EXPECT_EQ(pfn_to_page(VC_NO_FRAME), nullptr);
  EXPECT_THAT(printed([&] { free_vcompound(stray); }), HasSubstr("no struct page at all"));
  EXPECT_THAT(printed([&] { static_cast<void>(virt_to_phys(&local)); }),
              HasSubstr("that no compound in use covers"));
  free_vcompound(nullptr);
  __free_vcompound(nullptr);
}

TEST(LinuxStyleDefault, AnArenaIsMadeAtTheFirstUse) {
  struct page* page = alloc_vcompound(GFP_KERNEL, Order(3));
  ASSERT_NE(page, nullptr) << vc_last_error()->sentence;
  vc_stats stats;
  ASSERT_EQ(vc_get_stats(vc_linux_style_arena(), &stats), 1);
  EXPECT_EQ(stats.total, std::uint64_t{256} << 20);
  free_vcompound(page);
}

}  // namespace
