// vcompound for C++ programs: an arena with a fixed budget in which an allocation succeeds while
// enough memory is free, contiguous or not.
//
//     auto arena = vc::Arena::create({.budget = vc::gib(4)});
//     if (!arena) { std::puts(vc::to_string(arena.error()).c_str()); return 1; }
//     auto buffer = arena->allocate(vc::mib(64));       // contiguous, or mapped if it must be
//     if (!buffer) { std::puts(vc::to_string(buffer.error()).c_str()); return 1; }
//     std::memset(buffer->data(), 0, buffer->size());   // one range of addresses in either case
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vcompound/base/error.h"
#include "vcompound/base/result.h"
#include "vcompound/base/units.h"
#include "vcompound/compound/call_sites.h"
#include "vcompound/compound/request.h"
#include "vcompound/compound/run_choice.h"
#include "vcompound/compound/slot_caches.h"
#include "vcompound/compound/stats.h"
#include "vcompound/compound/trigger.h"
#include "vcompound/export.h"
#include "vcompound/platform/linux/slots/linux_slots.h"

namespace vc {

/// @name Sizes that say their unit.
/// @{
constexpr Bytes bytes(std::uint64_t n) { return Bytes(n); }
constexpr Bytes kib(std::uint64_t n) { return Bytes(n << 10); }
constexpr Bytes mib(std::uint64_t n) { return Bytes(n << 20); }
constexpr Bytes gib(std::uint64_t n) { return Bytes(n << 30); }
/// @}

/// One sentence: what was refused, the figures that prove it, and what to do.
VC_API std::string to_string(const Error& error);
/// "file.cc:12", or "function+0x34" (else the bare address) of a site known by its code address.
VC_API std::string to_string(const CallSite& site);

/// What stands behind an arena's frames.
enum class Backing : std::uint8_t {
  memfd,    ///< Shared memory; huge pages by collapsing, where the kernel can. Needs no privilege.
  hugetlb,  ///< Huge pages from the reserved pool; frames are then 2 MiB.
};
/// Are 2 MiB pages wanted for a memfd?
enum class HugePages : std::uint8_t { collapse, never };
/// Is all memory taken at creation (a refusal then, not later)?
enum class Precommit : bool { no, yes };
/// May the budget be larger than the memory this process can get?
enum class Overcommit : bool { no, yes };
/// What a forked child gets: the same shared memory (but no right to allocate), or nothing.
enum class AfterFork : std::uint8_t { share, exclude };
/// What happens on a wrong pointer, besides the returned code.
enum class OnMisuse : std::uint8_t { ignore, report, abort };
/// Are the settings in force printed to stderr, as one line, when the arena is created?
enum class Echo : bool { no, yes };

/// What an arena is made of. Only `budget` has no default. Every field is also a key of
/// VCOMPOUND_CONF (docs/configuration.md), which overrides what the program sets.
struct ArenaOptions {
  Bytes budget{};             ///< rounded down to whole frames; charged at allocation
  Bytes frame_size = kib(4);  ///< a power of two, 4 KiB to 2 MiB; always 2 MiB with hugetlb
  Backing backing = Backing::memfd;
  HugePages huge = HugePages::collapse;
  Precommit precommit = Precommit::no;
  Overcommit overcommit = Overcommit::no;
  AfterFork after_fork = AfterFork::share;
  std::uint32_t nodes = 1;          ///< NUMA nodes to split the budget over; 0: all there are
  Bytes vmap_space{};               ///< addresses for mapped compounds; 0: 16 times the budget
  std::uint64_t mapping_limit = 0;  ///< 0: from vm.max_map_count
  Bytes thread_cache{};  ///< the most one thread keeps, and all together once more; 0: an eighth of
                         ///< the budget
  RunChoice runs = RunChoice::longest_first;  ///< what mapped compounds are made of
  Trigger always_map{};                       ///< forced fallback
  Trigger inject{};                           ///< refusals on purpose
  /// Call sites whose requests are always mapped: "ring.cc:123;net/queue.cc", a file as its path
  /// ends, with or without a line, `;` between them. Empty: none.
  std::string always_map_site{};
  Bytes warn_above = mib(1);  ///< warn (once in a while) when a fallback is larger
  OnMisuse on_misuse = OnMisuse::report;
  Echo echo = Echo::no;
};

/// "Never warn of a fallback."
inline constexpr Bytes kNeverWarn{~std::uint64_t{0}};

/// Adjacent bytes of an arena's memory: a part of a compound.
struct Extent {
  void* direct = nullptr;    ///< its address in the arena's direct map (for writev, registration)
  std::uint64_t offset = 0;  ///< its offset in the arena's file descriptor (its "physical" address)
  std::size_t size = 0;      ///< bytes
};

/// What the kernel really mapped, asked after the fact.
struct Verification {
  Bytes huge;    ///< by entries of 2 MiB or more
  Bytes small;   ///< by entries of one page
  Bytes absent;  ///< not mapped at the moment (a first touch would fault)
};

class Arena;

namespace detail {

using ArenaCaches = SlotCaches<LinuxSlots>;

/// What an Arena and its handles point to, as far as the code compiled into their callers needs to
/// know: where the arena's caches are. Without an arena (not made, moved from, destroyed) these are
/// caches that answer nothing, so there is always something to ask.
struct ArenaLink {
  ArenaCaches& caches() const { return *caches_.load_acquire(); }
  Atomic<ArenaCaches*> caches_;
};

/// The link of no arena.
VC_API extern ArenaLink no_arena;

inline VirtAddr address_of(const void* p) { return VirtAddr(reinterpret_cast<std::uintptr_t>(p)); }
inline void* pointer_to(VirtAddr a) {
  return reinterpret_cast<void*>(static_cast<std::uintptr_t>(a.value));  // NOLINT(performance-*)
}

}  // namespace detail

/// A compound, owned. Destroying it drops the reference. Movable, not copyable; not thread-safe
/// itself, but it may be destroyed on any thread. It may outlive its arena: then it is only a
/// reported mistake.
class VC_API Compound {
 public:
  Compound() = default;
  Compound(Compound&& other) noexcept
      : size_(std::exchange(other.size_, 0)),
        arena_(other.arena_),
        kind_(other.kind_),
        data_(std::exchange(other.data_, nullptr)) {}
  Compound& operator=(Compound&& other) noexcept {
    Compound moved(std::move(other));
    swap(moved);
    return *this;
  }
  Compound(const Compound&) = delete;
  Compound& operator=(const Compound&) = delete;
  ~Compound() {
    if (data_ != nullptr) reset();
  }

