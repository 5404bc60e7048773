// Zone against a bitmap of frames.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "tests/model/replay.h"
#include "vcompound/buddy/zone.h"

namespace vc {
namespace {

/// As many runs as the zone promises to look at (zone.cc, kProbes).
constexpr std::uint64_t kProbes = 16;

class ZoneModel {
 public:
  ZoneModel(PfnRange range, std::uint64_t seed)
      : range_(range),
        words_(Zone::words_for(range)),
        free_(range.count.value, true),
        random_(seed) {
    zone_.open(words_.data(), range);
    zone_.add(range);
  }

  void step() {
    switch (random_.below(10)) {
      case 0:
      case 1: take(); break;
      case 2: take_run(); break;
      case 3: take_after(); break;
      case 4: take_exactly(); break;
      case 5: take_smallest(); break;
      case 6: take_around(); break;
      default: give(); break;
    }
    ASSERT_EQ(zone_.free_pages().value, free_count_);
  }

  void check() const { zone_.check(); }

  /// The zone's blocks are the free frames of the bitmap, each once.
  void compare() const {
    std::vector<bool> seen(free_.size(), false);
    zone_.for_each_free_block([&](PfnRange block) {
      for (Pfn p = block.first; p < block.end(); p += PageCount(1)) {
        EXPECT_FALSE(seen[index(p)]) << "frame " << p.value << " is in two blocks";
        seen[index(p)] = true;
      }
      return true;
    });
    EXPECT_TRUE(seen == free_);
  }

  /// Gives everything back: the blocks must be those of a fresh zone.
  void finish() {
    for (Pfn p = range_.first; p < range_.end(); p += PageCount(1)) {
      if (!free_[index(p)]) zone_.give({p, PageCount(1)});
    }
    zone_.check();
    std::vector<ZoneWord> fresh_words(words_.size());
    Zone fresh;
    fresh.open(fresh_words.data(), range_);
    fresh.add(range_);
    for (std::uint32_t k = 0; k < kOrderCount; ++k) {
      EXPECT_EQ(zone_.blocks(Order(k)), fresh.blocks(Order(k))) << "order " << k;
    }
  }

 private:
  std::size_t index(Pfn p) const { return (p - range_.first).value; }
  bool is_free(Pfn p) const { return range_.contains(p) && free_[index(p)]; }
  Pfn any_frame() { return range_.first + PageCount(random_.below(range_.count.value)); }

  void mark(PfnRange run, bool free) {
    ASSERT_TRUE(run.first >= range_.first && run.end() <= range_.end());
    for (Pfn p = run.first; p < run.end(); p += PageCount(1)) {
      ASSERT_NE(free_[index(p)], free) << "frame " << p.value;
      free_[index(p)] = free;
    }
    free_count_ = free ? free_count_ + run.count.value : free_count_ - run.count.value;
  }

  /// The maximal runs of free frames.
  std::vector<PfnRange> runs() const {
    std::vector<PfnRange> all;
    for (std::size_t i = 0; i < free_.size(); ++i) {
      if (!free_[i]) continue;
      if (i == 0 || !free_[i - 1]) all.push_back({range_.first + PageCount(i), PageCount(0)});
      all.back().count += PageCount(1);
    }
    return all;
  }
  bool has_room(PageCount pages, PageCount alignment) const {
    return std::ranges::any_of(runs(), [&](PfnRange run) {
      const Pfn start(align_up(run.first.value, alignment.value));
      return start + pages <= run.end();
    });
  }
  std::uint64_t blocks_from(std::uint32_t lowest) const {
    std::uint64_t sum = 0;
    for (std::uint32_t k = lowest; k < kOrderCount; ++k) sum += zone_.blocks(Order(k));
    return sum;
  }

