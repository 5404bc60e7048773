// A small GoogleTest for the kernel: the same macros, own code, no heap but for the test objects,
// no static constructor. What a test file may use of it:
//
//   TEST, TEST_F, fixtures with SetUp() and TearDown()
//   TYPED_TEST_SUITE_P, TYPED_TEST_P, REGISTER_TYPED_TEST_SUITE_P, INSTANTIATE_TYPED_TEST_SUITE_P
//                 with one type (which may name another one to be compiled for, see TypedList)
//   EXPECT_ and ASSERT_ with EQ NE LT LE GT GE TRUE FALSE STREQ STRNE, ASSERT_NO_FATAL_FAILURE
//   FAIL, ADD_FAILURE, SUCCEED, GTEST_SKIP, SCOPED_TRACE; all of them take << for a message
//
// How a test is found: each macro leaves a pointer to a TestList in the section .kernel_tests,
// which the linker script puts between two symbols. kernel/test/runner.h runs them.
//
//      .kernel_tests     | list | list | list | ...
//                           |      |
//                           v      +--> {"Kernel", 17 cases of a typed suite}
//                        {one case} --> {"Suite", "Name", file, line, how to make the object}
//
// Expectations may be used on any thread and in interrupt handlers; the test fails, whoever failed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "vcompound/base/units.h"

namespace testing {

/// What every test and fixture derives from.
class Test {
 public:
  Test(const Test&) = delete;
  Test& operator=(const Test&) = delete;
  virtual ~Test() = default;

  virtual void SetUp() {}
  virtual void TearDown() {}
  virtual void TestBody() = 0;

  /// Has an expectation failed in the test that runs? Has an assertion?
  static bool HasFailure();
  static bool HasFatalFailure();
  static bool IsSkipped();

