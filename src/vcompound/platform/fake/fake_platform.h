// FakePlatform: a home made of numbers, for tests.
//
//      frames        numbers; their content is one word each (a "stamp"), so that tests can see
//                    who wrote where, what was zeroed, and what leaked
//      page table    one entry per virtual page
//      TLBs          one per CPU, never evicted: the worst a real one could do. A translation stays
//                    in it until a shootdown, so every use after a missing shootdown is seen
//
//             write(cpu, address, stamp)
//                        |
//                 TLB of the CPU --hit--> the frame it remembers, right or wrong
//                        | miss           (stale_uses() counts the wrong ones)
//                 page table --present--> the frame, remembered from now on
//                        | absent
//                     a fault (faults() counts)
//
// Every precondition of platform/contract.h is asserted. The k-th call of each kind can be made to
// fail, for every k.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "vcompound/base/atomic.h"
#include "vcompound/platform/contract.h"

namespace vc {

/// What a FakePlatform is made of.
struct FakeOptions {
  std::vector<PageCount> nodes{PageCount(1024)};  ///< frames of each node
  PageCount gap_between_nodes{};                  ///< frame numbers that belong to nobody
  std::vector<PfnRange> holes{};                  ///< frames that do not exist; ascending, disjoint
  Pfn first_frame{0};
  FrameSize frame_size{12};
  PageCount commit_unit{512};  ///< 0: all frames have memory from the start
  PageCount huge_pages{512};
  PageCount vmap_pages{};  ///< 0: 16 times the frames
  std::uint64_t mapping_limit = ~std::uint64_t{0};
  std::uint32_t cpus = 4;
};

/// Calls that can be made to fail.
enum class FakeCall : std::uint8_t { commit, decommit, map, charge, metadata, unmap_part };

/// A slot for each CPU; a test says which CPU its thread is on.
class FakeSlots {
 public:
  static constexpr std::uint32_t kSlots = 64;
  static constexpr bool kTellsFreesApart = true;

  static std::uint32_t slot() { return cpu_ < kSlots ? cpu_ : kNoSlot; }
  static void leave_slot() {}
  static std::uint32_t slot_offset_at_hand() {
    return (cpu_ < kSlots ? cpu_ : kSlots) * kSlotStride;
  }
  static void light_barrier() {
    full_barrier();
    if (in_between_) std::exchange(in_between_, {})();
  }
  static void barrier_at_hand() { light_barrier(); }
  static bool has_barrier_at_hand() { return true; }

  /// The CPU (slot) that the calling thread is on; kNoSlot: none.
  static void set_cpu(std::uint32_t cpu) { cpu_ = cpu; }
  /// What another CPU does while the calling thread is about to enter its slot, the next time.
  static void set_in_between(std::function<void()> what) { in_between_ = std::move(what); }

 protected:
  static thread_local std::uint32_t cpu_;
  static thread_local std::function<void()> in_between_;
};

/// See the head of this file. Thread-safe.
class FakePlatform : public FakeSlots {
 public:
  using Slots = FakeSlots;
  using Lock = std::mutex;

  explicit FakePlatform(const FakeOptions& options);
  ~FakePlatform();
  FakePlatform(const FakePlatform&) = delete;
  FakePlatform& operator=(const FakePlatform&) = delete;

