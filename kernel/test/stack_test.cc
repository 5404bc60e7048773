// Stacks of threads: of every size, contiguous and mapped, usable to the last byte and not further.
#include "kernel/thread/stack.h"

#include <gtest/gtest.h>

#include "kernel/arch/machine.h"
#include "kernel/arch/probe.h"
#include "kernel/memory/table_reserve.h"
#include "kernel/parameters.h"
#include "kernel/thread/thread.h"

namespace vc::kernel {
namespace {

constexpr Bytes kPage{4096};

/// Forced fallback in this scope, or none; afterwards as before.
class Forced {
 public:
  explicit Forced(Kind kind) : before_(arena().allocator.always_map()) {
    arena().allocator.set_always_map(kind == Kind::mapped ? Trigger::always() : Trigger::off());
  }
  ~Forced() { arena().allocator.set_always_map(before_); }
  Forced(const Forced&) = delete;
  Forced& operator=(const Forced&) = delete;

 private:
  Trigger before_;
};

bool may_be_mapped() { return parameters().policy != Policy::contiguous_only; }

VirtAddr guard_of(const Stack& stack) { return stack.usable.start - kPage; }

/// What a thread found out about its own stack.
struct Inspection {
  Stack stack;
  bool all_usable = false;
};

/// Writes and reads every byte from the lowest one to where we are. Interrupts would use that, too.
bool use_all(const Stack& stack) {
  constexpr std::uint64_t kOurOwn = 512;
  const x86::InterruptsOff off;
  const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  const std::uint64_t size = here - kOurOwn - stack.usable.start.value;
  auto* bytes = pointer<volatile std::uint8_t>(stack.usable.start);
  for (std::uint64_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 7 + 1);
  bool right = true;
  for (std::uint64_t i = 0; i < size; ++i) {
    right = right && bytes[i] == static_cast<std::uint8_t>(i * 7 + 1);
  }
  return right;
}

void inspect(void* argument) {
  auto& result = *static_cast<Inspection*>(argument);
  const Thread& self = *current_thread();
  result.stack = stack_of(self);
  result.all_usable = use_all(result.stack);
  const VirtAddr guard = guard_of(result.stack);
  std::uint64_t value = 0;
  EXPECT_FALSE(probe_read(guard + kPage - Bytes(8), value));
  EXPECT_FALSE(probe_write(guard + kPage - Bytes(1), 0));
  EXPECT_FALSE(probe_write(guard, 0));
  EXPECT_STREQ(stack_overflow_of(guard), name_of(self));
  EXPECT_STREQ(stack_overflow_of(guard + kPage - Bytes(1)), name_of(self));
  EXPECT_EQ(stack_overflow_of(result.stack.usable.start), nullptr);
}

void test_sizes(Kind kind) {
  const Forced forced(kind);
  for (std::uint64_t kib = 8; kib <= 256; kib *= 2) {
    const Bytes size(kib * 1024);
    Inspection inspection;
    Thread* thread = start_thread("inspector", inspect, &inspection, size);
    ASSERT_NE(thread, nullptr) << kib << " KiB";
    join(thread);
    EXPECT_EQ(inspection.stack.kind, kind) << kib << " KiB";
    EXPECT_GE(inspection.stack.usable.size, size);
    EXPECT_LE(inspection.stack.usable.size, size + kPage);
    EXPECT_TRUE(inspection.all_usable) << kib << " KiB";
  }
}

TEST(Stacks, EverySizeContiguous) { test_sizes(Kind::contiguous); }

TEST(Stacks, EverySizeMapped) {
  if (!may_be_mapped()) GTEST_SKIP() << "policy=contiguous_only";
  test_sizes(Kind::mapped);
}

TEST(Stacks, TheParameterIsTheDefault) {
  Inspection inspection;
  Thread* thread = start_thread("inspector", inspect, &inspection);
  ASSERT_NE(thread, nullptr);
  join(thread);
  EXPECT_GE(inspection.stack.usable.size, parameters().stack);
  EXPECT_LE(inspection.stack.usable.size, parameters().stack + kPage);
}

/// A page that every CPU tries to read.
struct SharedProbe {
  VirtAddr page;
  std::uint32_t readable = 0;