  /// Its first byte; nullptr for an empty handle.
  void* data() const { return data_; }
  /// Its length in bytes: whole frames, so it may exceed what was asked for.
  std::size_t size() const { return size_; }
  Kind kind() const { return kind_; }
  explicit operator bool() const { return data_ != nullptr; }

  /// Drops the reference now.
  void reset() noexcept {
    void* const pointer = release();
    if (pointer == nullptr) return;
    if (arena_->caches().free_hot(detail::address_of(pointer))) [[likely]]
      return;
    drop(*arena_, pointer);
  }
  /// Gives the pointer up to the caller, who frees it by Arena::free.
  void* release() {
    void* data = std::exchange(data_, nullptr);
    size_ = 0;
    return data;
  }
  /// A second handle to the same memory (one more reference).
  Compound share() const;

 private:
  friend class Arena;
  template <class T, class E>
  friend class Result;
  Compound(detail::ArenaLink* arena, void* data, std::size_t size, Kind kind)
      : size_(size), arena_(arena), kind_(kind), data_(data) {}
  static void drop(detail::ArenaLink& arena, void* pointer) noexcept;
  void swap(Compound& other) noexcept {
    std::swap(arena_, other.arena_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(kind_, other.kind_);
  }

  // A compiler keeps what an optimizer can take apart in registers: `data_` and `arena_` lie where
  // an Error, which a Result may hold in their place, has fields of their size, and are not
  // adjacent, or both are written at once and the next look at one of them has to wait.
  std::size_t size_ = 0;
  detail::ArenaLink* arena_ = &detail::no_arena;
  Kind kind_ = Kind::contiguous;
  void* data_ = nullptr;
};

/// One area of an arena, as listing() shows it.
struct AreaInfo {
  void* address = nullptr;
  std::size_t size = 0;
  Kind kind = Kind::contiguous;
  CallSite site;
  std::uint64_t runs = 1;
  std::uint32_t references = 0;           ///< 0: freed, waiting in a cache or for its shootdown
  std::vector<std::uint64_t> node_pages;  ///< pages on each node
};

/// The frames of one NUMA node.
struct NodeInfo {
  Bytes total;  ///< of the budget
  Bytes free;   ///< in its zone (without caches and pending areas)
};

/// What one call site has done.
struct SiteInfo {
  CallSite site;
  std::uint64_t contiguous = 0;
  std::uint64_t mapped = 0;
  std::uint64_t refused = 0;
};

/// A budget of memory and what is allocated in it. Movable; all operations but destruction and
/// moving are thread-safe. Memory handed out ends with the arena.
class VC_API Arena {
 public:
  /// Makes an arena. Errors: `invalid` (options that make no sense), `backing` (the machine cannot
  /// give the memory: also a budget above it without Overcommit::yes), `address_space`.
  /// Cost: milliseconds, whatever the budget; with Precommit::yes about 0.1 s per GiB.
  static Result<Arena> create(const ArenaOptions& options);

