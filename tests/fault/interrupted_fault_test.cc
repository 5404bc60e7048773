// An operation is interrupted after its k-th instruction, for every k, by a signal handler that
// uses the same arena. The processor's trap flag makes every instruction end in a signal; the
// handler does something at one of them.
//
// As each instruction is interrupted, restartable sequences never come to their end here: the
// operations go through the gate of the slot (and tests/unit/linux_platform_restartable_test.cc is
// for the sequences). The handler itself is not interrupted, so it uses them.
#include <gtest/gtest.h>

#include "vcompound/arena.h"

#if defined(__x86_64__) && !defined(VC_THREAD_SANITIZER)

#include <signal.h>

#include <functional>
#include <optional>
#include <string>

namespace vc {
namespace {

constexpr CallSite kSite{"interrupted_fault_test.cc", 1};
constexpr Bytes kSize = kib(16);

std::uint64_t steps = 0;         ///< instructions of the operation so far
std::uint64_t interrupt_at = 0;  ///< the one that the handler waits for
const std::function<void()>* work_of_handler = nullptr;

void on_trap(int) {
  if (++steps != interrupt_at) return;
  const NoBlock scope;
  (*work_of_handler)();
}

/// Sets or clears the trap flag. The stack is moved first, for what lies below its pointer.
#define VC_TRAP_FLAG(change) \
  asm volatile("subq $128, %%rsp; pushfq; " change "; popfq; addq $128, %%rsp" ::: "cc", "memory")

class InterruptedFault : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = Arena::create({.budget = mib(16), .warn_above = kNeverWarn});
    ASSERT_TRUE(made.ok());
    arena_.emplace(std::move(*made));
    arena_->set_always_map(Trigger::off());
    struct sigaction action {};
    action.sa_handler = on_trap;
    ASSERT_EQ(sigaction(SIGTRAP, &action, &before_), 0);
    for (int i = 0; i < 3; ++i) free(allocate());  // the slot knows the site
  }
  void TearDown() override {
    sigaction(SIGTRAP, &before_, nullptr);
    arena_->set_always_map(Trigger::off());
    arena_->reclaim();
    arena_->check();
    const Stats stats = arena_->stats();
    EXPECT_EQ(stats.free_pages, stats.total_pages);
    EXPECT_EQ(stats.misuses, 0U);
  }

  void* allocate() { return arena_->try_allocate(kSize, kSite); }
  void free(void* p) { EXPECT_EQ(arena_->free(p), Misuse::none); }

  /// round(k) for k = 1, 2, ... until an operation in it ends before its k-th instruction.
  void for_every_instruction(const std::function<void()>& round) {
    interrupt_at = 0;
    do {
      ++interrupt_at;
      SCOPED_TRACE("after instruction " + std::to_string(interrupt_at));
      round();
      arena_->check();
    } while (steps >= interrupt_at && !HasFailure());
    EXPECT_GT(interrupt_at, 50U) << "nothing was stepped through";
  }

  /// Does `operation`, interrupted by `handler`.
  template <class Operation>
  static void interrupted(const std::function<void()>& handler, Operation&& operation) {
    work_of_handler = &handler;
    steps = 0;
    VC_TRAP_FLAG("orl $0x100, (%%rsp)");
    operation();
    VC_TRAP_FLAG("andl $~0x100, (%%rsp)");
  }

  Arena& arena() { return *arena_; }

 private:
  std::optional<Arena> arena_;
  struct sigaction before_ {};
};

TEST_F(InterruptedFault, AnAllocationByAnAllocation) {
  for (const bool in_hand : {true, false}) {
    for_every_instruction([&] {
      void* const first = allocate();
      void* const second = allocate();
      free(first);  // to the hand
      if (in_hand) free(second);
      void* mine = nullptr;
      void* handlers = nullptr;
      const std::function<void()> handler = [&] {
        handlers = allocate();
      };
      interrupted(handler, [&] { mine = allocate(); });
      EXPECT_NE(mine, nullptr);
      EXPECT_NE(mine, handlers);
      free(mine);
      if (handlers != nullptr) free(handlers);
      if (!in_hand) free(second);
    });
  }
}

TEST_F(InterruptedFault, AFreeByAPair) {
  for (const bool hand_is_full : {true, false}) {
    for_every_instruction([&] {
      void* const p = allocate();
      void* const other = allocate();
      if (hand_is_full) free(other);
      void* handlers = nullptr;
      const std::function<void()> handler = [&] {
        handlers = allocate();
        if (handlers != nullptr) free(handlers);
      };
      Misuse misuse = Misuse::foreign;
      interrupted(handler, [&] { misuse = arena().free(p); });
      EXPECT_EQ(misuse, Misuse::none);
      if (!hand_is_full) free(other);
    });
  }
}

TEST_F(InterruptedFault, APairThroughTheLibraryByAPair) {
  const Request request{.size = kSize, .contiguity = Contiguity::required};
  for_every_instruction([&] {
    free(allocate());
    const std::function<void()> handler = [&] {
      void* const p = allocate();
      if (p != nullptr) free(p);
    };
    interrupted(handler, [&] {
      void* const p = arena().try_allocate(request, kSite);
      arena().free(p);
    });
  });
}

TEST_F(InterruptedFault, ASwitchThatIsTurnedInBetweenHolds) {
  for_every_instruction([&] {
    void* const p = allocate();
    free(allocate());  // so the hand has one
    const std::function<void()> handler = [&] {
      arena().set_always_map(Trigger::always());
    };
    interrupted(handler, [&] { arena().free(p); });
    if (arena().always_map().mode == Trigger::Mode::always) {
      void* const next = allocate();
      EXPECT_EQ(arena().kind_of(next), Kind::mapped);
      free(next);
      arena().set_always_map(Trigger::off());
      arena().reclaim();  // no mapped one stays in the cache
    }
    for (int i = 0; i < 2; ++i) free(allocate());
  });
}

}  // namespace
}  // namespace vc

#else

TEST(InterruptedFault, NeedsATrapFlag) { GTEST_SKIP() << "x86-64, and no ThreadSanitizer"; }

#endif
