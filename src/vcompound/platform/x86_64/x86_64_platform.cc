#include "vcompound/platform/x86_64/x86_64_platform.h"

#include "vcompound/base/lock.h"
#include "vcompound/platform/x86_64/broadcast.h"

namespace vc {

PfnRange X86Platform::present_frames(std::uint32_t node, Pfn from) const {
  const PfnRange& frames = options_.nodes[node];
  const bool all = options_.present == nullptr;
  const PfnRange* const present = all ? &frames : options_.present;
  if (from < frames.first) from = frames.first;
  for (std::uint32_t i = 0; i < (all ? 1 : options_.present_count); ++i) {
    const PfnRange run = present[i];
    const Pfn first = run.first > from ? run.first : from;
    const Pfn end = run.end() < frames.end() ? run.end() : frames.end();
    if (first < end) return {first, end - first};
  }
  return {};
}

// ---- mapping ------------------------------------------------------------------------------------

/// A single run is nearly always in the table that was used last; else it is a row of one.
PlatformStatus X86Platform::map(VirtAddr address, PfnRange run) {
  {
    Guard guard(kernel_tables_lock);
    if (table_.map_here(address, run, PageFlags::writable())) [[likely]]
      return {};
  }
  return map_elsewhere(address, run);
}

[[gnu::noinline]] PlatformStatus X86Platform::map_elsewhere(VirtAddr address, PfnRange run) {
  return Mapping(*this, address).add(run);
}

Unmapped X86Platform::unmap(VirtRange range) {
  Guard guard(kernel_tables_lock);
  const PlatformStatus status = table_.unmap(range);
  VC_ASSERT(status.ok(), "part of a large leaf was unmapped");
  return Unmapped(range);
}

void X86Platform::close() {
  Unmapped stale = unmap(options_.vmap);
  {
    Guard guard(kernel_tables_lock);
    table_.retire_tables(options_.vmap);
  }
  [[maybe_unused]] const Invalidated proof = shootdown(static_cast<Unmapped&&>(stale));
}

Translation X86Platform::translate(VirtAddr address) {
  Guard guard(kernel_tables_lock);
  return table_.translate(address);
}

// ---- shootdown ----------------------------------------------------------------------------------

Invalidated X86Platform::shootdown(Unmapped stale) {
  const x86::StayHere here;
  const Pfn retired = take_retired();
  Flush flush{stale.range().start, stale.range().size.value >> 12};
  if (flush.pages == 0 && retired == kNoPfn) return Invalidated(stale);
  if (flush.pages > kMostInvalidations || retired != kNoPfn) flush.pages = 0;
  flush_this_cpu(&flush);
  interrupts_sent_.fetch_add(x86::broadcast(&flush_this_cpu, &flush));
  shootdowns_.fetch_add(1);
  if (flush.pages == 0) full_flushes_.fetch_add(1);
  invalidations_.fetch_add(flush.pages);
  if (retired != kNoPfn) {
    Guard guard(kernel_tables_lock);
    table_.free_retired(retired);
  }
  return Invalidated(stale);
}

void X86Platform::flush_this_cpu(void* argument) {
  const Flush& flush = *static_cast<const Flush*>(argument);
  if (flush.pages == 0) {
    x86::write_cr3(x86::read_cr3());
    return;
  }
  const VirtAddr end = flush.start + Bytes(flush.pages << 12);
  for (VirtAddr page = flush.start; page != end; page += Bytes(4096)) x86::invlpg(page);
}

/// The tables that this shootdown will free. One that is retired later waits for the next.
Pfn X86Platform::take_retired() {
  if (table_.retired_tables() == 0) [[likely]]
    return kNoPfn;
  Guard guard(kernel_tables_lock);
  return table_.take_retired();
}

/// Everything is dropped in any case: somebody else may have taken the tables out before us, and be
/// still at the shootdown; the new leaves must not be used before it is done.
void X86Platform::free_retired_tables() {
  [[maybe_unused]] const Invalidated proof = shootdown(Unmapped(options_.vmap));
}

void X86Platform::heavy_barrier() {
  full_barrier();
  interrupts_sent_.fetch_add(x86::broadcast([](void*) { full_barrier(); }, nullptr));
}

// ---- the rest -----------------------------------------------------------------------------------

/// There is no limit of its own; a sum that could wrap is refused.
bool X86Platform::charge_mappings(std::uint64_t n) {
  if (n >> 62 != 0 || mappings_.load_relaxed() >> 62 != 0) return false;
  mappings_.fetch_add(n);
  return true;
}

void X86Platform::zero(VirtRange range) {
  std::uint64_t address = range.start.value;
  std::uint64_t words = range.size.value / 8;
  asm volatile("rep stosq" : "+D"(address), "+c"(words) : "a"(std::uint64_t{0}) : "memory");
}

X86Counters X86Platform::counters() const {
  const TableCounters tables = table_.counters();
  return {.entries_written = tables.entries_written,
          .tables_allocated = tables.tables_allocated,
          .tables_retired = tables.tables_retired,
          .tables_freed = tables.tables_freed,
          .invalidations = invalidations_.load_relaxed(),
          .full_flushes = full_flushes_.load_relaxed(),
          .shootdowns = shootdowns_.load_relaxed(),
          .interrupts_sent = interrupts_sent_.load_relaxed()};
}

}  // namespace vc
