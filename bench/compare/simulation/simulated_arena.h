// SimulatedArena: the allocator on a machine of numbers, with a tally of what became of requests.
// Nothing in it depends on time or on this machine: the same calls give the same figures
// everywhere.
#pragma once

#include <algorithm>
#include <array>
#include <utility>

#include "vcompound/instance/fake_arena.h"

namespace vc::compare {

/// Requests by size, in pages: up to 64 KiB, up to 2 MiB, above.
inline constexpr std::array<std::uint64_t, 3> kSizeLimits{16, 512, ~std::uint64_t{0}};

/// `preferred` requests of like size.
struct SizeTally {
  std::uint64_t joined = 0;      ///< for more than one frame
  std::uint64_t contiguous = 0;  ///< of these
};

/// What became of the requests of a stretch of time.
struct Tally {
  std::array<SizeTally, kSizeLimits.size()> by_size{};
  std::uint64_t joined = 0;      ///< `preferred` requests for more than one frame
  std::uint64_t contiguous = 0;  ///< of these
  std::uint64_t asked = 0;       ///< the same, and those for mapped memory
  std::uint64_t mapped = 0;      ///< of these
  std::uint64_t maps = 0;        ///< runs mapped for them
  std::uint64_t most_runs = 0;   ///< in one compound
  std::uint64_t required = 0;    ///< requests for contiguous memory or none
  std::uint64_t granted = 0;     ///< of these
  std::uint64_t refused = 0;     ///< the others that got nothing

  Tally& operator+=(const Tally& other) {
    for (std::size_t i = 0; i < by_size.size(); ++i) {
      by_size[i].joined += other.by_size[i].joined;
      by_size[i].contiguous += other.by_size[i].contiguous;
    }
    joined += other.joined;
    contiguous += other.contiguous;
    asked += other.asked;
    mapped += other.mapped;
    maps += other.maps;
    most_runs = std::max(most_runs, other.most_runs);
    required += other.required;
    granted += other.granted;
    refused += other.refused;
    return *this;
  }
};

/// Pieces whose availability is told: 64 KiB, 1 MiB, 2 MiB, 8 MiB.
inline constexpr std::array<PageCount, 4> kPieces{PageCount(16), PageCount(256), PageCount(512),
                                                  PageCount(2048)};

/// The state of the memory at one moment.
struct Moment {
  std::array<double, kPieces.size()> available{};  ///< shares of the free memory, 0 to 1
  double mappings = 0;                             ///< in use
  double huge = 0;  ///< share of the mapped pages that huge entries map, 0 to 1
};

class SimulatedArena {
 public:
  SimulatedArena(PageCount frames, const AllocatorOptions& options)
      : arena_({.nodes = {frames}, .commit_unit = PageCount(0)}, options) {
    FakePlatform::set_cpu(0);
  }

  /// Memory, contiguous or not; address 0: refused.
  VirtAddr allocate(PageCount pages) {
    const auto got = arena_.allocator.allocate(request(pages, Contiguity::preferred), kSite);
    turned_over_ += pages;
    if (!got.ok()) return ++tally_.refused, VirtAddr(0);
    if (pages.value > 1) count_joined(*got);
    return got->address;
  }
  /// Mapped memory, as vmalloc() gives it.
  VirtAddr allocate_mapped(PageCount pages) {
    const auto got = arena_.allocator.allocate(request(pages, Contiguity::never), kSite);
    turned_over_ += pages;
    if (!got.ok()) return ++tally_.refused, VirtAddr(0);
    if (got->kind == Kind::mapped) count_mapped(*got);
    return got->address;
  }
  /// Contiguous memory; where there is none, what allocate() gives, so that the load stays the same
  /// whoever is refused.
  VirtAddr allocate_required(PageCount pages) {
    const auto got = arena_.allocator.allocate(request(pages, Contiguity::required), kSite);
    ++tally_.required;
    if (!got.ok()) return allocate(pages);
    turned_over_ += pages;
    ++tally_.granted;
    return got->address;
  }
  /// Could `pages` be had contiguously at this moment? Nothing is kept.
  void probe(PageCount pages) {
    const auto got = arena_.allocator.allocate(request(pages, Contiguity::required), kSite);
    ++tally_.required;
    if (!got.ok()) return;
    ++tally_.granted;
    free(got->address);
  }
  void free(VirtAddr address) {
    if (address.value != 0) (void)arena_.allocator.free(address);
  }

  /// All pages ever allocated.
  PageCount turned_over() const { return turned_over_; }
  PageCount free_pages() { return arena_.allocator.stats().available(); }
  /// What happened since the last call.
  Tally take_tally() { return std::exchange(tally_, {}); }
  Moment moment() {
    arena_.allocator.reclaim();
    Moment now{.mappings = static_cast<double>(arena_.platform.mappings_used())};
    for (std::size_t i = 0; i < kPieces.size(); ++i) now.available[i] = availability(kPieces[i]);
    const PageCount huge = arena_.platform.mapped_huge();
    const PageCount mapped = huge + arena_.platform.mapped_small();
    if (mapped.value != 0) {
      now.huge = static_cast<double>(huge.value) / static_cast<double>(mapped.value);
    }
    return now;
  }
  void check() { arena_.allocator.check(); }

 private:
  static constexpr CallSite kSite{"simulation", 1};

  static Request request(PageCount pages, Contiguity contiguity) {
    return {.size = FrameSize(12).bytes(pages), .contiguity = contiguity};
  }
  void count_joined(const Allocation& got) {
    const auto* limit = std::ranges::lower_bound(kSizeLimits, got.pages.value);
    SizeTally& like = tally_.by_size[static_cast<std::size_t>(limit - kSizeLimits.begin())];
    ++tally_.joined;
    ++like.joined;
    if (got.kind == Kind::mapped) {
      count_mapped(got);
      return;
    }
    ++tally_.asked;
    ++tally_.contiguous;
    ++like.contiguous;
  }
  void count_mapped(const Allocation& got) {
    std::uint64_t runs = 0;
    arena_.allocator.for_each_extent(got.head, [&](PfnRange) { ++runs; });
    ++tally_.asked;
    ++tally_.mapped;
    tally_.maps += runs;
    tally_.most_runs = std::max(tally_.most_runs, runs);
  }
  /// As Arena::availability().
  double availability(PageCount piece) {
    std::uint64_t pieces = 0;
    std::uint64_t free = 0;
    arena_.allocator.for_each_free_run([&](std::uint32_t, PfnRange run) {
      pieces += run.count.value / piece.value;
      free += run.count.value;
    });
    const std::uint64_t most = free / piece.value;
    return most == 0 ? 1 : static_cast<double>(pieces) / static_cast<double>(most);
  }

  FakeArena arena_;
  PageCount turned_over_{};
  Tally tally_;
};

}  // namespace vc::compare
