// Threads, signals and forks on real memory.
#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "vcompound/arena.h"
#include "vcompound/base/random.h"

namespace vc {
namespace {

Arena make_arena(Bytes budget) {
  auto arena = Arena::create({.budget = budget, .warn_above = kNeverWarn});
  EXPECT_TRUE(arena) << to_string(arena.error());
  return std::move(*arena);
}

/// Every free page is back and every invariant holds.
void expect_all_free(Arena& arena) {
  arena.reclaim();
  arena.check();
  const Stats stats = arena.stats();
  EXPECT_EQ(stats.free_pages, stats.total_pages);
  EXPECT_EQ(stats.mappings_used, 0U);
}

struct Piece {
  void* data;
  std::size_t size;
  unsigned char mark;
};

void fill(const Piece& p) { std::memset(p.data, p.mark, p.size); }

bool is_intact(const Piece& p) {
  const auto* bytes = static_cast<const unsigned char*>(p.data);
  for (std::size_t i = 0; i < p.size; i += 512) {
    if (bytes[i] != p.mark) return false;
  }
  return bytes[p.size - 1] == p.mark;
}

void work(Arena& arena, std::uint64_t seed) {
  Random random(seed);
  std::vector<Piece> pieces;
  for (int i = 0; i < 3000; ++i) {
    if (random.below(2) == 0) {
      const std::size_t size = 1 + random.below(300000);
      Request request{.size = Bytes(size)};
      if (random.below(4) == 0) request.contiguity = Contiguity::never;
      void* data = arena.try_allocate(request);
      if (data == nullptr) continue;
      pieces.push_back({data, size, static_cast<unsigned char>(random.next())});
      fill(pieces.back());
    } else if (!pieces.empty()) {
      std::swap(pieces[random.below(pieces.size())], pieces.back());
      ASSERT_TRUE(is_intact(pieces.back()));
      ASSERT_EQ(arena.free(pieces.back().data), Misuse::none);
      pieces.pop_back();
    }
    if (i % 500 == 0) arena.trim();
  }
  for (const Piece& p : pieces) {
    ASSERT_TRUE(is_intact(p));
    ASSERT_EQ(arena.free(p.data), Misuse::none);
  }
}

TEST(LinuxStress, ThreadsShareOneArena) {
  Arena arena = make_arena(mib(24));
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 4; ++t) threads.emplace_back([&arena, t] { work(arena, t); });
  for (std::thread& thread : threads) thread.join();
  expect_all_free(arena);
}

TEST(LinuxStress, ThreadsComeAndGo) {
  Arena arena = make_arena(mib(16));
  for (int round = 0; round < 50; ++round) {
    std::thread([&arena] {
      std::vector<void*> pieces;
      while (void* p = arena.try_allocate(kib(64))) pieces.push_back(p);
      EXPECT_EQ(pieces.size(), 256U) << "memory stayed behind in the cache of a thread that ended";
      for (void* p : pieces) EXPECT_EQ(arena.free(p), Misuse::none);
    }).join();
  }
  expect_all_free(arena);
}

// ---- signals ------------------------------------------------------------------------------------

Arena* signal_arena = nullptr;
std::atomic<std::uint64_t> served{0};
std::atomic<std::uint64_t> refused{0};

/// Where the handler and who it interrupts allocate: so they want the same of a hand.
constexpr CallSite kSharedSite{"linux_stress_test.cc", 1};

void on_signal(int) {
  const NoBlock scope;
  void* p = signal_arena->try_allocate(kib(16), kSharedSite);
  if (p == nullptr) {
    refused.fetch_add(1);
    return;
  }
  std::memset(p, 1, 4096);
  if (signal_arena->free(p) == Misuse::none) served.fetch_add(1);
}

TEST(LinuxStress, SignalHandlersInterruptTheAllocatorItself) {
  Arena arena = make_arena(mib(24));
  signal_arena = &arena;
  arena.free(arena.try_allocate(mib(16)));  // memory behind the frames
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigaction(SIGUSR1, &action, nullptr);
  std::atomic<bool> done{false};
  std::thread victim([&] {
    work(arena, 99);
    done.store(true);
  });
  std::uint64_t sent = 0;
  while (!done.load()) {  // the victim is joined below, so it exists
    pthread_kill(victim.native_handle(), SIGUSR1);
    ++sent;
    std::this_thread::yield();
  }
  victim.join();
  EXPECT_GT(served.load() + refused.load(), 0U) << sent << " signals were sent";
  signal_arena = nullptr;
  signal(SIGUSR1, SIG_DFL);
  expect_all_free(arena);
}

/// Pairs of the paths that are compiled into callers: of the hand and, every eighth time, of the
/// bins. Counts what it was given.
std::uint64_t hot_pairs(Arena& arena, const std::atomic<bool>& stop, unsigned char mark) {
  std::uint64_t given = 0;
  for (std::uint64_t i = 0; !stop.load(std::memory_order_relaxed); ++i) {
    const Bytes size = i % 8 == 0 ? kib(64) : kib(16);
    auto* const p = static_cast<volatile unsigned char*>(arena.try_allocate(size, kSharedSite));
    if (p == nullptr) continue;
    ++given;
    *p = mark;
    EXPECT_EQ(*p, mark) << "somebody else has it, too";
    EXPECT_EQ(arena.free(const_cast<unsigned char*>(p)), Misuse::none);
  }
  return given;
}

TEST(LinuxStress, HotPairsAreInterruptedAndDrained) {
  Arena arena = make_arena(mib(24));
  arena.set_always_map(Trigger::off());  // VCOMPOUND_CONF may ask for it
  signal_arena = &arena;
  served.store(0);
  refused.store(0);
  arena.free(arena.try_allocate(mib(16)));  // memory behind the frames
  const Stats before = arena.stats();
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigaction(SIGUSR1, &action, nullptr);
  std::atomic<bool> stop{false};
  std::uint64_t given[2] = {};
  std::thread victims[2];
  for (int t = 0; t < 2; ++t) {
    victims[t] = std::thread(
        [&, t] { given[t] = hot_pairs(arena, stop, static_cast<unsigned char>(t + 1)); });
  }
  constexpr int kRounds = 600;
  for (int i = 0; i < kRounds; ++i) {
    pthread_kill(victims[i % 2].native_handle(), SIGUSR1);
    const bool turn_switch = i > kRounds / 3 * 2 && i % 4 == 0;
    if (turn_switch) arena.set_always_map(i % 8 == 0 ? Trigger::always() : Trigger::off());
    for (int k = 0; k < 4; ++k) EXPECT_EQ(arena.stats().misuses, 0U);  // looks into each slot
    arena.reclaim();
  }
  stop.store(true);
  for (std::thread& victim : victims) victim.join();
  signal_arena = nullptr;
  signal(SIGUSR1, SIG_DFL);
  arena.set_always_map(Trigger::off());
  const Stats after = arena.stats();
  EXPECT_EQ(after.contiguous_allocations + after.mapped_allocations -
                before.contiguous_allocations - before.mapped_allocations,
            given[0] + given[1] + served.load())
      << "each was counted once";
  EXPECT_EQ(after.misuses, 0U);
  EXPECT_GT(served.load(), 0U);
  expect_all_free(arena);
}

// ---- fork ---------------------------------------------------------------------------------------

TEST(LinuxStress, ForkWhileOtherThreadsAllocate) {
  Arena arena = make_arena(mib(16));
  std::atomic<bool> stop{false};
  std::thread other([&] {
    while (!stop.load()) arena.free(arena.try_allocate(kib(300)));
  });
  for (int i = 0; i < 20; ++i) {
    const pid_t child = fork();
    if (child == 0) {  // must not hang on a lock of a thread that is not here
      const bool right =
          arena.try_allocate(kib(4)) == nullptr && Arena::last_error().reason == Reason::policy;
      _exit(right ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  stop.store(true);
  other.join();
  expect_all_free(arena);
}

}  // namespace
}  // namespace vc
