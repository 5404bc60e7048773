// A snapshot in the text format of Prometheus: for each metric a HELP and a TYPE line, then its
// samples together. In a label value `\`, `"` and line feeds are escaped.
#include <cstdio>

#include "vcompound/api/snapshot.h"

namespace vc {
namespace {

std::string escaped(const std::string& value) {
  std::string out;
  for (const char c : value) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

std::string label(const char* name, const std::string& value) {
  return std::string(name) + "=\"" + escaped(value) + "\"";
}

std::string label(const char* name, std::uint64_t value) {
  return label(name, std::to_string(value));
}

/// One metric after the other.
class Exposition {
 public:
  void begin(const char* name, const char* type, const char* help) {
    name_ = std::string("vcompound_") + name;
    text_ += "# HELP " + name_ + " " + help + "\n# TYPE " + name_ + " " + type + "\n";
  }
  void sample(const std::string& labels, const std::string& value) {
    text_ += name_ + (labels.empty() ? "" : "{" + labels + "}") + " " + value + "\n";
  }
  void sample(const std::string& labels, std::uint64_t value) {
    sample(labels, std::to_string(value));
  }
  void gauge(const char* name, const char* help, std::uint64_t value) {
    begin(name, "gauge", help);
    sample("", value);
  }
  void counter(const char* name, const char* help, std::uint64_t value) {
    begin(name, "counter", help);
    sample("", value);
  }
  std::string take() { return std::move(text_); }

 private:
  std::string name_;
  std::string text_;
};

void write_memory(const Snapshot& s, Exposition& out) {
  const Stats& stats = s.stats;
  out.gauge("budget_bytes", "Memory of the arena.", s.bytes(stats.total_pages));
  out.gauge("live_bytes", "Memory in use.", s.bytes(stats.live_pages()));
  out.begin("free_bytes", "gauge", "Free memory, by where it is kept.");
  out.sample(label("where", "zones"), s.bytes(stats.free_pages));
  out.sample(label("where", "caches"), s.bytes(stats.cached_pages));
  out.sample(label("where", "pending"), s.bytes(stats.pending_pages));
  out.sample(label("where", "deferred"), s.bytes(stats.deferred_pages));
  out.gauge("committed_bytes", "Memory the system put behind frames.",
            s.bytes(stats.committed_pages));
  out.gauge("committed_huge_bytes", "Of the committed memory, what is on huge pages as verified.",
            s.committed_huge.value);
  out.gauge("metadata_bytes", "Resident bytes of the arena's own tables.", s.metadata.value);
  out.gauge("largest_run_bytes", "The longest run of free frames.", s.bytes(stats.largest_run));
  out.gauge("largest_gap_bytes", "The longest free range of addresses for mapped compounds.",
            s.bytes(stats.largest_gap));
  out.gauge("mappings", "Mappings in use.", stats.mappings_used);
  out.gauge("mappings_limit", "Mappings that may be in use.", stats.mappings_limit);
}

void write_counters(const Stats& stats, Exposition& out) {
  out.begin("allocations_total", "counter", "Allocations that succeeded, by kind.");
  out.sample(label("kind", "contiguous"), stats.contiguous_allocations);
  out.sample(label("kind", "mapped"), stats.mapped_allocations);
  out.begin("refusals_total", "counter", "Allocations refused, by reason.");
  for (std::uint32_t i = 1; i < kReasonCount; ++i) {
    out.sample(label("reason", name_of(static_cast<Reason>(i))), stats.refusals[i]);
  }
  out.counter("cache_hits_total", "Allocations served from a cache.", stats.cache_hits);
  out.counter("forced_fallbacks_total", "Allocations mapped because always_map said so.",
              stats.forced_fallbacks);
  out.counter("frees_total", "Compounds freed.", stats.frees);
  out.counter("deferred_frees_total", "Frees where blocking was forbidden.", stats.deferred_frees);
  out.counter("misuses_total", "Wrong pointers that were refused.", stats.misuses);
  out.counter("maps_total", "Runs mapped.", stats.maps);
  out.counter("unmaps_total", "Areas unmapped.", stats.unmaps);
  out.counter("shootdowns_total", "TLB shootdowns.", stats.shootdowns);
  out.counter("drains_total", "Times all caches were drained.", stats.drains);
}

void write_fragmentation(const Snapshot& s, Exposition& out) {
  out.begin("free_blocks", "gauge", "Free blocks of 2^order frames.");
  for (std::size_t order = 0; order < s.free_blocks.size(); ++order) {
    out.sample(label("order", order), s.free_blocks[order]);
  }
  out.begin("node_free_bytes", "gauge", "Free memory in the zone of a NUMA node.");
  for (std::size_t node = 0; node < s.nodes.size(); ++node) {
    out.sample(label("node", node), s.nodes[node].free.value);
  }
  out.begin("availability_ratio", "gauge",
            "Share of the free memory that can be handed out contiguously in pieces of a size.");
  for (const auto& [size, share] : s.availability) {
    char value[32];
    std::snprintf(value, sizeof value, "%.6f", share);
    out.sample(label("size", size.value), value);
  }
}

void write_sites(const Snapshot& s, Exposition& out) {
  if (s.sites.empty()) return;
  out.begin("site_allocations_total", "counter", "Allocations by call site and kind.");
  for (const Snapshot::Site& site : s.sites) {
    const std::string where = label("site", site.name);
    out.sample(where + "," + label("kind", "contiguous"), site.contiguous);
    out.sample(where + "," + label("kind", "mapped"), site.mapped);
  }
  out.begin("site_refusals_total", "counter", "Refusals by call site.");
  for (const Snapshot::Site& site : s.sites) out.sample(label("site", site.name), site.refused);
}

}  // namespace

std::string to_prometheus(const Snapshot& snapshot) {
  Exposition out;
  write_memory(snapshot, out);
  write_counters(snapshot.stats, out);
  write_fragmentation(snapshot, out);
  write_sites(snapshot, out);
  return out.take();
}

}  // namespace vc
