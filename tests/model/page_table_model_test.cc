// PageTable against an array that says what is behind each page.
#include <gtest/gtest.h>

#include <vector>

#include "tests/model/replay.h"
#include "tests/unit/page_table_testing.h"

namespace vc {
namespace {

using testing::TableBox;

/// Some 2 GiB of addresses, most of the traffic near the ends of large and huge leaves.
class PageTableModel {
 public:
  static constexpr std::uint64_t k2M = 512;
  static constexpr std::uint64_t k1G = k2M * 512;
  static constexpr std::uint64_t kPages = 2 * k1G + 3 * k2M;

  explicit PageTableModel(std::uint64_t seed) : pages_(kPages), random_(seed) {}

  void step() {
    box_.stock.fail(random_.below(2) == 0 ? 1 + random_.below(6) : 0);
    const std::uint64_t what = random_.below(100);
    if (what < 55) {
      map();
    } else if (what < 85) {
      unmap();
    } else if (what < 97) {
      protect();
    } else {
      begin_again();
    }
    if (random_.below(3) == 0) box_.free_retired();
  }

  void finish() {
    box_.stock.fail(~std::uint64_t{0} - box_.stock.asked);
    compare(0, kPages);
    ASSERT_TRUE(box_.table.unmap(box_.pages(0, kPages)).ok());
    box_.table.retire_tables(TableBox::kAll);
    box_.free_retired();
    EXPECT_EQ(box_.stock.live(), 1U) << "only the root is left";
  }
  void check() const { ASSERT_TRUE(box_.is_sound()); }
  std::uint64_t failures() const { return failures_; }

 private:
  struct Page {
    Pfn frame = kNoPfn;
    PageFlags flags{};
  };

  std::uint64_t length() {
    switch (random_.below(8)) {
      case 0: return k2M;
      case 1: return k2M + random_.below(3 * k2M);
      case 2: return random_.below(100) == 0 ? k1G : 2 * k2M;
      default: return testing::skewed(random_, 700);
    }
  }
  std::uint64_t place(std::uint64_t count) {
    const std::uint64_t near[] = {0, k2M, 3 * k2M, k1G, k1G - k2M, 2 * k1G, 2 * k1G + k2M};
    std::uint64_t n = near[random_.below(std::size(near))];
    if (random_.below(2) == 0) n += random_.below(40);
    if (random_.below(2) == 0 && n >= 40) n -= random_.below(40);
    return n + count <= kPages ? n : kPages - count;
  }
  bool is_empty(std::uint64_t n, std::uint64_t count) const {
    for (std::uint64_t i = n; i < n + count; ++i) {
      if (pages_[i].frame != kNoPfn) return false;
    }
    return true;
  }

  void map() {
    const std::uint64_t count = length();
    const std::uint64_t n = place(count);
    if (!is_empty(n, count)) return change(n, count, nullptr);
    // Often a frame that lies in its leaf as the page does.
    std::uint64_t frame = 0x40'0000 + random_.below(64) * k2M + n % k2M;
    if (random_.below(4) == 0) frame += random_.below(k2M);
    if (count == k1G) frame = 16 * k1G + n % k1G;
    const auto largest = static_cast<LeafSize>(1 + random_.below(3));
    const PageFlags flags = some_flags();
    if (random_.below(3) == 0) return map_pieces(n, {Pfn(frame), PageCount(count)}, flags, largest);
    const std::size_t live = box_.stock.live();
    const PlatformStatus status =
        box_.table.map(box_.page(n), {Pfn(frame), PageCount(count)}, flags, largest);
    if (status.ok()) {
      for (std::uint64_t i = 0; i < count; ++i) pages_[n + i] = {Pfn(frame + i), flags};
    } else {
      ++failures_;
      EXPECT_EQ(box_.stock.live(), live);
    }
    compare_around(n, count);
  }
  /// Maps a run in pieces of any length, up to the first failure.
  void map_pieces(std::uint64_t n, PfnRange run, PageFlags flags, LeafSize largest) {
    const std::uint64_t start = n;
    const std::uint64_t count = run.count.value;
    TableBox::Table::Mapper mapper(box_.table, box_.page(n), flags, largest);
    while (!run.empty()) {
      const PfnRange piece{run.first, PageCount(testing::skewed(random_, run.count.value))};
      if (!mapper.add(piece).ok()) {
        ++failures_;
        break;
      }
      for (Pfn p = piece.first; p < piece.end(); p += PageCount(1)) pages_[n++] = {p, flags};
      run = {piece.end(), run.count - piece.count};
    }
    mapper.finish();
    compare_around(start, count);
  }
  /// Unmaps everything and gives the tables back: the next operations need new ones.
  void begin_again() {
    change(0, kPages, nullptr);
    if (is_empty(0, kPages)) box_.table.retire_tables(box_.pages(0, kPages));
  }
  void unmap() {
    const std::uint64_t count = random_.below(300) == 0 ? kPages : length();
    change(place(count), count, nullptr);
  }
  void protect() {
    const std::uint64_t count = length();
    const PageFlags flags = some_flags();
    change(place(count), count, &flags);
  }
  /// Unmaps, or gives other flags.
  void change(std::uint64_t n, std::uint64_t count, const PageFlags* flags) {
    const VirtRange range = box_.pages(n, count);
    const PlatformStatus status =
        flags == nullptr ? box_.table.unmap(range) : box_.table.protect(range, *flags);
    if (!status.ok()) ++failures_;
    for (std::uint64_t i = n; status.ok() && i < n + count; ++i) {
      if (flags == nullptr) {
        pages_[i] = {};
      } else if (pages_[i].frame != kNoPfn) {
        pages_[i].flags = *flags;
      }
    }
    compare_around(n, count);
  }
  PageFlags some_flags() {
    PageFlags flags = PageFlags::none();
    if (random_.below(2) == 0) flags = flags | PageFlags::writable();
    if (random_.below(4) == 0) flags = flags | PageFlags::executable();
    if (random_.below(4) == 0) flags = flags | PageFlags::global();
    if (random_.below(4) == 0) flags = flags | PageFlags::uncached();
    return flags;
  }

  void compare_around(std::uint64_t n, std::uint64_t count) {
    compare(n > k2M ? n - k2M : 0, n + count + k2M < kPages ? n + count + k2M : kPages);
  }
  void compare(std::uint64_t first, std::uint64_t end) {
    // Every page near the ends; in the middle of a huge range a sample.
    for (std::uint64_t i = first; i < end;) {
      const Translation t = box_.at(i);
      ASSERT_EQ(t.frame, pages_[i].frame) << "page " << i;
      if (t.exists()) {
        ASSERT_EQ(t.flags, pages_[i].flags) << "page " << i;
      }
      i += i - first < 2000 || end - i < 2000 ? 1 : 1 + random_.below(400);
    }
  }

  TableBox box_;
  std::vector<Page> pages_;
  Random random_;
  std::uint64_t failures_ = 0;
};

TEST(PageTableModelTest, RandomOperationsAgreeWithAnArray) {
  testing::for_each_seed(6, [](std::uint64_t seed) {
    PageTableModel model(seed);
    const std::uint64_t steps = testing::steps(2500);
    for (std::uint64_t i = 0; i < steps && !::testing::Test::HasFailure(); ++i) {
      SCOPED_TRACE("step " + std::to_string(i));
      model.step();
      if (i % 16 == 0) model.check();
    }
    model.finish();
    EXPECT_GT(model.failures(), steps / 200) << "too few failures to be worth the name";
  });
}

}  // namespace
}  // namespace vc
