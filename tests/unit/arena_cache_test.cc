// What the paths compiled into the caller leave to the library is served by the same caches: frames
// of another size, a size that is none, a system without membarrier(2).
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <barrier>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <iterator>
#include <thread>

#include "vcompound/arena.h"
#include "vcompound/platform/linux/slots/no_block_scope.h"

namespace vc {
namespace {

constexpr std::uint64_t kPairs = 100;

/// How many of so many pairs, each an allocation of one frame and its free, the caches serve.
std::uint64_t served_from_cache(Arena& arena) {
  const CallSite site = CallSite::here();
  arena.set_always_map(
      Trigger::off());  // it passes the caches by, and VCOMPOUND_CONF may ask for it
  const std::uint64_t before = arena.stats().cache_hits;
  for (std::uint64_t i = 0; i < kPairs; ++i) {
    void* const frame = arena.try_allocate(bytes(1), site);
    if (frame == nullptr || arena.free(frame) != Misuse::none) return 0;
  }
  arena.check();
  return arena.stats().cache_hits - before;
}

TEST(ArenaCache, ServesFramesOfEverySize) {
  for (const Bytes size : {kib(4), kib(64), mib(2)}) {
    auto arena = Arena::create({.budget = mib(64), .frame_size = size});
    ASSERT_TRUE(arena.ok()) << to_string(arena.error());
    EXPECT_GE(served_from_cache(*arena), kPairs - 1) << size.value;
    char* const frame = static_cast<char*>(arena->try_allocate(bytes(1)));
    ASSERT_NE(frame, nullptr);
    EXPECT_EQ(arena->size_of(frame), size.value);
    EXPECT_NE(arena->free(frame + 1), Misuse::none);
    EXPECT_EQ(arena->free(frame), Misuse::none);
    EXPECT_EQ(arena->free(frame), Misuse::already_freed);
  }
}

TEST(ArenaCache, WhatAnotherThreadFreesIsAllocatedAgain) {
  auto arena = Arena::create({.budget = gib(1)});
  ASSERT_TRUE(arena.ok());
  arena->set_always_map(Trigger::off());
  void* blocks[64];
  for (int round = 0; round < 100; ++round) {
    for (void*& block : blocks) ASSERT_NE(block = arena->try_allocate(kib(64)), nullptr);
    std::thread([&] {
      for (void* block : blocks) EXPECT_EQ(arena->free(block), Misuse::none);
    }).join();
  }
  EXPECT_LE(arena->committed(), mib(12)) << "4 MiB at a time, 1 MiB in the cache of the thread";
  arena->check();
}

TEST(ArenaCache, WhatIsInTheHandCountsForTheLimitOfTheThread) {
  auto arena = Arena::create({.budget = mib(64), .thread_cache = mib(1)});
  ASSERT_TRUE(arena.ok());
  arena->set_always_map(Trigger::off());
  void* const large = arena->try_allocate(kib(768));
  void* const small = arena->try_allocate(kib(512));
  EXPECT_EQ(arena->free(large), Misuse::none);
  EXPECT_EQ(arena->stats().cached_pages, PageCount(192));
  EXPECT_EQ(arena->free(large), Misuse::already_freed);
  EXPECT_EQ(arena->free(small), Misuse::none);
  EXPECT_LE(arena->stats().cached_pages, PageCount(256));
  arena->check();
}

TEST(ArenaCache, TheHandAndTheBinsServeTheirSizes) {
  auto arena = Arena::create({.budget = mib(64)});
  ASSERT_TRUE(arena.ok());
  arena->set_always_map(Trigger::off());
  for (int i = 0; i < 3; ++i) {
    void* const two = arena->try_allocate(kib(8));
    void* const three = arena->try_allocate(kib(12));
    EXPECT_EQ(arena->free(two), Misuse::none);
    EXPECT_EQ(arena->free(three), Misuse::none);
    EXPECT_EQ(arena->try_allocate(kib(12)), three);
    EXPECT_EQ(arena->try_allocate(kib(8)), two);
    EXPECT_EQ(arena->free(two), Misuse::none);
    EXPECT_EQ(arena->free(three), Misuse::none);
    arena->check();
  }
}

TEST(ArenaCache, WhatFindsNoRoomWhereBlockingIsForbiddenIsNotLost) {
  auto arena = Arena::create({.budget = mib(64)});
  ASSERT_TRUE(arena.ok());
  arena->set_always_map(Trigger::off());
  void* all[Bin::kCapacity + 2];
  for (void*& one : all) one = arena->try_allocate(kib(8));
  for (std::size_t i = 0; i + 1 < std::size(all); ++i) EXPECT_EQ(arena->free(all[i]), Misuse::none);
  {
    const NoBlockScope no_block;  // the bin is full, so the hand cannot be laid down into it
    EXPECT_EQ(arena->free(all[Bin::kCapacity + 1]), Misuse::none);
  }
  arena->check();
  arena->reclaim();
  const Stats stats = arena->stats();
  EXPECT_EQ(stats.free_pages, stats.total_pages);
  arena->check();
}

TEST(ArenaCache, ASizeThatNoPageCountHoldsIsRefused) {
  auto arena = Arena::create({.budget = mib(16)});
  ASSERT_TRUE(arena.ok());
  EXPECT_GE(served_from_cache(*arena), kPairs - 1) << "the bin of one frame holds one";
  const std::uint64_t top = ~std::uint64_t{0};
  for (const std::uint64_t size : {std::uint64_t{0}, top, top - 4095, top - 4096,
                                   std::uint64_t{1} << 44 | 4096, std::uint64_t{1} << 63}) {
    EXPECT_EQ(arena->try_allocate(Bytes(size)), nullptr) << size;
    EXPECT_FALSE(arena->allocate(Bytes(size)).ok()) << size;
  }
  arena->check();
}

TEST(ArenaCache, ASwitchIsSeenByEveryThreadAndSoIsItsEnd) {
  auto arena = Arena::create({.budget = mib(16)});
  ASSERT_TRUE(arena.ok());
  arena->set_always_map(Trigger::off());
  std::barrier step(2);
  const auto pair = [&arena] {
    void* const p = arena->try_allocate(kib(8));
    const Kind kind = arena->kind_of(p);
    EXPECT_EQ(arena->free(p), Misuse::none);
    return kind;
  };
  std::thread other([&] {
    for (int i = 0; i < 4; ++i) EXPECT_EQ(pair(), Kind::contiguous);
    step.arrive_and_wait();
    step.arrive_and_wait();
    EXPECT_EQ(pair(), Kind::mapped) << "it has one in its hand";
    EXPECT_EQ(pair(), Kind::mapped);
    step.arrive_and_wait();
    step.arrive_and_wait();
    const std::uint64_t before = arena->stats().cache_hits;
    for (std::uint64_t i = 0; i < kPairs; ++i) pair();
    EXPECT_GE(arena->stats().cache_hits - before, kPairs - 1);
  });
  step.arrive_and_wait();
  arena->set_always_map(Trigger::always());
  step.arrive_and_wait();
  step.arrive_and_wait();
  arena->set_always_map(Trigger::off());
  step.arrive_and_wait();
  other.join();
  arena->check();
}

/// Throws for odd numbers. What is compiled in stands in front of the throw, and in the handler.
int pairs_around_a_throw(Arena& arena, int n) {
  void* const before = arena.try_allocate(kib(4));
  int answer = 0;
  try {
    if (n % 2 != 0) throw n;
    arena.free(before);
  } catch (int thrown) {
    arena.free(before);
    void* const after = arena.try_allocate(kib(4));
    answer = after == before ? thrown : -1;
    arena.free(after);
  }
  return answer;
}

/// This file is compiled with -O2: such a function is split into a hot and a cold half then.
TEST(ArenaCache, ExceptionsPassWhatIsCompiledIn) {
  auto arena = Arena::create({.budget = mib(16)});
  ASSERT_TRUE(arena.ok());
  arena->set_always_map(Trigger::off());
  for (int n = 0; n < 8; ++n) EXPECT_EQ(pairs_around_a_throw(*arena, n), n % 2 == 0 ? 0 : n);
  arena->check();
}

#ifndef VC_THREAD_SANITIZER

/// From now on membarrier(2) does not exist for this process.
bool forbid_membarrier() {
  sock_filter filter[] = {
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_membarrier},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | ENOSYS},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
  };
  const sock_fprog program{4, filter};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

TEST(ArenaCacheDeathTest, ServesWithoutMembarrier) {
  constexpr int kServed = 10;
  constexpr int kNoFilter = 11;
  const auto child = [] {
    os::light_is_free.store_release(false);  // as a process that has asked for it in vain
#ifdef VC_RESTARTABLE_SEQUENCES
    os::sequences_work.store_release(false);
#endif
    if (!forbid_membarrier()) std::_Exit(kNoFilter);
    auto arena = Arena::create({.budget = mib(16)});
    const bool served =
        arena.ok() && !os::has_barrier_at_hand() && served_from_cache(*arena) >= kPairs - 1;
    if (served) arena->reclaim();  // the heavy half
    std::_Exit(served && arena->stats().cached_pages == PageCount(0) ? kServed : 1);
  };
  const auto expected = [](int status) {
    return WIFEXITED(status) &&
           (WEXITSTATUS(status) == kServed || WEXITSTATUS(status) == kNoFilter);
  };
  EXPECT_EXIT(child(), expected, "");
}

#endif

}  // namespace
}  // namespace vc
