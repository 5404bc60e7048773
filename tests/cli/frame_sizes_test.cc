// Reading and printing of sizes, ratios and counts.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "tools/vcompound/common/sizes.h"

namespace vc::tool {
namespace {

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

TEST(ParseBytes, ReadsEveryUnit) {
  EXPECT_EQ(parse_bytes("4096").value, 4096U);
  EXPECT_EQ(parse_bytes("0").value, 0U);
  EXPECT_EQ(parse_bytes("17B").value, 17U);
  EXPECT_EQ(parse_bytes("32KiB").value, 32 * kKiB);
  EXPECT_EQ(parse_bytes("32 KiB").value, 32 * kKiB);
  EXPECT_EQ(parse_bytes("  32kib ").value, 32 * kKiB);
  EXPECT_EQ(parse_bytes("1.5M").value, 3 * kMiB / 2);
  EXPECT_EQ(parse_bytes("3.5GiB").value, 7 * kGiB / 2);
  EXPECT_EQ(parse_bytes("2t").value, 2 * kTiB);
  EXPECT_EQ(parse_bytes("1P").value, 1024 * kTiB);
  EXPECT_EQ(parse_bytes("15EiB").value, 15 * 1024 * 1024 * kTiB);
}

TEST(ParseBytes, DropsTheFractionOfAByte) {
  EXPECT_EQ(parse_bytes("0.1KiB").value, 102U);
  EXPECT_EQ(parse_bytes("1.9").value, 1U);
  EXPECT_EQ(parse_bytes("0.0000000000000000000000001EiB").value, 0U);
}

TEST(ParseBytes, TakesTheLargestAndRefusesTheNext) {
  EXPECT_EQ(parse_bytes("18446744073709551615").value, kMost);
  EXPECT_FALSE(parse_bytes("18446744073709551616").value);
  EXPECT_FALSE(parse_bytes("16EiB").value);
  EXPECT_FALSE(parse_bytes(std::string(5000, '9')).value);
  EXPECT_NE(parse_bytes("16EiB").error.find("above 16 EiB"), std::string::npos);
}

TEST(ParseBytes, SaysWhatIsWrongAndWhatWouldBeRight) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "empty"},           {"   ", "empty"},      {"-5", "negative"},
      {"-5MiB", "negative"},   {"+5", "sign"},        {"nan", "number"},
      {"inf", "number"},       {"MiB", "number"},     {".5", "number"},
      {"5.", "no digit"},      {"5.MiB", "no digit"}, {"1e9", "\"e9\""},
      {"0x1000", "\"x1000\""}, {"1,000", "\",000\""}, {"4096 bytes", "\"bytes\""},
      {"1MiBx", "\"MiBx\""},   {"1MB", "write MiB"},  {"1gb", "write GiB"},
      {"1 M B", "\"M B\""},    {"1.2.3", "\".3\""},   {"3.5GiB 1", "\"GiB 1\""},
  };
  for (const auto& [text, expected] : cases) {
    const auto parsed = parse_bytes(text);
    EXPECT_FALSE(parsed.value) << text;
    EXPECT_NE(parsed.error.find(expected), std::string::npos) << text << ": " << parsed.error;
    EXPECT_NE(parsed.error.find("write "), std::string::npos) << text << ": " << parsed.error;
  }
}

TEST(ParseBytes, KeepsControlCharactersOutOfTheError) {
  const auto parsed = parse_bytes("1\x1b[31mMiB");
  ASSERT_FALSE(parsed.value);
  EXPECT_EQ(parsed.error.find('\x1b'), std::string::npos);
}

TEST(ParseBytesList, ReadsAndNamesTheBadItem) {
  const auto sizes = parse_bytes_list("1MiB, 2MiB,4M");
  ASSERT_TRUE(sizes.value);
  EXPECT_EQ(*sizes.value, (std::vector<std::uint64_t>{kMiB, 2 * kMiB, 4 * kMiB}));
  EXPECT_NE(parse_bytes_list("1MiB,,2MiB").error.find("item 2"), std::string::npos);
  EXPECT_NE(parse_bytes_list("1MiB,2MiB,").error.find("item 3"), std::string::npos);
  EXPECT_NE(parse_bytes_list("1MiB;2MiB").error.find("item 1"), std::string::npos);
  EXPECT_FALSE(parse_bytes_list("").value);
}

