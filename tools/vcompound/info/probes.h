// probes.h — what the kernel really does when asked: each call is tried, not guessed from the
// version, and its effect is looked up where it can be.
#pragma once

#include <cstdint>
#include <string>

namespace vc::tool {

enum class ProbeResult { kYes, kNo, kNotTried };

/// The outcome of one try.
struct Probe {
  ProbeResult result = ProbeResult::kNotTried;
  std::string detail;  ///< how it was seen, or the system's reason

  [[nodiscard]] bool yes() const { return result == ProbeResult::kYes; }
  [[nodiscard]] bool no() const { return result == ProbeResult::kNo; }
};

/// All tries of one run.
struct Probes {
  Probe memfd;           ///< memfd_create: the arena's memory
  Probe alias;           ///< a second mapping of a part of it at a chosen address: the fallback
  Probe collapse;        ///< MADV_COLLAPSE on a memfd, and the result is one huge mapping
  Probe pagemap_scan;    ///< PAGEMAP_SCAN tells huge or not without privilege
  Probe populate;        ///< MADV_POPULATE_WRITE
  Probe membarrier;      ///< the private expedited membarrier
  Probe userfaultfd;     ///< userfaultfd with UFFD_USER_MODE_ONLY
  Probe userfault_move;  ///< its UFFDIO_MOVE
  std::uint64_t page_size = 0;
};

/// Tries all of them on this machine, with one memfd of a few MiB that is gone afterwards. Takes
/// some milliseconds. `huge_size` is the size of a huge page, a power of two.
Probes run_probes(std::uint64_t huge_size);

}  // namespace vc::tool
