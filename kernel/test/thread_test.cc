// Threads: they run on all CPUs, share them fairly, end without races, and sleep as long as asked.
#include "kernel/thread/thread.h"

#include <gtest/gtest.h>

#include "kernel/arch/machine.h"
#include "kernel/memory/memory.h"
#include "kernel/thread/lock.h"
#include "kernel/thread/wait.h"

namespace vc::kernel {
namespace {

constexpr std::uint64_t kMillisecond = 1000;
/// Long enough for anything that works at all.
constexpr std::uint64_t kPatience = 20'000 * kMillisecond;

/// Waits until `condition` holds; false if it never does.
template <class Condition>
bool eventually(Condition condition) {
  const std::uint64_t deadline = now() + kPatience;
  while (!condition()) {
    if (now() > deadline) return false;
    sleep_for(kMillisecond);
  }
  return true;
}

TEST(Threads, EachRunsOnTheCpuItWasStartedFor) {
  for (std::uint32_t i = 0; i < cpu_count(); ++i) {
    std::uint32_t seen = kAnyCpu;
    Thread* thread = start_thread(
        "pinned", [](void* seen_on) { *static_cast<std::uint32_t*>(seen_on) = x86::cpu_number(); },
        &seen, {.cpu = i});
    ASSERT_NE(thread, nullptr);
    EXPECT_STREQ(name_of(*thread), "pinned");
    join(thread);
    EXPECT_EQ(seen, i);
  }
}

/// Threads that stay until all of them run at the same time, each on a CPU of its own.
struct Meeting {
  std::uint32_t expected = 0;
  Atomic<std::uint32_t> arrived;
  Atomic<std::uint32_t> cpus;

  static void attend(void* argument) {
    auto& meeting = *static_cast<Meeting*>(argument);
    const x86::StayHere here;  // nobody else gets this CPU before the meeting is over
    meeting.cpus.fetch_or(std::uint32_t{1} << x86::cpu_number());
    meeting.arrived.fetch_add(1);
    const std::uint64_t deadline = now() + kPatience;
    while (meeting.arrived.load_acquire() < meeting.expected && now() < deadline) x86::pause();
  }
};

TEST(Threads, IdleCpusAreUsed) {
  if (cpu_count() < 2) GTEST_SKIP() << "there is one CPU";
  Meeting meeting;
  meeting.expected = cpu_count();
  Thread* threads[kMaxCpus] = {};
  for (std::uint32_t i = 0; i < cpu_count(); ++i) {
    threads[i] = start_thread("attendant", Meeting::attend, &meeting);
    ASSERT_NE(threads[i], nullptr);
  }
  for (std::uint32_t i = 0; i < cpu_count(); ++i) join(threads[i]);
  EXPECT_EQ(meeting.arrived.load_acquire(), cpu_count());
  EXPECT_EQ(meeting.cpus.load_acquire(), (std::uint32_t{1} << cpu_count()) - 1);
}

/// Counters that are changed in two steps, each under a lock of another kind.
struct Counters {
  static constexpr std::uint64_t kRounds = 2000;

  InterruptLock lock{Rank::users, "counters"};
  x86::SpinLock spin;
  volatile std::uint64_t under_lock = 0;
  volatile std::uint64_t under_spin = 0;

  static void slowly_increment(volatile std::uint64_t& value) {
    const std::uint64_t before = value;
    x86::pause();
    value = before + 1;
  }
  static void count(void* argument) {
    auto& counters = *static_cast<Counters*>(argument);
    for (std::uint64_t i = 0; i < kRounds; ++i) {
      {
        const Guard guard(counters.lock);
        slowly_increment(counters.under_lock);
      }
      {
        const Guard guard(counters.spin);
        slowly_increment(counters.under_spin);
      }
      if (i % 64 == 0) yield();
    }
  }
};

TEST(Threads, ManyCountUnderLocks) {
  constexpr std::uint32_t kThreads = 12;
  Counters counters;
  Thread* threads[kThreads] = {};
  for (Thread*& thread : threads) {
    thread = start_thread("counter", Counters::count, &counters);
    ASSERT_NE(thread, nullptr);
  }
  for (Thread* thread : threads) join(thread);
  EXPECT_EQ(counters.under_lock, kThreads * Counters::kRounds);
  EXPECT_EQ(counters.under_spin, kThreads * Counters::kRounds);
}

/// Two threads on one CPU that never give it up: each counts how often the other got on meanwhile.
struct Rivals {
  static constexpr std::uint32_t kEnough = 5;
  struct One {
    Rivals* both;
    std::uint32_t other;
  };

