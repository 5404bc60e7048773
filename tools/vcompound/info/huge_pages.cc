// huge_pages.cc — transparent huge pages and hugetlb pools.
#include <algorithm>
#include <string_view>

#include "tools/vcompound/common/sizes.h"
#include "tools/vcompound/info/machine.h"

namespace vc::tool {
namespace {

/// The size in "hugepages-2048kB", in bytes.
MaybeNumber size_of_folder(std::string_view name) {
  constexpr std::string_view kPrefix = "hugepages-";
  if (!name.starts_with(kPrefix)) return std::nullopt;
  const auto kib = leading_number(name.substr(kPrefix.size()));
  return kib ? MaybeNumber(*kib * kKiB) : std::nullopt;
}

std::string mode(const SystemFiles& files, const std::string& path) {
  return chosen_word(files.text(path).value_or(""));
}

template <typename T>
void sort_by_size(std::vector<T>& items) {
  std::sort(items.begin(), items.end(), [](const T& a, const T& b) { return a.size < b.size; });
}

std::vector<NodePool> read_node_pools(const SystemFiles& files, const std::string& pool) {
  constexpr std::string_view kNodes = "/sys/devices/system/node/";
  std::vector<NodePool> pools;
  for (const std::string& name : files.names(kNodes)) {
    const auto id =
        name.starts_with("node") ? leading_number(std::string_view(name).substr(4)) : std::nullopt;
    const std::string folder = std::string(kNodes) + name + "/hugepages/" + pool;
    if (!id || !files.exists(folder)) continue;
    pools.push_back(
        {*id, files.number(folder + "/nr_hugepages"), files.number(folder + "/free_hugepages")});
  }
  std::sort(pools.begin(), pools.end(),
            [](const NodePool& a, const NodePool& b) { return a.node < b.node; });
  return pools;
}

}  // namespace

HugePageFacts read_huge_pages(const SystemFiles& files) {
  const std::string root = "/sys/kernel/mm/transparent_hugepage";
  HugePageFacts facts;
  facts.present = files.exists(root);
  facts.enabled = mode(files, root + "/enabled");
  facts.shmem_enabled = mode(files, root + "/shmem_enabled");
  facts.defrag = mode(files, root + "/defrag");
  facts.pmd_size = files.number(root + "/hpage_pmd_size");
  for (const std::string& name : files.names(root)) {
    const auto size = size_of_folder(name);
    if (!size) continue;
    const std::string folder = root + "/" + name;
    facts.sizes.push_back(
        {*size, mode(files, folder + "/enabled"), mode(files, folder + "/shmem_enabled")});
  }
  sort_by_size(facts.sizes);
  return facts;
}

std::vector<HugetlbPool> read_hugetlb_pools(const SystemFiles& files) {
  const std::string root = "/sys/kernel/mm/hugepages";
  std::vector<HugetlbPool> pools;
  for (const std::string& name : files.names(root)) {
    const auto size = size_of_folder(name);
    if (!size) continue;
    const std::string folder = root + "/" + name;
    pools.push_back(
        {*size, files.number(folder + "/nr_hugepages"), files.number(folder + "/free_hugepages"),
         files.number(folder + "/resv_hugepages"),
         files.number(folder + "/nr_overcommit_hugepages"), read_node_pools(files, name)});
  }
  sort_by_size(pools);
  return pools;
}

}  // namespace vc::tool
