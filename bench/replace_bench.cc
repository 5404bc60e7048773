// Replacing: 16 live blocks, one at random is freed and allocated anew, and every page of the new
// one is written. What a program pays that works with buffers.
//
// The first 16 blocks are allocated and written before the clock starts, so everybody begins warm.
#include "bench/harness.h"
#include "vcompound/base/random.h"

namespace vc::bench {

namespace {

constexpr std::size_t kLive = 16;

template <class Allocator, Touch kTouch>
void replace(benchmark::State& state, std::size_t size) {
  Allocator allocator{};
  const auto fill = [&] {
    void* p = allocator.allocate(size);
    if (p == nullptr) state.SkipWithError("refused");
    if (p != nullptr) touch_pages<kTouch>(p, size);
    return p;
  };
  void* live[kLive] = {};
  for (void*& p : live) p = fill();
  Random random(size);
  for (auto _ : state) {
    void*& chosen = live[random.next() % kLive];
    allocator.free(chosen);
    chosen = fill();
    if (chosen == nullptr) break;
    benchmark::ClobberMemory();
  }
  for (void* p : live) {
    if (p != nullptr) allocator.free(p);
  }
  state.SetItemsProcessed(state.iterations());
}

}  // namespace

void register_benchmarks() {
  for_each_allocator([]<class Allocator>() {
    for_each_size(64 << 10, 64 << 20, [](std::size_t size) {
      const auto add = [size](const char* name, auto* function) {
        benchmark::RegisterBenchmark(name_of_run(name, Allocator::kName, size).c_str(), function,
                                     size)
            ->MinTime(0.03)
            ->Repetitions(size > 4 << 20 ? 5 : 9);  // large ones take the peers tens of ms each
      };
      add("replace", replace<Allocator, Touch::spread>);
      add("replace_first_byte", replace<Allocator, Touch::first>);
    });
  });
}

}  // namespace vc::bench
