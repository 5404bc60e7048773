// Row: one thing that is measured, for each peer and each case (mostly a size).
//
// Each file of rows/ registers one. A process runs one row with one peer once; repetitions are
// further processes, in an order that is drawn at random (scripts/compare.sh). What it finds goes
// to standard output, one JSON object in a line for each figure:
//
//   {"row":"pair","case":"64
//   KiB","at":65536,"peer":"glibc","metric":"time","unit":"ns","value":27.1}
//   {"row":"pair","case":"1 GiB","at":1073741824,"peer":"dpdk","metric":"time","cannot":"refused"}
//
// "at" sorts the cases and is the x axis of a picture.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "bench/compare/peer.h"

namespace vc::compare {

/// One case of a row: its name in tables, and where it stands on the axis.
struct Case {
  std::string name;
  double at = 0;
};

/// "64 KiB", at 65536.
Case size_case(std::uint64_t bytes);

/// Where a row puts its figures.
class Sink {
 public:
  Sink(std::string row, std::string peer) : row_(std::move(row)), peer_(std::move(peer)) {}
  /// One figure. `unit`: ns, us, ms, percent, bytes, count, per_second, ratio.
  void figure(const Case& where, const char* metric, const char* unit, double value);
  /// This peer cannot do this case, and why.
  void cannot(const Case& where, const char* metric, const std::string& reason);
  /// A fact about the peer of this process ("version", "usable").
  void fact(const char* name, const std::string& value);

 private:
  std::string row_;
  std::string peer_;
};

/// What a run is about.
struct Run {
  const std::string& peer;  ///< its name; the row opens it by open_peer(peer, setting)
  bool quick = false;       ///< few and small cases, for a test of the machinery; no figure counts
  std::uint64_t seed = 1;   ///< of everything drawn at random; the repetition's number
  Sink& out;
};

struct RowDefinition {
  const char* title;  ///< a heading
  const char* what;   ///< what is done and measured: a sentence or two
  /// The peers for which the row makes sense, in the order of the tables; those that cannot do it
  /// are in the list as well and say why.
  std::vector<std::string> peers;
  /// How often it is repeated in a full comparison.
  std::uint32_t repetitions = 5;
  void (*run)(const Run& run);
};

/// Makes a row known by its name.
struct RowRegistration {
  RowRegistration(const char* name, RowDefinition definition);
};

/// nullptr for an unknown name.
const RowDefinition* find_row(const std::string& name);
std::vector<std::string> row_names();

/// Opens the peer of a run; if it cannot, says so under `where` and returns nothing.
bool open_or_say(const Run& run, const Setting& setting, const Case& where, const char* metric,
                 Peer& peer);

}  // namespace vc::compare
