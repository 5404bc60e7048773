// What the suites of the allocator share: an allocator in some home, and ways to make a mess of it.
#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "vcompound/compound/allocator.h"

namespace vc::testing {

template <class Home>
class AllocatorFixture : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kPages = 2048;
  static constexpr CallSite kSite{"conformance", 7};

  AllocatorFixture() : home(PageCount(kPages)), a(home.allocator()) {}
  ~AllocatorFixture() override { finish(); }

  static constexpr Bytes size(std::uint64_t pages) { return Bytes(pages << 12); }
  VirtAddr page(const Allocation& what, std::uint64_t n) const { return what.address + size(n); }

  /// What `preferred` becomes in this home while runs are free.
  static Kind usual_kind(std::uint64_t pages) {
    return Home::always_map() && pages > 1 ? Kind::mapped : Kind::contiguous;
  }

  Result<Allocation> allocate(const Request& request) { return a.allocate(request, kSite); }
  Allocation must(const Request& request) {
    auto result = allocate(request);
    if (!result.ok()) {
      char text[300];
      TextWriter out(text, sizeof text);
      describe(result.error(), out);
      ADD_FAILURE() << text;
      return {};
    }
    return *result;
  }
  Allocation must(std::uint64_t pages, Contiguity contiguity = Contiguity::preferred) {
    return must(Request{.size = size(pages), .contiguity = contiguity});
  }
  void free(const Allocation& what) { EXPECT_EQ(a.free(what.address), Misuse::none); }
  void free_all(std::vector<Allocation>& all) {
    for (const Allocation& what : all) free(what);
    all.clear();
  }

  /// Takes every page by itself and frees every second one: half is free, no two adjacent.
  std::vector<Allocation> make_comb() {
    std::vector<Allocation> all;
    for (std::uint64_t i = 0; i < kPages; ++i) all.push_back(must(1));
    std::vector<Allocation> kept;
    for (const Allocation& what : all) {
      if (what.head.value % 2 == 0) {
        free(what);
      } else {
        kept.push_back(what);
      }
    }
    a.reclaim();
    return kept;
  }

  void stamp(const Allocation& what, std::uint64_t first) {
    for (std::uint64_t n = 0; n < what.pages.value; ++n) home.write(page(what, n), first + n);
  }
  void expect_stamps(const Allocation& what, std::uint64_t first) {
    for (std::uint64_t n = 0; n < what.pages.value; ++n) {
      ASSERT_EQ(home.read(page(what, n)), first + n) << "page " << n;
    }
  }
  void expect_zero(const Allocation& what) {
    for (std::uint64_t n = 0; n < what.pages.value; ++n) {
      ASSERT_EQ(home.read(page(what, n)), 0U) << "page " << n;
    }
  }
  Reason reason_of(const Request& request) {
    const auto result = allocate(request);
    return result.ok() ? Reason::none : result.error().reason;
  }

  /// Whatever is still in use is freed; then nothing may be missing.
  void finish() {
    std::vector<CompoundInfo> live;
    a.for_each_compound([&](const CompoundInfo& info) {
      if (info.state == FrameState::head) live.push_back(info);
    });
    for (const CompoundInfo& info : live) {
      for (std::uint32_t i = info.references; i != 0; --i) {
        EXPECT_EQ(a.put(info.what.address), Misuse::none);
      }
    }
    a.reclaim();
    a.check();
    const Stats s = a.stats();
    EXPECT_EQ(s.free_pages, s.total_pages);
    EXPECT_EQ(s.mappings_used, mappings_at_start);
  }

  Home home;
  CompoundAllocator<typename Home::Platform>& a;
  std::uint64_t mappings_at_start = home.platform().mappings_used();
};

}  // namespace vc::testing