  Arena(Arena&& other) noexcept
      : caches_(std::exchange(other.caches_, &detail::no_arena.caches())),
        link_(std::exchange(other.link_, &detail::no_arena)) {}
  Arena& operator=(Arena&& other) noexcept {
    std::swap(caches_, other.caches_);
    std::swap(link_, other.link_);
    return *this;
  }
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena();

  /// @name Allocation
  /// @{

  /// Memory of at least `size` bytes, contiguous if possible.
  /// Some nanoseconds, compiled into the caller, when this thread freed one of that size.
  VC_HOT Result<Compound> allocate(Bytes size, CallSite site = CallSite::here()) {
    const Allocation hot = caches_->allocate_hot(size, site);
    void* data = detail::pointer_to(hot.address);
    Kind kind = hot.kind;
    if (hot.pages.value == 0) [[unlikely]] {
      const Served served = allocate_beyond_cache(size, site);
      if (served.data == nullptr) return last_error();
      data = served.data;
      kind = served.kind;
    }
    const FrameSize frame = caches_->frame_size();
    const std::size_t length = frame.bytes(frame.pages_for(size)).value;
    return Result<Compound>(std::in_place, link_, data, length, kind);
  }
  /// Memory as the request says.
  Result<Compound> allocate(const Request& request, CallSite site = CallSite::here());
  /// The same as a bare pointer, to be freed by free().
  Result<void*> allocate_pointer(const Request& request, CallSite site = CallSite::here());
  /// The same, nullptr when refused; the error is in last_error() of this thread.
  VC_HOT void* try_allocate(Bytes size, CallSite site = CallSite::here()) noexcept {
    const Allocation hot = caches_->allocate_hot(size, site);
    if (hot.pages.value == 0) [[unlikely]]
      return try_allocate_beyond_cache(size, site);
    return detail::pointer_to(hot.address);
  }
  [[gnu::hot]] void* try_allocate(const Request& request,
                                  CallSite site = CallSite::here()) noexcept;
  /// What the last refused allocation of this thread found.
  static const Error& last_error() noexcept;
  /// Would it succeed? Reason::none if so (see CompoundAllocator::can_allocate).
  Error can_allocate(const Request& request);

  /// Frees what starts at `pointer`, from any thread, also inside a NoBlockScope. nullptr is
  /// allowed. A wrong pointer changes nothing; it is returned, counted, and handled as
  /// ArenaOptions::on_misuse says.
  VC_HOT Misuse free(void* pointer) {
    if (caches_->free_hot(detail::address_of(pointer))) [[likely]]
      return Misuse::none;
    return free_beyond_cache(pointer);
  }
  /// One more reference, one less; the last put() frees.
  Misuse get(void* pointer);
  Misuse put(void* pointer);
  /// @}

  /// @name Compound functions: the same for both kinds; O(1) but extents()
  /// @{

  /// The start of the compound that covers an address, or nullptr.
  void* head_of(const void* address) const;
  /// The bytes of the compound that covers an address, or 0.
  std::size_t size_of(const void* address) const;
  /// Contiguous or mapped? `contiguous` for an address that no compound covers.
  Kind kind_of(const void* address) const;
  /// The references held to the compound that covers an address; 0 if there is none.
  std::uint32_t references(const void* address) const;
  /// The frame number behind an address, or kNoPfn.
  Pfn frame_of(const void* address) const;
  /// The n-th frame of the compound that covers an address, or kNoPfn. Not head + n if it is
  /// mapped.
  Pfn nth_page(const void* address, std::size_t n) const;
  /// The address at which the compound in use shows a frame, or nullptr.
  void* page_address(Pfn frame) const;
  /// Its runs in order, for iovec, DMA segments or registration; one for a contiguous compound.
  std::vector<Extent> extents(const void* address) const;
  /// The offset in the backing file ("physical address"); refused for mapped memory (F14).
  Result<PhysAddr> physical(const void* address) const;
  /// What the kernel really mapped there.
  Result<Verification> verify(const void* address) const;
  /// @}

