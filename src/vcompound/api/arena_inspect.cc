// Arena: the compound functions, and what an arena tells of itself.
#include "vcompound/api/arena_control.h"
#include "vcompound/arena.h"

namespace vc {

using detail::address_of;
using detail::allocator_of;
using detail::arena_of;
using detail::control_of;
using detail::pointer_to;

namespace {

Error refusal(Reason reason, const char* detail) {
  Error error;
  error.reason = reason;
  error.detail = detail;
  return error;
}

/// The compound in use that covers an address.
bool find(detail::ArenaLink* link, const void* address, Allocation& found) {
  const auto* allocator = allocator_of(link);
  return allocator != nullptr && allocator->find(address_of(address), found) == Misuse::none;
}

}  // namespace

// ---- compound functions -------------------------------------------------------------------------

void* Arena::head_of(const void* address) const {
  Allocation found;
  return find(link_, address, found) ? pointer_to(found.address) : nullptr;
}

std::size_t Arena::size_of(const void* address) const {
  Allocation found;
  return find(link_, address, found) ? frame_size().bytes(found.pages).value : 0;
}

Kind Arena::kind_of(const void* address) const {
  Allocation found;
  return find(link_, address, found) ? found.kind : Kind::contiguous;
}

std::uint32_t Arena::references(const void* address) const {
  Allocation found;
  return find(link_, address, found) ? allocator_of(link_)->references(found.head) : 0;
}

Pfn Arena::frame_of(const void* address) const {
  const auto* allocator = allocator_of(link_);
  return allocator == nullptr ? kNoPfn : allocator->frame_at(address_of(address));
}

Pfn Arena::nth_page(const void* address, std::size_t n) const {
  Allocation found;
  if (!find(link_, address, found) || n >= found.pages.value) return kNoPfn;
  return allocator_of(link_)->nth_page(found.head, PageCount(n));
}

void* Arena::page_address(Pfn frame) const {
  const auto* allocator = allocator_of(link_);
  if (allocator == nullptr || allocator->head_of(frame) == kNoPfn) return nullptr;
  return pointer_to(allocator->page_address(frame));
}

std::vector<Extent> Arena::extents(const void* address) const {
  std::vector<Extent> out;
  Allocation found;
  if (!find(link_, address, found)) return out;
  const auto* allocator = allocator_of(link_);
  const VirtAddr base = allocator->direct_map().start;
  allocator->for_each_extent(found.head, [&](PfnRange run) {
    const Bytes offset = frame_size().bytes(run.first - Pfn(0));
    out.push_back({pointer_to(base + offset), offset.value, frame_size().bytes(run.count).value});
  });
  return out;
}

Result<PhysAddr> Arena::physical(const void* address) const {
  Allocation found;
  if (!find(link_, address, found)) {
    return refusal(Reason::invalid, "no compound in use covers this address");
  }
  if (found.kind == Kind::mapped) {
    return refusal(Reason::policy,
                   "the compound is mapped, it has no one physical address; use extents(), or "
                   "allocate it with contiguity `required`");
  }
  return allocator_of(link_)->physical(address_of(address));
}

Result<Verification> Arena::verify(const void* address) const {
  Allocation found;
  if (!find(link_, address, found)) {
    return refusal(Reason::invalid, "no compound in use covers this address");
  }
  const LinuxArena* arena = arena_of(link_);
  const MappedPages pages =
      arena->platform->verify({found.address, frame_size().bytes(found.pages)});
  if (pages.method == MappedPages::Method::none) {
    return refusal(Reason::backing, "this kernel does not tell how memory is mapped");
  }
  return Verification{.huge = pages.huge, .small = pages.small, .absent = pages.absent};
}

// ---- figures ------------------------------------------------------------------------------------

Stats Arena::stats() const {
  auto* allocator = allocator_of(link_);
  return allocator == nullptr ? Stats{} : allocator->stats();
}

std::vector<SiteInfo> Arena::sites() const {
  std::vector<SiteInfo> out;
  auto* allocator = allocator_of(link_);
  if (allocator == nullptr) return out;
  const CallSites& sites = allocator->call_sites();
  for (std::uint32_t id = 0; id < sites.size(); ++id) {
    const CallSites::Entry& entry = sites[static_cast<SiteId>(id)];
    const SiteInfo info{.site = entry.site,
                        .contiguous = entry.counters.contiguous.load_relaxed(),
                        .mapped = entry.counters.mapped.load_relaxed(),
                        .refused = entry.counters.refused.load_relaxed()};
    const bool used = info.contiguous + info.mapped + info.refused != 0;
    if (id != 0 || used) out.push_back(info);
  }
  return out;
}

std::vector<AreaInfo> Arena::areas() const {
  std::vector<AreaInfo> out;
  auto* allocator = allocator_of(link_);
  if (allocator == nullptr) return out;
  const CallSites& sites = allocator->call_sites();
  allocator->for_each_compound([&](const CompoundInfo& info) {
    AreaInfo area{.address = pointer_to(info.what.address),
                  .size = frame_size().bytes(info.what.pages).value,
                  .kind = info.what.kind,
                  .site = sites[info.site].site,
                  .runs = info.runs,
                  .references = info.references,
                  .node_pages = std::vector<std::uint64_t>(allocator->node_count())};
    allocator->for_each_extent(info.what.head, [&](PfnRange run) {
      area.node_pages[allocator->node_of(run.first)] += run.count.value;
    });
    out.push_back(std::move(area));
  });
  return out;
}

std::vector<NodeInfo> Arena::nodes() const {
  std::vector<NodeInfo> out;
  auto* allocator = allocator_of(link_);
  for (std::uint32_t i = 0; allocator != nullptr && i < allocator->node_count(); ++i) {
    out.push_back({.total = frame_size().bytes(allocator->total_pages(i)),
                   .free = frame_size().bytes(allocator->free_pages(i))});
  }
  return out;
}

double Arena::availability(Bytes size) const {
  auto* allocator = allocator_of(link_);
  const PageCount piece = frame_size().pages_for(size);
  if (allocator == nullptr || piece.value == 0) return 1;
  std::uint64_t pieces = 0;
  std::uint64_t free = 0;
  allocator->for_each_free_run([&](std::uint32_t, PfnRange run) {
    pieces += run.count.value / piece.value;
    free += run.count.value;
  });
  const std::uint64_t most = free / piece.value;
  return most == 0 ? 1 : static_cast<double>(pieces) / static_cast<double>(most);
}

std::vector<std::uint64_t> Arena::free_blocks() const {
  std::vector<std::uint64_t> out(kOrderCount);
  auto* allocator = allocator_of(link_);
  for (std::uint32_t k = 0; allocator != nullptr && k < kOrderCount; ++k) {
    out[k] = allocator->free_blocks(Order(k));
  }
  return out;
}

std::vector<PfnRange> Arena::free_runs() const {
  std::vector<PfnRange> out;
  if (auto* allocator = allocator_of(link_)) {
    allocator->for_each_free_run([&](std::uint32_t, PfnRange run) { out.push_back(run); });
  }
  return out;
}

Bytes Arena::committed() const {
  const LinuxArena* arena = arena_of(link_);
  return arena == nullptr ? Bytes(0) : arena->platform->statistics().committed;
}

Bytes Arena::committed_huge() const {
  const LinuxArena* arena = arena_of(link_);
  return arena == nullptr ? Bytes(0) : arena->platform->statistics().huge;
}

Bytes Arena::metadata_resident() const {
  const LinuxArena* arena = arena_of(link_);
  return arena == nullptr ? Bytes(0) : arena->platform->metadata_resident();
}

// ---- facts --------------------------------------------------------------------------------------

const ArenaOptions& Arena::options() const {
  static const ArenaOptions none;
  return link_ == &detail::no_arena ? none : control_of(link_)->options;
}

FrameSize Arena::frame_size() const {
  const auto* allocator = allocator_of(link_);
  return allocator == nullptr ? FrameSize() : allocator->frame_size();
}

int Arena::file_descriptor() const {
  const LinuxArena* arena = arena_of(link_);
  return arena == nullptr ? -1 : arena->platform->fd();
}

std::pair<void*, std::size_t> Arena::direct_map() const {
  const auto* allocator = allocator_of(link_);
  if (allocator == nullptr) return {nullptr, 0};
  return {pointer_to(allocator->direct_map().start), allocator->direct_map().size.value};
}

void Arena::check() const {
  if (auto* allocator = allocator_of(link_)) allocator->check();
}

}  // namespace vc
