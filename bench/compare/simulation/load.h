// A load that is made up: pools of live memory, each with its sizes, its lifetimes and its share of
// the requests.
//
//      request -> draw a pool by its traffic -> draw a size -> free members until it fits the
//      pool's share of the memory -> allocate
//
// Nothing that is drawn depends on what the allocator does, so every allocator carries the same
// load, request for request.
#pragma once

#include <vector>

#include "bench/compare/simulation/simulated_arena.h"
#include "vcompound/base/random.h"

namespace vc::compare {

/// Who of a pool is freed to make room?
enum class Victim : bool { any, oldest };
/// What does a pool ask for?
enum class Need : std::uint8_t { preferred, required, mapped };
/// Do the sizes of a pool grow and shrink while time goes by?
enum class Phases : bool { no, yes };

struct PoolShape {
  double share = 0;          ///< of the memory that it keeps in use, 0 to 1
  double traffic = 0;        ///< its share of the requests; those of a load add up to 1
  std::uint64_t smallest{};  ///< pages; sizes are log-uniform up to `largest`
  std::uint64_t largest{};
  Victim victim = Victim::any;
  Need need = Need::preferred;
  Phases phases = Phases::no;
};

/// Does the allocator keep freed compounds in its caches, and freed areas until there are many?
enum class Caches : bool { off, on };

struct LoadShape {
  const char* name;
  std::vector<PoolShape> pools;
  Caches caches = Caches::off;
};

/// The loads of the simulation.
const std::vector<LoadShape>& synthetic_loads();

/// A load at work.
class Load {
 public:
  Load(const LoadShape& shape, SimulatedArena& arena, PageCount frames, std::uint64_t seed);
  /// One request. `progress` is the share of the whole run that is over.
  void step(double progress);

 private:
  struct Block {
    VirtAddr address{};
    PageCount pages{};
  };
  struct Pool {
    PoolShape shape;
    PageCount room{};
    PageCount used{};
    std::vector<Block> live{};
    std::size_t oldest = 0;  ///< live[oldest] came first, where that matters
  };

  Pool& draw_pool();
  PageCount draw_size(const PoolShape& shape, double progress);
  double draw_share() { return static_cast<double>(random_.next() >> 11) * 0x1p-53; }
  void free_one(Pool& pool);
  VirtAddr allocate(Need need, PageCount pages);

  SimulatedArena& arena_;
  std::vector<Pool> pools_;
  Random random_;
};

}  // namespace vc::compare
