// What a naive observer knows of an arena: who owns which page, what is written there, and what the
// figures must therefore be. arena_model.h acts on it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "tests/model/replay.h"
#include "vcompound/instance/fake_arena.h"

namespace vc::testing {

/// A compound in use, as its owner knows it.
struct Owned {
  Allocation what;
  std::uint64_t stamp = 0;  ///< page n holds stamp + n
  std::uint32_t references = 1;
  SiteId site = 0;
};

/// An arena, and everything that was ever done to it.
class ArenaState {
 public:
  using Allocator = CompoundAllocator<FakePlatform>;

  ArenaState(const FakeOptions& options, const AllocatorOptions& allocator_options,
             std::uint64_t seed)
      : random(seed),
        arena(options, allocator_options),
        a(arena.allocator),
        p(arena.platform),
        frame_size(options.frame_size) {
    FakePlatform::set_cpu(0);
    FakePlatform::set_no_block(false);
    EXPECT_TRUE(arena.opened.ok());
    for (std::uint32_t node = 0; node < p.node_count(); ++node) {
      total += p.node_frames(node).count.value;
    }
  }
  ~ArenaState() {
    FakePlatform::set_cpu(0);
    FakePlatform::set_no_block(false);
  }
  ArenaState(const ArenaState&) = delete;
  ArenaState& operator=(const ArenaState&) = delete;

  std::uint64_t live_pages() const { return live_; }
  /// What a request may still get, wherever it waits.
  std::uint64_t available() const { return total - live_; }
  bool can_block() const { return p.may_block(); }
  std::uint32_t any_cpu() { return static_cast<std::uint32_t>(random.below(4)); }

  VirtAddr page(const Owned& owned, std::uint64_t n) const {
    return owned.what.address + frame_size.bytes(PageCount(n));
  }

  /// A new compound: is it really the caller's alone, and does it look as it must?
  void adopt(const Allocation& what) {
    Owned owned{.what = what};
    expect_disjoint(what);
    expect_consistent(what);
    owned.stamp = next_stamp_;
    next_stamp_ += what.pages.value + 1;
    for (std::uint64_t n = 0; n < what.pages.value; ++n) {
      EXPECT_TRUE(p.write(any_cpu(), page(owned, n), owned.stamp + n));
    }
    live_ += what.pages.value;
    a.for_each_extent(what.head, [&](PfnRange run) { set_owner(run, what.head); });
    owned_[what.address.value] = owned;
    freed_.erase(what.address.value);
    (what.kind == Kind::mapped ? mapped_count : contiguous_count) += 1;
  }

  /// Every page reads as zero, from whatever CPU.
  void expect_zero(const Allocation& what) {
    const Owned owned{.what = what};
    for (std::uint64_t n = 0; n < what.pages.value; ++n) {
      std::uint64_t seen = 1;
      EXPECT_TRUE(p.read(any_cpu(), page(owned, n), seen));
      ASSERT_EQ(seen, 0U) << "page " << n << " of " << what.pages.value << ", "
                          << name_of(what.kind);
    }
  }

  /// Every page still holds what its owner wrote.
  void verify_contents(const Owned& owned) {
    for (std::uint64_t n = 0; n < owned.what.pages.value; ++n) {
      std::uint64_t seen = 0;
      EXPECT_TRUE(p.read(any_cpu(), page(owned, n), seen));
      ASSERT_EQ(seen, owned.stamp + n) << "page " << n << " of " << owned.what.pages.value;
    }
  }

  /// The owner gave it up, and the allocator took it.
  void disown(VirtAddr address) {
    const auto found = owned_.find(address.value);
    ASSERT_NE(found, owned_.end());
    live_ -= found->second.what.pages.value;
    std::erase_if(owner_, [&](const auto& e) { return e.second == found->second.what.head; });
    freed_[address.value] = true;
    owned_.erase(found);
    ++frees;
  }

  bool empty() const { return owned_.empty(); }
  std::size_t count() const { return owned_.size(); }
  Owned& any_owned() {
    return std::next(owned_.begin(), static_cast<std::ptrdiff_t>(random.below(owned_.size())))
        ->second;
  }
  /// An address that was freed, and is the start of nothing now; 0 if there is none.
  std::uint64_t any_freed() {
    if (freed_.empty()) return 0;
    return std::next(freed_.begin(), static_cast<std::ptrdiff_t>(random.below(freed_.size())))
        ->first;
  }
  /// The compound in use that covers an address, or nullptr.
  const Owned* covering(VirtAddr address) const {
    auto after = owned_.upper_bound(address.value);
    if (after == owned_.begin()) return nullptr;
    const Owned& owned = std::prev(after)->second;
    const Bytes size = frame_size.bytes(owned.what.pages);
    return address - owned.what.address < size ? &owned : nullptr;
  }

