// The kernel's memory: one arena over all RAM, and the few functions that the kernel's code uses.
#pragma once

#include "kernel/memory/address_space.h"
#include "kernel/memory/static_place.h"
#include "vcompound/base/result.h"
#include "vcompound/compound/call_sites.h"
#include "vcompound/compound/request.h"
#include "vcompound/instance/x86_64_arena.h"

namespace vc::kernel {

/// Where open_memory() makes the arena.
extern constinit StaticPlace<X86Arena> arena_place;

/// The arena over all RAM that is not the kernel's image or tables. Exists after open_memory().
inline X86Arena& arena() { return arena_place.object; }

/// Should a refusal be told on the console?
enum class Report : bool { quiet, print };

/// What allocate() and free() do beyond the cache of the caller's CPU. (A request that has nothing
/// but a size is passed in registers, so that the usual case need not build one.)
Result<Allocation> allocate_plain(Bytes size, MayBlock may_block, CallSite site, Report report);
Result<Allocation> allocate_special(const Request& request, CallSite site, Report report);
void free_beyond_cache(VirtAddr address, CallSite site);

/// The cached paths are inline: about 70 instructions each, no call. Code that is compiled for size
/// (the tests) calls them instead.
#ifdef __OPTIMIZE_SIZE__
#define VC_KERNEL_INLINE inline
#else
#define VC_KERNEL_INLINE [[gnu::always_inline]] inline
#endif

/// Nothing but a size: any compound of that size will do.
constexpr bool is_plain(const Request& request) {
  return request.alignment.value == 0 && request.contiguity == Contiguity::preferred &&
         request.zero == Zero::no && request.placement == Placement::any() &&
         request.max_loss == kAnyLoss;
}

/// Allocates. With policy=contiguous_only a `preferred` request becomes a `required` one. A refusal
/// is printed with the memory table (as an order-n allocation failure), unless quiet.
VC_KERNEL_INLINE Result<Allocation> allocate(const Request& request,
                                             CallSite site = CallSite::here(),
                                             Report report = Report::print) {
  if (!is_plain(request)) return allocate_special(request, site, report);
  const Allocation hot = arena().allocator.allocate_hot(request.size, site);
  if (hot.pages.value != 0) [[likely]]
    return hot;
  return allocate_plain(request.size, request.may_block, site, report);
}

/// Frees a compound from any context. Where blocking is forbidden it is deferred, and a kernel
/// thread does the rest soon. A wrong pointer is a panic that names the mistake and the caller.
VC_KERNEL_INLINE void free(VirtAddr address, CallSite site = CallSite::here()) {
  if (arena().allocator.free_hot(address)) [[likely]]
    return;
  free_beyond_cache(address, site);
}

/// The physical address behind an address of a contiguous compound, or of the kernel's image. A
/// mapped address is refused: a panic that names the caller.
PhysAddr physical(VirtAddr address, CallSite site = CallSite::here());

/// The address of a physical address in the direct map.
constexpr VirtAddr direct(PhysAddr address) { return kDirectMap + Bytes(address.value); }
template <class T>
T* pointer(VirtAddr address) {
  return reinterpret_cast<T*>(address.value);
}

/// Maps device registers, uncached; lives for ever. Panics if it cannot.
VirtAddr map_device(PhysAddr start, Bytes size, const char* name);

/// What another platform under the same root needs (X86Options): the physical address of the
/// top-level table, and where frames for tables come from.
PhysAddr root_table();
TableFrames& table_frames();

/// The frames that hot_add=SIZE kept back; they are in the direct map and in no arena. Empty if
/// none.
PfnRange withheld_memory();

/// What the boot parameter fragment= asks for: fills all memory with blocks, frees some at random;
/// the others stay for the rest of the run. PRE: the caller may block.
void fragment_memory();

/// @name Listings. Each needs a caller that may block; elsewhere it says so in one line.
/// @{

/// The free blocks of each order, per node and zone, in the style of /proc/buddyinfo.
void print_buddyinfo();
/// The mapped areas, in the style of /proc/vmallocinfo: range, size, caller, pages, " vcompound",
/// pages per node.
void print_vmallocinfo();
/// Frames, by owner: zones, caches, pending, live, tables.
void print_memory_table();
/// @}

/// What an address means, in words, for a panic: takes no lock. (The guard page in front of some
/// mapped area? Anywhere in the window? No address at all?)
const char* what_is_at(VirtAddr address);

}  // namespace vc::kernel
