// Taking a snapshot, and writing it for people and as JSON. Prometheus has its own file.
#include "vcompound/api/snapshot.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "vcompound/base/text.h"

namespace vc {
namespace {

void add_site(std::vector<Snapshot::Site>& sites, const SiteInfo& info) {
  const std::string name = to_string(info.site);
  auto at = std::find_if(sites.begin(), sites.end(),
                         [&](const Snapshot::Site& site) { return site.name == name; });
  if (at == sites.end()) at = sites.insert(at, Snapshot::Site{.name = name});
  at->contiguous += info.contiguous;
  at->mapped += info.mapped;
  at->refused += info.refused;
}

/// Lines "name   value" into a string.
class Lines {
 public:
  TextWriter& begin(const char* name) {
    writer_ = TextWriter(buffer_.data(), buffer_.size());
    writer_.text(name);
    while (writer_.length() < kColumn) writer_.character(' ');
    return writer_;
  }
  void end() { text_.append(writer_.c_str()).append("\n"); }
  void count(const char* name, std::uint64_t value) {
    begin(name).number(value);
    end();
  }
  void size(const char* name, std::uint64_t value) {
    begin(name).size(Bytes(value));
    end();
  }
  std::string take() { return std::move(text_); }

 private:
  static constexpr std::size_t kColumn = 24;
  std::array<char, 512> buffer_{};
  TextWriter writer_{buffer_.data(), buffer_.size()};
  std::string text_;
};

void write_memory(const Snapshot& s, Lines& lines) {
  lines.size("budget", s.bytes(s.stats.total_pages));
  lines.size("live", s.bytes(s.stats.live_pages()));
  lines.size("free in zones", s.bytes(s.stats.free_pages));
  lines.size("free in caches", s.bytes(s.stats.cached_pages));
  lines.size("pending", s.bytes(s.stats.pending_pages));
  lines.size("deferred", s.bytes(s.stats.deferred_pages));
  lines.size("committed", s.bytes(s.stats.committed_pages));
  lines.size("on huge pages", s.committed_huge.value);
  lines.size("metadata", s.metadata.value);
  lines.size("longest free run", s.bytes(s.stats.largest_run));
  lines.size("largest address gap", s.bytes(s.stats.largest_gap));
  TextWriter& out = lines.begin("mappings");
  out.number(s.stats.mappings_used).text(" of ").number(s.stats.mappings_limit);
  lines.end();
}

void write_counts(const Snapshot& s, Lines& lines) {
  lines.count("contiguous allocations", s.stats.contiguous_allocations);
  lines.count("mapped allocations", s.stats.mapped_allocations);
  lines.count("forced fallbacks", s.stats.forced_fallbacks);
  lines.count("cache hits", s.stats.cache_hits);
  lines.count("frees", s.stats.frees);
  lines.count("deferred frees", s.stats.deferred_frees);
  lines.count("wrong pointers", s.stats.misuses);
  lines.count("runs mapped", s.stats.maps);
  lines.count("areas unmapped", s.stats.unmaps);
  lines.count("shootdowns", s.stats.shootdowns);
  lines.count("cache drains", s.stats.drains);
  for (std::uint32_t i = 1; i < kReasonCount; ++i) {
    if (s.stats.refusals[i] == 0) continue;
    lines.begin("refused")
        .number(s.stats.refusals[i])
        .text(" for ")
        .text(name_of(static_cast<Reason>(i)));
    lines.end();
  }
}

void write_availability(const Snapshot& s, Lines& lines) {
  for (const auto& [size, share] : s.availability) {
    TextWriter& out = lines.begin("availability");
    out.size(size).text(": ").percent(static_cast<std::uint64_t>(share * 1e6), 1'000'000);
    out.text(" %");
    lines.end();
  }
}

void write_nodes(const Snapshot& s, Lines& lines) {
  for (std::size_t node = 0; node < s.nodes.size(); ++node) {
    TextWriter& out = lines.begin("node");
    out.number(node).text(": ").size(s.nodes[node].free).text(" free of ");
    out.size(s.nodes[node].total);
    lines.end();
  }
}

void write_sites(const Snapshot& s, Lines& lines) {
  for (const Snapshot::Site& site : s.sites) {
    TextWriter& out = lines.begin("site");
    out.text(site.name.c_str()).text(": ").number(site.contiguous).text(" contiguous, ");
    out.number(site.mapped).text(" mapped, ").number(site.refused).text(" refused");
    lines.end();
  }
}

using Json = nlohmann::ordered_json;

Json refusals_json(const Stats& stats) {
  Json refusals = Json::object();
  for (std::uint32_t i = 1; i < kReasonCount; ++i) {
    refusals[name_of(static_cast<Reason>(i))] = stats.refusals[i];
  }
  return refusals;
}

Json memory_json(const Snapshot& s) {
  return {{"budget", s.bytes(s.stats.total_pages)},
          {"frame_size", s.frame_size.bytes().value},
          {"live", s.bytes(s.stats.live_pages())},
          {"free", s.bytes(s.stats.free_pages)},
          {"cached", s.bytes(s.stats.cached_pages)},
          {"pending", s.bytes(s.stats.pending_pages)},
          {"deferred", s.bytes(s.stats.deferred_pages)},
          {"committed", s.bytes(s.stats.committed_pages)},
          {"committed_huge", s.committed_huge.value},
          {"metadata", s.metadata.value},
          {"largest_run", s.bytes(s.stats.largest_run)},
          {"largest_gap", s.bytes(s.stats.largest_gap)}};
}

Json counts_json(const Stats& stats) {
  return {{"contiguous_allocations", stats.contiguous_allocations},
          {"mapped_allocations", stats.mapped_allocations},
          {"forced_fallbacks", stats.forced_fallbacks},
          {"cache_hits", stats.cache_hits},
          {"frees", stats.frees},
          {"deferred_frees", stats.deferred_frees},
          {"misuses", stats.misuses},
          {"maps", stats.maps},
          {"unmaps", stats.unmaps},
          {"shootdowns", stats.shootdowns},
          {"drains", stats.drains},
          {"mappings_used", stats.mappings_used},
          {"mappings_limit", stats.mappings_limit},
          {"refusals", refusals_json(stats)}};
}

}  // namespace

std::vector<Bytes> shown_sizes() {
  std::vector<Bytes> sizes;
  for (std::uint64_t size = kib(64).value; size <= mib(64).value; size *= 2) {
    sizes.push_back(Bytes(size));
  }
  return sizes;
}

Snapshot take_snapshot(const Arena& arena) {
  Snapshot s;
  s.stats = arena.stats();
  s.frame_size = arena.frame_size();
  s.committed_huge = arena.committed_huge();
  s.metadata = arena.metadata_resident();
  s.free_blocks = arena.free_blocks();
  s.nodes = arena.nodes();
  for (const Bytes size : shown_sizes()) {
    s.availability.push_back({.size = size, .share = arena.availability(size)});
  }
  for (const SiteInfo& site : arena.sites()) add_site(s.sites, site);
  return s;
}

std::string to_text(const Snapshot& snapshot) {
  Lines lines;
  write_memory(snapshot, lines);
  write_counts(snapshot, lines);
  write_availability(snapshot, lines);
  write_nodes(snapshot, lines);
  write_sites(snapshot, lines);
  return lines.take();
}

std::string to_json(const Snapshot& snapshot) {
  Json json = {{"memory", memory_json(snapshot)}, {"counts", counts_json(snapshot.stats)}};
  json["free_blocks"] = snapshot.free_blocks;
  Json& availability = json["availability"] = Json::array();
  for (const auto& [size, share] : snapshot.availability) {
    availability.push_back({{"size", size.value}, {"share", share}});
  }
  Json& nodes = json["nodes"] = Json::array();
  for (const NodeInfo& node : snapshot.nodes) {
    nodes.push_back({{"total", node.total.value}, {"free", node.free.value}});
  }
  Json& sites = json["sites"] = Json::array();
  for (const Snapshot::Site& site : snapshot.sites) {
    sites.push_back({{"site", site.name},
                     {"contiguous", site.contiguous},
                     {"mapped", site.mapped},
                     {"refused", site.refused}});
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string Arena::stats(Format format) const {
  const Snapshot snapshot = take_snapshot(*this);
  switch (format) {
    case Format::text: return to_text(snapshot);
    case Format::json: return to_json(snapshot);
    case Format::prometheus: return to_prometheus(snapshot);
  }
  return {};
}

}  // namespace vc
