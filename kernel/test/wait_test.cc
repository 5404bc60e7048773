// Waiting: no wake-up is lost, work queued by handlers is done once, and a thread that would sleep
// or lock where that is forbidden is a panic. (Those tests, Panic*.*, end the machine.)
#include "kernel/thread/wait.h"

#include <gtest/gtest.h>

#include "kernel/arch/machine.h"
#include "kernel/thread/thread.h"
#include "vcompound/base/random.h"

namespace vc::kernel {
namespace {

constexpr std::uint64_t kMillisecond = 1000;
constexpr std::uint64_t kPatience = 30'000 * kMillisecond;

/// Two threads that take turns; each sleeps until the other has had its turn.
struct PingPong {
  static constexpr std::uint32_t kTurns = 20'000;
  struct Player {
    PingPong* game;
    std::uint32_t number;
  };

  InterruptLock lock{Rank::users, "ping-pong"};
  WaitQueue queues[2];
  std::uint32_t turn = 0;
  std::uint32_t played = 0;
  std::uint32_t lost = 0;
  Player players[2] = {{this, 0}, {this, 1}};

  static void play(void* argument) {
    const Player& self = *static_cast<Player*>(argument);
    PingPong& game = *self.game;
    for (std::uint32_t i = 0; i < kTurns; ++i) {
      const Guard guard(game.lock);
      while (game.turn != self.number) {
        if (!game.queues[self.number].wait_for(game.lock, kPatience)) {
          ++game.lost;
          return;
        }
      }
      ++game.played;
      game.turn = 1 - self.number;
      game.queues[1 - self.number].wake_one();
    }
  }
};

TEST(WaitQueues, TurnsAreNotLost) {
  constexpr std::uint32_t kGames = 3;
  PingPong games[kGames];
  Thread* threads[2 * kGames] = {};
  for (std::uint32_t i = 0; i < 2 * kGames; ++i) {
    threads[i] = start_thread("player", PingPong::play, &games[i / 2].players[i % 2]);
    ASSERT_NE(threads[i], nullptr);
  }
  for (Thread* thread : threads) join(thread);
  for (const PingPong& game : games) {
    EXPECT_EQ(game.lost, 0U);
    EXPECT_EQ(game.played, 2 * PingPong::kTurns);
  }
}

/// Tokens that some threads make and others take. Every second taker has little patience, so that
/// wake-ups meet sleepers whose time is over: then the wake-up must not be lost to the others.
struct Tokens {
  static constexpr std::uint32_t kTakers = 6;
  static constexpr std::uint32_t kEach = 400;
  struct Taker {
    Tokens* tokens;
    std::uint32_t number;
  };

  InterruptLock lock{Rank::users, "tokens"};
  WaitQueue queue;
  std::uint32_t ready = 0;
  std::uint32_t taken = 0;
  std::uint32_t times_over = 0;
  bool given_up = false;

