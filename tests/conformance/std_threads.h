// How a home in a process runs what a test wants to happen on several threads.
#pragma once

#include <cstdint>
#include <thread>
#include <vector>

namespace vc::testing {

/// The part of a home that std::thread supplies. `Home` has begin_thread(number).
template <class Home>
struct StdThreads {
  /// Callers that can be in a slot at the same time: as many as there are threads.
  static std::uint32_t concurrent_slots() { return 6; }
  static void yield() { std::this_thread::yield(); }
  /// Runs function(0) to function(count - 1), each on its own thread, at the same time.
  template <class Function>
  static void run_threads(std::uint32_t count, Function&& function) {
    std::vector<std::thread> threads;
    for (std::uint32_t i = 0; i < count; ++i) {
      threads.emplace_back([&function, i] {
        Home::begin_thread(i + 1);  // the caller is number 0
        function(i);
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  /// The same for concurrent_slots() callers, each of which may stay in a slot while it waits for
  /// the others.
  template <class Function>
  static void run_in_slots(Function&& function) {
    run_threads(concurrent_slots(), function);
  }
  /// Runs the function once, elsewhere, while the caller keeps what it holds; then returns.
  template <class Function>
  static void run_beside(Function&& function) {
    run_threads(1, [&function](std::uint32_t) { function(); });
  }
};

}  // namespace vc::testing
