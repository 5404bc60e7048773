// The boot parameters of the bare-metal image (kernel/parameters.h).
#include "kernel/parameters.h"

#include <gtest/gtest.h>

#include <string>

namespace vc::kernel {
namespace {

struct Parsed {
  explicit Parsed(std::string text) : line(std::move(text)) {
    error = parse_parameters(line.data(), parameters);
  }
  std::string line;
  Parameters parameters;
  ParameterError error;
};

TEST(KernelParameters, NothingIsTheDefaults) {
  const Parsed p("  \t ");
  EXPECT_TRUE(p.error.ok());
  EXPECT_EQ(p.parameters.policy, Policy::preferred);
  EXPECT_EQ(p.parameters.stack, Bytes(16384));
  EXPECT_EQ(p.parameters.fragment_permille, 0U);
  EXPECT_EQ(p.parameters.test, nullptr);
}

TEST(KernelParameters, EveryWordIsRead) {
  const Parsed p(
      "policy=contiguous_only fragment=96.8%:32k:7 stack=256k memory=1G hot_add=64M "
      "rings=4096 mtu=16110 test=A*,B.c bench=* run=network memmap=0x0:1:1");
  ASSERT_TRUE(p.error.ok()) << p.error.word;
  EXPECT_EQ(p.parameters.policy, Policy::contiguous_only);
  EXPECT_EQ(p.parameters.fragment_permille, 968U);
  EXPECT_EQ(p.parameters.fragment_block, Bytes(32 << 10));
  EXPECT_EQ(p.parameters.fragment_seed, 7U);
  EXPECT_EQ(p.parameters.stack, Bytes(256 << 10));
  EXPECT_EQ(p.parameters.memory_limit, Bytes(1 << 30));
  EXPECT_EQ(p.parameters.hot_add, Bytes(64 << 20));
  EXPECT_EQ(p.parameters.rings, 4096U);
  EXPECT_EQ(p.parameters.mtu, 16110U);
  EXPECT_STREQ(p.parameters.test, "A*,B.c");
  EXPECT_STREQ(p.parameters.bench, "*");
  EXPECT_STREQ(p.parameters.run, "network");
  EXPECT_STREQ(p.parameters.memory_map, "0x0:1:1");
}

TEST(KernelParameters, ForcedFallbackHasItsForms) {
  EXPECT_EQ(Parsed("always_map=yes").parameters.always_map, Trigger::always());
  EXPECT_EQ(Parsed("always_map=yes always_map=no").parameters.always_map, Trigger::off());
  EXPECT_EQ(Parsed("always_map=every:3").parameters.always_map, Trigger::every(3));
  EXPECT_EQ(Parsed("always_map=12.5%").parameters.always_map, Trigger::per_mille(125));
  const Parsed sites("always_map=site:e1000.cc always_map=site:stack.cc");
  ASSERT_EQ(sites.parameters.forced_site_count, 2U);
  EXPECT_STREQ(sites.parameters.forced_sites[1], "stack.cc");
}

TEST(KernelParameters, WrongWordsAreNamedWithWhatIsExpected) {
  for (const char* word : {"stack=4k",
                           "stack=512k",
                           "stack=9000",
                           "stack=",
                           "fragment=50",
                           "fragment=101%:4k",
                           "fragment=50%:1k",
                           "fragment=50%:4k:",
                           "fragment=50.55%:4k",
                           "always_map=every:0",
                           "always_map=maybe",
                           "always_map=site:",
                           "rings=7",
                           "rings=8192",
                           "mtu=10",
                           "run=away",
                           "policy=Preferred",
                           "memory=12Q",
                           "memory=99999999999999999999",
                           "hot_add=1M",
                           "sctak=8k",
                           "test",
                           "test="}) {
    const Parsed p(std::string("mtu=1500 ") + word + " rings=64");
    ASSERT_FALSE(p.error.ok()) << word;
    EXPECT_STREQ(p.error.word, word);
    EXPECT_NE(p.error.expected, nullptr);
    EXPECT_EQ(p.parameters.rings, 0U) << "words behind the wrong one are not read";
  }
}

}  // namespace
}  // namespace vc::kernel
