// The recorder's two tables against naive models.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "tools/recorder/live_table.h"
#include "tools/recorder/mapping_table.h"
#include "tools/recorder/raw_system.h"

namespace vc::recorder {
namespace {

/// Makes a T the way the recorder does: zeroed memory that a forked child finds zeroed.
template <class T>
auto make_zeroed() {
  const auto unmap = [](T* table) {
    raw_munmap(table, sizeof(T));
  };
  return std::unique_ptr<T, decltype(unmap)>(static_cast<T*>(map_wiped_on_fork(sizeof(T))), unmap);
}

const void* as_pointer(std::uint64_t value) {
  return reinterpret_cast<const void*>(static_cast<std::uintptr_t>(value));
}

TEST(LiveTable, AgreesWithAMapOnRandomOperations) {
  const auto table = make_zeroed<LiveTable>();
  std::map<std::uint64_t, std::uint64_t> model;
  std::mt19937_64 random(1);
  for (int i = 0; i < 300'000; ++i) {
    const std::uint64_t pointer = 0x7f0000000010 + (random() % 40'000) * 4096;
    std::uint64_t size = 0;
    if (random() % 2 == 0) {
      const std::uint64_t bytes = random();
      const auto known = model.find(pointer);
      const auto result = table->insert(pointer, bytes, size);
      if (known == model.end()) {
        ASSERT_EQ(result, LiveTable::Insert::kNew);
      } else {
        ASSERT_EQ(result, LiveTable::Insert::kReplaced);
        ASSERT_EQ(size, known->second);
      }
      model[pointer] = bytes;
    } else {
      const auto known = model.find(pointer);
      ASSERT_EQ(table->remove(pointer, size), known != model.end());
      if (known == model.end()) continue;
      ASSERT_EQ(size, known->second);
      model.erase(known);
    }
  }
  for (const auto& [pointer, bytes] : model) {
    std::uint64_t size = 0;
    EXPECT_TRUE(table->may_contain(as_pointer(pointer)));
    ASSERT_TRUE(table->remove(pointer, size));
    EXPECT_EQ(size, bytes);
  }
}

TEST(LiveTable, TheFilterForgetsWhatIsGone) {
  const auto table = make_zeroed<LiveTable>();
  std::uint64_t size = 0;
  for (std::uint64_t pointer = 16; pointer < 16 * 100; pointer += 16) {
    table->insert(pointer, 1, size);
    EXPECT_TRUE(table->may_contain(as_pointer(pointer)));
    EXPECT_TRUE(table->remove(pointer, size));
    EXPECT_FALSE(table->may_contain(as_pointer(pointer)));
  }
}

TEST(LiveTable, ManyPointersShareTheFilterCounters) {
  const auto table = make_zeroed<LiveTable>();
  std::uint64_t size = 0;
  constexpr std::uint64_t kCount = 65'536 * 16;  // 16 for each counter
  for (std::uint64_t i = 1; i <= kCount; ++i) table->insert(i * 16, i, size);
  for (std::uint64_t i = 1; i <= kCount; ++i) {
    ASSERT_TRUE(table->remove(i * 16, size));
    ASSERT_EQ(size, i);
  }
}

TEST(LiveTable, ThreadsShareIt) {
  const auto table = make_zeroed<LiveTable>();
  std::array<bool, 4> good{};
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < good.size(); ++t) {
    threads.emplace_back([&, t] {
      bool all = true;
      std::uint64_t size = 0;
      for (std::uint64_t i = 1; i < 20'000; ++i) {
        const std::uint64_t pointer = (i * good.size() + t) * 4096;
        all = all && table->insert(pointer, i, size) == LiveTable::Insert::kNew;
        all = all && table->may_contain(as_pointer(pointer));
        if (i > 50) all = all && table->remove(pointer - 50 * good.size() * 4096, size);
      }
      good[t] = all;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, (std::array<bool, 4>{true, true, true, true}));
}

TEST(LiveTable, AForkedChildFindsItEmpty) {
  const auto table = make_zeroed<LiveTable>();
  std::uint64_t size = 0;
  table->insert(4096, 7, size);
  const pid_t child = ::fork();
  if (child == 0) {
    const bool empty = !table->may_contain(as_pointer(4096)) && !table->remove(4096, size);
    const bool usable = table->insert(4096, 8, size) == LiveTable::Insert::kNew;
    ::_exit(empty && usable ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(table->remove(4096, size));
  EXPECT_EQ(size, 7u);
}

/// The model is the set of mapped pages; what must hold is that each page is in one mapping at
/// most.
TEST(MappingTable, AgreesWithASetOfPagesOnRandomCuts) {
  const auto table = make_zeroed<MappingTable>();
  std::set<std::uint64_t> pages;
  std::mt19937_64 random(2);
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t start = random() % 2'000;
    const Mapping cut{start, start + 1 + random() % 50};
    std::set<std::uint64_t> seen;
    for (Mapping taken{}; table->take_overlapping(cut, taken);) {
      ASSERT_LT(taken.start, taken.end);
      for (std::uint64_t page = taken.start; page < taken.end; ++page) {
        ASSERT_TRUE(seen.insert(page).second);
        ASSERT_EQ(pages.count(page), 1u);
      }
      if (taken.start < cut.start) {
        ASSERT_TRUE(table->insert({taken.start, cut.start}));
      }
      if (taken.end > cut.end) {
        ASSERT_TRUE(table->insert({cut.end, taken.end}));
      }
    }
    for (std::uint64_t page = cut.start; page < cut.end; ++page) {
      ASSERT_EQ(pages.erase(page), seen.count(page));
    }
    if (random() % 3 == 0) continue;
    ASSERT_TRUE(table->insert(cut));
    for (std::uint64_t page = cut.start; page < cut.end; ++page) pages.insert(page);
  }
}

TEST(MappingTable, RangesThatOnlyTouchAreNotTaken) {
  const auto table = make_zeroed<MappingTable>();
  ASSERT_TRUE(table->insert({10, 20}));
  Mapping taken{};
  EXPECT_FALSE(table->take_overlapping({0, 10}, taken));
  EXPECT_FALSE(table->take_overlapping({20, 30}, taken));
  EXPECT_TRUE(table->take_overlapping({19, 30}, taken));
  EXPECT_EQ(taken.start, 10u);
}

}  // namespace
}  // namespace vc::recorder
