// The listings: what they say is compared with what the allocator says, line by line.
#include <gtest/gtest.h>

#include "kernel/memory/bring_up.h"
#include "kernel/memory/listing.h"
#include "kernel/memory/memory.h"
#include "vcompound/platform/x86_64/cpu.h"

namespace vc::kernel {
namespace {

constexpr Bytes kPage{4096};

/// What follows `word` in a line; nullptr if it is not there.
const char* after(const char* line, const char* word) {
  for (; *line != '\0'; ++line) {
    std::size_t same = 0;
    while (word[same] != '\0' && line[same] == word[same]) ++same;
    if (word[same] == '\0') return line + same;
  }
  return nullptr;
}

/// Reads a number, past spaces, and moves behind it.
std::uint64_t number_at(const char*& at) {
  while (*at == ' ') ++at;
  std::uint64_t value = 0;
  for (; *at >= '0' && *at <= '9'; ++at) value = value * 10 + static_cast<std::uint64_t>(*at - '0');
  return value;
}

std::uint64_t number_after(const char* line, const char* word) {
  const char* at = after(line, word);
  return at == nullptr ? ~std::uint64_t{0} : number_at(at);
}

/// Reads 0x and 16 digits.
VirtAddr address_at(const char* line) {
  std::uint64_t value = 0;
  for (int i = 2; i < 18; ++i) {
    const char c = line[i];
    value = value << 4 | static_cast<std::uint64_t>(c <= '9' ? c - '0' : c - 'a' + 10);
  }
  return VirtAddr(value);
}

// ---- buddyinfo ----------------------------------------------------------------------------------

/// Sums what the lines tell of blocks, by node.
class BuddySum final : public LineSink {
 public:
  void line(const char* text) override {
    ASSERT_LT(lines, ZonePlan::kMaxZones);
    const char* at = after(text, "zone ");
    ASSERT_TRUE(at != nullptr) << text;
    while (*at == ' ') ++at;
    while (*at != ' ') ++at;
    for (std::uint32_t order = 0; order < kOrderCount; ++order) {
      const std::uint64_t count = number_at(at);
      pages[lines] += count << order;
      blocks[order] += count;
    }
    EXPECT_EQ(*at, '\0') << text;
    ++lines;
  }

  std::uint32_t lines = 0;
  std::uint64_t pages[ZonePlan::kMaxZones] = {};
  std::uint64_t blocks[kOrderCount] = {};
};

TEST(MemoryListing, BuddyinfoAddsUpToTheFreePages) {
  auto& allocator = arena().allocator;
  const auto odd = allocate({.size = kPage * 13});  // so that blocks of many orders are left
  ASSERT_TRUE(odd.ok());
  allocator.reclaim();
  BuddySum sum;
  list_buddyinfo(sum);
  ASSERT_EQ(sum.lines, allocator.node_count());
  for (std::uint32_t i = 0; i < sum.lines; ++i) {
    EXPECT_EQ(sum.pages[i], allocator.free_pages(i).value) << "zone " << i;
  }
  for (std::uint32_t order = 0; order < kOrderCount; ++order) {
    EXPECT_EQ(sum.blocks[order], allocator.free_blocks(Order(order))) << "order " << order;
  }
  free(odd->address);
  allocator.reclaim();
}

// ---- vmallocinfo --------------------------------------------------------------------------------

/// One area that is expected, and the line that was found for it.
struct Expected {
  Allocation what;
  const char* caller;
  std::uint32_t found;
};

class AreaSink final : public LineSink {
 public:
  explicit AreaSink(Expected* areas, std::uint32_t count) : areas_(areas), count_(count) {}

  void line(const char* text) override {
    const VirtAddr start = address_at(text);
    EXPECT_GT(start, last_) << "not in the order of addresses: " << text;
    last_ = start;
    for (std::uint32_t i = 0; i < count_; ++i) {
      if (areas_[i].what.address == start) compare(areas_[i], text);
    }
  }