 protected:
  Test() = default;
};

namespace internal {

/// One test as the runner sees it.
struct TestCase {
  const char* suite;
  const char* name;
  const char* file;
  int line;
  Test* (*create)();
};
/// Tests that were registered together.
struct TestList {
  const char* prefix;  ///< of a typed suite; or nullptr
  const TestCase* cases;
  std::uint32_t count;
  void (*prepare)();  ///< called before each of them; or nullptr
};
template <class T>
Test* create() {
  return new T;
}

/// A value in a message: enough of its type to print it.
struct Value {
  enum class Form : std::uint8_t { number, integer, hexadecimal, truth, letter, text, other };
  Form form;
  std::uint64_t bits;
};
template <class T>
Value value_of(const T& v) {
  using Form = Value::Form;
  if constexpr (std::is_same_v<T, bool>) {
    return {Form::truth, v ? std::uint64_t{1} : 0};
  } else if constexpr (std::is_same_v<T, char>) {
    return {Form::letter, static_cast<unsigned char>(v)};
  } else if constexpr (std::is_enum_v<T>) {
    return {Form::integer, static_cast<std::uint64_t>(v)};
  } else if constexpr (std::is_integral_v<T>) {
    return {std::is_signed_v<T> ? Form::integer : Form::number, static_cast<std::uint64_t>(v)};
  } else if constexpr (std::is_null_pointer_v<T>) {
    return {Form::hexadecimal, 0};
  } else if constexpr (std::is_convertible_v<const T&, const char*>) {
    return {Form::text, reinterpret_cast<std::uintptr_t>(static_cast<const char*>(v))};
  } else if constexpr (std::is_pointer_v<T>) {
    return {Form::hexadecimal, reinterpret_cast<std::uintptr_t>(v)};
  } else if constexpr (std::is_same_v<T, vc::VirtAddr> || std::is_same_v<T, vc::PhysAddr>) {
    return {Form::hexadecimal, v.value};
  } else if constexpr (requires { std::uint64_t{v.value}; }) {
    return {Form::number, v.value};
  } else {
    return {Form::other, sizeof(T)};
  }
}

/// The text of one failure while it grows; one of a fixed number.
struct Message;

/// The answer of a comparison: nothing, or the beginning of a failure's text.
struct [[nodiscard]] Verdict {
  Message* message = nullptr;
  explicit operator bool() const { return message == nullptr; }
};
/// What was compared, in the words of the source.
struct Compared {
  const char* left;
  const char* sign;
  const char* right;
};
Verdict mismatch(const Compared& what, Value left, Value right);
Verdict mismatch(const char* condition, const char* expected);
Verdict same_text(const Compared& what, const char* left, const char* right);
Verdict other_text(const Compared& what, const char* left, const char* right);
Verdict failure();
/// Counts assertions that failed, for ASSERT_NO_FATAL_FAILURE.
std::uint32_t fatal_failures();

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-compare"
#define VC_TEST_RELATION_(Name, sign)           \
  struct Name {                                 \
    static constexpr const char* kSign = #sign; \
    template <class A, class B>                 \
    static bool holds(const A& a, const B& b) { \
      return a sign b;                          \
    }                                           \
  }
VC_TEST_RELATION_(Equal, ==);
VC_TEST_RELATION_(Different, !=);
VC_TEST_RELATION_(Less, <);
VC_TEST_RELATION_(LessOrEqual, <=);
VC_TEST_RELATION_(Greater, >);
VC_TEST_RELATION_(GreaterOrEqual, >=);
#undef VC_TEST_RELATION_
#pragma GCC diagnostic pop

template <class Relation, class A, class B>
Verdict compare(const char* left, const char* right, const A& a, const B& b) {
  if (Relation::holds(a, b)) [[likely]]
    return {};
  return mismatch({left, Relation::kSign, right}, value_of(a), value_of(b));
}
inline Verdict is_true(const char* what, bool value) {
  return value ? Verdict{} : mismatch(what, "true");
}
inline Verdict is_false(const char* what, bool value) {
  return value ? mismatch(what, "false") : Verdict{};
}

/// What becomes of a text: printed as a failure at the end of its life, or kept as the reason why
/// the test is skipped.
class Report {
 public:
  enum class Kind : std::uint8_t { failure, fatal, skip };
  Report(Kind kind, const char* file, int line, Verdict verdict);
  ~Report();
  Report(const Report&) = delete;
  Report& operator=(const Report&) = delete;

  template <class T>
  Report& operator<<(const T& v) {
    add(value_of(v));
    return *this;
  }

 private:
  void add(Value value);

  Message* message_;
  Kind kind_;
  bool has_text_ = false;  ///< something was streamed
};
/// Makes "return Void() = report << message;" a statement of a void function.
struct Void {
  void operator=(const Report&) const {}
};
/// Swallows a message.
struct Nothing {
  template <class T>
  const Nothing& operator<<(const T&) const {
    return *this;
  }
};

/// A line that each failure of this thread shows while it is alive.
class Trace {
 public:
  template <class T>
  Trace(const char* file, int line, const T& v) : Trace(file, line, value_of(v)) {}
  Trace(const char* file, int line, Value value);
  ~Trace();
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

 private:
  friend struct Traces;
  const char* file_;
  int line_;
  Value value_;
  const void* thread_;
  Trace* next_;
};

/// A type may say that its tests are compiled for another one (`Shared`) and be told before each
/// test (`prepare`): so several variants of a home cost one copy of the code.
template <class T>
struct TypedList {
  using Type = T;
  static constexpr void (*kPrepare)() = nullptr;
};
template <class T>
requires requires { typename T::Shared; }
struct TypedList<T> {
  using Type = typename T::Shared;
  static constexpr void (*kPrepare)() = &T::prepare;
};
/// The test classes of a typed suite.
template <template <class> class... Cases>
struct TypedCases {
  static constexpr std::uint32_t kCount = sizeof...(Cases);
  template <class T>
  static constexpr TestCase kCases[] = {TestCase{Cases<T>::kSuite, Cases<T>::kName, Cases<T>::kFile,
                                                 Cases<T>::kLine, &create<Cases<T>>}...};
};

}  // namespace internal
}  // namespace testing