  void take() {
    const PageCount pages(testing::skewed(random_, range_.count.value));
    const PageCount alignment(std::uint64_t{1} << (random_.below(3) == 0 ? random_.below(12) : 0));
    const PageCount room = std::max(pages, alignment);
    const bool one_block = room <= kMaxOrder.pages() && blocks_from(order_for(room).value) != 0;
    const std::uint32_t highest = floor_log2(pages.value);
    const std::uint32_t lowest = std::min(highest < 2 ? 0 : highest - 2, kMaxOrder.value);
    const bool looks_everywhere = blocks_from(lowest) <= kProbes;
    const bool exists = has_room(pages, alignment);
    const Pfn got = zone_.take(pages, alignment);
    if (got == kNoPfn) {
      EXPECT_FALSE(one_block) << "a single block would have served " << pages.value;
      EXPECT_FALSE(looks_everywhere && exists) << "a run would have served " << pages.value;
      return;
    }
    EXPECT_EQ(got.value % alignment.value, 0U);
    mark({got, pages}, false);
  }

  /// The longest run that contains a block of the largest order there is: no shorter one is told.
  PageCount least_largest() const {
    std::uint32_t k = kOrderCount;
    while (k != 0 && zone_.blocks(Order(k - 1)) == 0) --k;
    PageCount largest{};
    for (const PfnRange run : runs()) {
      const Pfn start(align_up(run.first.value, Order(k - 1).pages().value));
      if (start + Order(k - 1).pages() <= run.end()) largest = std::max(largest, run.count);
    }
    return largest;
  }

  void take_run() {
    const PageCount at_most(testing::skewed(random_, range_.count.value));
    const PageCount chunk(std::uint64_t{1} << random_.below(8));
    const PageCount largest = zone_.largest_run();
    std::uint32_t top = kOrderCount;
    while (top != 0 && zone_.blocks(Order(top - 1)) == 0) --top;
    if (top != 0 && zone_.blocks(Order(top - 1)) <= kProbes) {
      EXPECT_GE(largest, least_largest());
    }
    const auto is_as_long = [&](PfnRange run) {
      return run.count == largest;
    };
    EXPECT_TRUE(largest.value == 0 || std::ranges::any_of(runs(), is_as_long));
    const PfnRange run = zone_.take_run(at_most, chunk);
    const PageCount bound = std::min(largest, at_most);
    EXPECT_LE(run.count, bound);
    EXPECT_GT(run.count + chunk * 2, bound) << "much longer runs are free";
    EXPECT_EQ(run.empty(), free_count_ == 0);
    const bool is_whole = run.first.value % chunk.value == 0 && run.count.value % chunk.value == 0;
    const bool holds_a_chunk = Pfn(align_up(run.first.value, chunk.value)) + chunk <= run.end();
    EXPECT_TRUE(is_whole || !holds_a_chunk) << run.count.value << " from " << run.first.value;
    if (!run.empty()) mark(run, false);
  }

  void take_after() {
    const Pfn at = any_frame();
    const PageCount at_most(testing::skewed(random_, range_.count.value));
    PageCount available{};
    while (is_free(at + available)) available += PageCount(1);
    EXPECT_EQ(zone_.free_from(at), available);
    const PfnRange run = zone_.take_after(at, at_most);
    EXPECT_EQ(run.count, std::min(available, at_most));
    if (run.empty()) return;
    EXPECT_EQ(run.first, at);
    mark(run, false);
  }

  void take_around() {
    const Pfn frame = any_frame();
    const PageCount pages(testing::skewed(random_, range_.count.value));
    const PageCount alignment(std::uint64_t{1} << random_.below(6));
    Pfn expected = kNoPfn;
    for (const PfnRange run : runs()) {
      const Pfn start(align_up(run.first.value, alignment.value));
      if (run.contains(frame) && start + pages <= run.end()) expected = start;
    }
    ASSERT_EQ(zone_.take_around(frame, pages, alignment), expected);
    if (expected != kNoPfn) mark({expected, pages}, false);
  }

  /// The free blocks, by halving the range until all of a part is free.
  void add_blocks(Pfn first, Order order, std::vector<PfnRange>& blocks) const {
    std::uint64_t free = 0;
    for (Pfn p = first; p < first + order.pages(); p += PageCount(1)) free += is_free(p) ? 1U : 0U;
    if (free == order.pages().value) {
      blocks.push_back({first, order.pages()});
    } else if (free != 0) {
      const Order half(order.value - 1);
      add_blocks(first, half, blocks);
      add_blocks(first + half.pages(), half, blocks);
    }
  }
  std::vector<PfnRange> blocks() const {
    std::vector<PfnRange> all;
    Order order;
    while (order.pages().value < range_.end().value) order = Order(order.value + 1);
    add_blocks(Pfn(0), order, all);
    return all;
  }

