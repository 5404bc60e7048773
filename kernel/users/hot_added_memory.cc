#include "kernel/users/hot_added_memory.h"

#include <new>
#include <type_traits>

#include "kernel/console/console.h"
#include "kernel/memory/address_space.h"
#include "kernel/memory/memory.h"
#include "kernel/users/user_memory.h"
#include "vcompound/base/assert.h"
#include "vcompound/platform/x86_64/cpu.h"

namespace vc::kernel {
namespace {

constinit HotAddedMemory the_hot_added_memory;

static_assert(std::is_trivially_destructible_v<X86Arena>, "close() need not destroy the arena");

/// The upper half of the range for further windows; the tests have the lower one.
constexpr VirtAddr kWindow = kFurtherVmaps + Bytes(std::uint64_t{4} << 40);
constexpr std::uint64_t kWindowFactor = 4;  // pages of addresses for each frame (bring_up.cc)
constexpr std::uint64_t kSmallestWindow = std::uint64_t{64} << 20;
constexpr std::uint64_t kHugePage = std::uint64_t{2} << 20;

X86Options options_for(PfnRange frames) {
  X86Options options;
  options.nodes[0] = frames;
  options.node_count = 1;
  options.direct_map = arena().allocator.direct_map();
  std::uint64_t size = frames.count.value * kWindowFactor << 12;
  if (size < kSmallestWindow) size = kSmallestWindow;
  options.vmap = {kWindow, Bytes(align_up(size, kHugePage))};
  options.root = root_table();
  options.tables = &table_frames();
  return options;
}

}  // namespace

HotAddedMemory& hot_added_memory() { return the_hot_added_memory; }

/// Called by the core while it opens: each table is a virtual compound of the main arena.
void* HotAddedMemory::allocate_table(void* self, Bytes size) {
  auto& memory = *static_cast<HotAddedMemory*>(self);
  VC_ASSERT(memory.table_count_ < kMaxTables, "an arena has more tables than are known here");
  auto result = allocate({.size = size, .zero = Zero::yes}, CallSite::here(), Report::quiet);
  if (!result) {
    Line line;
    describe_refusal("tables of hot-added memory", size, result.error(), line);
    return nullptr;
  }
  memory.tables_[memory.table_count_++] = *result;
  return pointer<void>(result->address);
}

void HotAddedMemory::free_tables() {
  while (table_count_ != 0) free(tables_[--table_count_].address);
}

bool HotAddedMemory::open() {
  VC_ASSERT(!is_open(), "hot-added memory is in use already");
  const PfnRange frames = withheld_memory();
  if (frames.empty()) return true;
  X86Options options = options_for(frames);
  options.metadata = &allocate_table;
  options.metadata_context = this;
  auto* opened = ::new (place_) X86Arena(options);
  if (!opened->opened.ok()) {
    free_tables();
    return false;
  }
  arena_ = opened;
  return true;
}

Removal HotAddedMemory::close() {
  if (!is_open()) return Removal::removed;
  arena_->allocator.reclaim();
  const Stats stats = arena_->allocator.stats();
  if (stats.live_pages().value != 0) {
    Line()
        .text("hot-added memory: ")
        .size(arena_->allocator.frame_size().bytes(stats.live_pages()))
        .text(" are in use; it stays");
    return Removal::in_use;
  }
  arena_->allocator.close("the hot-added memory was taken away");
  arena_->platform.close();
  arena_ = nullptr;
  free_tables();
  return Removal::removed;
}

PageCount HotAddedMemory::table_pages() const {
  PageCount sum{};
  for (std::uint32_t i = 0; i < table_count_; ++i) sum += tables_[i].pages;
  return sum;
}

void HotAddedMemory::print() {
  if (!is_open()) {
    Line().text("hot-added memory: none");
    return;
  }
  const FrameSize frame_size = arena_->allocator.frame_size();
  std::uint32_t mapped = 0;
  for (std::uint32_t i = 0; i < table_count_; ++i)
    mapped += tables_[i].kind == Kind::mapped ? 1 : 0;
  Line()
      .text("hot-added memory: ")
      .size(frame_size.bytes(arena_->allocator.total_pages(0)))
      .text(", ")
      .number(table_count_)
      .text(" tables of ")
      .size(frame_size.bytes(table_pages()))
      .text(", ")
      .number(mapped)
      .text(" of them mapped");
}

}  // namespace vc::kernel
