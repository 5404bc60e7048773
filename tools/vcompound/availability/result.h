// result.h — what a run of `availability` found, and its three forms: text, JSON, HTML.
//
// The HTML is made from the JSON, so that `replay --with-availability FILE` can put the result of
// an earlier run in front of its own report.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tools/vcompound/availability/experiment.h"
#include "tools/vcompound/report/report.h"

namespace vc::tool {

/// One piece size.
struct AvailabilityRow {
  std::uint64_t size = 0;
  std::uint64_t possible = 0;       ///< pieces that the free memory holds: floor(free / size)
  std::optional<double> published;  ///< 0 to 1, where there is a published value
  double model = 0;                 ///< F^(S/M): share of free, aligned positions
  HandOut contiguous;               ///< contiguity `required`
  HandOut preferred;                ///< contiguity `preferred`
  std::string fault;                ///< what must not be; empty if all is as promised

  /// Pieces handed out as a share of those possible; nothing if not one is.
  std::optional<double> contiguous_share() const { return share(contiguous.pieces); }
  std::optional<double> preferred_share() const { return share(preferred.pieces); }

 private:
  std::optional<double> share(std::uint64_t pieces) const {
    if (possible == 0) return std::nullopt;
    return static_cast<double>(pieces) / static_cast<double>(possible);
  }
};

/// Pictures of the arena: before the hand-out, and after it in both ways, for one size.
struct AvailabilityMaps {
  std::uint64_t size = 0;  ///< bytes of the pieces; 0: no pictures
  std::vector<ArenaCell> before;
  std::vector<ArenaCell> contiguous;
  std::vector<ArenaCell> preferred;
};

/// The whole run.
struct AvailabilityResult {
  std::uint64_t asked = 0;   ///< bytes of arena asked for
  std::uint64_t budget = 0;  ///< bytes it had
  bool scaled_down = false;
  std::uint64_t frame = 0;  ///< bytes
  Setting setting;
  Fragmentation state;
  std::vector<AvailabilityRow> rows;
  AvailabilityMaps maps;
  std::uint64_t mappings_limit = 0;
  std::string machine;
  double seconds = 0;

  /// Did the run find what it must not?
  bool faulty() const;
};

/// The published value for a size, at the published setting only (3.5 GiB, 32 KiB, 96.8 %).
std::optional<double> published_share(std::uint64_t budget, const Setting& setting,
                                      std::uint64_t size);

/// The table and what to know about it.
std::string availability_text(const AvailabilityResult& result);

/// All of it; docs/man/vcompound-availability.1 lists the keys.
nlohmann::json availability_json(const AvailabilityResult& result);

/// Adds pictures and tables made from availability_json(). Throws ToolError (kUsage), naming
/// `source`, if that is not what it wrote.
void add_availability(Report& report, const nlohmann::json& result, const std::string& source);

}  // namespace vc::tool
