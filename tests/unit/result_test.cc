// Result: a value or an error, never both, moved and destroyed exactly once.
#include "vcompound/base/result.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace vc {
namespace {

Error refused() {
  Error error;
  error.reason = Reason::budget;
  error.requested = Bytes(5);
  return error;
}

/// Counts the living.
struct Counted {
  explicit Counted(int& living) : living_(&living) { ++*living_; }
  Counted(Counted&& other) noexcept : living_(other.living_) { ++*living_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  Counted& operator=(Counted&&) = delete;
  ~Counted() { --*living_; }
  int* living_;
};

TEST(Result, HoldsAValue) {
  Result<std::string> result(std::string("value"));
  ASSERT_TRUE(result);
  EXPECT_TRUE(result.ok());
  EXPECT_EQ(*result, "value");
  EXPECT_EQ(result->size(), 5U);
  const auto& constant = result;
  EXPECT_EQ(constant.value(), "value");
  EXPECT_EQ(std::move(result).value(), "value");
}

TEST(Result, HoldsAnError) {
  const Result<std::string> result(refused());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().reason, Reason::budget);
  EXPECT_EQ(result.error().requested, Bytes(5));
}

TEST(Result, MovesWithoutLoss) {
  Result<std::unique_ptr<int>> a(std::make_unique<int>(7));
  Result<std::unique_ptr<int>> b(std::move(a));
  ASSERT_TRUE(b);
  EXPECT_EQ(**b, 7);
  b = Result<std::unique_ptr<int>>(refused());
  EXPECT_FALSE(b);
  b = Result<std::unique_ptr<int>>(std::make_unique<int>(8));
  ASSERT_TRUE(b);
  EXPECT_EQ(**b, 8);
}

TEST(Result, DestroysWhatItHoldsOnce) {
  int living = 0;
  {
    Result<Counted> a{Counted(living)};
    EXPECT_EQ(living, 1);
    Result<Counted> b(std::move(a));
    EXPECT_EQ(living, 2);  // a still holds its moved-from value
    b = Result<Counted>(refused());
    EXPECT_EQ(living, 1);
  }
  EXPECT_EQ(living, 0);
}

TEST(Result, TheSameTypeForBothStaysApart) {
  Result<int, short> good(1);
  Result<int, short> bad(short{2});
  EXPECT_TRUE(good.ok());
  EXPECT_FALSE(bad.ok());
}

TEST(ResultDeathTest, TheWrongQuestionIsAPanic) {
  const Result<int> good(1);
  const Result<int> bad(refused());
  EXPECT_DEATH((void)good.error(), "holds a value");
  EXPECT_DEATH((void)bad.value(), "holds an error");
  EXPECT_DEATH((void)*bad, "holds an error");
}

}  // namespace
}  // namespace vc
