// What a user may choose about the Linux home of an arena, and what is counted there.
#pragma once

#include <cstdint>

#include "vcompound/base/units.h"

namespace vc {

/// How a LinuxPlatform is made. Every field but the budget has a default that suits most programs.
struct LinuxOptions {
  enum class Backing : std::uint8_t {
    memfd,    ///< Ordinary memory; huge pages by MADV_COLLAPSE, without privilege.
    hugetlb,  ///< The pool of huge pages (vm.nr_hugepages); all of it is taken at creation.
  };
  enum class Huge : std::uint8_t {
    collapse,  ///< Put whole 2 MiB units on huge pages where the kernel can.
    never,     ///< Small pages only.
  };
  enum class Overcommit : bool { no, yes };
  enum class Precommit : bool { no, yes };
  enum class AfterFork : std::uint8_t {
    share,    ///< A child sees the same memory (it cannot allocate from it).
    exclude,  ///< A child does not see it: an access ends the child with SIGSEGV.
  };

  /// Memory of the arena; rounded down to whole frames, at least one frame.
  Bytes budget{};
  /// From the system's page size to 2 MiB; hugetlb backing always has 2 MiB.
  FrameSize frame_size{12};
  Backing backing = Backing::memfd;
  Huge huge = Huge::collapse;
  /// Addresses for mapped compounds; 0: 16 times the budget, at least 1 GiB.
  Bytes vmap_space{};
  /// The most mappings (VMAs) this arena may make; 0: what the system leaves.
  std::uint64_t mapping_limit = 0;
  /// yes: a budget above the memory of the machine or of its control group is accepted.
  Overcommit overcommit = Overcommit::no;
  /// yes: all memory is taken at creation, or creation fails; commit_unit() is then 0.
  Precommit precommit = Precommit::no;
  AfterFork after_fork = AfterFork::share;
  /// NUMA nodes to spread the frames over; 0: as many as the machine has.
  std::uint32_t nodes = 1;
};

/// What a LinuxPlatform has done so far. Figures are read one by one while others change them.
struct LinuxStats {
  Bytes committed{};                    ///< Memory behind frames now.
  Bytes huge{};                         ///< Of it, on huge pages, as verified at the commit.
  Bytes small{};                        ///< Of it, the rest.
  std::uint64_t commits = 0;            ///< Successful calls of commit().
  std::uint64_t commit_failures = 0;    ///< Refused calls of commit().
  std::uint64_t decommits = 0;          ///< Successful calls of decommit().
  std::uint64_t collapse_failures = 0;  ///< Calls of MADV_COLLAPSE that failed or fell short.
  std::uint64_t maps = 0;               ///< Successful calls of map().
  std::uint64_t map_failures = 0;       ///< Refused calls of map().
  std::uint64_t unmaps = 0;             ///< Calls of unmap().
  std::uint32_t nodes_bound = 0;        ///< Nodes whose frames the kernel agreed to place there.
};

}  // namespace vc