  /// The figures of the allocator against ours.
  void compare_figures() {
    const Stats s = a.stats();
    ASSERT_EQ(s.total_pages.value, total);
    ASSERT_EQ(s.live_pages().value, live_) << "the accounting equation";
    ASSERT_EQ(s.available().value, available());
    ASSERT_EQ(s.contiguous_allocations, contiguous_count);
    ASSERT_EQ(s.mapped_allocations, mapped_count);
    ASSERT_EQ(s.frees, frees);
    ASSERT_EQ(s.misuses, misuses);
    for (std::uint32_t r = 0; r < kReasonCount; ++r) {
      ASSERT_EQ(s.refusals[r], refusals[r]) << name_of(static_cast<Reason>(r));
    }
    if (p.commit_unit().value != 0) {
      ASSERT_EQ(s.committed_pages, p.committed());
    }
  }

  /// What holds after every step.
  void check() {
    a.check();
    probe_lookups();
    ASSERT_EQ(p.stale_uses(), 0U) << "an access through a translation that is gone";
    ASSERT_EQ(p.faults(), 0U);
  }

  Random random;
  FakeArena arena;
  Allocator& a;
  FakePlatform& p;
  FrameSize frame_size;
  std::uint64_t total = 0;
  std::uint64_t contiguous_count = 0;
  std::uint64_t mapped_count = 0;
  std::uint64_t frees = 0;
  std::uint64_t misuses = 0;
  std::uint64_t refusals[kReasonCount] = {};

 private:
  void expect_disjoint(const Allocation& what) {
    const VirtAddr end = what.address + frame_size.bytes(what.pages);
    const Owned* first = covering(what.address);
    ASSERT_EQ(first, nullptr) << "handed out twice";
    const auto next = owned_.lower_bound(what.address.value);
    if (next != owned_.end()) {
      ASSERT_GE(next->first, end.value) << "overlaps its neighbour";
    }
  }

  /// The compound functions agree with each other, and no frame is someone else's.
  void expect_consistent(const Allocation& what) {
    ASSERT_NE(what.pages.value, 0U);
    ASSERT_EQ(a.references(what.head), 1U);
    for (std::uint64_t n = 0; n < what.pages.value; ++n) {
      const VirtAddr address = what.address + frame_size.bytes(PageCount(n));
      const Pfn frame = a.nth_page(what.head, PageCount(n));
      ASSERT_EQ(a.frame_at(address + Bytes(n % 4096)), frame);
      ASSERT_EQ(a.page_address(frame), address);
      ASSERT_EQ(a.head_of(frame), what.head);
      const PhysAddr physical = a.physical(address);
      if (what.kind == Kind::contiguous) {
        ASSERT_EQ(frame, what.head + PageCount(n));
        ASSERT_EQ(physical.value, frame_size.bytes(PageCount(frame.value)).value);
      } else {
        ASSERT_EQ(physical.value, Allocator::kNoPhysical.value);
      }
    }
    std::uint64_t pages = 0;
    a.for_each_extent(what.head, [&](PfnRange run) { pages += run.count.value; });
    ASSERT_EQ(pages, what.pages.value);
  }

  void set_owner(PfnRange run, Pfn head) {
    for (Pfn f = run.first; f < run.end(); f += PageCount(1)) {
      ASSERT_FALSE(owner_.contains(f.value)) << "frame " << f.value << " has two owners";
      owner_[f.value] = head;
    }
  }

  /// Any frame and any address lead to their compound, and to nothing if they have none: also those
  /// that still remember one they once belonged to.
  void probe_lookups() {
    const std::uint32_t node = static_cast<std::uint32_t>(random.below(p.node_count()));
    const PfnRange frames = p.node_frames(node);
    for (int i = 0; i < 8; ++i) {
      const Pfn frame = frames.first + PageCount(random.below(frames.count.value));
      const auto owner = owner_.find(frame.value);
      ASSERT_EQ(a.head_of(frame), owner == owner_.end() ? kNoPfn : owner->second)
          << "frame " << frame.value;
      const VirtRange range = random.below(2) == 0 ? a.direct_map() : a.vmap_range();
      const std::uint64_t near = frame_size.bytes(PageCount(2 * total)).value;
      const VirtAddr address =
          range.start + Bytes(random.below(range.size.value < near ? range.size.value : near));
      const Owned* owned = covering(address);
      Allocation found;
      const Misuse got = a.find(address, found);
      ASSERT_EQ(got, owned == nullptr ? Misuse::not_allocated : Misuse::none);
      if (owned != nullptr) {
        ASSERT_EQ(found.address, owned->what.address);
      }
    }
  }

  std::unordered_map<std::uint64_t, Pfn> owner_;  ///< head of the compound a frame belongs to
  std::map<std::uint64_t, Owned> owned_;          ///< by address
  std::map<std::uint64_t, bool> freed_;  ///< addresses that were freed and not handed out again
  std::uint64_t live_ = 0;
  std::uint64_t next_stamp_ = 1;
};

}  // namespace vc::testing
