// print_text.cc — the text of `vcompound info`.
//
//   Huge pages
//     ok  MADV_COLLAPSE on a memfd   yes       one huge mapping, as seen by PAGEMAP_SCAN
//     --  hugetlb pool of 2 MiB      0 pages   empty: …
#include <algorithm>
#include <string_view>

#include "tools/vcompound/common/sizes.h"
#include "tools/vcompound/common/text_table.h"
#include "tools/vcompound/info/print.h"

namespace vc::tool {
namespace {

/// What a line means for vcompound: fine, a hindrance, or just a fact.
enum class Mark { kFine, kHindrance, kFact };

constexpr std::size_t kTextColumns = 92;

constexpr std::size_t kItemColumns = 25;
constexpr std::size_t kValueColumns = 14;

/// Blanks up to a width shared by all sections, so that their columns stand below each other.
std::string padded(std::string text, std::size_t columns) {
  const std::size_t width = display_width(text);
  if (width < columns) text.append(columns - width, ' ');
  return text;
}

/// One section of the text: a heading and aligned lines.
class Section {
 public:
  explicit Section(std::string heading)
      : heading_(std::move(heading)), table_({{""}, {""}, {""}, {""}}) {}

  void line(Mark mark, const std::string& item, const std::string& value,
            const std::string& meaning = "") {
    const char* shown = mark == Mark::kFine ? "ok" : mark == Mark::kHindrance ? "!!" : "--";
    table_.add_row({shown, padded(item, kItemColumns), padded(printable(value), kValueColumns),
                    printable(meaning)});
  }
  [[nodiscard]] std::string str() const {
    return table_.size() == 0 ? "" : heading_ + "\n" + table_.str(2) + "\n";
  }