  static void read(void* argument) {
    auto& self = *static_cast<SharedProbe*>(argument);
    std::uint64_t value = 0;
    if (probe_read(self.page, value)) ++self.readable;
  }
};

std::uint32_t cpus_that_can_read(VirtAddr page) {
  SharedProbe probe{page};
  for (std::uint32_t i = 0; i < cpu_count(); ++i) call_on(i, SharedProbe::read, &probe);
  return probe.readable;
}

TEST(Stacks, GuardOfAContiguousStackGoesAndComesBackOnEveryCpu) {
  const Forced forced(Kind::contiguous);
  std::uint32_t same = 0;
  VirtAddr last{};
  for (int round = 0; round < 20; ++round) {
    const Result<Stack> stack = allocate_stack(kSmallestStack);
    ASSERT_TRUE(stack.ok());
    if (stack->kind != Kind::contiguous) {
      free_stack(*stack);
      GTEST_SKIP() << "memory is too fragmented";
    }
    const VirtAddr guard = guard_of(*stack);
    same += guard == last ? 1U : 0U;
    last = guard;
    EXPECT_EQ(guard, stack->compound);
    EXPECT_EQ(cpus_that_can_read(guard), 0U);
    EXPECT_EQ(cpus_that_can_read(stack->usable.start), cpu_count());
    free_stack(*stack);
    EXPECT_EQ(cpus_that_can_read(guard), cpu_count()) << "and has it in its TLB now";
    arena().allocator.reclaim();  // so that the next stack is made of the same frames
  }
  EXPECT_NE(same, 0U) << "no stack was used again: nobody could have had a stale translation";
}

/// Frames that were guard pages are ordinary memory afterwards.
TEST(Stacks, FramesOfAGuardAreUsedAgain) {
  const Forced forced(Kind::contiguous);
  const Result<Stack> stack = allocate_stack(kSmallestStack);
  ASSERT_TRUE(stack.ok());
  const Bytes size = stack->usable.size + kPage;
  const VirtAddr place = stack->compound;
  free_stack(*stack);
  const Result<Allocation> again = allocate({.size = size, .contiguity = Contiguity::required});
  ASSERT_TRUE(again.ok());
  auto* bytes = pointer<volatile std::uint8_t>(again->address);
  for (std::uint64_t i = 0; i < size.value; ++i) bytes[i] = 0x5a;
  for (std::uint64_t i = 0; i < size.value; ++i) ASSERT_EQ(bytes[i], 0x5a);
  std::uint64_t value = 0;
  EXPECT_TRUE(probe_read(place, value));
  free(again->address);
}

/// Starts four threads while the k-th request for memory is refused, and joins those that came.
/// Returns how many came.
std::uint32_t start_four(std::uint32_t k) {
  constexpr std::uint32_t kThreads = 4;
  Thread* threads[kThreads] = {};
  std::uint32_t came = 0;
  Atomic<std::uint32_t> ran;
  arena().allocator.set_injection(Trigger::nth(k));
  for (std::uint32_t i = 0; i < kThreads; ++i) {
    threads[i] = start_thread(
        "lucky", [](void* count) { static_cast<Atomic<std::uint32_t>*>(count)->fetch_add(1); },
        &ran, {.report = Report::quiet});
    EXPECT_EQ(threads[i] == nullptr, i + 1 == k);
  }
  arena().allocator.set_injection(Trigger::off());
  for (Thread* thread : threads) {
    if (thread == nullptr) continue;
    ++came;
    join(thread);
  }
  EXPECT_EQ(ran.load_acquire(), came);
  return came;
}

void test_failures(Kind kind) {
  const Forced forced(kind);
  constexpr std::uint32_t kRounds = 50;  // of 5 * 4 starts
  for (std::uint32_t round = 0; round < kRounds; ++round) {
    for (std::uint32_t k = 1; k <= 4; ++k) EXPECT_EQ(start_four(k), 3U);
    EXPECT_EQ(start_four(5), 4U);
  }
}

// That nothing leaks is seen by the runner, which compares what is in use before and after.
TEST(Stacks, RefusedStartsLeakNothingContiguous) { test_failures(Kind::contiguous); }

TEST(Stacks, RefusedStartsLeakNothingMapped) {
  if (!may_be_mapped()) GTEST_SKIP() << "policy=contiguous_only";
  test_failures(Kind::mapped);
}

/// Where a guard page needs a table and there is none, the start is refused and nothing is lost.
TEST(Stacks, NoTableForAGuardIsARefusal) {
  const Forced forced(Kind::contiguous);
  constexpr std::uint32_t kMost = 64;
  Stack stacks[kMost];
  std::uint32_t count = 0;
  std::uint32_t refused = 0;
  table_reserve().set_injection(Trigger::always());
  for (std::uint32_t i = 0; i < kMost; ++i) {
    const Result<Stack> stack = allocate_stack(kLargestStack, Report::quiet);
    if (stack) {
      stacks[count++] = *stack;
    } else {
      ++refused;
      EXPECT_EQ(stack.error().reason, Reason::page_tables);
      break;
    }
  }
  table_reserve().set_injection(Trigger::off());
  for (std::uint32_t i = 0; i < count; ++i) free_stack(stacks[i]);
  if (refused == 0) GTEST_SKIP() << "every large leaf is split already";
  const Result<Stack> stack = allocate_stack(kLargestStack);
  ASSERT_TRUE(stack.ok());
  free_stack(*stack);
}

// ---- overflow (each of these ends the machine) --------------------------------------------------

volatile std::uint64_t bottomless = 0;

[[gnu::noinline]] std::uint64_t dig(std::uint64_t depth) {
  volatile std::uint8_t room[128];
  room[0] = static_cast<std::uint8_t>(depth);
  if (bottomless == 1) return depth;
  return dig(depth + 1) + room[0];
}

void overflow_on(std::uint32_t number, Kind kind) {
  static constexpr const char* kNames[] = {"digger 0", "digger 1", "digger 2", "digger 3"};
  if (number >= cpu_count()) GTEST_SKIP() << "there is no such CPU";
  if (kind == Kind::mapped && !may_be_mapped()) GTEST_SKIP() << "policy=contiguous_only";
  const Forced forced(kind);
  const auto overflow = [](void*) {
    bottomless = dig(0);
  };
  Thread* thread = start_thread(kNames[number], overflow, nullptr, {.cpu = number});
  ASSERT_NE(thread, nullptr);
  join(thread);
  FAIL() << "a stack had no bottom";
}

/// A handler uses the stack of whom it interrupts; an idle CPU has one as well.
TEST(PanicStack, OverflowInAHandlerOnAnIdleCpu) {
  if (cpu_count() < 2) GTEST_SKIP() << "there is one CPU";
  const x86::StayHere here;
  const std::uint32_t other = x86::cpu_number() == 0 ? 1 : 0;
  call_on(
      other, [](void*) { bottomless = dig(0); }, nullptr);
  FAIL() << "a stack had no bottom";
}

TEST(PanicStack, OverflowOnCpu0) { overflow_on(0, Kind::contiguous); }
TEST(PanicStack, OverflowOnCpu1) { overflow_on(1, Kind::contiguous); }
TEST(PanicStack, OverflowOnCpu2) { overflow_on(2, Kind::contiguous); }
TEST(PanicStack, OverflowOnCpu3) { overflow_on(3, Kind::contiguous); }
TEST(PanicStack, OverflowOfAMappedStackOnCpu0) { overflow_on(0, Kind::mapped); }
TEST(PanicStack, OverflowOfAMappedStackOnCpu1) { overflow_on(1, Kind::mapped); }
TEST(PanicStack, OverflowOfAMappedStackOnCpu2) { overflow_on(2, Kind::mapped); }
TEST(PanicStack, OverflowOfAMappedStackOnCpu3) { overflow_on(3, Kind::mapped); }

}  // namespace
}  // namespace vc::kernel
