#include "vcompound/platform/fake/fake_platform.h"

#include <sys/mman.h>

#include <thread>

#include "vcompound/base/assert.h"

namespace vc {

namespace {
constexpr VirtAddr kDirectBase{std::uint64_t{1} << 44};
constexpr VirtAddr kVmapBase{std::uint64_t{1} << 45};
}  // namespace

thread_local std::uint32_t FakeSlots::cpu_ = 0;
thread_local std::function<void()> FakeSlots::in_between_;
thread_local bool FakePlatform::no_block_ = false;

FakePlatform::FakePlatform(const FakeOptions& options) : options_(options), tlbs_(options.cpus) {
  Pfn next = options.first_frame;
  PageCount total{};
  for (const PageCount frames : options.nodes) {
    nodes_.push_back({next, frames});
    next += frames + options.gap_between_nodes;
    total += frames;
  }
  all_ = {nodes_.front().first, nodes_.back().end() - nodes_.front().first};
  const PageCount vmap_pages = options.vmap_pages.value != 0 ? options.vmap_pages : total * 16;
  direct_ = {kDirectBase, frame_size().bytes(all_.end() - Pfn(0))};
  vmap_ = {kVmapBase, frame_size().bytes(vmap_pages)};
  table_ = static_cast<std::uint32_t*>(metadata(Bytes(vmap_pages.value * 4)));
  mapped_count_ = static_cast<std::uint8_t*>(metadata(Bytes(all_.count.value)));
  backed_ = static_cast<std::uint8_t*>(metadata(Bytes(all_.count.value)));
}

FakePlatform::~FakePlatform() {
  for (const auto& [address, size] : memory_) munmap(address, size);
}

void* FakePlatform::metadata(Bytes size) {
  if (fails(FakeCall::metadata)) return nullptr;
  const std::size_t length = size.value == 0 ? 1 : size.value;
  void* p = mmap(nullptr, length, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) return nullptr;
  madvise(p, length, MADV_NOHUGEPAGE);
  const std::lock_guard guard(mutex_);
  memory_.emplace_back(p, length);
  return p;
}

void FakePlatform::relax() { std::this_thread::yield(); }

// ---- failures -----------------------------------------------------------------------------------

void FakePlatform::fail(FakeCall call, std::uint64_t k) {
  const std::lock_guard guard(mutex_);
  plans_[static_cast<std::uint32_t>(call)] = {.countdown = k, .failed = false};
}

bool FakePlatform::has_failed(FakeCall call) const {
  const std::lock_guard guard(mutex_);
  return plans_[static_cast<std::uint32_t>(call)].failed;
}

bool FakePlatform::fails(FakeCall call) {
  const std::lock_guard guard(mutex_);
  Plan& plan = plans_[static_cast<std::uint32_t>(call)];
  if (plan.countdown == 0 || --plan.countdown != 0) return false;
  plan.failed = true;
  return true;
}

// ---- frames -------------------------------------------------------------------------------------

bool FakePlatform::is_committed(PfnRange run) const {
  if (options_.commit_unit.value == 0) return true;
  for (Pfn p = run.first; p < run.end(); p += PageCount(1)) {
    if (backed_[(p - all_.first).value] == 0) return false;
  }
  return true;
}

PfnRange FakePlatform::present_frames(std::uint32_t node, Pfn from) const {
  const Pfn end = nodes_[node].end();
  for (const PfnRange& hole : options_.holes) {
    if (hole.end() <= from) continue;
    if (hole.first > from) return {from, (hole.first < end ? hole.first : end) - from};
    from = hole.end() < end ? hole.end() : end;
  }
  return {from, end - from};
}

PlatformStatus FakePlatform::commit(PfnRange run) {
  if (fails(FakeCall::commit)) return {Reason::backing, 12, "the fake was told to fail a commit"};
  const std::lock_guard guard(mutex_);
  for (Pfn p = run.first; p < run.end(); p += PageCount(1)) {
    VC_ASSERT(all_.contains(p), "commit of a frame that does not exist");
    std::uint8_t& backed = backed_[(p - all_.first).value];
    VC_ASSERT(backed == 0, "commit of a committed frame");
    backed = 1;
    stamps_.erase(p.value);
  }
  committed_pages_ += run.count;
  return {};
}

PlatformStatus FakePlatform::decommit(PfnRange run) {
  if (fails(FakeCall::decommit))
    return {Reason::backing, 12, "the fake was told to fail a decommit"};
  const std::lock_guard guard(mutex_);
  VC_ASSERT(is_committed(run), "decommit of a frame that is not committed");
  for (Pfn p = run.first; p < run.end(); p += PageCount(1)) {
    VC_ASSERT(mapped_count_[(p - all_.first).value] == 0, "decommit of a mapped frame");
    backed_[(p - all_.first).value] = 0;
    stamps_.erase(p.value);
  }
  committed_pages_ -= run.count;
  return {};
}

// ---- mapping ------------------------------------------------------------------------------------

/// Could this page be part of a huge entry, as far as its own alignment goes?
bool FakePlatform::is_huge(std::uint64_t page, std::uint32_t frame) const {
  const std::uint64_t unit = options_.huge_pages.value;
  return unit > 1 && page % unit == frame % unit;
}

PlatformStatus FakePlatform::map(VirtAddr address, PfnRange run) {
  if (fails(FakeCall::map)) return {Reason::page_tables, 12, "the fake was told to fail a map"};
  const std::lock_guard guard(mutex_);
  VC_ASSERT(is_committed(run), "map of a frame that is not committed");
  const std::uint64_t first = page_of(address);
  for (std::uint64_t i = 0; i < run.count.value; ++i) {
    const auto frame = static_cast<std::uint32_t>(run.first.value + i);
    VC_ASSERT(table_[first + i] == 0, "map over a mapped page");
    table_[first + i] = frame + 1;
    std::uint8_t& count = mapped_count_[frame - all_.first.value];
    VC_ASSERT(count == 0, "a frame is mapped twice");
    ++count;
    (is_huge(first + i, frame) ? mapped_huge_ : mapped_small_) += PageCount(1);
  }
  return {};
}

Unmapped FakePlatform::unmap(VirtRange range) {
  const std::lock_guard guard(mutex_);
  const std::uint64_t first = page_of(range.start);
  const std::uint64_t count = range.size.value >> frame_size().shift();
  for (std::uint64_t page = first; page < first + count; ++page) {
    if (table_[page] == 0) continue;
    const std::uint32_t frame = table_[page] - 1;
    table_[page] = 0;
    --mapped_count_[frame - all_.first.value];
    (is_huge(page, frame) ? mapped_huge_ : mapped_small_) -= PageCount(1);
  }
  return Unmapped(range);
}

Unmapped FakePlatform::unmap_part(VirtRange range) {
  return fails(FakeCall::unmap_part) ? Unmapped(VirtRange{}) : unmap(range);
}

Invalidated FakePlatform::shootdown(Unmapped stale) {
  const std::lock_guard guard(mutex_);
  VC_ASSERT(!no_block_, "shootdown where blocking is forbidden");
  ++shootdowns_;
  const std::uint64_t first = stale.range().size.value == 0 ? 0 : page_of(stale.range().start);
  const std::uint64_t end = first + (stale.range().size.value >> frame_size().shift());
  for (auto& tlb : tlbs_) {
    std::erase_if(tlb, [&](const auto& e) { return e.first >= first && e.first < end; });
  }
  return Invalidated(stale);
}

bool FakePlatform::charge_mappings(std::uint64_t n) {
  if (fails(FakeCall::charge)) return false;
  std::uint64_t used = mappings_.load_relaxed();
  do {
    if (n > options_.mapping_limit || used > options_.mapping_limit - n) return false;
  } while (!mappings_.compare_exchange(used, used + n));
  return true;
}

// ---- accesses -----------------------------------------------------------------------------------

/// Finds the frame that `cpu` would reach. The caller holds the lock.
bool FakePlatform::translate(std::uint32_t cpu, VirtAddr address, Pfn& frame) {
  if (direct_.contains(address)) {
    frame = Pfn(0) + frame_size().whole_pages(address - direct_.start);
    VC_ASSERT(all_.contains(frame), "access outside every frame");
    return is_committed({frame, PageCount(1)});
  }
  VC_ASSERT(vmap_.contains(address), "access outside every mapping");
  const std::uint64_t page = page_of(address);
  auto& tlb = tlbs_[cpu % tlbs_.size()];
  const auto hit = tlb.find(page);
  if (hit != tlb.end()) {
    frame = Pfn(hit->second);
    if (table_[page] != hit->second + 1) ++stale_uses_;
    return true;
  }
  if (table_[page] == 0) return false;
  frame = Pfn(table_[page] - 1);
  tlb[page] = static_cast<std::uint32_t>(frame.value);
  return true;
}

bool FakePlatform::write(std::uint32_t cpu, VirtAddr address, std::uint64_t stamp) {
  const std::lock_guard guard(mutex_);
  Pfn frame{};
  if (!translate(cpu, address, frame)) {
    ++faults_;
    return false;
  }
  stamps_[frame.value] = stamp;
  return true;
}

bool FakePlatform::read(std::uint32_t cpu, VirtAddr address, std::uint64_t& stamp) {
  const std::lock_guard guard(mutex_);
  Pfn frame{};
  if (!translate(cpu, address, frame)) {
    ++faults_;
    return false;
  }
  const auto found = stamps_.find(frame.value);
  stamp = found == stamps_.end() ? 0 : found->second;
  return true;
}

std::uint64_t FakePlatform::stamp(Pfn frame) const {
  const std::lock_guard guard(mutex_);
  const auto found = stamps_.find(frame.value);
  return found == stamps_.end() ? 0 : found->second;
}

bool FakePlatform::is_mapped(VirtAddr address) const {
  const std::lock_guard guard(mutex_);
  return vmap_.contains(address) && table_[page_of(address)] != 0;
}

void FakePlatform::zero(VirtRange range) {
  const std::lock_guard guard(mutex_);
  for (Bytes at{}; at < range.size; at += frame_size().bytes()) {
    const VirtAddr address = range.start + at;
    Pfn frame{};
    if (direct_.contains(address)) {
      frame = Pfn(0) + frame_size().whole_pages(address - direct_.start);
    } else {
      VC_ASSERT(table_[page_of(address)] != 0, "zeroing what is not mapped");
      frame = Pfn(table_[page_of(address)] - 1);
    }
    VC_ASSERT(is_committed({frame, PageCount(1)}), "zeroing a frame that is not committed");
    stamps_.erase(frame.value);
  }
}

}  // namespace vc
