// TextWriter: numbers at their extremes, sizes for people, percentages, and full buffers.
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <string>

#include "vcompound/base/text.h"

namespace vc {
namespace {

constexpr std::uint64_t kMax = ~std::uint64_t{0};

template <class Write>
std::string written(const Write& write) {
  std::array<char, 128> buffer;
  TextWriter out(buffer.data(), buffer.size());
  write(out);
  EXPECT_FALSE(out.truncated());
  EXPECT_EQ(out.length(), std::strlen(out.c_str()));
  return out.c_str();
}

std::string size(std::uint64_t v) {
  return written([&](TextWriter& out) { out.size(Bytes(v)); });
}
std::string percent(std::uint64_t part, std::uint64_t whole) {
  return written([&](TextWriter& out) { out.percent(part, whole); });
}

TEST(TextWriter, Numbers) {
  EXPECT_EQ(written([](TextWriter& o) { o.number(0); }), "0");
  EXPECT_EQ(written([](TextWriter& o) { o.number(kMax); }), "18446744073709551615");
  EXPECT_EQ(written([](TextWriter& o) { o.number_signed(-1); }), "-1");
  EXPECT_EQ(written([](TextWriter& o) { o.number_signed(INT64_MIN); }), "-9223372036854775808");
  EXPECT_EQ(written([](TextWriter& o) { o.number_signed(INT64_MAX); }), "9223372036854775807");
  EXPECT_EQ(written([](TextWriter& o) { o.hex(0); }), "0x0");
  EXPECT_EQ(written([](TextWriter& o) { o.hex(0xf); }), "0xf");
  EXPECT_EQ(written([](TextWriter& o) { o.hex(0x10); }), "0x10");
  EXPECT_EQ(written([](TextWriter& o) { o.hex(0x00ab'cdef'0123); }), "0xabcdef0123");
  EXPECT_EQ(written([](TextWriter& o) { o.hex(kMax); }), "0xffffffffffffffff");
}

TEST(TextWriter, SizesForPeople) {
  EXPECT_EQ(size(0), "0 B");
  EXPECT_EQ(size(1), "1 B");
  EXPECT_EQ(size(1023), "1023 B");
  EXPECT_EQ(size(1024), "1 KiB");
  EXPECT_EQ(size(1536), "1.5 KiB");
  EXPECT_EQ(size(4096), "4 KiB");
  EXPECT_EQ(size((1ULL << 20) - 1), "1023.9 KiB");
  EXPECT_EQ(size(1ULL << 20), "1 MiB");
  EXPECT_EQ(size(3ULL << 29), "1.5 GiB");
  EXPECT_EQ(size(1ULL << 40), "1 TiB");
  EXPECT_EQ(size(1ULL << 50), "1 PiB");
  EXPECT_EQ(size(1ULL << 60), "1 EiB");
  EXPECT_EQ(size(kMax), "15.9 EiB");
}

TEST(TextWriter, PercentagesAtTheirExtremes) {
  EXPECT_EQ(percent(0, 0), "0.0");
  EXPECT_EQ(percent(5, 0), "0.0");
  EXPECT_EQ(percent(0, 7), "0.0");
  EXPECT_EQ(percent(7, 7), "100.0");
  EXPECT_EQ(percent(1, 3), "33.3");
  EXPECT_EQ(percent(2, 3), "66.7");
  EXPECT_EQ(percent(3, 2), "150.0");
  EXPECT_EQ(percent(1, 2000), "0.1");  // rounded half up
  EXPECT_EQ(percent(kMax, kMax), "100.0");
  EXPECT_EQ(percent(kMax / 2, kMax), "50.0");
  EXPECT_EQ(percent(1, kMax), "0.0");
  EXPECT_EQ(percent(1ULL << 52, 1ULL << 53), "50.0");
}

TEST(TextWriter, ChainsAndTerminates) {
  EXPECT_EQ(written([](TextWriter& o) {
              o.text("a").character('=').number(1).text(", rest", 2).size(Bytes(2048));
            }),
            "a=1, 2 KiB");
}

TEST(TextWriter, WhatDoesNotFitIsDroppedAndSaid) {
  std::array<char, 8> buffer;
  buffer.fill('#');
  TextWriter out(buffer.data(), 5);
  out.text("1234");
  EXPECT_FALSE(out.truncated());
  out.text("5");
  EXPECT_TRUE(out.truncated());
  EXPECT_STREQ(out.c_str(), "1234");
  EXPECT_EQ(out.length(), 4U);
  EXPECT_EQ(buffer[5], '#') << "wrote past its buffer";
}

TEST(TextWriter, BuffersOfOneAndOfNothing) {
  char one = '#';
  TextWriter tiny(&one, 1);
  tiny.text("x");
  EXPECT_STREQ(tiny.c_str(), "");
  EXPECT_TRUE(tiny.truncated());
  TextWriter none(nullptr, 0);
  none.text("x").number(5);
  EXPECT_STREQ(none.c_str(), "");
  EXPECT_TRUE(none.truncated());
  EXPECT_EQ(none.length(), 0U);
}

}  // namespace
}  // namespace vc
