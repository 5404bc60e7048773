// Old mistake 5 at the interface with the original names: an order is a type in C++, and in C a
// size passed as an order is refused, not shifted into nonsense.
#include <gtest/gtest.h>

#include <type_traits>

#include "vcompound/linux_style.h"
#include "vcompound/vcompound.h"

namespace {

static_assert(
    std::is_invocable_v<decltype(alloc_vcompound), vc_gfp_t, vc::Order, const char*, unsigned>);
static_assert(
    !std::is_invocable_v<decltype(alloc_vcompound), vc_gfp_t, vc::Bytes, const char*, unsigned>);
static_assert(
    !std::is_invocable_v<decltype(alloc_vcompound), vc_gfp_t, int, const char*, unsigned>);

TEST(OldMistakes, OldMistake5_SizeWhereAnOrderIsMeant_InC) {
  vc_arena* const arena = vc_arena_create_text("budget:16MiB,warn_above:never");
  ASSERT_NE(arena, nullptr);
  vc_linux_style_use(arena);
  for (const unsigned size : {4096U, 65536U, 64U, 63U, 52U, 36U, 35U, ~0U}) {
    const vc_gfp_t flags = VC_GFP_KERNEL | VC_GFP_NOWARN;
    EXPECT_EQ(vc_linux_alloc_order(VC_LINUX_ANY_NODE, flags, size, __FILE__, __LINE__), nullptr)
        << "order " << size;
  }
  struct page* const page = alloc_vcompound(VC_GFP_KERNEL, vc::Order(3));
  EXPECT_NE(page, nullptr) << "and nothing was harmed";
  free_vcompound(page);
  vc_linux_style_use(nullptr);
  vc_arena_destroy(arena);
}

}  // namespace
