// Restartable sequences are one step: a signal handler that comes at any one of their instructions
// finds the hand as it was before or as it is after, and what it does there counts.
//
//   1. A thread that the kernel does not know (so nothing is aborted) runs a function step by step,
//      which tells the address of each instruction.
//   2. For each of them: a breakpoint is written there, the function is called, and the handler,
//      having removed the breakpoint, uses the same hand.
#include <gtest/gtest.h>

#include "vcompound/platform/linux/slots/linux_slots.h"

#ifdef VC_RESTARTABLE_SEQUENCES

#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace vc {

/// As the kernel wants it.
struct Descriptor {
  std::uint32_t version;
  std::uint32_t flags;
  std::uint64_t begin;
  std::uint64_t length;
  std::uint64_t abort;
};
extern const Descriptor first_descriptor[] asm("__start___rseq_cs");
extern const Descriptor end_of_descriptors[] asm("__stop___rseq_cs");

namespace {

constexpr std::uint64_t kPages = 7;
constexpr std::uint64_t kMark = 42;
constexpr std::uint32_t kWord = 0x1234;
constexpr std::uint32_t kFilled = 5;
constexpr VirtAddr kStart(0x7000);
constexpr VirtAddr kOther(0x9000);

/// The hand of a slot that is open, and the descriptors of two compounds.
struct State {
  SlotFront front;
  Atomic<std::uint32_t> tag;
  Atomic<std::uint32_t> other_tag;

  void reset(bool full) {
    front.allowance.store_relaxed(100);
    front.hand_pages.store_relaxed(full ? kPages : 0);
    front.hand = full ? kStart : VirtAddr{};
    front.hand_tag = full ? &tag : nullptr;
    front.mark = kMark;
    front.word = kWord;
    front.hits.store_relaxed(0);
    tag.store_relaxed(0);
    other_tag.store_relaxed(0);
  }
  bool is_full() const { return front.hand_pages.load_relaxed() == kPages; }
};
State state;

[[gnu::noinline]] bool take() {
  HandTaken taken;
  if (!LinuxSlots::take_hand(state.front, kPages, kMark, taken)) return false;
  EXPECT_EQ(taken.address, kStart);
  EXPECT_EQ(taken.tag, &state.tag);
  EXPECT_EQ(taken.word, kWord);
  return true;
}
[[gnu::noinline]] bool fill() {
  return LinuxSlots::fill_hand(state.front, kPages, kStart, &state.tag, kFilled);
}
[[gnu::noinline]] bool fill_other() {
  return LinuxSlots::fill_hand(state.front, kPages, kOther, &state.other_tag, kFilled);
}

// ---- stepping and breakpoints -------------------------------------------------------------------

std::vector<std::uintptr_t>* steps = nullptr;  ///< where stepping notes the instructions
std::uintptr_t breakpoint = 0;                 ///< where one is, if there is one
unsigned char below_breakpoint = 0;            ///< the byte that it replaced
const std::function<void()>* at_breakpoint = nullptr;

unsigned char& byte_at(std::uintptr_t address) {
  return *reinterpret_cast<unsigned char*>(address);
}

void on_trap(int, siginfo_t*, void* context) {
  if (steps != nullptr) {
    const auto* registers = &static_cast<ucontext_t*>(context)->uc_mcontext;
    steps->push_back(static_cast<std::uintptr_t>(registers->gregs[REG_RIP]));
    return;
  }
  auto* registers = &static_cast<ucontext_t*>(context)->uc_mcontext;
  byte_at(breakpoint) = below_breakpoint;
  // Outside a sequence the processor stands behind the breakpoint; inside, it was sent to `abort`.
  if (registers->gregs[REG_RIP] == static_cast<greg_t>(breakpoint + 1)) {
    registers->gregs[REG_RIP] = static_cast<greg_t>(breakpoint);
  }
  (*at_breakpoint)();
}

void trap_flag(bool on) {
  if (on) {
    asm volatile("subq $128, %%rsp; pushfq; orl $0x100, (%%rsp); popfq; addq $128, %%rsp" ::
                     : "cc", "memory");
  } else {
    asm volatile("subq $128, %%rsp; pushfq; andl $~0x100, (%%rsp); popfq; addq $128, %%rsp" ::
                     : "cc", "memory");
  }
}

struct rseq* rseq_area() {
  std::uintptr_t thread = 0;
  asm("movq %%fs:0, %0" : "=r"(thread));
  return reinterpret_cast<struct rseq*>(thread + static_cast<std::uintptr_t>(__rseq_offset));
}
bool leave_kernel() {
  return ::syscall(SYS_rseq, rseq_area(), 32U, RSEQ_FLAG_UNREGISTER, RSEQ_SIG) == 0;
}

class LinuxSequences : public ::testing::Test {
 protected:
  void SetUp() override {
    os::prepare_barriers();
    if (__rseq_size == 0) GTEST_SKIP() << "the C library has registered no thread for rseq(2)";
    ASSERT_TRUE(os::has_barrier_at_hand());
    struct sigaction action {};
    action.sa_sigaction = on_trap;
    action.sa_flags = SA_SIGINFO;
    ASSERT_EQ(sigaction(SIGTRAP, &action, &before_), 0);
  }
  void TearDown() override {
    if (__rseq_size != 0) sigaction(SIGTRAP, &before_, nullptr);
  }