  static void take(void* argument) {
    const Taker& self = *static_cast<Taker*>(argument);
    Tokens& all = *self.tokens;
    for (std::uint32_t i = 0; i < kEach; ++i) {
      const Guard guard(all.lock);
      while (all.ready == 0 && !all.given_up) {
        if (self.number % 2 == 0) {
          all.queue.wait(all.lock);
        } else if (!all.queue.wait_for(all.lock, mix64(i * kTakers + self.number) % 2000)) {
          ++all.times_over;
        }
      }
      if (all.given_up) return;
      --all.ready;
      ++all.taken;
    }
  }
  void make_one() {
    const Guard guard(lock);
    ++ready;
    queue.wake_one();
  }
  std::uint32_t taken_so_far() {
    const Guard guard(lock);
    return taken;
  }
  void give_up() {
    const Guard guard(lock);
    given_up = true;
    queue.wake_all();
  }
};

TEST(WaitQueues, WakeUpsAreNotLostToSleepersWhoseTimeIsOver) {
  constexpr std::uint32_t kAll = Tokens::kTakers * Tokens::kEach;
  Tokens tokens;
  Tokens::Taker takers[Tokens::kTakers] = {};
  Thread* threads[Tokens::kTakers] = {};
  for (std::uint32_t i = 0; i < Tokens::kTakers; ++i) {
    takers[i] = {&tokens, i};
    threads[i] = start_thread("taker", Tokens::take, &takers[i]);
    ASSERT_NE(threads[i], nullptr);
  }
  for (std::uint32_t i = 0; i < kAll; ++i) {
    tokens.make_one();
    if (mix64(i) % 16 == 0) sleep_for(mix64(i + 1) % 1500);
  }
  const std::uint64_t deadline = now() + kPatience;
  while (tokens.taken_so_far() != kAll && now() < deadline) sleep_for(kMillisecond);
  EXPECT_EQ(tokens.taken_so_far(), kAll);
  tokens.give_up();
  for (Thread* thread : threads) join(thread);
  EXPECT_EQ(tokens.ready, 0U);
  EXPECT_NE(tokens.times_over, 0U) << "nobody's time was over: the test did not test that";
}

TEST(WaitQueues, TimeIsOverNotBeforeItIs) {
  InterruptLock lock(Rank::users, "nobody's");
  WaitQueue queue;
  const Guard guard(lock);
  for (std::uint64_t time : {std::uint64_t{1}, 3 * kMillisecond, 20 * kMillisecond}) {
    const std::uint64_t start = now();
    EXPECT_FALSE(queue.wait_for(lock, time));
    EXPECT_GE(now() - start, time);
    EXPECT_TRUE(queue.empty());
  }
}

/// A patience without end is longer than any number of microseconds since boot, not shorter.
TEST(Events, ThePatienceMayBeEndless) {
  Event event;
  Thread* setter = start_thread(
      "setter",
      [](void* argument) {
        sleep_for(2 * kMillisecond);
        static_cast<Event*>(argument)->set();
      },
      &event);
  ASSERT_NE(setter, nullptr);
  EXPECT_TRUE(event.wait_for(~std::uint64_t{0}));
  join(setter);
}

TEST(Events, SetByAHandlerOnEveryCpu) {
  for (std::uint32_t i = 0; i < cpu_count(); ++i) {
    Event event;
    EXPECT_FALSE(event.wait_for(kMillisecond));
    Thread* setter = start_thread("setter",
                                  [](void* argument) {
                                    const x86::CpuFunction set = [](void* e) {
                                      static_cast<Event*>(e)->set();
                                    };
                                    sleep_for(2 * kMillisecond);
                                    call_on(cpu_count() - 1, set, argument);
                                  },
                                  &event, {.cpu = i});
    ASSERT_NE(setter, nullptr);
    EXPECT_TRUE(event.wait_for(kPatience));
    event.wait();
    EXPECT_TRUE(event.is_set());
    event.clear();
    EXPECT_FALSE(event.is_set());
    join(setter);
  }
}

/// Work that counts how often it was done.
struct CountedWork : Work {
  CountedWork() : Work{.run = count} {}

  Atomic<std::uint32_t> done;
  Atomic<std::uint32_t> in_a_handler;

  static void count(Work* self) {
    auto& counted = *static_cast<CountedWork*>(self);
    if (x86::in_interrupt() || !x86::interrupts_enabled()) counted.in_a_handler.fetch_add(1);
    counted.done.fetch_add(1);
  }
  static void queue_in_handler(void* self) {
    EXPECT_TRUE(x86::in_interrupt());
    queue_work(*static_cast<CountedWork*>(self));
  }
};

/// Work that keeps the worker busy until it is let go.
struct BlockingWork : Work {
  BlockingWork() : Work{.run = block} {}

  Event started;
  Event go_on;

