// The kernel's intrusive lists, against a naive model.
#include "kernel/thread/list.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <vector>

#include "vcompound/base/random.h"

namespace vc::kernel {
namespace {

struct RedTag;
struct BlueTag;
struct Item : Hook<RedTag>, Hook<BlueTag> {};
using Red = List<Item, RedTag>;
using Blue = List<Item, BlueTag>;

template <class AnyList>
std::vector<const Item*> contents(const AnyList& list) {
  std::vector<const Item*> found;
  for (const Item* item = list.first(); item != nullptr; item = AnyList::next(*item)) {
    found.push_back(item);
  }
  return found;
}

TEST(KernelList, StartsEmpty) {
  Red list;
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(list.first(), nullptr);
  EXPECT_EQ(list.last(), nullptr);
  EXPECT_EQ(list.pop_front(), nullptr);
}

TEST(KernelList, AnItemIsInTwoListsAtOnce) {
  Item item;
  Item other;
  Red red;
  Blue blue;
  red.push_back(item);
  red.push_back(other);
  blue.push_back(other);
  blue.push_back(item);
  red.remove(item);
  EXPECT_FALSE(item.Hook<RedTag>::is_linked());
  EXPECT_TRUE(item.Hook<BlueTag>::is_linked());
  EXPECT_EQ(contents(red), std::vector<const Item*>{&other});
  EXPECT_EQ(contents(blue), (std::vector<const Item*>{&other, &item}));
}

TEST(KernelList, RandomOperationsAgreeWithAVector) {
  constexpr std::size_t kItems = 12;
  Item items[kItems];
  Red list;
  std::vector<const Item*> model;
  for (std::uint64_t step = 0; step < 20000; ++step) {
    Item& item = items[mix64(2 * step) % kItems];
    const std::uint64_t choice = mix64(2 * step + 1);
    const auto place = std::find(model.begin(), model.end(), &item);
    ASSERT_EQ(item.Hook<RedTag>::is_linked(), place != model.end());
    if (place != model.end()) {
      if (choice % 4 == 0) {
        ASSERT_EQ(list.pop_front(), model.front());
        model.erase(model.begin());
      } else {
        list.remove(item);
        model.erase(place);
      }
    } else {
      const std::size_t before = choice % (model.size() + 1);
      Item* next = list.first();
      for (std::size_t i = 0; i < before; ++i) next = Red::next(*next);
      list.insert_before(next, item);
      model.insert(model.begin() + static_cast<std::ptrdiff_t>(before), &item);
    }
    ASSERT_EQ(contents(list), model);
    ASSERT_EQ(list.last(), model.empty() ? nullptr : model.back());
  }
}

}  // namespace
}  // namespace vc::kernel