  /// @name Housekeeping
  /// @{

  /// Gives memory behind free frames back to the system; returns how much.
  Bytes trim();
  /// Brings all free memory of caches and pending areas back to the zones.
  void reclaim();
  /// @}

  /// @name Test settings, changeable at run time
  /// @{
  void set_always_map(Trigger trigger);
  Trigger always_map() const;
  /// Forces what one source line (or code address) asks for.
  void set_site_forced(CallSite site, bool forced);
  void set_injection(Trigger trigger);
  /// @}

  /// @name Inspection
  /// Not for a process whose malloc takes its memory from this very arena: what is returned is
  /// built on the heap while a lock of the arena is held.
  /// @{
  enum class Format : std::uint8_t { text, json, prometheus };
  Stats stats() const;
  std::string stats(Format format) const;
  std::vector<AreaInfo> areas() const;
  std::vector<SiteInfo> sites() const;
  /// Every node, in order.
  std::vector<NodeInfo> nodes() const;
  /// Every area with caller, kind, runs and pages per node; free blocks per order; availability per
  /// size: the /proc/vmallocinfo and /proc/buddyinfo of this arena.
  std::string listing() const;
  /// How many pieces of `size` bytes could be handed out contiguously, as a share (0 to 1) of how
  /// many the free memory holds; 1 if it holds none.
  double availability(Bytes size) const;
  /// Free blocks of each order, kOrderCount numbers.
  std::vector<std::uint64_t> free_blocks() const;
  /// Each run of free frames as (first frame, frames): the picture of the arena.
  std::vector<PfnRange> free_runs() const;
  /// Bytes of memory with something behind them; how much of that is on verified huge pages.
  Bytes committed() const;
  Bytes committed_huge() const;
  /// Resident bytes of the arena's own tables.
  Bytes metadata_resident() const;
  /// The options in force (after VCOMPOUND_CONF).
  const ArenaOptions& options() const;
  FrameSize frame_size() const;
  /// The file that backs the arena, for registration with devices and for sharing.
  int file_descriptor() const;
  /// The direct map of all frames.
  std::pair<void*, std::size_t> direct_map() const;
  /// Proves every invariant or panics. Nobody else may use the arena meanwhile.
  void check() const;
  /// @}

 private:
  explicit Arena(detail::ArenaLink* link) : caches_(&link->caches()), link_(link) {}
  friend class Compound;

  /// What a request by size got; a function returns it in registers, so that a caller who keeps a
  /// Compound to itself has no need of memory for it.
  struct Served {
    void* data = nullptr;  ///< nullptr: refused, see last_error()
    Kind kind = Kind::contiguous;
  };
  Served allocate_beyond_cache(Bytes size, CallSite site) noexcept;
  [[gnu::hot]] void* try_allocate_beyond_cache(Bytes size, CallSite site) noexcept;
  Misuse free_beyond_cache(void* pointer);

  detail::ArenaCaches* caches_;  ///< link_->caches(), one load nearer
  detail::ArenaLink* link_;
};

/// Inside such a scope this thread must not block: a free is deferred, an allocation is served from
/// what is at hand or refused with reason `context`. For signal handlers and real-time code.
class VC_API NoBlock {
 public:
  NoBlock();
  ~NoBlock();
  NoBlock(const NoBlock&) = delete;
  NoBlock& operator=(const NoBlock&) = delete;
};

/// A setting in a configuration text that cannot be.
struct ConfigurationError {
  std::string message;  ///< what, where, why, and what would be right
};

/// Applies a text as in VCOMPOUND_CONF ("key:value,key:value") to options. Unknown keys and values
/// out of range are refused as a whole.
VC_API Result<ArenaOptions, ConfigurationError> parse_configuration(std::string_view text,
                                                                    const ArenaOptions& base);
/// The same text from options: every key with its value, but for a budget or a list of sites that
/// is not set. parse_configuration() of it gives the same options.
VC_API std::string to_configuration(const ArenaOptions& options);

}  // namespace vc