  static void block(Work* self) {
    auto& blocking = *static_cast<BlockingWork*>(self);
    blocking.started.set();
    blocking.go_on.wait();
  }
};

TEST(WorkQueue, QueuedManyTimesBeforeItRanItRunsOnce) {
  BlockingWork blocking;
  CountedWork work;
  queue_work(blocking);
  ASSERT_TRUE(blocking.started.wait_for(kPatience));
  for (std::uint32_t i = 0; i < cpu_count(); ++i) {
    call_on(i, CountedWork::queue_in_handler, &work);
    call_on(i, CountedWork::queue_in_handler, &work);
  }
  EXPECT_EQ(work.done.load_acquire(), 0U);
  blocking.go_on.set();
  flush_work();
  EXPECT_EQ(work.done.load_acquire(), 1U);
  EXPECT_EQ(work.in_a_handler.load_acquire(), 0U);
}

TEST(WorkQueue, EachIsDoneWhenFlushed) {
  CountedWork works[3];
  for (std::uint32_t round = 1; round <= 300; ++round) {
    for (CountedWork& work : works) {
      call_on(round % cpu_count(), CountedWork::queue_in_handler, &work);
    }
    flush_work();
    for (CountedWork& work : works) ASSERT_EQ(work.done.load_acquire(), round);
  }
}

TEST(WorkQueue, ManyThreadsQueueAndFlush) {
  constexpr std::uint32_t kRounds = 150;
  Thread* threads[kMaxCpus] = {};
  for (std::uint32_t i = 0; i < cpu_count(); ++i) {
    threads[i] = start_thread("flusher",
                              [](void*) {
                                CountedWork work;
                                for (std::uint32_t round = 1; round <= kRounds; ++round) {
                                  queue_work(work);
                                  flush_work();
                                  EXPECT_EQ(work.done.load_acquire(), round);
                                }
                              },
                              nullptr, {.cpu = i});
    ASSERT_NE(threads[i], nullptr);
  }
  for (std::uint32_t i = 0; i < cpu_count(); ++i) join(threads[i]);
}

// ---- what must not be done (each of these ends the machine) -------------------------------------

TEST(PanicRank, LowerAfterHigher) {
  InterruptLock low(Rank::users, "low");
  InterruptLock high(Rank::driver, "high");
  {
    const Guard first(low);
    const Guard second(high);  // the right order
  }
  const Guard first(high);
  const Guard second(low);
  FAIL() << "a lock of a lower rank was taken";
}

TEST(PanicRank, SameRankTwice) {
  InterruptLock one(Rank::network, "one");
  InterruptLock other(Rank::network, "other");
  const Guard first(one);
  const Guard second(other);
  FAIL() << "two locks of one rank were taken";
}

TEST(PanicRank, SameLockTwice) {
  InterruptLock lock(Rank::driver, "same");
  EXPECT_TRUE(lock.try_lock());
  EXPECT_FALSE(lock.try_lock());
  lock.lock();
  FAIL() << "a lock was taken twice";
}

TEST(PanicSleep, UnderASpinLock) {
  x86::SpinLock lock;
  const Guard guard(lock);
  sleep_for(1);
  FAIL() << "a thread slept under a spin lock";
}

TEST(PanicSleep, WithAnInterruptLock) {
  InterruptLock lock(Rank::users, "held");
  const Guard guard(lock);
  yield();
  FAIL() << "a thread slept with interrupts off";
}

TEST(PanicSleep, InAHandler) {
  call_on(
      cpu_count() - 1, [](void*) { sleep_for(1); }, nullptr);
  FAIL() << "a handler slept";
}

TEST(PanicSleep, WithASecondLock) {
  InterruptLock outer(Rank::users, "outer");
  InterruptLock inner(Rank::driver, "inner");
  WaitQueue queue;
  const Guard first(outer);
  const Guard second(inner);
  queue.wait_for(inner, 1);
  FAIL() << "a thread slept with two locks";
}

}  // namespace
}  // namespace vc::kernel
