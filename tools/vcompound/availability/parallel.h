// parallel.h — the same work on each of many things, by all CPUs.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <system_error>
#include <thread>
#include <vector>

namespace vc::tool {

/// Calls work(i) for each i below `count`, by at most eight threads, in no order. `work` must be
/// thread-safe and must not throw.
template <class Work>
void for_each_index(std::size_t count, const Work& work) {
  constexpr std::size_t kMostThreads = 8;
  const std::size_t cpus = std::max<std::size_t>(1, std::thread::hardware_concurrency());
  const std::size_t threads = std::min({cpus, kMostThreads, count});
  std::atomic<std::size_t> next{0};
  const auto run = [&] {
    for (std::size_t i = next.fetch_add(1); i < count; i = next.fetch_add(1)) work(i);
  };
  std::vector<std::jthread> others;
  try {
    for (std::size_t i = 1; i < threads; ++i) others.emplace_back(run);
  } catch (const std::system_error&) {
    // No more threads can be made: those there are do all of it.
  }
  run();
}

}  // namespace vc::tool
