// The pair: allocate and free at once, warm. What an allocator costs when it has what is asked for.
//
// Nobody touches the memory, neither the allocators' callers nor (but for their own headers) the
// allocators: this is the price of the two calls alone. "raii" is vcompound through its owning
// handle. The same loop runs in one and in two threads.
#include "bench/harness.h"

namespace vc::bench {

namespace {

constexpr std::size_t kSmallest = 4096;
constexpr std::size_t kLargest = std::size_t{64} << 20;

template <class Allocator>
void pair(benchmark::State& state, std::size_t size) {
  Allocator allocator{};
  allocator.free(allocator.allocate(size));  // warm
  for (auto _ : state) {
    void* p = allocator.allocate(size);
    if (p == nullptr) {
      state.SkipWithError("refused");
      break;
    }
    benchmark::DoNotOptimize(p);
    allocator.free(p);
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations());
}

void raii_pair(benchmark::State& state, std::size_t size) {
  Arena& arena = shared_arena();
  arena.free(arena.try_allocate(bytes(size)));  // warm
  for (auto _ : state) {
    Result<Compound> compound = arena.allocate(bytes(size));
    if (!compound) {
      state.SkipWithError("refused");
      break;
    }
    benchmark::DoNotOptimize(compound->data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations());
}

template <class Allocator>
void register_pairs() {
  for_each_size(kSmallest, kLargest, [](std::size_t size) {
    const std::string name = name_of_run("pair", Allocator::kName, size);
    benchmark::RegisterBenchmark(name.c_str(), pair<Allocator>, size)->MinTime(0.02);
  });
  for (const std::size_t size : {std::size_t{4096}, std::size_t{65536}, std::size_t{1} << 20}) {
    const std::string name = name_of_run("pair_threads", Allocator::kName, size);
    benchmark::RegisterBenchmark(name.c_str(), pair<Allocator>, size)
        ->MinTime(0.1)
        ->ThreadRange(1, 2)
        ->UseRealTime();
  }
}

}  // namespace

void register_benchmarks() {
  for_each_allocator([]<class Allocator>() { register_pairs<Allocator>(); });
  for_each_size(kSmallest, kLargest, [](std::size_t size) {
    const std::string name = name_of_run("pair", "raii", size);
    benchmark::RegisterBenchmark(name.c_str(), raii_pair, size)->MinTime(0.02);
  });
}

}  // namespace vc::bench