// ---- tests --------------------------------------------------------------------------------------

#define VC_TEST_REGISTER_(id, prefix, cases, count, prepare)                                       \
  static constexpr ::testing::internal::TestList vc_test_list_##id{prefix, cases, count, prepare}; \
  [[gnu::section(".kernel_tests"),                                                                 \
    gnu::used]] static constexpr const ::testing::internal::TestList* vc_test_entry_##id =         \
      &vc_test_list_##id

#define VC_TEST_(Suite, Name, Base)                                                            \
  class Suite##_##Name##_Test : public Base {                                                  \
   public:                                                                                     \
    void TestBody() override;                                                                  \
  };                                                                                           \
  static constexpr ::testing::internal::TestCase vc_test_case_##Suite##_##Name{                \
      #Suite, #Name, __FILE__, __LINE__, &::testing::internal::create<Suite##_##Name##_Test>}; \
  VC_TEST_REGISTER_(Suite##_##Name, nullptr, &vc_test_case_##Suite##_##Name, 1, nullptr);      \
  void Suite##_##Name##_Test::TestBody()

#define TEST(Suite, Name) VC_TEST_(Suite, Name, ::testing::Test)
#define TEST_F(Fixture, Name) VC_TEST_(Fixture, Name, Fixture)

#define TYPED_TEST_SUITE_P(Suite) static_assert(true)
#define TYPED_TEST_P(Suite, Name)                    \
  namespace vc_typed_##Suite {                       \
    template <class VcTypeParam>                     \
    class Name : public Suite<VcTypeParam> {         \
     public:                                         \
      using TypeParam = VcTypeParam;                 \
      using TestFixture = Suite<VcTypeParam>;        \
      static constexpr const char* kSuite = #Suite;  \
      static constexpr const char* kName = #Name;    \
      static constexpr const char* kFile = __FILE__; \
      static constexpr int kLine = __LINE__;         \
      void TestBody() override;                      \
    };                                               \
  }                                                  \
  template <class VcTypeParam>                       \
  void vc_typed_##Suite::Name<VcTypeParam>::TestBody()
#define REGISTER_TYPED_TEST_SUITE_P(Suite, ...)               \
  namespace vc_typed_##Suite {                                \
    using All = ::testing::internal::TypedCases<__VA_ARGS__>; \
  }                                                           \
  static_assert(true)
