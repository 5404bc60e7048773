// VmapSpace against a map of areas.
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <vector>

#include "tests/model/replay.h"
#include "vcompound/vmap/vmap_space.h"

namespace vc {
namespace {

class VmapSpaceModel {
 public:
  VmapSpaceModel(std::uint64_t pages, std::uint32_t node_count, std::uint64_t seed)
      : pages_(pages),
        node_count_(node_count),
        entries_(std::make_unique<Atomic<std::uint32_t>[]>(pages)),
        nodes_(node_count),
        random_(seed) {
    space_.open({entries_.get(), nodes_.data(), node_count}, PageCount(pages));
  }

  void step() {
    if (random_.below(100) < reserve_percent_) {
      reserve();
    } else if (random_.below(4) == 0) {
      shrink();
    } else {
      release();
    }
    if (random_.below(400) == 0) reserve_percent_ = 35 + random_.below(35);
    space_.check();
    compare();
  }

  void finish() {
    while (!areas_.empty()) release();
    space_.check();
    EXPECT_EQ(space_.free_pages().value, pages_);
    EXPECT_EQ(space_.largest_gap().value, pages_ - 1);
  }

 private:
  struct Area {
    std::uint64_t pages;
    std::uint32_t stamp;  ///< the frame of its first page; the others follow
  };
  struct Gap {
    std::uint64_t start;
    std::uint64_t length;
  };

  /// The free ranges; the guard page in front of an area is used.
  std::vector<Gap> gaps() const {
    std::vector<Gap> all;
    std::uint64_t at = 0;
    for (const auto& [first, area] : areas_) {
      if (first - 1 > at) all.push_back({at, first - 1 - at});
      at = first + area.pages;
    }
    if (pages_ > at) all.push_back({at, pages_ - at});
    return all;
  }

  void reserve() {
    const std::uint64_t pages = testing::skewed(random_, pages_);
    const std::uint64_t alignment = random_.below(3) == 0 ? 1ULL << random_.below(10) : 1;
    Vpn expected = kNoVpn;
    for (const Gap& gap : gaps()) {
      if (gap.length < pages + alignment) continue;  // guard + pages + the worst loss
      expected = Vpn(align_up(gap.start + 1, alignment));
      break;
    }
    if (areas_.size() + 3 > node_count_) expected = kNoVpn;
    const Vpn got = space_.reserve(PageCount(pages), PageCount(alignment));
    ASSERT_EQ(got, expected) << pages << " pages, alignment " << alignment;
    if (got == kNoVpn) return;
    const Area area{pages, static_cast<std::uint32_t>(random_.below(1U << 31))};
    for (std::uint32_t i = 0; i < pages; ++i) {
      space_.set_frame(got + PageCount(i), Pfn(area.stamp + i));
    }
    areas_[got.value] = area;
  }

  auto any_area() {
    return std::next(areas_.begin(), static_cast<std::ptrdiff_t>(random_.below(areas_.size())));
  }

  void shrink() {
    if (areas_.empty()) return;
    const auto area = any_area();
    if (area->second.pages == 1) return;
    const std::uint64_t pages = 1 + random_.below(area->second.pages - 1);
    space_.shrink(Vpn(area->first), PageCount(pages));
    verify_erased(area->first + pages, area->second.pages - pages);
    area->second.pages = pages;
    verify(area->first, area->second);
  }

  void release() {
    if (areas_.empty()) return;
    const auto area = any_area();
    verify(area->first, area->second);
    space_.release(Vpn(area->first));
    verify_erased(area->first, area->second.pages);
    areas_.erase(area);
  }

  /// What was released names no frame any more: head_of() relies on it.
  void verify_erased(std::uint64_t first, std::uint64_t pages) const {
    for (std::uint64_t i = 0; i < pages; ++i) {
      ASSERT_EQ(space_.frame_at(Vpn(first + i)), kNoPfn) << "page " << i;
    }
  }

  /// An area still has its length and its frames: nobody else wrote there.
  void verify(std::uint64_t first, const Area& area) const {
    ASSERT_EQ(space_.pages(Vpn(first)).value, area.pages);
    for (std::uint64_t i = 0; i < area.pages; ++i) {
      ASSERT_EQ(space_.frame_at(Vpn(first + i)), Pfn(area.stamp + i)) << "page " << i;
    }
  }

  void compare() const {
    std::uint64_t free = 0;
    std::uint64_t largest = 0;
    for (const Gap& gap : gaps()) {
      free += gap.length;
      largest = std::max(largest, gap.length - 1);
    }
    ASSERT_EQ(space_.free_pages().value, free);
    ASSERT_EQ(space_.largest_gap().value, largest);
    ASSERT_EQ(space_.size().value, pages_);
  }

  std::uint64_t pages_;
  std::uint32_t node_count_;
  std::unique_ptr<Atomic<std::uint32_t>[]> entries_;
  std::vector<GapNode> nodes_;
  VmapSpace space_;
  std::map<std::uint64_t, Area> areas_;  ///< by first page
  std::uint64_t reserve_percent_ = 60;
  Random random_;
};

void run_model(std::uint64_t pages, std::uint32_t nodes, std::uint64_t seed) {
  VmapSpaceModel model(pages, nodes, seed);
  for (std::uint64_t i = 0, end = testing::steps(4000); i < end; ++i) {
    SCOPED_TRACE("step " + std::to_string(i));
    model.step();
    if (::testing::Test::HasFailure()) return;
  }
  model.finish();
}

TEST(VmapSpaceModel, AWideSpace) {
  testing::for_each_seed(3, [](std::uint64_t seed) { run_model(8192, 4096, seed); });
}

TEST(VmapSpaceModel, ANarrowSpace) {
  testing::for_each_seed(4, [](std::uint64_t seed) { run_model(200, 400, seed); });
}

TEST(VmapSpaceModel, FewNodes) {
  testing::for_each_seed(4, [](std::uint64_t seed) { run_model(1000, 12, seed); });
}

TEST(VmapSpaceModel, SpacesOfAFewPages) {
  testing::for_each_seed(8, [](std::uint64_t seed) { run_model(seed + 1, 32, seed); });
}

}  // namespace
}  // namespace vc
