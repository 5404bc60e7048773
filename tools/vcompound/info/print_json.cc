// print_json.cc — the JSON of `vcompound info`.
#include <nlohmann/json.hpp>

#include "tools/vcompound/common/program.h"
#include "tools/vcompound/info/print.h"

namespace vc::tool {
namespace {

using Json = nlohmann::json;

Json maybe(const MaybeNumber& number) { return number ? Json(*number) : Json(nullptr); }
Json maybe(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json memory_json(const Machine& machine) {
  const MemoryFacts& memory = machine.memory;
  return {{"total_bytes", maybe(memory.total)},
          {"available_bytes", maybe(memory.available)},
          {"usable_bytes", usable_memory(machine)},
          {"free_in_buddies_bytes", maybe(memory.free_in_buddies)},
          {"free_in_huge_units_bytes", maybe(memory.free_in_huge_units)},
          {"swap_total_bytes", maybe(memory.swap_total)},
          {"swap_free_bytes", maybe(memory.swap_free)},
          {"commit_limit_bytes", maybe(memory.commit_limit)},
          {"committed_bytes", maybe(memory.committed)},
          {"overcommit_memory", maybe(memory.overcommit_mode)}};
}

Json huge_page_json(const HugePageFacts& huge) {
  Json sizes = Json::array();
  for (const HugeSizeMode& size : huge.sizes) {
    sizes.push_back({{"size_bytes", size.size},
                     {"enabled", maybe(size.enabled)},
                     {"shmem_enabled", maybe(size.shmem_enabled)}});
  }
  return {{"present", huge.present},
          {"enabled", maybe(huge.enabled)},
          {"shmem_enabled", maybe(huge.shmem_enabled)},
          {"defrag", maybe(huge.defrag)},
          {"pmd_size_bytes", maybe(huge.pmd_size)},
          {"sizes", std::move(sizes)}};
}

Json pools_json(const std::vector<HugetlbPool>& pools) {
  Json out = Json::array();
  for (const HugetlbPool& pool : pools) {
    Json nodes = Json::array();
    for (const NodePool& node : pool.nodes) {
      nodes.push_back({{"node", node.node},
                       {"total_pages", maybe(node.total_pages)},
                       {"free_pages", maybe(node.free_pages)}});
    }
    out.push_back({{"size_bytes", pool.size},
                   {"total_pages", maybe(pool.total_pages)},
                   {"free_pages", maybe(pool.free_pages)},
                   {"reserved_pages", maybe(pool.reserved_pages)},
                   {"overcommit_pages", maybe(pool.overcommit_pages)},
                   {"nodes", std::move(nodes)}});
  }
  return out;
}

Json cgroups_json(const std::vector<CgroupLevel>& levels) {
  Json out = Json::array();
  for (const CgroupLevel& level : levels) {
    out.push_back({{"version", level.version},
                   {"path", level.path},
                   {"limit_bytes", maybe(level.limit)},
                   {"high_bytes", maybe(level.high)},
                   {"current_bytes", maybe(level.current)},
                   {"cache_bytes", maybe(level.cache)}});
  }
  return out;
}

Json nodes_json(const std::vector<NodeFacts>& nodes) {
  Json out = Json::array();
  for (const NodeFacts& node : nodes) {
    out.push_back({{"node", node.node},
                   {"cpus", node.cpus},
                   {"total_bytes", maybe(node.total)},
                   {"free_bytes", maybe(node.free)}});
  }
  return out;
}

/// null: not tried. Otherwise whether it works, and how that was seen.
Json probe_json(const Probe& probe) {
  if (probe.result == ProbeResult::kNotTried) return nullptr;
  return {{"works", probe.yes()}, {"detail", probe.detail}};
}

Json probes_json(const Probes& probes) {
  return {{"memfd_create", probe_json(probes.memfd)},
          {"map_twice", probe_json(probes.alias)},
          {"madv_collapse", probe_json(probes.collapse)},
          {"pagemap_scan", probe_json(probes.pagemap_scan)},
          {"madv_populate_write", probe_json(probes.populate)},
          {"membarrier", probe_json(probes.membarrier)},
          {"userfaultfd", probe_json(probes.userfaultfd)},
          {"uffdio_move", probe_json(probes.userfault_move)}};
}

/// null: unknown; "unlimited" or a number otherwise.
Json limit_json(const LimitFact& limit) {
  if (!limit.known) return nullptr;
  const auto value = [](const MaybeNumber& number) {
    return number ? Json(*number) : Json("unlimited");
  };
  return {{"soft", value(limit.soft)}, {"hard", value(limit.hard)}};
}

Json advice_json(const std::vector<Advice>& list) {
  Json out = Json::array();
  for (const Advice& advice : list) {
    out.push_back({{"level", advice_level_name(advice.level)},
                   {"subject", advice.subject},
                   {"command", maybe(advice.command)},
                   {"keep", maybe(advice.keep)},
                   {"buys", advice.buys}});
  }
  return out;
}

}  // namespace

Json info_json(const InfoResult& result) {
  const Machine& machine = result.machine;
  return {{"version", program_version()},
          {"kernel", maybe(machine.kernel)},
          {"cpus", machine.cpus},
          {"page_size_bytes",
           result.probes.page_size == 0 ? Json(nullptr) : Json(result.probes.page_size)},
          {"memory", memory_json(machine)},
          {"cgroups", cgroups_json(machine.cgroups)},
          {"huge_pages", huge_page_json(machine.huge_pages)},
          {"hugetlb_pools", pools_json(machine.pools)},
          {"nodes", nodes_json(machine.nodes)},
          {"max_map_count", maybe(machine.max_map_count)},
          {"mappings_in_use", maybe(machine.mappings_in_use)},
          {"unprivileged_userfaultfd", maybe(machine.unprivileged_userfaultfd)},
          {"memfd_noexec", maybe(machine.memfd_noexec)},
          {"limits",
           {{"address_space_bytes", limit_json(machine.address_space)},
            {"locked_memory_bytes", limit_json(machine.locked_memory)},
            {"open_files", limit_json(machine.open_files)}}},
          {"probes", probes_json(result.probes)},
          {"advice", advice_json(result.advice)}};
}

}  // namespace vc::tool
