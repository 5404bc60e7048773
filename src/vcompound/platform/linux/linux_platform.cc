// The operations of the contract that are not inline.
#include "vcompound/platform/linux/linux_platform.h"

#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <new>

namespace vc {
namespace {

const PlatformStatus kBelongsToParent{
    .reason = Reason::policy,
    .system_error = EPERM,
    .detail = "this arena belongs to the parent process; make an arena of its own after fork()"};

}  // namespace

LinuxPlatform::LinuxPlatform(os::LinuxPlan plan, os::MemoryFile file, os::Reservation direct,
                             os::Reservation vmap)
    : plan_(std::move(plan)),
      mappings_(limits_, plan_.options.mapping_limit),
      file_(std::move(file)),
      direct_(std::move(direct)),
      vmap_(std::move(vmap)),
      committer_(file_, direct_.range(), plan_.options, headroom_),
      commit_unit_(plan_.unit),
      owner_(::getpid()) {
  os::prepare_barriers();
  bind_nodes();
  os::watch_forks(*this);
}

LinuxPlatform::~LinuxPlatform() {
  os::stop_watching_forks(*this);
  for (const VirtRange table : tables_) ::munmap(os::pointer(table.start), table.size.value);
}

PageCount LinuxPlatform::huge_pages() const {
  const bool wanted = plan_.options.huge == LinuxOptions::Huge::collapse ||
                      plan_.options.backing == LinuxOptions::Backing::hugetlb;
  return wanted ? frame_size().whole_pages(os::kHugePage) : PageCount(1);
}

bool LinuxPlatform::belongs_to_parent() const { return in_child() || ::getpid() != owner_; }

PlatformStatus LinuxPlatform::commit(PfnRange run) {
  return belongs_to_parent() ? kBelongsToParent : committer_.commit(run);
}

PlatformStatus LinuxPlatform::decommit(PfnRange run) {
  return belongs_to_parent() ? kBelongsToParent : committer_.decommit(run);
}

PlatformStatus LinuxPlatform::map(VirtAddr address, PfnRange run) {
  if (belongs_to_parent()) return kBelongsToParent;
  const VirtRange at{address, frame_size().bytes(run.count)};
  VC_DEBUG_ASSERT(at.start >= vmap_.range().start && at.end() <= vmap_.range().end(),
                  "mapping outside of the vmap range");
  const int error = vmap_.map_file(file_, physical(run.first), at, os::Reservation::Populate::yes);
  if (error != 0) return cannot_map(error);
  maps_.fetch_add(1);
  return {};
}

/// ENOMEM has two causes; the number of mappings tells which.
PlatformStatus LinuxPlatform::cannot_map(int error) {
  map_failures_.fetch_add(1);
  if (error == EAGAIN) {
    return {.reason = Reason::policy,
            .system_error = error,
            .detail = "mapping is refused by the limit of locked memory; raise `ulimit -l`"};
  }
  // A mapping in the middle of another needs two more, and our spare one was just given back.
  if (limits_.mappings() + 4 >= mappings_.system_limit()) {
    return {.reason = Reason::mappings,
            .system_error = error,
            .detail =
                "the process has as many mappings as the system allows; raise sysctl "
                "vm.max_map_count"};
  }
  return {.reason = Reason::page_tables,
          .system_error = error,
          .detail = "the kernel has no memory for a mapping"};
}

Unmapped LinuxPlatform::unmap(VirtRange range) {
  VC_DEBUG_ASSERT(range.start >= vmap_.range().start && range.end() <= vmap_.range().end(),
                  "unmapping outside of the vmap range");
  vmap_.clear(range);
  unmaps_.fetch_add(1);
  return Unmapped(range);
}

Unmapped LinuxPlatform::unmap_part(VirtRange range) {
  if (!vmap_.try_clear(range)) return Unmapped(VirtRange{});
  unmaps_.fetch_add(1);
  return Unmapped(range);
}

Bytes LinuxPlatform::metadata_resident() const {
  const std::lock_guard guard(tables_lock_);
  Bytes sum{};
  for (const VirtRange table : tables_) {
    const MappedPages pages = mapped_pages(table);
    sum += pages.huge + pages.small;
  }
  return sum;
}

void* LinuxPlatform::metadata(Bytes size) {
  if (size.value == 0) return nullptr;
  const std::lock_guard guard(tables_lock_);
  try {
    tables_.reserve(tables_.size() + 1);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
  void* const table = ::mmap(nullptr, size.value, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (table == MAP_FAILED) return nullptr;
  // A touched entry must not make 2 MiB resident. Kernels without huge pages refuse: fine.
  static_cast<void>(::madvise(table, size.value, MADV_NOHUGEPAGE));
  tables_.push_back({os::address_of(table), size});
  return table;
}

void LinuxPlatform::bring_in(void* table, Bytes size) {
  os::bring_in({os::address_of(table), size});
}

/// Best effort: the frames of a node prefer the memory of that node.
void LinuxPlatform::bind_nodes() {
  if (plan_.nodes.size() < 2) return;
  const std::vector<std::uint32_t> machine = limits_.memory_nodes();
  for (std::size_t i = 0; i < plan_.nodes.size(); ++i) {
    std::array<unsigned long, 16> mask{};
    const std::uint32_t node = machine[i % machine.size()];
    mask[node / 64] |= 1UL << (node % 64);
    const VirtAddr start =
        direct_.range().start + frame_size().bytes(plan_.nodes[i].first - Pfn(0));
    const Bytes size = frame_size().bytes(plan_.nodes[i].count);
    if (::syscall(SYS_mbind, start.value, size.value, MPOL_PREFERRED, mask.data(), mask.size() * 64,
                  0U) == 0) {
      ++nodes_bound_;
    }
  }
}

void LinuxPlatform::now_in_child() {
  in_child_.store_release(true);
  if (plan_.options.after_fork == LinuxOptions::AfterFork::share) return;
  direct_.clear_in_child();
  vmap_.clear_in_child();
  file_.close();
}

LinuxStats LinuxPlatform::statistics() const {
  LinuxStats stats;
  committer_.add_to(stats);
  stats.maps = maps_.load_relaxed();
  stats.map_failures = map_failures_.load_relaxed();
  stats.unmaps = unmaps_.load_relaxed();
  stats.nodes_bound = nodes_bound_;
  return stats;
}

}  // namespace vc
