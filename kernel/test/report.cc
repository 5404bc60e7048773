#include "kernel/test/report.h"

#include <gtest/gtest.h>

#include "kernel/console/console.h"
#include "kernel/thread/thread.h"
#include "vcompound/base/lock.h"
#include "vcompound/base/text.h"
#include "vcompound/platform/x86_64/cpu.h"
#include "vcompound/platform/x86_64/spin_lock.h"

namespace vc::kernel {

constinit TestState test_state;

void TestState::reset() {
  failures.store_relaxed(0);
  fatal_failures.store_relaxed(0);
  skipped.store_relaxed(0);
  skip_reason[0] = '\0';
  kept_memory = nullptr;
}

namespace {
constinit Atomic<CapturedFailures*> capturing;
}  // namespace

CapturedFailures::CapturedFailures() { capturing.store_release(this); }
CapturedFailures::~CapturedFailures() { stop(); }
void CapturedFailures::stop() { capturing.store_release(nullptr); }

bool CapturedFailures::take(const char* text) {
  CapturedFailures* const taker = capturing.load_acquire();
  if (taker == nullptr) return false;
  ++taker->count_;
  taker->out_.text(text).text("\n");
  return true;
}

}  // namespace vc::kernel

namespace testing {

using vc::kernel::test_state;

bool Test::HasFailure() { return test_state.failures.load_acquire() != 0; }
bool Test::HasFatalFailure() { return test_state.fatal_failures.load_acquire() != 0; }
bool Test::IsSkipped() { return test_state.skipped.load_acquire() != 0; }

namespace internal {

/// A text that grows. Taken from a fixed number, since a stack may be small and a heap broken; when
/// all are taken, the last one is shared, and the texts in it may be mixed up, but none is lost.
struct Message {
  static constexpr std::uint32_t kCount = 12;

  vc::Atomic<std::uint32_t> taken;
  vc::TextWriter out{nullptr, 0};
  char buffer[480];

  static Message* take();
  void give_back() { taken.store_release(0); }
};

namespace {

constinit unsigned char storage alignas(Message)[Message::kCount * sizeof(Message)] = {};

Message* slot(std::uint32_t i) { return reinterpret_cast<Message*>(storage) + i; }

void print(vc::TextWriter& out, Value v) {
  using Form = Value::Form;
  switch (v.form) {
    case Form::number: out.number(v.bits); return;
    case Form::integer: out.number_signed(static_cast<std::int64_t>(v.bits)); return;
    case Form::hexadecimal: out.hex(v.bits); return;
    case Form::truth: out.text(v.bits != 0 ? "true" : "false"); return;
    case Form::letter: out.character(static_cast<char>(v.bits)); return;
    case Form::text:
      out.text(v.bits == 0 ? "(null)" : reinterpret_cast<const char*>(v.bits));
      return;
    case Form::other: out.text("(").number(v.bits).text(" bytes)"); return;
  }
}

void print_side(vc::TextWriter& out, const char* expression, Value v) {
  const char* quote = v.form == Value::Form::text ? "\"" : "";
  out.text("\n    ").text(expression).text(" is ").text(quote);
  print(out, v);
  out.text(quote);
}

Value text_value(const char* text) {
  return {Value::Form::text, reinterpret_cast<std::uintptr_t>(text)};
}
bool are_same(const char* a, const char* b) {
  if (a == nullptr || b == nullptr) return a == b;
  while (*a != '\0' && *a == *b) ++a, ++b;
  return *a == *b;
}

}  // namespace

Message* Message::take() {
  std::uint32_t i = 0;
  while (slot(i)->taken.exchange(1) != 0 && i + 1 < kCount) ++i;
  slot(i)->out = vc::TextWriter(slot(i)->buffer, sizeof slot(i)->buffer);
  return slot(i);
}

Verdict failure() { return {Message::take()}; }

Verdict mismatch(const Compared& what, Value left, Value right) {
  Message* message = Message::take();
  message->out.text("expected ")
      .text(what.left)
      .text(" ")
      .text(what.sign)
      .text(" ")
      .text(what.right);
  print_side(message->out, what.left, left);
  print_side(message->out, what.right, right);
  return {message};
}
Verdict mismatch(const char* condition, const char* expected) {
  Message* message = Message::take();
  message->out.text("expected to be ").text(expected).text(": ").text(condition);
  return {message};
}
Verdict same_text(const Compared& what, const char* left, const char* right) {
  return are_same(left, right) ? Verdict{} : mismatch(what, text_value(left), text_value(right));
}
Verdict other_text(const Compared& what, const char* left, const char* right) {
  return are_same(left, right) ? mismatch(what, text_value(left), text_value(right)) : Verdict{};
}
std::uint32_t fatal_failures() { return test_state.fatal_failures.load_acquire(); }

// ---- traces -------------------------------------------------------------------------------------

/// The traces of all threads, the newest first. Behind a lock that is taken with interrupts off,
/// because a handler may fail an expectation as well.
struct Traces {
  vc::x86::SpinLock lock;
  Trace* first = nullptr;

  void print_of(const void* thread, vc::TextWriter& out);
};
namespace {
constinit Traces traces;
}  // namespace

void Traces::print_of(const void* thread, vc::TextWriter& out) {
  const vc::x86::InterruptsOff scope;
  const vc::Guard guard(lock);
  for (const Trace* t = first; t != nullptr; t = t->next_) {
    if (t->thread_ != thread) continue;
    out.text("\n    at ").text(t->file_).text(":").number(static_cast<unsigned>(t->line_));
    out.text(": ");
    print(out, t->value_);
  }
}

Trace::Trace(const char* file, int line, Value value)
    : file_(file), line_(line), value_(value), thread_(vc::kernel::current_thread()) {
  const vc::x86::InterruptsOff scope;
  const vc::Guard guard(traces.lock);
  next_ = traces.first;
  traces.first = this;
}
Trace::~Trace() {
  const vc::x86::InterruptsOff scope;
  const vc::Guard guard(traces.lock);
  Trace** link = &traces.first;
  while (*link != this) link = &(*link)->next_;
  *link = next_;
}

// ---- the end of a text --------------------------------------------------------------------------

Report::Report(Kind kind, const char* file, int line, Verdict verdict)
    : message_(verdict.message), kind_(kind) {
  if (kind == Kind::skip) return;
  char begin[480];
  vc::TextWriter out(begin, sizeof begin);
  out.text(file).text(":").number(static_cast<unsigned>(line)).text(": failure: ");
  out.text(message_->out.c_str());
  traces.print_of(vc::kernel::current_thread(), out);
  message_->out = vc::TextWriter(message_->buffer, sizeof message_->buffer);
  message_->out.text(begin);
}

Report::~Report() {
  if (kind_ == Kind::skip) {
    vc::TextWriter(test_state.skip_reason, sizeof test_state.skip_reason)
        .text(message_->out.c_str());
    test_state.skipped.fetch_add(1);
  } else if (!vc::kernel::CapturedFailures::take(message_->out.c_str())) {
    vc::kernel::Line().text(message_->out.c_str());
    test_state.failures.fetch_add(1);
    if (kind_ == Kind::fatal) test_state.fatal_failures.fetch_add(1);
  }
  message_->give_back();
}

void Report::add(Value value) {
  if (kind_ != Kind::skip && !has_text_) message_->out.text("\n    ");
  has_text_ = true;
  print(message_->out, value);
}

}  // namespace internal
}  // namespace testing