  /// What take_smallest() may choose: of words whose largest block is the smallest that suffices,
  /// the smallest block that does.
  std::vector<PageCount> smallest_choices(PageCount at_least) const {
    std::map<std::uint64_t, std::vector<PageCount>> by_word;
    for (const PfnRange block : blocks()) by_word[block.first.value / 64].push_back(block.count);
    PageCount lowest{};
    std::vector<PageCount> choices;
    for (const auto& [word, sizes] : by_word) {
      const PageCount largest = *std::ranges::max_element(sizes);
      if (largest < at_least || (!choices.empty() && largest > lowest)) continue;
      if (largest < lowest) choices.clear();
      lowest = largest;
      PageCount smallest = largest;
      for (const PageCount size : sizes) {
        if (size >= at_least && size < smallest) smallest = size;
      }
      choices.push_back(smallest);
    }
    return choices;
  }

  void take_smallest() {
    const PageCount at_most(testing::skewed(random_, range_.count.value));
    const PageCount at_least(testing::skewed(random_, at_most.value));
    const std::vector<PageCount> choices = smallest_choices(at_least);
    const PfnRange run = zone_.take_smallest(at_least, at_most);
    EXPECT_EQ(run.empty(), choices.empty());
    if (run.empty()) return;
    const auto is_choice = [&](PageCount block) {
      return run.count == std::min(block, at_most);
    };
    EXPECT_TRUE(std::ranges::any_of(choices, is_choice)) << "not from the smallest block";
    mark(run, false);
  }

  void take_exactly() {
    const Pfn at = any_frame();
    PfnRange run{at, PageCount(0)};
    const PageCount wanted(testing::skewed(random_, 200));
    while (run.count < wanted && is_free(run.end())) run.count += PageCount(1);
    if (run.empty()) return;
    zone_.take_exactly(run);
    mark(run, false);
  }

  /// Any used frames may be given, also parts of what was taken at once.
  void give() {
    const Pfn at = any_frame();
    PfnRange run{at, PageCount(0)};
    const PageCount wanted(testing::skewed(random_, range_.count.value));
    while (run.count < wanted && range_.contains(run.end()) && !is_free(run.end())) {
      run.count += PageCount(1);
    }
    if (run.empty()) return;
    zone_.give(run);
    mark(run, true);
  }

  PfnRange range_;
  std::vector<ZoneWord> words_;
  Zone zone_;
  std::vector<bool> free_;
  std::uint64_t free_count_ = range_.count.value;
  Random random_;
};

void run_model(PfnRange range, std::uint64_t steps, std::uint64_t every, std::uint64_t seed) {
  ZoneModel model(range, seed);
  for (std::uint64_t i = 0; i < steps; ++i) {
    SCOPED_TRACE("step " + std::to_string(i));
    model.step();
    if (i % every == 0) model.check();
    if (i % (every * 16) == 0) model.compare();
    if (::testing::Test::HasFailure()) return;
  }
  model.compare();
  model.finish();
}

PfnRange range(std::uint64_t first, std::uint64_t count) { return {Pfn(first), PageCount(count)}; }

TEST(ZoneModel, ARangeOfAPowerOfTwo) {
  testing::for_each_seed(
      4, [](std::uint64_t seed) { run_model(range(0, 1024), testing::steps(4000), 1, seed); });
}

TEST(ZoneModel, ARangeWithRaggedEnds) {
  testing::for_each_seed(4, [](std::uint64_t seed) {
    run_model(range(1 + seed * 37, 777), testing::steps(4000), 1, seed);
  });
}

TEST(ZoneModel, AZoneOfAFewFrames) {
  testing::for_each_seed(
      8, [](std::uint64_t seed) { run_model(range(seed, seed), testing::steps(500), 1, seed); });
}

TEST(ZoneModel, RunsBeyondTheLargestOrder) {
  testing::for_each_seed(2, [](std::uint64_t seed) {
    run_model(range(5, 3 * kMaxOrder.pages().value), testing::steps(60), 16, seed);
  });
}

}  // namespace
}  // namespace vc
