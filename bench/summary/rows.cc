// Which figure is compared with which, and what the goals are.
#include "bench/summary/rows.h"

#include <cstdio>

namespace vc::bench {

namespace {

constexpr std::uint64_t kMib = std::uint64_t{1} << 20;
constexpr std::uint64_t kGib = std::uint64_t{1} << 30;
constexpr std::uint64_t kTib = std::uint64_t{1} << 40;

constexpr Goal at_most(double bound) { return {Goal::Kind::at_most, bound}; }
constexpr Goal below(double bound) { return {Goal::Kind::below, bound}; }

/// Which measurement a figure comes from.
struct Source {
  std::string benchmark;
  std::string who;
  std::uint64_t size = 0;
};

class Table {
 public:
  explicit Table(const Measurements& measurements) : m_(measurements) {}

  /// Our processor time against somebody's.
  void compare(const std::string& name, const Source& ours, const Source& peer, Goal goal);
  /// A counter against another counter of the same run, or against a limit.
  void compare_counters(const std::string& name, const Source& source, const std::string& counter,
                        const std::string& other, Goal goal);
  void compare_with_limit(const std::string& name, const Source& source, const std::string& counter,
                          double limit, const std::string& unit);
  /// A counter that must be zero (the ratio is the counter itself).
  void must_be_zero(const std::string& name, const Source& source, const std::string& counter);

  const Measurements& measurements() const { return m_; }
  std::vector<Row> take() { return std::move(rows_); }

 private:
  const Measurement* find(const Source& s, Row& row) const {
    const Measurement* found = m_.find(s.benchmark, s.who, s.size);
    if (found == nullptr) row.error = m_.why_missing(s.benchmark, s.who, s.size);
    return found;
  }
  Row& add(const std::string& name, std::uint64_t size, const std::string& peer,
           const std::string& unit, Goal goal) {
    return rows_.emplace_back(
        Row{.name = name, .size = size, .peer = peer, .unit = unit, .goal = goal});
  }
  static void fill(Row& row, double ours, double peer) {
    row.ours = ours;
    row.peer_value = peer;
    row.ratio = peer == 0 ? 0 : ours / peer;
    if (peer == 0) row.error = "the peer's figure is 0";
  }
  static void fill_times(Row& row, const Measurement& ours, const Measurement& peer) {
    fill(row, median(ours.cpu), median(peer.cpu));
    if (median(peer.real) != 0) row.more["ratio_real_time"] = median(ours.real) / median(peer.real);
    if (smallest(peer.cpu) != 0)
      row.more["ratio_fastest"] = smallest(ours.cpu) / smallest(peer.cpu);
    for (const auto& [name, value] : ours.counters) row.more[name] = value;
  }

  const Measurements& m_;
  std::vector<Row> rows_;
};

void Table::compare(const std::string& name, const Source& ours, const Source& peer, Goal goal) {
  Row& row = add(name, ours.size, peer.benchmark + "/" + peer.who, "ns", goal);
  const Measurement* a = find(ours, row);
  const Measurement* b = find(peer, row);
  if (a != nullptr && b != nullptr) fill_times(row, *a, *b);
}

void Table::compare_counters(const std::string& name, const Source& source,
                             const std::string& counter, const std::string& other, Goal goal) {
  Row& row = add(name, source.size, other, "bytes", goal);
  const Measurement* found = find(source, row);
  if (found == nullptr) return;
  const auto value = [&](const std::string& key) {
    const auto at = found->counters.find(key);
    return at == found->counters.end() ? 0 : at->second;
  };
  fill(row, value(counter), value(other));
  row.more = found->counters;
}

void Table::compare_with_limit(const std::string& name, const Source& source,
                               const std::string& counter, double limit, const std::string& unit) {
  Row& row = add(name, source.size, "limit", unit, below(1));
  const Measurement* found = find(source, row);
  if (found == nullptr) return;
  const bool is_time = counter.empty();
  fill(row, is_time ? median(found->real) : found->counters.at(counter), limit);
}

void Table::must_be_zero(const std::string& name, const Source& source,
                         const std::string& counter) {
  Row& row = add(name, source.size, "none", counter, at_most(0));
  const Measurement* found = find(source, row);
  if (found != nullptr) row.ours = row.ratio = found->counters.at(counter);
}

void add_mapped(Table& table) {
  constexpr std::uint64_t size = 8 * kMib;
  const Source fresh{"fresh", "pages_4k", size};
  for (const char* who : {"cold", "steady", "reused"}) {
    table.compare(std::string("mapped_64k_") + who, {"mapped_64k", who, size}, fresh, at_most(0.5));
  }
  for (const char* who : {"cold", "steady", "reused"}) {
    table.compare(std::string("mapped_2m_") + who, {"mapped_2m", who, size}, fresh, at_most(0.05));
  }
  table.must_be_zero("mapped_64k_reused_maps", {"mapped_64k", "reused", size}, "maps_per_op");
  table.must_be_zero("mapped_2m_reused_maps", {"mapped_2m", "reused", size}, "maps_per_op");
  table.compare("mapped_2m_cold_vs_huge", {"mapped_2m", "cold", size}, {"fresh", "huge", size}, {});
}

void add_arena(Table& table) {
  for (const char* who : {"contiguous", "mapped"}) {
    for (const std::uint64_t size : table.measurements().sizes("metadata", who)) {
      table.compare_counters(std::string("metadata_") + who, {"metadata", who, size},
                             "metadata_bytes", "budget_bytes", at_most(0.004));
    }
  }
  table.compare_with_limit("create_time", {"create", "ours", kTib}, "", 10e6, "ns");
  table.compare_with_limit("create_resident", {"create", "ours", kTib}, "resident_bytes", 10 << 20,
                           "bytes");
  for (const char* what : {"grow_zone", "grow_mapped", "grow_pair"}) {
    table.compare(what, {what, "ours", kTib}, {what, "ours", kGib}, at_most(1.2));
  }
}

}  // namespace

bool Goal::is_met_by(double ratio) const {
  switch (kind) {
    case Kind::at_most: return ratio <= bound;
    case Kind::below: return ratio < bound;
    default: return true;
  }
}

std::string Goal::text() const {
  if (kind == Kind::none) return "";
  char text[32];
  const char* sign = kind == Kind::at_most ? "<=" : "<";
  std::snprintf(text, sizeof(text), "%s %g", sign, bound);
  return text;
}

std::vector<Row> make_rows(const Measurements& measurements) {
  Table table(measurements);
  add_mapped(table);
  add_arena(table);
  return table.take();
}

}  // namespace vc::bench