  /// The instructions of a function that serves the hand, in the order in which they are executed.
  static std::vector<std::uintptr_t> instructions_of(bool (*function)(), bool full) {
    std::vector<std::uintptr_t> found;
    found.reserve(10'000);
    bool done = false;
    bool left = false;
    std::thread([&] {
      left = leave_kernel();
      state.reset(full);
      steps = &found;
      trap_flag(true);
      done = function();
      trap_flag(false);
      steps = nullptr;
    }).join();
    EXPECT_TRUE(left && done) << "without the kernel nothing is aborted";
    return found;
  }

  /// Lets `handler`, which must live on, be run before that instruction, once.
  static void arm(std::uintptr_t instruction, const std::function<void()>& handler) {
    breakpoint = instruction;
    at_breakpoint = &handler;
    below_breakpoint = byte_at(instruction);
    byte_at(instruction) = 0xcc;
  }
  /// What was armed and is still to come will not.
  static void disarm() { byte_at(breakpoint) = below_breakpoint; }

  /// Calls `function`, `handler` being run before that instruction; the answer of the function.
  static bool call_with(bool (*function)(), std::uintptr_t instruction,
                        const std::function<void()>& handler) {
    void* const pages = reinterpret_cast<void*>(instruction & ~std::uintptr_t{4095});
    EXPECT_EQ(mprotect(pages, 8192, PROT_READ | PROT_WRITE | PROT_EXEC), 0);
    bool came = false;
    const std::function<void()> noted = [&] {
      came = true;
      handler();
    };
    arm(instruction, noted);
    const bool answer = function();
    disarm();
    EXPECT_TRUE(came);
    EXPECT_EQ(mprotect(pages, 8192, PROT_READ | PROT_EXEC), 0);
    return answer;
  }

  static bool is_in_sequence(std::uintptr_t instruction) {
    return std::any_of(first_descriptor, end_of_descriptors,
                       [&](const Descriptor& d) { return instruction - d.begin < d.length; });
  }

  /// Calls test(instruction) for each instruction from the first of the sequence that `function`
  /// contains to the last, and some on both sides.
  template <class Test>
  static void for_each_instruction(bool (*function)(), bool full, Test&& test) {
    const std::vector<std::uintptr_t> all = instructions_of(function, full);
    const auto first = std::find_if(all.begin(), all.end(), is_in_sequence);
    const auto end = std::find_if_not(first, all.end(), is_in_sequence);
    ASSERT_GE(end - first, 8) << "where is the sequence?";
    ASSERT_GE(first - all.begin(), 2);
    ASSERT_GE(all.end() - end, 2);
    for (auto at = first - 2; at != end + 2; ++at) {
      SCOPED_TRACE(std::to_string(at - first) + " of " + std::to_string(end - first));
      test(*at);
    }
  }

 private:
  struct sigaction before_ {};
};

TEST_F(LinuxSequences, ATakeThatIsInterruptedAnywhereHasHappenedOrHasNot) {
  for_each_instruction(take, true, [](std::uintptr_t instruction) {
    state.reset(true);
    EXPECT_EQ(call_with(take, instruction, [] {}), !is_in_sequence(instruction));
    EXPECT_EQ(state.is_full(), is_in_sequence(instruction));
  });
}

TEST_F(LinuxSequences, TwoTakesAndOneOfThemGetsIt) {
  for_each_instruction(take, true, [](std::uintptr_t instruction) {
    state.reset(true);
    int got = 0;
    got += call_with(take, instruction, [&] { got += take() ? 1 : 0; }) ? 1 : 0;
    EXPECT_EQ(got, 1);
    EXPECT_FALSE(state.is_full());
    EXPECT_EQ(state.front.hits.load_relaxed(), 1U);
  });
}

TEST_F(LinuxSequences, TwoTakesAndOneOfThemGetsItAfterAnInterruptionBefore) {
  for_each_instruction(take, true, [](std::uintptr_t before) {
    for_each_instruction(take, true, [&](std::uintptr_t instruction) {
      if (instruction <= before) return;
      state.reset(true);
      int got = 0;
      const std::function<void()> second = [&] {
        got += take() ? 1 : 0;
      };
      got += call_with(take, before, [&] { arm(instruction, second); }) ? 1 : 0;
      EXPECT_EQ(got, 1 - (state.is_full() ? 1 : 0));
    });
  });
}

TEST_F(LinuxSequences, ATakeDoesNotMissThatTheHandWasAnotherInBetween) {
  for_each_instruction(take, true, [](std::uintptr_t instruction) {
    state.reset(true);
    bool again = false;
    const bool got = call_with(take, instruction, [&] {
      if (take()) again = fill();
    });
    EXPECT_NE(got, state.is_full());
    EXPECT_TRUE(!is_in_sequence(instruction) || (again && !got));
    EXPECT_EQ(state.front.hits.load_relaxed(), (again ? 1U : 0U) + (got ? 1U : 0U));
  });
}

TEST_F(LinuxSequences, TwoFillsAndOneOfThemHasIt) {
  for_each_instruction(fill, false, [](std::uintptr_t instruction) {
    state.reset(false);
    bool other = false;
    const bool mine = call_with(fill, instruction, [&] { other = fill_other(); });
    EXPECT_NE(mine, other);
    EXPECT_TRUE(state.is_full());
    EXPECT_EQ(state.front.hand, mine ? kStart : kOther);
    EXPECT_EQ(state.front.hand_tag, mine ? &state.tag : &state.other_tag);
    EXPECT_EQ(state.front.hand_tag->load_relaxed(), kFilled);
  });
}

TEST_F(LinuxSequences, AGateThatIsClosedInBetweenHoldsThemOff) {
  const auto close = [] {
    state.front.allowance.store_relaxed(0);
  };
  for_each_instruction(take, true, [&](std::uintptr_t instruction) {
    state.reset(true);
    const bool got = call_with(take, instruction, close);
    EXPECT_NE(got, state.is_full());
    EXPECT_FALSE(is_in_sequence(instruction) && got);
  });
  for_each_instruction(fill, false, [&](std::uintptr_t instruction) {
    state.reset(false);
    const bool done = call_with(fill, instruction, close);
    EXPECT_EQ(done, state.is_full());
    EXPECT_FALSE(is_in_sequence(instruction) && done);
  });
}

TEST_F(LinuxSequences, EachConditionIsLookedAt) {
  const auto refuses = [](bool full, bool (*function)(), auto&& change) {
    state.reset(full);
    change();
    return !function() && state.is_full() == full;
  };
  SlotFront& front = state.front;
  const auto nothing = [] {
  };
  EXPECT_FALSE(refuses(true, take, nothing));
  EXPECT_TRUE(refuses(true, take, [&] { front.mark = kMark + 1; }));
  EXPECT_TRUE(refuses(true, take, [&] { front.allowance.store_relaxed(0); }));
  EXPECT_TRUE(refuses(false, take, nothing));
  EXPECT_FALSE(refuses(false, fill, nothing));
  EXPECT_FALSE(refuses(false, fill, [&] { front.allowance.store_relaxed(kPages); }));
  EXPECT_TRUE(refuses(false, fill, [&] { front.allowance.store_relaxed(kPages - 1); }));
  EXPECT_TRUE(refuses(false, fill, [&] { front.allowance.store_relaxed(0); }));
  EXPECT_TRUE(refuses(true, fill, nothing));
  state.reset(true);
  state.front.hand_pages.store_relaxed(kPages + 1);
  EXPECT_FALSE(take());
}

TEST_F(LinuxSequences, NoDescriptorStaysNamed) {
  const auto named = [] {
    return rseq_area()->rseq_cs;
  };
  state.reset(true);
  EXPECT_TRUE(take());
  EXPECT_EQ(named(), 0U);
  EXPECT_FALSE(take());
  EXPECT_EQ(named(), 0U);
  EXPECT_TRUE(fill());
  EXPECT_EQ(named(), 0U);
  EXPECT_FALSE(fill());
  EXPECT_EQ(named(), 0U);
}

TEST_F(LinuxSequences, AThreadThatTheKernelDoesNotKnowHasNoSlot) {
  std::thread([] {
    EXPECT_TRUE(os::thread_has_sequences());
    ASSERT_TRUE(leave_kernel());
    EXPECT_FALSE(os::thread_has_sequences());
    EXPECT_EQ(LinuxSlots::slot(), kNoSlot);
    EXPECT_EQ(LinuxSlots::slot_offset_at_hand(), LinuxSlots::kSlots * kSlotStride);
  }).join();
}

}  // namespace
}  // namespace vc

#else

TEST(LinuxSequences, AreNotInThisBuild) {
  GTEST_SKIP() << "no restartable sequences: another processor, C library or ThreadSanitizer";
}

#endif
