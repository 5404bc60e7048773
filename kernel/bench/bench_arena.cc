#include "kernel/bench/bench_arena.h"

#include <new>

#include "vcompound/base/random.h"

namespace vc::kernel {

namespace {

constexpr FrameSize kFrame(12);
constexpr Bytes kHugePage{2 << 20};
/// Nobody else's part of the further windows.
constexpr VirtAddr kWindow = kFurtherVmaps + Bytes(std::uint64_t{384} << 30);
constexpr std::uint64_t kBlockPages = 8;
constexpr std::uint64_t kFreedPermille = 968;

/// Where the arena stands.
alignas(X86Arena) constinit unsigned char place[sizeof(X86Arena)] = {};

Allocation must_allocate(const Request& request) {
  const auto got = allocate(request);
  VC_ASSERT(got.ok(), "too little memory for the arena of a bench");
  return *got;
}

}  // namespace

VirtRange BenchArena::window() const { return {kWindow, kFrame.bytes(kPages * 4)}; }

BenchArena::BenchArena()
    : frames_(must_allocate({.size = kFrame.bytes(kPages),
                             .alignment = kHugePage,
                             .contiguity = Contiguity::required})) {
  X86Options options;
  options.nodes[0] = {frames_.head, frames_.pages};
  options.node_count = 1;
  options.direct_map = kernel::arena().platform.direct_map();
  options.vmap = window();
  options.root = root_table();
  options.tables = &table_frames();
  options.metadata = &metadata;
  options.metadata_context = this;
  AllocatorOptions settings = kX86Allocator;
  settings.slot_cache = PageCount(1);  // holds no compound of two
  settings.pending_limit = kPendingLimit;
  settings.reuse = Reuse::none;  // every allocation maps
  arena_ = new (place) X86Arena(options, settings);
  VC_ASSERT(arena_->opened.ok(), "the arena of a bench cannot be opened");
}

BenchArena::~BenchArena() {
  arena_->platform.close();
  arena_->~X86Arena();
  for (std::uint32_t i = 0; i < metadata_count_; ++i) free(metadata_[i]);
  free(frames_.address);
}

void* BenchArena::metadata(void* self, Bytes size) {
  auto& home = *static_cast<BenchArena*>(self);
  VC_ASSERT(home.metadata_count_ < kMostMetadata, "the arena of a bench asks for too many tables");
  const Allocation got = must_allocate({.size = size, .zero = Zero::yes});
  home.metadata_[home.metadata_count_++] = got.address;
  return pointer<void>(got.address);
}

void BenchArena::fragment() {
  const std::uint64_t most = kPages.value / kBlockPages;
  const Allocation table = must_allocate({.size = Bytes(most * sizeof(VirtAddr))});
  auto* blocks = pointer<VirtAddr>(table.address);
  std::uint64_t count = 0;
  while (count < most) {
    const auto block = arena_->allocator.allocate(
        {.size = kFrame.bytes(PageCount(kBlockPages)), .contiguity = Contiguity::required},
        CallSite::here());
    if (!block) break;
    blocks[count++] = block->address;
  }
  Random random(1);
  for (std::uint64_t i = 0; i < count; ++i) {
    if (random.below(1000) >= kFreedPermille) continue;
    const Misuse misuse = arena_->allocator.free(blocks[i]);
    VC_ASSERT(misuse == Misuse::none, "a block of a bench cannot be freed");
  }
  arena_->allocator.reclaim();
  free(table.address);
}

}  // namespace vc::kernel