  // The contract.
  FrameSize frame_size() const { return options_.frame_size; }
  std::uint32_t node_count() const { return static_cast<std::uint32_t>(nodes_.size()); }
  PfnRange node_frames(std::uint32_t node) const { return nodes_[node]; }
  PfnRange present_frames(std::uint32_t node, Pfn from) const;
  PageCount commit_unit() const { return options_.commit_unit; }
  PlatformStatus commit(PfnRange run);
  PlatformStatus decommit(PfnRange run);
  VirtRange direct_map() const { return direct_; }
  VirtRange vmap_range() const { return vmap_; }
  PageCount huge_pages() const { return options_.huge_pages; }
  PlatformStatus map(VirtAddr address, PfnRange run);
  Unmapped unmap(VirtRange range);
  Unmapped unmap_part(VirtRange range);
  Invalidated shootdown(Unmapped stale);
  bool charge_mappings(std::uint64_t n);
  void refund_mappings(std::uint64_t n) { mappings_.fetch_sub(n); }
  std::uint64_t mappings_used() const { return mappings_.load_relaxed(); }
  std::uint64_t mappings_limit() const { return options_.mapping_limit; }
  void zero(VirtRange range);
  void heavy_barrier() { full_barrier(); }
  void relax();
  bool may_block() const { return !no_block_; }
  void* metadata(Bytes size);
  void bring_in(void*, Bytes) {}

  // The test's side.

  /// Makes the calling thread one that may not block, or one that may.
  static void set_no_block(bool no_block) { no_block_ = no_block; }
  /// The k-th call of that kind from now on fails (k >= 1); 0: none does.
  void fail(FakeCall call, std::uint64_t k);
  /// Has the failure that fail() planned happened?
  bool has_failed(FakeCall call) const;

  /// Writes a stamp through the translation that `cpu` has. False: a fault.
  bool write(std::uint32_t cpu, VirtAddr address, std::uint64_t stamp);
  /// Reads the stamp that `cpu` sees. False: a fault.
  bool read(std::uint32_t cpu, VirtAddr address, std::uint64_t& stamp);
  /// The stamp in a frame.
  std::uint64_t stamp(Pfn frame) const;
  /// Is anything mapped at that address?
  bool is_mapped(VirtAddr address) const;
  /// Accesses that used a translation which the page table no longer has.
  std::uint64_t stale_uses() const { return stale_uses_; }
  std::uint64_t faults() const { return faults_; }
  /// Pages mapped by entries for huge pages, and by small ones, at this moment.
  PageCount mapped_huge() const { return mapped_huge_; }
  PageCount mapped_small() const { return mapped_small_; }
  std::uint64_t shootdowns() const { return shootdowns_; }
  PageCount committed() const { return committed_pages_; }

 private:
  struct Plan {
    std::uint64_t countdown = 0;
    bool failed = false;
  };
  static constexpr std::uint32_t kCalls = static_cast<std::uint32_t>(FakeCall::unmap_part) + 1;

  bool fails(FakeCall call);
  std::uint64_t page_of(VirtAddr a) const {
    return (a - vmap_.start).value >> options_.frame_size.shift();
  }
  bool translate(std::uint32_t cpu, VirtAddr address, Pfn& frame);
  bool is_huge(std::uint64_t page, std::uint32_t frame) const;
  bool is_committed(PfnRange run) const;

  FakeOptions options_;
  std::vector<PfnRange> nodes_;
  PfnRange all_{};
  VirtRange direct_{};
  VirtRange vmap_{};
  mutable std::mutex mutex_;
  std::vector<std::pair<void*, std::size_t>> memory_;
  std::uint32_t* table_ = nullptr;        ///< frame + 1 per virtual page, 0: absent
  std::uint8_t* mapped_count_ = nullptr;  ///< translations per frame
  std::uint8_t* backed_ = nullptr;        ///< per frame: is it committed?
  std::unordered_map<std::uint64_t, std::uint64_t> stamps_;
  std::vector<std::unordered_map<std::uint64_t, std::uint32_t>> tlbs_;
  Plan plans_[kCalls];
  Atomic<std::uint64_t> mappings_;
  std::uint64_t stale_uses_ = 0;
  std::uint64_t faults_ = 0;
  std::uint64_t shootdowns_ = 0;
  PageCount committed_pages_{};
  PageCount mapped_huge_{};
  PageCount mapped_small_{};

  static thread_local bool no_block_;
};

static_assert(Platform<FakePlatform>);

}  // namespace vc
