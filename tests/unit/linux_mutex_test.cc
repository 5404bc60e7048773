// The lock of the Linux home: one holder, and nobody sleeps on.
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "vcompound/platform/linux/mutex.h"

namespace vc::testing {
namespace {

using os::Mutex;

/// Does a thread of this process sleep, as the kernel sees it?
bool sleeps(pid_t thread) {
  std::ifstream stat("/proc/self/task/" + std::to_string(thread) + "/stat");
  std::string line;
  std::getline(stat, line);
  const std::size_t name_end = line.rfind(')');
  return name_end != std::string::npos && line.compare(name_end, 3, ") S") == 0;
}

/// A thread that takes a lock and gives it back, once.
class Locker {
 public:
  explicit Locker(Mutex& mutex)
      : thread_([this, &mutex] {
          number_ = static_cast<pid_t>(::syscall(SYS_gettid));
          mutex.lock();
          mutex.unlock();
        }) {}
  ~Locker() { thread_.join(); }
  Locker(const Locker&) = delete;
  Locker& operator=(const Locker&) = delete;

  void wait_until_it_sleeps() const {
    while (number_ == 0 || !sleeps(number_)) std::this_thread::yield();
  }

 private:
  std::atomic<pid_t> number_{0};
  std::thread thread_;
};

TEST(LinuxMutex, TryLockSaysNoWhileItIsHeld) {
  Mutex mutex;
  ASSERT_TRUE(mutex.try_lock());
  EXPECT_FALSE(mutex.try_lock()) << "not even its holder takes it again";
  std::thread([&] { EXPECT_FALSE(mutex.try_lock()); }).join();
  mutex.unlock();
  EXPECT_TRUE(mutex.try_lock());
  mutex.unlock();
}

TEST(LinuxMutex, WhoSleepsIsWoken) {
  Mutex mutex;
  mutex.lock();
  const Locker locker(mutex);
  locker.wait_until_it_sleeps();
  EXPECT_FALSE(mutex.try_lock());
  mutex.unlock();  // else the thread never ends
}

TEST(LinuxMutex, EachOfSeveralSleepersIsWoken) {
  Mutex mutex;
  mutex.lock();
  const Locker first(mutex);
  const Locker second(mutex);
  const Locker third(mutex);
  first.wait_until_it_sleeps();
  second.wait_until_it_sleeps();
  third.wait_until_it_sleeps();
  mutex.unlock();
}

TEST(LinuxMutex, OnlyOneHoldsIt) {
  constexpr std::uint64_t kThreads = 4;
  constexpr std::uint64_t kRounds = 20'000;
  Mutex mutex;
  std::uint64_t count = 0;  // not atomic: the lock must do
  std::vector<std::thread> threads;
  for (std::uint64_t i = 0; i != kThreads; ++i) {
    threads.emplace_back([&] {
      for (std::uint64_t round = 0; round != kRounds; ++round) {
        const std::scoped_lock lock(mutex);
        ++count;
        if (round % 64 == 0) std::this_thread::yield();  // then the others come, wait and sleep
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(count, kThreads * kRounds);
}

}  // namespace
}  // namespace vc::testing