TEST(ParseRatio, TakesSharesAndPercents) {
  EXPECT_DOUBLE_EQ(parse_ratio("0.968").value.value(), 0.968);
  EXPECT_DOUBLE_EQ(parse_ratio("96.8%").value.value(), 0.968);
  EXPECT_DOUBLE_EQ(parse_ratio("96.8 %").value.value(), 0.968);
  EXPECT_DOUBLE_EQ(parse_ratio("0").value.value(), 0);
  EXPECT_DOUBLE_EQ(parse_ratio("1").value.value(), 1);
  EXPECT_DOUBLE_EQ(parse_ratio("100%").value.value(), 1);
}

TEST(ParseRatio, RefusesAllElse) {
  for (const char* text : {"", "-0.1", "nan", "inf", "1e-1", "0.5x", "50%%", "0,5", ".5", "1.1"}) {
    EXPECT_FALSE(parse_ratio(text).value) << text;
    EXPECT_FALSE(parse_ratio(text).error.empty()) << text;
  }
  EXPECT_NE(parse_ratio("96.8").error.find("96.8%"), std::string::npos);
  EXPECT_FALSE(parse_ratio("100.1%").value);
}

TEST(ParseCount, TakesWholeNumbersOnly) {
  EXPECT_EQ(parse_count("42").value, 42U);
  EXPECT_EQ(parse_count("18446744073709551615").value, kMost);
  for (const char* text : {"", "-1", "1.5", "1k", "18446744073709551616", "x", "4 2"}) {
    EXPECT_FALSE(parse_count(text).value) << text;
  }
}

TEST(FormatBytes, IsShort) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(1024), "1 KiB");
  EXPECT_EQ(format_bytes(7 * kGiB / 2), "3.5 GiB");
  EXPECT_EQ(format_bytes(kMiB - 1), "1 MiB") << "never 1024 KiB";
  EXPECT_EQ(format_bytes(kMost), "16 EiB");
}

TEST(FormatBytesExact, ComesBackUnchanged) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 20000; ++i) {
    const std::uint64_t bytes = (random() >> (random() % 64)) << (random() % 40);
    EXPECT_EQ(parse_bytes(format_bytes_exact(bytes)).value, bytes) << format_bytes_exact(bytes);
  }
  EXPECT_EQ(format_bytes_exact(7 * kGiB / 2), "3584MiB");
  EXPECT_EQ(format_bytes_exact(kMost), "18446744073709551615");
}

TEST(FormatBytes, IsUnderstoodByParseBytesToWithinItsRounding) {
  std::mt19937_64 random(8);
  for (int i = 0; i < 20000; ++i) {
    const std::uint64_t bytes = random() >> (1 + random() % 63);
    const auto back = static_cast<double>(parse_bytes(format_bytes(bytes)).value.value());
    EXPECT_NEAR(back, static_cast<double>(bytes), 1 + static_cast<double>(bytes) * 0.0051);
  }
}

TEST(FormatOthers, AreReadable) {
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(65530), "65,530");
  EXPECT_EQ(format_count(1234567), "1,234,567");
  EXPECT_EQ(format_percent(0.968), "96.8 %");
  EXPECT_EQ(format_percent(1, 0), "100 %");
  EXPECT_EQ(format_percent(std::nan("")), "-");
  EXPECT_EQ(format_seconds(0), "0 ns");
  EXPECT_EQ(format_seconds(850e-9), "850 ns");
  EXPECT_EQ(format_seconds(12.5e-6), "12.5 us");
  EXPECT_EQ(format_seconds(3.2e-3), "3.2 ms");
  EXPECT_EQ(format_seconds(59.9), "59.9 s");
  EXPECT_EQ(format_seconds(125), "2 min 05 s");
  EXPECT_EQ(format_seconds(std::numeric_limits<double>::infinity()), "-");
  EXPECT_EQ(format_seconds(-1), "-");
}

}  // namespace
}  // namespace vc::tool