 private:
  static void compare(Expected& area, const char* text) {
    ++area.found;
    const std::uint64_t pages = area.what.pages.value;
    EXPECT_EQ(address_at(text + 19), area.what.address + FrameSize(12).bytes(area.what.pages));
    EXPECT_EQ(number_after(text, "pages="), pages) << text;
    EXPECT_TRUE(after(text, area.caller) != nullptr) << text;
    EXPECT_TRUE(after(text, " vcompound") != nullptr) << text;
    EXPECT_TRUE(after(text, "(freed)") == nullptr) << text;
    std::uint64_t runs = 0;
    arena().allocator.for_each_extent(area.what.head, [&](PfnRange) { ++runs; });
    EXPECT_EQ(number_after(text, "runs="), runs) << text;
    std::uint64_t on_nodes = 0;
    const char* at = after(text, " vcompound");
    while ((at = after(at, "=")) != nullptr) on_nodes += number_at(at);
    EXPECT_EQ(on_nodes, pages) << "the nodes do not add up: " << text;
  }

  Expected* areas_;
  std::uint32_t count_;
  VirtAddr last_{};
};

TEST(MemoryListing, VmallocinfoListsEachAreaWithItsCaller) {
  const Request request{.size = kPage * 3, .contiguity = Contiguity::never};
  constexpr std::uint32_t kAreas = 40;  // more than the listing sorts at once
  static Expected areas[kAreas];
  for (std::uint32_t i = 0; i < kAreas; ++i) {
    Request sized = request;
    sized.size = kPage * (2 + i % 7);
    const CallSite site = i % 2 == 0 ? CallSite{"ring.cc", 100} : CallSite{"queue.cc", 200};
    const auto area = allocate(sized, site);
    ASSERT_TRUE(area.ok());
    areas[i] = {*area, i % 2 == 0 ? " ring.cc:100 " : " queue.cc:200 ", 0};
  }
  AreaSink sink(areas, kAreas);
  list_vmallocinfo(sink);
  for (const Expected& area : areas) {
    EXPECT_EQ(area.found, 1U) << area.what.address.value;
    free(area.what.address);
  }
  arena().allocator.reclaim();
}

TEST(MemoryListing, AFreedAreaIsMarked) {
  class Marked final : public LineSink {
   public:
    void line(const char* text) override {
      if (after(text, "(freed)") != nullptr) ++marked;
    }
    std::uint32_t marked = 0;
  };
  arena().allocator.reclaim();
  Marked before;
  list_vmallocinfo(before);
  const auto area = allocate({.size = kPage * 61, .contiguity = Contiguity::never});
  ASSERT_TRUE(area.ok());
  free(area->address);  // into the cache: it stays mapped
  Marked cached;
  list_vmallocinfo(cached);
  EXPECT_EQ(cached.marked, before.marked + 1);
  arena().allocator.reclaim();
  Marked after_all;
  list_vmallocinfo(after_all);
  EXPECT_EQ(after_all.marked, 0U);
}

// ---- everywhere ---------------------------------------------------------------------------------

TEST(MemoryListing, WithInterruptsOffItIsOneLineThatSaysSo) {
  class Counter final : public LineSink {
   public:
    void line(const char* text) override {
      ++lines;
      EXPECT_TRUE(after(text, "not listed where blocking is forbidden") != nullptr) << text;
    }
    std::uint32_t lines = 0;
  };
  Counter counter;
  const x86::InterruptsOff off;
  list_buddyinfo(counter);
  list_vmallocinfo(counter);
  list_memory_table(counter);
  EXPECT_EQ(counter.lines, 3U);
}

TEST(MemoryListing, ForTheReader) {
  const auto area = allocate({.size = kPage * 9, .contiguity = Contiguity::never});
  ASSERT_TRUE(area.ok());
  print_memory_table();
  print_buddyinfo();
  print_vmallocinfo();
  free(area->address);
  arena().allocator.reclaim();
}

}  // namespace
}  // namespace vc::kernel