#define INSTANTIATE_TYPED_TEST_SUITE_P(Prefix, Suite, ...)                              \
  VC_TEST_REGISTER_(                                                                    \
      Prefix##_##Suite, #Prefix,                                                        \
      vc_typed_##Suite::All::kCases<::testing::internal::TypedList<__VA_ARGS__>::Type>, \
      vc_typed_##Suite::All::kCount, ::testing::internal::TypedList<__VA_ARGS__>::kPrepare)

// ---- expectations -------------------------------------------------------------------------------

#define VC_TEST_REPORT_(kind, verdict) \
  ::testing::internal::Report(::testing::internal::Report::Kind::kind, __FILE__, __LINE__, verdict)
// A statement that may stand anywhere, also as the only branch of an if: a loop of at most one
// round, since it has no `else` that could be taken for somebody else's.
#define VC_TEST_IF_FAILED_(verdict) \
  for (::testing::internal::Verdict vc_verdict = verdict; !vc_verdict; vc_verdict = {})
#define VC_TEST_EXPECT_(verdict) VC_TEST_IF_FAILED_(verdict) VC_TEST_REPORT_(failure, vc_verdict)
#define VC_TEST_ASSERT_(verdict) \
  VC_TEST_IF_FAILED_(verdict)    \
  return ::testing::internal::Void() = VC_TEST_REPORT_(fatal, vc_verdict)
#define VC_TEST_COMPARE_(Relation, a, b) \
  ::testing::internal::compare<::testing::internal::Relation>(#a, #b, a, b)

#define EXPECT_EQ(a, b) VC_TEST_EXPECT_(VC_TEST_COMPARE_(Equal, a, b))
#define EXPECT_NE(a, b) VC_TEST_EXPECT_(VC_TEST_COMPARE_(Different, a, b))
#define EXPECT_LT(a, b) VC_TEST_EXPECT_(VC_TEST_COMPARE_(Less, a, b))
#define EXPECT_LE(a, b) VC_TEST_EXPECT_(VC_TEST_COMPARE_(LessOrEqual, a, b))
#define EXPECT_GT(a, b) VC_TEST_EXPECT_(VC_TEST_COMPARE_(Greater, a, b))
#define EXPECT_GE(a, b) VC_TEST_EXPECT_(VC_TEST_COMPARE_(GreaterOrEqual, a, b))
#define ASSERT_EQ(a, b) VC_TEST_ASSERT_(VC_TEST_COMPARE_(Equal, a, b))
#define ASSERT_NE(a, b) VC_TEST_ASSERT_(VC_TEST_COMPARE_(Different, a, b))
#define ASSERT_LT(a, b) VC_TEST_ASSERT_(VC_TEST_COMPARE_(Less, a, b))
#define ASSERT_LE(a, b) VC_TEST_ASSERT_(VC_TEST_COMPARE_(LessOrEqual, a, b))
#define ASSERT_GT(a, b) VC_TEST_ASSERT_(VC_TEST_COMPARE_(Greater, a, b))
#define ASSERT_GE(a, b) VC_TEST_ASSERT_(VC_TEST_COMPARE_(GreaterOrEqual, a, b))

#define VC_TEST_TRUTH_(function, what) ::testing::internal::function(#what, static_cast<bool>(what))
#define EXPECT_TRUE(what) VC_TEST_EXPECT_(VC_TEST_TRUTH_(is_true, what))
#define EXPECT_FALSE(what) VC_TEST_EXPECT_(VC_TEST_TRUTH_(is_false, what))
#define ASSERT_TRUE(what) VC_TEST_ASSERT_(VC_TEST_TRUTH_(is_true, what))
#define ASSERT_FALSE(what) VC_TEST_ASSERT_(VC_TEST_TRUTH_(is_false, what))

#define VC_TEST_SAME_(a, b) ::testing::internal::same_text({#a, "==", #b}, a, b)
#define VC_TEST_OTHER_(a, b) ::testing::internal::other_text({#a, "!=", #b}, a, b)
#define EXPECT_STREQ(a, b) VC_TEST_EXPECT_(VC_TEST_SAME_(a, b))
#define ASSERT_STREQ(a, b) VC_TEST_ASSERT_(VC_TEST_SAME_(a, b))
#define EXPECT_STRNE(a, b) VC_TEST_EXPECT_(VC_TEST_OTHER_(a, b))
#define ASSERT_STRNE(a, b) VC_TEST_ASSERT_(VC_TEST_OTHER_(a, b))

#define ADD_FAILURE() VC_TEST_REPORT_(failure, ::testing::internal::failure())
#define FAIL() \
  return ::testing::internal::Void() = VC_TEST_REPORT_(fatal, ::testing::internal::failure())
#define GTEST_SKIP() \
  return ::testing::internal::Void() = VC_TEST_REPORT_(skip, ::testing::internal::failure())
#define SUCCEED() ::testing::internal::Nothing()

#define VC_TEST_JOIN2_(a, b) a##b
#define VC_TEST_JOIN_(a, b) VC_TEST_JOIN2_(a, b)
#define SCOPED_TRACE(what) \
  const ::testing::internal::Trace VC_TEST_JOIN_(vc_trace_, __LINE__)(__FILE__, __LINE__, what)
#define ASSERT_NO_FATAL_FAILURE(statement)                                           \
  if (const std::uint32_t vc_before = ::testing::internal::fatal_failures(); true) { \
    statement;                                                                       \
    if (::testing::internal::fatal_failures() != vc_before) return;                  \
  } else                                                                             \
    ::testing::internal::Nothing()
