// Error: one sentence per reason: what, the figures that prove it, and the remedy.
#include "vcompound/base/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

namespace vc {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr Bytes kMiB{1ULL << 20};

std::string sentence(const Error& error) {
  char buffer[512];
  TextWriter out(buffer, sizeof buffer);
  describe(error, out);
  EXPECT_FALSE(out.truncated());
  return buffer;
}

Error example(Reason reason) {
  Error error;
  error.reason = reason;
  error.requested = kMiB * 8;
  error.free = kMiB * 100;
  error.largest_run = kMiB * 2;
  error.largest_gap = kMiB * 3;
  error.mappings_used = 65000;
  error.mappings_limit = 65530;
  error.mappings_needed = 777;
  error.detail = "the detail";
  return error;
}

TEST(Error, EveryReasonHasANameOfItsOwn) {
  std::set<std::string> names;
  for (int r = 0; r <= static_cast<int>(Reason::context); ++r) {
    names.insert(name_of(static_cast<Reason>(r)));
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(Reason::context) + 1);
  EXPECT_FALSE(names.contains("unknown"));
  EXPECT_STREQ(name_of(static_cast<Reason>(200)), "unknown");
}

TEST(Error, EverySentenceSaysWhatWhyAndWhatToDo) {
  for (int r = 1; r <= static_cast<int>(Reason::context); ++r) {
    const auto reason = static_cast<Reason>(r);
    const std::string text = sentence(example(reason));
    EXPECT_THAT(text,
                StartsWith("allocation of 8 MiB refused (" + std::string(name_of(reason)) + "): "));
    EXPECT_THAT(text, HasSubstr("; "));
    EXPECT_THAT(text, Not(HasSubstr("nothing to do")));
    EXPECT_THAT(text, HasSubstr("the detail"));
    EXPECT_EQ(text.find("the detail"), text.rfind("the detail")) << "said twice: " << text;
  }
}

TEST(Error, TheFiguresProveTheReason) {
  EXPECT_THAT(sentence(example(Reason::budget)), HasSubstr("only 100 MiB are free"));
  EXPECT_THAT(sentence(example(Reason::fragmentation)),
              HasSubstr("100 MiB are free, but the longest run is 2 MiB"));
  EXPECT_THAT(sentence(example(Reason::mappings)),
              HasSubstr("65000 of 65530 mappings are in use and 777 more were needed"));
  EXPECT_THAT(sentence(example(Reason::address_space)),
              HasSubstr("the longest free range of virtual addresses is 3 MiB"));
}

TEST(Error, TheRemedyFitsTheReason) {
  EXPECT_THAT(sentence(example(Reason::mappings)), HasSubstr("vm.max_map_count"));
  EXPECT_THAT(sentence(example(Reason::budget)), HasSubstr("raise the arena's budget"));
  EXPECT_THAT(sentence(example(Reason::fragmentation)), HasSubstr("preferred"));
  EXPECT_THAT(sentence(example(Reason::context)), HasSubstr("where blocking is allowed"));
  EXPECT_THAT(sentence(example(Reason::invalid)), HasSubstr("correct the request"));
}

TEST(Error, ASystemErrorIsNamedIfThereIsOne) {
  Error error = example(Reason::backing);
  EXPECT_THAT(sentence(error), Not(HasSubstr("system error")));
  error.system_error = 12;
  EXPECT_THAT(sentence(error), HasSubstr("[system error 12]"));
}

TEST(Error, NoDetailLeavesNoEmptyParentheses) {
  Error error = example(Reason::budget);
  error.detail = "";
  EXPECT_THAT(sentence(error), Not(HasSubstr("()")));
  EXPECT_EQ(sentence(Error{}), "no error");
}

}  // namespace
}  // namespace vc
