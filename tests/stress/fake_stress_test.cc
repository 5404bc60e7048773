// Many threads on one modelled machine: every page is stamped by its owner and read back through
// the TLB of another CPU, so a frame in two hands, a stale translation or a lost drain is seen.
#include <gtest/gtest.h>

#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "vcompound/base/random.h"
#include "vcompound/instance/fake_arena.h"

namespace vc {
namespace {

constexpr std::uint32_t kThreads = 4;
constexpr std::uint32_t kSteps = 4000;
constexpr std::uint64_t kPage = 4096;

struct Owned {
  Allocation what;
  std::uint64_t stamp = 0;
};

/// A box through which threads hand compounds to each other.
class Exchange {
 public:
  void put(Owned owned) {
    const std::lock_guard guard(lock_);
    box_.push_back(owned);
  }
  std::optional<Owned> take() {
    const std::lock_guard guard(lock_);
    if (box_.empty()) return std::nullopt;
    const Owned owned = box_.front();
    box_.pop_front();
    return owned;
  }

 private:
  std::mutex lock_;
  std::deque<Owned> box_;
};

class Worker {
 public:
  Worker(FakeArena& arena, Exchange& exchange, std::uint32_t cpu)
      : arena_(arena), exchange_(exchange), cpu_(cpu), random_(cpu + 1) {}

  void run() {
    FakePlatform::set_cpu(cpu_);
    for (std::uint32_t i = 0; i < kSteps; ++i) step();
    for (const Owned& owned : owned_) release(owned);
  }

 private:
  void step() {
    switch (random_.below(10)) {
      case 0: arena_.allocator.reclaim(); break;
      case 1: static_cast<void>(arena_.allocator.stats()); break;
      case 2: hand_over(); break;
      case 3:
        if (const auto owned = exchange_.take()) release(*owned);
        break;
      case 4: release_without_blocking(); break;
      case 5:
        if (!owned_.empty()) release(pick());
        break;
      default: allocate(); break;
    }
  }

  void allocate() {
    Request request{.size = Bytes(1 + random_.below(24 * kPage))};
    request.contiguity = static_cast<Contiguity>(random_.below(3));
    if (random_.below(4) == 0) request.may_block = MayBlock::no;
    auto got = arena_.allocator.allocate(request, CallSite::here());
    if (!got) return;
    const Owned owned{*got, (std::uint64_t{cpu_} << 32) + ++stamps_};
    for (std::uint64_t n = 0; n < got->pages.value; ++n) {
      ASSERT_TRUE(arena_.platform.write(cpu_, got->address + Bytes(n * kPage), owned.stamp + n));
    }
    stamps_ += got->pages.value;
    owned_.push_back(owned);
  }

  Owned pick() {
    const std::size_t i = random_.below(owned_.size());
    const Owned owned = owned_[i];
    owned_[i] = owned_.back();
    owned_.pop_back();
    return owned;
  }

  void hand_over() {
    if (!owned_.empty()) exchange_.put(pick());
  }

  void release(const Owned& owned) {
    for (std::uint64_t n = 0; n < owned.what.pages.value; ++n) {
      std::uint64_t seen = 0;
      ASSERT_TRUE(arena_.platform.read(cpu_, owned.what.address + Bytes(n * kPage), seen));
      ASSERT_EQ(seen, owned.stamp + n) << "page " << n << " was in two hands";
    }
    ASSERT_EQ(arena_.allocator.get(owned.what.address), Misuse::none);
    ASSERT_EQ(arena_.allocator.put(owned.what.address), Misuse::none);
    ASSERT_EQ(arena_.allocator.free(owned.what.address), Misuse::none);
  }

  void release_without_blocking() {
    if (owned_.empty()) return;
    FakePlatform::set_no_block(true);
    release(pick());
    FakePlatform::set_no_block(false);
  }

  FakeArena& arena_;
  Exchange& exchange_;
  std::uint32_t cpu_;
  Random random_;
  std::uint64_t stamps_ = 0;
  std::vector<Owned> owned_;
};

/// Runs all workers, then proves that nothing is lost.
void run_all(const FakeOptions& options, const AllocatorOptions& settings, Trigger always_map) {
  FakeArena arena(options, settings);
  ASSERT_TRUE(arena.opened.ok());
  arena.allocator.set_always_map(always_map);
  Exchange exchange;
  std::vector<std::thread> threads;
  for (std::uint32_t cpu = 0; cpu < kThreads; ++cpu) {
    threads.emplace_back([&arena, &exchange, cpu] { Worker(arena, exchange, cpu).run(); });
  }
  for (std::thread& thread : threads) thread.join();
  while (const auto owned = exchange.take()) {
    ASSERT_EQ(arena.allocator.free(owned->what.address), Misuse::none);
  }
  arena.allocator.reclaim();
  arena.allocator.check();
  const Stats stats = arena.allocator.stats();
  EXPECT_EQ(stats.free_pages, stats.total_pages);
  EXPECT_EQ(stats.mappings_used, 0U);
  EXPECT_EQ(stats.misuses, 0U);
  EXPECT_GT(stats.contiguous_allocations + stats.mapped_allocations, kThreads * 100U);
  EXPECT_EQ(stats.frees, stats.contiguous_allocations + stats.mapped_allocations);
  EXPECT_EQ(arena.platform.stale_uses(), 0U);
  EXPECT_EQ(arena.platform.faults(), 0U);
}

TEST(FakeStress, ScarceMemory) { run_all({.nodes = {PageCount(600)}}, {}, Trigger::off()); }

TEST(FakeStress, TwoNodes) {
  run_all({.nodes = {PageCount(700), PageCount(500)}, .gap_between_nodes = PageCount(100)}, {},
          Trigger::off());
}

TEST(FakeStress, SmallCachesAndEarlyPurges) {
  run_all({.nodes = {PageCount(1024)}},
          {.slot_cache = PageCount(30), .pending_limit = PageCount(20)}, Trigger::per_mille(300));
}

TEST(FakeStress, AlwaysMap) { run_all({.nodes = {PageCount(2048)}}, {}, Trigger::always()); }

}  // namespace
}  // namespace vc