 private:
  std::string heading_;
  TextTable table_;
};

std::string bytes_or_dash(const MaybeNumber& bytes) { return bytes ? format_bytes(*bytes) : "-"; }
std::string count_or_dash(const MaybeNumber& count) { return count ? format_count(*count) : "-"; }
std::string word_or_dash(const std::string& word) { return word.empty() ? "-" : word; }

Mark mark_of(const Probe& probe) {
  if (probe.yes()) return Mark::kFine;
  return probe.no() ? Mark::kHindrance : Mark::kFact;
}

std::string answer(const Probe& probe) {
  if (probe.yes()) return "yes";
  return probe.no() ? "no" : "not tried";
}

void probe_line(Section& section, const std::string& item, const Probe& probe,
                const std::string& use) {
  std::string meaning = use;
  if (!probe.detail.empty()) meaning += " (" + probe.detail + ")";
  section.line(mark_of(probe), item, answer(probe), meaning);
}

/// For calls that vcompound can do without.
void extra_line(Section& section, const std::string& item, const Probe& probe,
                const std::string& use) {
  std::string meaning = use;
  if (probe.no()) meaning += " (" + probe.detail + ")";
  section.line(probe.yes() ? Mark::kFine : Mark::kFact, item, answer(probe), meaning);
}

std::string overcommit_text(const MaybeNumber& mode) {
  if (!mode) return "-";
  switch (*mode) {
    case 0: return "0 (heuristic)";
    case 1: return "1 (always)";
    case 2: return "2 (strict)";
    default: return std::to_string(*mode);
  }
}

std::string memory_section(const InfoResult& result) {
  const MemoryFacts& memory = result.machine.memory;
  Section section("Memory");
  section.line(Mark::kFact, "memory in all", bytes_or_dash(memory.total));
  section.line(Mark::kFact, "available now", bytes_or_dash(memory.available));
  section.line(Mark::kFact, "usable by arenas now", format_bytes(usable_memory(result.machine)),
               "available memory, or what the control groups still give: the largest --budget");
  if (memory.free_in_buddies && *memory.free_in_buddies != 0) {
    const double share = static_cast<double>(memory.free_in_huge_units.value_or(0)) /
                         static_cast<double>(*memory.free_in_buddies);
    section.line(share < 0.1 ? Mark::kHindrance : Mark::kFine, "free in huge units",
                 format_percent(share, 0), "share of free memory in blocks that hold a huge page");
  }
  section.line(Mark::kFact, "swap",
               bytes_or_dash(memory.swap_free) + " of " + bytes_or_dash(memory.swap_total),
               "free of all");
  section.line(Mark::kFact, "overcommit", overcommit_text(memory.overcommit_mode),
               bytes_or_dash(memory.committed) + " of " + bytes_or_dash(memory.commit_limit) +
                   " promised; binding only when strict");
  return section.str();
}

std::string cgroup_meaning(const CgroupLevel& level) {
  std::string meaning = bytes_or_dash(level.current) + " in use";
  if (level.cache) meaning += ", " + format_bytes(*level.cache) + " of it droppable cache";
  if (level.high) meaning += "; slowed down above " + format_bytes(*level.high);
  return meaning;
}

std::string cgroup_section(const InfoResult& result) {
  Section section("Control groups, from this process up");
  for (const CgroupLevel& level : result.machine.cgroups) {
    section.line(level.limit ? Mark::kHindrance : Mark::kFine,
                 "v" + std::to_string(level.version) + " " + level.path,
                 level.limit ? format_bytes(*level.limit) : "no limit", cgroup_meaning(level));
  }
  return section.str();
}

void pool_lines(Section& section, const HugetlbPool& pool) {
  const std::string name = "hugetlb pool of " + format_bytes(pool.size);
  std::string meaning = count_or_dash(pool.free_pages) + " free, " +
                        count_or_dash(pool.reserved_pages) + " reserved, " +
                        count_or_dash(pool.overcommit_pages) + " more on demand";
  if (pool.nodes.size() > 1) {
    for (const NodePool& node : pool.nodes) {
      meaning += "; node " + std::to_string(node.node) + ": " + count_or_dash(node.free_pages) +
                 " of " + count_or_dash(node.total_pages) + " free";
    }
  }
  section.line(pool.total_pages.value_or(0) != 0 ? Mark::kFine : Mark::kFact, name,
               count_or_dash(pool.total_pages) + " pages", meaning);
}

/// One line for neighbouring sizes of the same modes.
void size_lines(Section& section, const std::vector<HugeSizeMode>& sizes) {
  for (std::size_t first = 0; first < sizes.size();) {
    std::size_t last = first;
    const auto same = [&](const HugeSizeMode& other) {
      return other.enabled == sizes[first].enabled &&
             other.shmem_enabled == sizes[first].shmem_enabled;
    };
    while (last + 1 < sizes.size() && same(sizes[last + 1])) ++last;
    std::string item = "pages of " + format_bytes(sizes[first].size);
    if (last != first) item += " to " + format_bytes(sizes[last].size);
    const std::string& shared = sizes[first].shmem_enabled;
    section.line(Mark::kFact, item, word_or_dash(sizes[first].enabled),
                 shared.empty() ? "" : "for shared memory: " + shared);
    first = last + 1;
  }
}

std::string huge_page_section(const InfoResult& result) {
  const HugePageFacts& huge = result.machine.huge_pages;
  Section section("Huge pages");
  probe_line(section, "MADV_COLLAPSE on a memfd", result.probes.collapse,
             "huge pages for arenas without privilege");
  section.line(Mark::kFact, "size of a huge page", bytes_or_dash(huge.pmd_size));
  section.line(Mark::kFact, "for private memory", word_or_dash(huge.enabled),
               "transparent_hugepage/enabled; arenas do not depend on it");
  section.line(Mark::kFact, "for shared memory", word_or_dash(huge.shmem_enabled),
               "transparent_hugepage/shmem_enabled; never suffices where the first line says yes");
  section.line(Mark::kFact, "defrag on a fault", word_or_dash(huge.defrag),
               "transparent_hugepage/defrag");
  size_lines(section, huge.sizes);
  for (const HugetlbPool& pool : result.machine.pools) pool_lines(section, pool);
  return section.str();
}

std::string mapping_section(const InfoResult& result) {
  const Machine& machine = result.machine;
  const bool short_of =
      std::any_of(result.advice.begin(), result.advice.end(), [](const Advice& advice) {
        return advice.command.find("max_map_count") != std::string::npos;
      });
  Section section("Mappings");
  section.line(short_of ? Mark::kHindrance : Mark::kFine, "vm.max_map_count",
               count_or_dash(machine.max_map_count),
               "mappings a process may have: one for each run of a mapped compound");
  section.line(Mark::kFact, "in use by this process", count_or_dash(machine.mappings_in_use));
  return section.str();
}

std::string call_section(const InfoResult& result) {
  const Probes& probes = result.probes;
  Section section("System calls, each tried");
  probe_line(section, "memfd_create", probes.memfd, "the memory of an arena");
  probe_line(section, "mapping a page twice", probes.alias, "the mapped fallback");
  extra_line(section, "PAGEMAP_SCAN", probes.pagemap_scan, "verify: huge or not, quickly");
  extra_line(section, "MADV_POPULATE_WRITE", probes.populate, "committing ahead with an answer");
  extra_line(section, "membarrier", probes.membarrier, "cheap ordering between threads");
  extra_line(section, "userfaultfd", probes.userfaultfd, "watching one's own page faults");
  extra_line(section, "UFFDIO_MOVE", probes.userfault_move,
             "moving private pages: no mapping per run");
  section.line(Mark::kFact, "unprivileged userfaultfd",
               count_or_dash(result.machine.unprivileged_userfaultfd),
               "vm.unprivileged_userfaultfd; UFFD_USER_MODE_ONLY works with 0 too");
  return section.str();
}

std::string limit_text(const LimitFact& limit, bool bytes) {
  if (!limit.known) return "-";
  if (!limit.soft) return "unlimited";
  return bytes ? format_bytes(*limit.soft) : format_count(*limit.soft);
}

std::string limit_section(const InfoResult& result) {
  const Machine& machine = result.machine;
  Section section("Limits of this process");
  const bool addresses_limited = machine.address_space.known && machine.address_space.soft;
  section.line(addresses_limited ? Mark::kHindrance : Mark::kFine, "address space",
               limit_text(machine.address_space, true), "RLIMIT_AS");
  section.line(Mark::kFact, "locked memory", limit_text(machine.locked_memory, true),
               "RLIMIT_MEMLOCK; only for arenas locked in memory");
  section.line(Mark::kFact, "open files", limit_text(machine.open_files, false),
               "RLIMIT_NOFILE; an arena takes one");
  return section.str();
}

std::string node_section(const InfoResult& result) {
  Section section("NUMA nodes");
  for (const NodeFacts& node : result.machine.nodes) {
    section.line(Mark::kFact, "node " + std::to_string(node.node), bytes_or_dash(node.total),
                 bytes_or_dash(node.free) + " free, CPUs " + word_or_dash(node.cpus));
  }
  return section.str();
}

void add_field(std::string& out, const std::string& name, const std::string& text) {
  if (text.empty()) return;
  constexpr std::size_t kIndent = 13;
  std::string label = "     " + name;
  label.resize(kIndent, ' ');
  out += wrapped(printable(text), kTextColumns, kIndent).insert(0, label) + "\n";
}

std::string advice_section(const InfoResult& result) {
  if (result.advice.empty())
    return "What to change\n  Nothing: this machine offers all it needs.\n";
  std::string out = "What to change\n";
  for (std::size_t i = 0; i < result.advice.size(); ++i) {
    const Advice& advice = result.advice[i];
    out += "  " + std::to_string(i + 1) + ". " + advice_level_name(advice.level) + ": " +
           wrapped(printable(advice.subject), kTextColumns, 15) + "\n";
    // Commands stay on one line, ready to be copied.
    if (!advice.command.empty()) out += "     do      " + advice.command + "\n";
    if (!advice.keep.empty()) out += "     keep    " + advice.keep + "\n";
    add_field(out, "buys", advice.buys);
  }
  return out;
}

}  // namespace

std::string info_text(const InfoResult& result) {
  return "vcompound on " + printable(machine_summary(result.machine)) + "\n\n" +
         memory_section(result) + cgroup_section(result) + huge_page_section(result) +
         mapping_section(result) + call_section(result) + limit_section(result) +
         node_section(result) + advice_section(result) +
         "\nok: fine   !!: in the way, see above   --: a fact\n";
}

}  // namespace vc::tool