  Atomic<std::uint64_t> steps[2];
  Atomic<std::uint32_t> changes[2];
  One ones[2] = {{this, 1}, {this, 0}};

  bool over() const {
    return changes[0].load_acquire() >= kEnough && changes[1].load_acquire() >= kEnough;
  }
  static void run(void* argument) {
    const One& one = *static_cast<One*>(argument);
    Rivals& both = *one.both;
    const std::uint64_t deadline = now() + kPatience;
    std::uint64_t seen = 0;
    while (!both.over() && now() < deadline) {
      both.steps[1 - one.other].fetch_add(1);
      const std::uint64_t others = both.steps[one.other].load_acquire();
      if (others != seen) both.changes[1 - one.other].fetch_add(1);
      seen = others;
    }
  }
};

TEST(Threads, BusyThreadsArePreempted) {
  for (std::uint32_t i = 0; i < cpu_count(); ++i) {
    Rivals rivals;
    Thread* first = start_thread("rival 0", Rivals::run, &rivals.ones[0], {.cpu = i});
    Thread* second = start_thread("rival 1", Rivals::run, &rivals.ones[1], {.cpu = i});
    ASSERT_TRUE(first != nullptr && second != nullptr);
    join(first);
    join(second);
    EXPECT_TRUE(rivals.over()) << "on CPU " << i;
  }
}

/// Two threads of CPU 0: one tests something, and the other wants the CPU all the time meanwhile.
struct Contest {
  Atomic<std::uint32_t> steps;  ///< of the other one
  Atomic<std::uint32_t> over;
  void (*give_way)() = nullptr;

