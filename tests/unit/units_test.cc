// Units: conversions, their limits, and the ranges built of them.
#include "vcompound/base/units.h"

#include <gtest/gtest.h>

#include <concepts>
#include <type_traits>

namespace vc {
namespace {

constexpr std::uint64_t kMax = ~std::uint64_t{0};

// What must not mean anything must not compile; tests/compile_fail proves the diagnostics.
template <class A, class B>
concept Addable = requires(A a, B b) {
  a + b;
};
static_assert(!Addable<Bytes, PageCount>);
static_assert(!Addable<Pfn, Pfn>);
static_assert(!Addable<VirtAddr, VirtAddr>);
static_assert(!Addable<VirtAddr, PageCount>);
static_assert(!Addable<Pfn, Bytes>);
static_assert(!Addable<Pfn, std::uint64_t>);
static_assert(Addable<Pfn, PageCount>);
static_assert(Addable<VirtAddr, Bytes>);
static_assert(!std::convertible_to<std::uint32_t, Order>);
static_assert(!std::convertible_to<std::uint64_t, Bytes>);
static_assert(!std::convertible_to<Bytes, std::uint64_t>);
static_assert(!std::convertible_to<Pfn, Vpn>);
static_assert(!std::is_constructible_v<Order, Bytes>);
static_assert(!std::is_constructible_v<Order, PageCount>);
static_assert(std::is_trivially_copyable_v<Pfn>);
static_assert(sizeof(Bytes) == 8 && sizeof(Order) == 4);

TEST(Units, ArithmeticKeepsTheUnit) {
  static_assert(std::same_as<decltype(Pfn(1) + PageCount(1)), Pfn>);
  static_assert(std::same_as<decltype(Pfn(1) - Pfn(1)), PageCount>);
  static_assert(std::same_as<decltype(VirtAddr(1) - VirtAddr(1)), Bytes>);
  EXPECT_EQ(Pfn(7) + PageCount(3), Pfn(10));
  EXPECT_EQ(Pfn(7) - PageCount(3), Pfn(4));
  EXPECT_EQ(Pfn(7) - Pfn(3), PageCount(4));
  EXPECT_EQ(Bytes(7) * 3, Bytes(21));
  Pfn at(5);
  at += PageCount(2);
  EXPECT_EQ(at, Pfn(7));
  PageCount n(9);
  n -= PageCount(4);
  EXPECT_EQ(n, PageCount(5));
  EXPECT_LT(Bytes(1), Bytes(2));
}

TEST(Units, OrderIsALogarithmOfFrames) {
  EXPECT_EQ(Order(0).pages(), PageCount(1));
  EXPECT_EQ(Order(9).pages(), PageCount(512));
  EXPECT_EQ(FrameSize(12).bytes(kMaxOrder.pages()), Bytes(1ULL << 30));
  EXPECT_EQ(order_for(PageCount(1)), Order(0));
  EXPECT_EQ(order_for(PageCount(2)), Order(1));
  EXPECT_EQ(order_for(PageCount(3)), Order(2));
  EXPECT_EQ(order_for(PageCount(4)), Order(2));
  EXPECT_EQ(order_for(PageCount(5)), Order(3));
  EXPECT_EQ(order_for(PageCount(1ULL << 63)), Order(63));
}

TEST(Units, PagesForRoundsUpAndCannotOverflow) {
  const FrameSize frame(12);
  EXPECT_EQ(frame.pages_for(Bytes(0)), PageCount(0));
  EXPECT_EQ(frame.pages_for(Bytes(1)), PageCount(1));
  EXPECT_EQ(frame.pages_for(Bytes(4095)), PageCount(1));
  EXPECT_EQ(frame.pages_for(Bytes(4096)), PageCount(1));
  EXPECT_EQ(frame.pages_for(Bytes(4097)), PageCount(2));
  EXPECT_EQ(frame.pages_for(Bytes(kMax)), PageCount(1ULL << 52));
  EXPECT_EQ(frame.whole_pages(Bytes(4095)), PageCount(0));
  EXPECT_EQ(frame.whole_pages(Bytes(kMax)), PageCount((1ULL << 52) - 1));
  EXPECT_EQ(FrameSize(21).pages_for(Bytes((2ULL << 20) + 1)), PageCount(2));
  EXPECT_EQ(FrameSize(0).pages_for(Bytes(kMax)), PageCount(kMax));
  EXPECT_EQ(frame.bytes(PageCount(3)), Bytes(12288));
  EXPECT_EQ(FrameSize(), FrameSize(12));
}

TEST(Units, LogarithmsAtTheirLimits) {
  EXPECT_EQ(floor_log2(1), 0U);
  EXPECT_EQ(floor_log2(kMax), 63U);
  EXPECT_EQ(ceil_log2(1), 0U);
  EXPECT_EQ(ceil_log2(1ULL << 63), 63U);
  EXPECT_EQ(ceil_log2((1ULL << 63) + 1), 64U);
  for (std::uint32_t k = 1; k < 63; ++k) {
    const std::uint64_t v = 1ULL << k;
    EXPECT_EQ(floor_log2(v), k);
    EXPECT_EQ(floor_log2(v - 1), k - 1);
    EXPECT_EQ(ceil_log2(v), k);
    EXPECT_EQ(ceil_log2(v + 1), k + 1);
    EXPECT_TRUE(is_power_of_two(v));
    EXPECT_FALSE(is_power_of_two(v + 1));
  }
  EXPECT_FALSE(is_power_of_two(0));
}

TEST(Units, AlignmentRounds) {
  EXPECT_EQ(align_up(0, 8), 0U);
  EXPECT_EQ(align_up(1, 8), 8U);
  EXPECT_EQ(align_up(8, 8), 8U);
  EXPECT_EQ(align_down(7, 8), 0U);
  EXPECT_EQ(align_down(kMax, 1ULL << 30), kMax - ((1ULL << 30) - 1));
}

TEST(Units, RangesContainTheirStartAndNotTheirEnd) {
  const PfnRange frames{Pfn(10), PageCount(5)};
  EXPECT_FALSE(frames.contains(Pfn(9)));
  EXPECT_TRUE(frames.contains(Pfn(10)));
  EXPECT_TRUE(frames.contains(Pfn(14)));
  EXPECT_FALSE(frames.contains(Pfn(15)));
  EXPECT_FALSE(frames.contains(kNoPfn));
  EXPECT_EQ(frames.end(), Pfn(15));
  EXPECT_FALSE(PfnRange{}.contains(Pfn(0)));
  EXPECT_TRUE(PfnRange{}.empty());

  const VirtRange addresses{VirtAddr(kMax - 4095), Bytes(4096)};  // ends where addresses end
  EXPECT_TRUE(addresses.contains(VirtAddr(kMax)));
  EXPECT_FALSE(addresses.contains(VirtAddr(0)));
  EXPECT_FALSE(addresses.contains(VirtAddr(kMax - 4096)));
}

}  // namespace
}  // namespace vc
