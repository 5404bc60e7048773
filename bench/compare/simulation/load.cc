// The made-up loads, and how they are carried out.
#include "bench/compare/simulation/load.h"

#include <cmath>

namespace vc::compare {

namespace {

constexpr std::uint64_t kSmallest = 1;    // 4 KiB
constexpr std::uint64_t kLargest = 4096;  // 16 MiB

/// Device buffers, in every load: 64 KiB to 2 MiB, contiguous or of no use, in a ring.
constexpr PoolShape kDevice{.share = 0.02,
                            .traffic = 0.0625,
                            .smallest = 16,
                            .largest = 512,
                            .victim = Victim::oldest,
                            .need = Need::required};
constexpr double kOthers = 1 - kDevice.traffic;

/// Sizes of all magnitudes; any member may be the next to go.
LoadShape churn(const char* name, double fill) {
  return {name,
          {{.share = fill - kDevice.share,
            .traffic = kOthers,
            .smallest = kSmallest,
            .largest = kLargest},
           kDevice}};
}

/// The same on an allocator with its usual settings.
LoadShape with_caches(LoadShape shape, const char* name) {
  shape.name = name;
  shape.caches = Caches::on;
  return shape;
}

/// Half of the memory is replaced slowly, the other half quickly and in the order of its making.
LoadShape generations(const char* name, double fill) {
  const double half = (fill - kDevice.share) / 2;
  return {name,
          {{.share = half, .traffic = 0.05, .smallest = kSmallest, .largest = kLargest},
           {.share = half,
            .traffic = kOthers - 0.05,
            .smallest = kSmallest,
            .largest = kLargest,
            .victim = Victim::oldest},
           kDevice}};
}

/// Small sizes, then larger ones, then smaller ones again, twice.
LoadShape phases(const char* name, double fill) {
  LoadShape shape = churn(name, fill);
  shape.pools[0].phases = Phases::yes;
  return shape;
}

/// Many small objects that stay long, and a large one now and then.
LoadShape server(const char* name, double fill) {
  constexpr double kLarge = 0.1;
  return {name,
          {{.share = fill - kLarge - kDevice.share, .traffic = 0.98, .smallest = 1, .largest = 16},
           {.share = kLarge,
            .traffic = 0.01,
            .smallest = 512,
            .largest = kLargest,
            .victim = Victim::oldest},
           {.share = kDevice.share,
            .traffic = 0.01,
            .smallest = kDevice.smallest,
            .largest = kDevice.largest,
            .victim = Victim::oldest,
            .need = Need::required}}};
}

/// Half of the memory is mapped by request, as the kernel's vmalloc() is; the other half wants to
/// be contiguous and is small to middling. `traffic` says how fast the mapped half is replaced.
LoadShape vmalloc(const char* name, double fill, double traffic) {
  const double half = (fill - kDevice.share) / 2;
  return {name,
          {{.share = half,
            .traffic = traffic,
            .smallest = 2,
            .largest = kLargest,
            .need = Need::mapped},
           {.share = half, .traffic = kOthers - traffic, .smallest = kSmallest, .largest = 512},
           kDevice}};
}

}  // namespace

const std::vector<LoadShape>& synthetic_loads() {
  static const std::vector<LoadShape> all{
      churn("churn 70 %", 0.70),
      churn("churn 80 %", 0.80),
      churn("churn 90 %", 0.90),
      churn("churn 95 %", 0.95),
      phases("phases 90 %", 0.9),
      generations("generations 90 %", 0.9),
      server("server 90 %", 0.9),
      vmalloc("vmalloc 90 %", 0.9, 0.3),
      vmalloc("long-lived vmalloc 90 %", 0.9, 0.005),
      with_caches(churn("", 0.90), "churn 90 %, caches on"),
  };
  return all;
}

Load::Load(const LoadShape& shape, SimulatedArena& arena, PageCount frames, std::uint64_t seed)
    : arena_(arena), random_(mix64(seed)) {
  for (const PoolShape& pool : shape.pools) {
    const double room = pool.share * static_cast<double>(frames.value);
    pools_.push_back({.shape = pool, .room = PageCount(static_cast<std::uint64_t>(room))});
  }
}

void Load::step(double progress) {
  Pool& pool = draw_pool();
  const PageCount pages = std::min(draw_size(pool.shape, progress), pool.room);
  while (pool.used + pages > pool.room) free_one(pool);
  pool.live.push_back({allocate(pool.shape.need, pages), pages});
  pool.used += pages;
}

VirtAddr Load::allocate(Need need, PageCount pages) {
  switch (need) {
    case Need::preferred: break;
    case Need::required: return arena_.allocate_required(pages);
    case Need::mapped: return arena_.allocate_mapped(pages);
  }
  return arena_.allocate(pages);
}

Load::Pool& Load::draw_pool() {
  double left = draw_share();
  for (Pool& pool : pools_) {
    left -= pool.shape.traffic;
    if (left < 0) return pool;
  }
  return pools_.back();
}

PageCount Load::draw_size(const PoolShape& shape, double progress) {
  double octaves = std::log2(static_cast<double>(shape.largest) / double(shape.smallest) + 1);
  if (shape.phases == Phases::yes) {
    octaves *= 0.25 + 0.75 * std::abs(std::sin(progress * 2 * 3.14159265358979));
  }
  const double size = double(shape.smallest) * std::exp2(draw_share() * octaves);
  return PageCount(std::min(static_cast<std::uint64_t>(size), shape.largest));
}

void Load::free_one(Pool& pool) {
  if (pool.shape.victim == Victim::oldest) {
    const Block block = pool.live[pool.oldest++];
    arena_.free(block.address);
    pool.used -= block.pages;
    if (pool.oldest < pool.live.size() / 2) return;
    pool.live.erase(pool.live.begin(),
                    pool.live.begin() + static_cast<std::ptrdiff_t>(pool.oldest));
    pool.oldest = 0;
    return;
  }
  Block& block = pool.live[random_.below(pool.live.size())];
  arena_.free(block.address);
  pool.used -= block.pages;
  block = pool.live.back();
  pool.live.pop_back();
}

}  // namespace vc::compare