  static void want(void* argument) {
    auto& self = *static_cast<Contest*>(argument);
    const std::uint64_t deadline = now() + kPatience;
    while (self.over.load_acquire() == 0 && now() < deadline) self.steps.fetch_add(1);
  }
  static void hold_spin_lock(void* argument) {
    auto& self = *static_cast<Contest*>(argument);
    x86::SpinLock lock;
    EXPECT_TRUE(eventually([&] { return self.steps.load_acquire() != 0; }));
    lock.lock();
    const std::uint32_t before = self.steps.load_acquire();
    delay(50 * kMillisecond);
    EXPECT_EQ(self.steps.load_acquire(), before);
    lock.unlock();
    EXPECT_TRUE(eventually([&] { return self.steps.load_acquire() != before; }));
    self.over.store_release(1);
  }
  static void forbid_and_give_way(void* argument) {
    auto& self = *static_cast<Contest*>(argument);
    x86::forbid_preemption();
    while ((x86::context_word() & x86::CpuLocal::kSettled) != 0) x86::pause();
    const std::uint32_t before = self.steps.load_acquire();
    self.give_way();
    EXPECT_NE(self.steps.load_acquire(), before);
    self.over.store_release(1);
  }
  void run(void (*test)(void*)) {
    Thread* rival = start_thread("rival", want, this, {.cpu = 0});
    Thread* tester = start_thread("tester", test, this, {.cpu = 0});
    ASSERT_TRUE(rival != nullptr && tester != nullptr);
    join(tester);
    join(rival);
  }
};

TEST(Threads, HolderOfASpinLockIsNotPreempted) {
  Contest contest;
  contest.run(Contest::hold_spin_lock);
}

/// A reschedule that was wanted while it was forbidden happens when it is allowed again, not only
/// at the next tick.
TEST(Threads, LastAllowPreemptionGivesTheCpuAway) {
  Contest contest;
  contest.give_way = x86::allow_preemption;
  contest.run(Contest::forbid_and_give_way);
}

void allow_preemption_under_lock() {
  static constinit InterruptLock lock(Rank::users, "last");
  const Guard guard(lock);
  x86::allow_preemption();  // interrupts are off: not here, but where the lock is let go
}

TEST(Threads, LastUnlockGivesTheCpuAway) {
  Contest contest;
  contest.give_way = allow_preemption_under_lock;
  contest.run(Contest::forbid_and_give_way);
}

void stop_tick(void*) { set_tick(false); }
void start_tick(void*) { set_tick(true); }
void set_event(void* event) { static_cast<Event*>(event)->set(); }

TEST(Threads, AnIdleCpuNeedsNoTickToStart) {
  if (cpu_count() < 2) GTEST_SKIP() << "there is one CPU";
  for (std::uint32_t i = 0; i < cpu_count(); ++i) {
    Event ran;
    call_on(i, stop_tick, nullptr);
    Thread* thread = start_thread("kicked", set_event, &ran, {.cpu = i});
    EXPECT_TRUE(ran.wait_for(kPatience)) << "on CPU " << i;
    call_on(i, start_tick, nullptr);
    ASSERT_NE(thread, nullptr);
    join(thread);
  }
}

TEST(Threads, JoinBeforeAndAfterTheEnd) {
  for (std::uint64_t wait : {std::uint64_t{0}, 5 * kMillisecond}) {
    for (std::uint64_t life : {std::uint64_t{0}, 2 * kMillisecond}) {
      Thread* thread = start_thread(
          "short", [](void* time) { sleep_for(*static_cast<std::uint64_t*>(time)); }, &life);
      ASSERT_NE(thread, nullptr);
      if (wait != 0) sleep_for(wait);
      join(thread);
    }
  }
}

TEST(Threads, ManyComeAndGo) {
  constexpr std::uint32_t kRounds = 20;
  constexpr std::uint32_t kThreads = 25;
  Atomic<std::uint32_t> ran;
  for (std::uint32_t round = 0; round < kRounds; ++round) {
    Thread* threads[kThreads] = {};
    for (Thread*& thread : threads) {
      thread = start_thread(
          "passer-by",
          [](void* count) { static_cast<Atomic<std::uint32_t>*>(count)->fetch_add(1); }, &ran);
      ASSERT_NE(thread, nullptr);
    }
    for (Thread* thread : threads) join(thread);
  }
  EXPECT_EQ(ran.load_acquire(), kRounds * kThreads);
}

/// Threads that sleep for different times, and the order in which they woke.
struct Sleepers {
  static constexpr std::uint32_t kCount = 5;
  static constexpr std::uint64_t kTimes[kCount] = {90, 30, 150, 60, 120};  // milliseconds
  struct One {
    Sleepers* all;
    std::uint32_t index;
    std::uint64_t slept;
  };

  Atomic<std::uint32_t> woken;
  std::uint32_t order[kCount] = {};
  One ones[kCount] = {};

  static void run(void* argument) {
    One& one = *static_cast<One*>(argument);
    const std::uint64_t start = now();
    sleep_for(kTimes[one.index] * kMillisecond);
    one.slept = now() - start;
    one.all->order[one.all->woken.fetch_add(1)] = one.index;
  }
};

/// Did they wake in the right order? In any case none of them too early.
bool sleep_in_order() {
  Sleepers sleepers;
  Thread* threads[Sleepers::kCount] = {};
  for (std::uint32_t i = 0; i < Sleepers::kCount; ++i) {
    sleepers.ones[i] = {&sleepers, i, 0};
    threads[i] = start_thread("sleeper", Sleepers::run, &sleepers.ones[i], {.cpu = 0});
  }
  bool in_order = true;
  for (std::uint32_t i = 0; i < Sleepers::kCount; ++i) {
    if (threads[i] == nullptr) return false;
    join(threads[i]);
    EXPECT_GE(sleepers.ones[i].slept, Sleepers::kTimes[i] * kMillisecond);
  }
  for (std::uint32_t i = 1; i < Sleepers::kCount; ++i) {
    const std::uint64_t earlier = Sleepers::kTimes[sleepers.order[i - 1]];
    in_order = in_order && earlier < Sleepers::kTimes[sleepers.order[i]];
  }
  return in_order;
}

/// Time passes for sleepers that have not begun yet when the host stops the machine for a while;
/// hence not only one attempt.
TEST(Threads, SleepersWakeInOrder) {
  bool in_order = false;
  for (int attempt = 0; attempt < 5 && !in_order; ++attempt) in_order = sleep_in_order();
  EXPECT_TRUE(in_order);
}

}  // namespace
}  // namespace vc::kernel
