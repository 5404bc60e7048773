// CompoundAllocator: the policy. Contiguous first, then mapped, then reclaim, then a reasoned no.
//
//                       allocate(request)
//                              |
//     a freed compound of this size in our slot or the depot?  --yes-->  use it again
//                              | no
//            a run of adjacent free frames?  (zones)           --yes-->  contiguous compound
//                              | no
//            our own slot and the depot given back: a run now? --yes-->  contiguous compound
//                              | no
//            a freed mapped compound of this size, or a
//            longer one that can be cut?  (pending)            --yes-->  use it again
//                              | no
//            little free? some of what waits brought back;
//            free runs (RunChoice says which) + a mapping      --yes-->  mapped compound
//                              | no
//            reclaim: deferred frees, the depot, all slots, one shootdown for what is pending;
//            then once more from the zones                     --yes-->  compound
//                              | no
//                     Error {reason, figures}
//
// What a request may skip: `required` never maps, `never` does not ask for a run, forced fallback
// (Trigger always_map) makes `preferred` behave like `never` while frames and mappings last.
//
// The promise: while free frames >= frames needed, `preferred` succeeds, except for the named
// limits of the platform (mappings, address space, page tables, backing), each reported as such.
//
// Ownership. A frame belongs to exactly one of: a zone, a slot's cache, the depot, the pending
// areas, the deferred stack, or a caller. Moving it between two owners is one change of its head's
// state, which is why a second free is always recognised. Invariant (check() proves it):
//   C1  zones + caches + pending + deferred + live == total, and each head's state tells its owner
//   C2  every page of a live compound resolves to its head; nth_page and page_address agree
//   C3  a compound in use with more than one reference is marked shared
//
// Locks, by rank (a holder may only take locks of a higher rank; docs/locking.md):
//   1 reclaim   2 gate of a slot   3 pending areas   4 vmap   5 zone of a node (one at a time)
//   6 commit    7 call sites    8 depot                         The fast paths take none.
//
// The code is in headers by what it is for: this one (the interface), page_functions.h (from a
// compound to its pages and back), slot_caches.h (the paths that take no lock), depot.h, open.h,
// cached.h, allocate.h, mapped.h, reuse.h, backing.h, release.h, reclaim.h and inspect.h.
#pragma once

#include "vcompound/base/assert.h"
#include "vcompound/base/error.h"
#include "vcompound/base/lock.h"
#include "vcompound/base/result.h"
#include "vcompound/base/units.h"
#include "vcompound/buddy/zone.h"
#include "vcompound/compound/call_sites.h"
#include "vcompound/compound/depot.h"
#include "vcompound/compound/frame_stack.h"
#include "vcompound/compound/pending_areas.h"
#include "vcompound/compound/request.h"
#include "vcompound/compound/run_choice.h"
#include "vcompound/compound/run_list.h"
#include "vcompound/compound/slot_caches.h"
#include "vcompound/compound/stats.h"
#include "vcompound/compound/trigger.h"
#include "vcompound/frame/commit_map.h"
#include "vcompound/frame/frame.h"
#include "vcompound/platform/contract.h"
#include "vcompound/vmap/vmap_space.h"

namespace vc {

/// What pending areas do for requests that must be mapped (reuse.h).
enum class Reuse : std::uint8_t {
  none,   ///< nothing: they wait for their unmapping
  whole,  ///< one of the same length is used again
  cut     ///< a longer one, too, after a cut; each cut is a shootdown
};

/// Settings of an allocator that do not change after open().
struct AllocatorOptions {
  PageCount slot_cache{};     ///< the most one slot keeps, and the depot; 0: an eighth of all pages
  PageCount pending_limit{};  ///< purge when more pages than this are pending; 0: an eighth
  /// The least to purge at once, if there is so much: one shootdown for all of it. What a shootdown
  /// costs, and how long a call may take, decide.
  PageCount purge_step{256};
  Reuse reuse = Reuse::cut;
  RunChoice run_choice = RunChoice::longest_first;  ///< what mapped compounds are made of
};

/// The allocator, over a platform that outlives it. Every operation is thread-safe unless it says
/// otherwise; none throws. Memory for its tables comes from the platform; destroying it frees none.
template <Platform P>
class CompoundAllocator : public SlotCaches<typename P::Slots> {
 public:
  static constexpr std::uint32_t kMaxNodes = 8;
  using Caches = SlotCaches<typename P::Slots>;
  using Caches::allocate_hot;
  using Caches::frame_size;
  using Caches::free_hot;

  explicit CompoundAllocator(P& platform) : p_(platform) { frame_size_ = platform.frame_size(); }

  /// Must succeed before anything else is called. Not thread-safe. Cost: O(frames / 64).
  PlatformStatus open(const AllocatorOptions& options);

  /// @name Allocation
  /// @{

  /// Serves a request, or says why not; after a refusal everything is as before. A few stores when
  /// the slot's cache has a compound of that size; else O(log), and a store for each page that is
  /// mapped anew.
  [[gnu::hot]] Result<Allocation> allocate(const Request& request, CallSite site);
  /// Would allocate() succeed if nobody else allocated in between? `reason` is none if so, else the
  /// reason it would give. May reclaim. A "no" for want of mappings, of addresses, or where
  /// blocking is forbidden, may be over-cautious.
  Error can_allocate(const Request& request);
  /// Frees the compound that starts at `address`. Never fails for a right pointer: where blocking
  /// is forbidden the work is deferred. A wrong pointer changes nothing and is named.
  Misuse free(VirtAddr address);
  /// Adds a reference to the compound that starts at `address`.
  Misuse get(VirtAddr address);
  /// Drops a reference; the last one frees.
  Misuse put(VirtAddr address);
  /// @}

  /// @name The compound functions: one answer for contiguous and mapped compounds, all O(1)
  /// @{

  /// The compound in use that covers an address (`head` of the compound, not of the page).
  Misuse find(VirtAddr address, Allocation& found) const;
  /// The frame behind an address, or kNoPfn if no compound in use covers it.
  Pfn frame_at(VirtAddr address) const;
  /// The head of the compound in use that a frame belongs to, or kNoPfn.
  Pfn head_of(Pfn pfn) const;
  /// The n-th frame of the compound with that head; n must be below its pages. In a mapped compound
  /// this is not head + n.
  Pfn nth_page(Pfn head, PageCount n) const;
  /// The address of a frame of a compound in use.
  VirtAddr page_address(Pfn pfn) const;
  /// The compound with that head, which is in use.
  Allocation describe(Pfn head) const;
  /// The references held to the compound with that head.
  std::uint32_t references(Pfn head) const { return frames_[head].references().load_acquire(); }
  /// The physical address behind an address; refused (kNoPhysical) unless it lies in a contiguous
  /// compound in use: whoever computes with physical addresses must not get half a mapped one.
  PhysAddr physical(VirtAddr address) const;
  static constexpr PhysAddr kNoPhysical{~std::uint64_t{0}};
  /// Calls visit(PfnRange) for each run of the compound with that head, in the order of addresses;
  /// O(pages) for a mapped one.
  template <class Visitor>
  void for_each_extent(Pfn head, Visitor&& visit) const;
  /// @}

  /// @name Housekeeping
  /// @{

  /// Does what was deferred where blocking was forbidden. Must be called where blocking is allowed;
  /// other calls do it as well (docs/locking.md).
  void poll();
  /// Brings every free frame back to the zones: deferred frees, caches, one shootdown for all that
  /// is pending. May block.
  void reclaim();
  /// reclaim(), then gives the memory behind free frames back to the system, in whole commit units.
  /// Returns how many frames lost their memory. May block.
  PageCount trim();
  /// Empties the caller's own cache and the depot into the zones; returns whether they held
  /// anything.
  bool drain_near();
  /// @}

  /// @name Test settings
  /// @{
  void set_always_map(Trigger trigger);
  Trigger always_map() const { return always_map_.get(); }
  /// Could a request be forced at present, by the trigger or by its call site?
  bool is_forcing() const {
    return (special_.load_relaxed() & (kSpecialAlwaysMap | kSpecialSites)) != 0;
  }
  /// Forces what one call site asks for (or no longer).
  void set_site_forced(CallSite site, bool forced);
  /// Refuses the chosen requests with reason `injected`.
  void set_injection(Trigger trigger);
  /// Keeps allocate_hot() from answering, so that the caller sees every request first.
  void set_watched(bool on) { set_special(kSpecialWatched, on); }
  /// Refuses every request with reason `policy` and every free with Misuse::closed, from now on.
  void close(const char* why);
  /// @}

  /// @name Inspection
  /// @{
  /// Where blocking is forbidden, without what the slots have counted since the last time.
  Stats stats();
  /// Calls visit(CompoundInfo) for each compound that has its shape, in use or not, in order of
  /// head frames. Holds a zone's lock: the visitor must not allocate or free here.
  template <class Visitor>
  void for_each_compound(Visitor&& visit);
  /// Calls visit(node, PfnRange) for each longest run of frames that are free in the zones.
  template <class Visitor>
  void for_each_free_run(Visitor&& visit);
  /// Free blocks of one order, over all nodes.
  std::uint64_t free_blocks(Order order);
  /// The call sites, with counters brought up to date (where blocking is allowed).
  const CallSites& call_sites();
  std::uint32_t node_count() const { return node_count_; }
  /// The free frames of a node's zone (without caches and what is pending).
  PageCount free_pages(std::uint32_t node);
  /// All frames of a node.
  PageCount total_pages(std::uint32_t node) const { return nodes_[node].zone.total_pages(); }
  std::uint32_t node_of(Pfn pfn) const;
  VirtRange direct_map() const { return direct_; }
  VirtRange vmap_range() const { return vmap_range_; }
  const P& platform() const { return p_; }
  P& platform() { return p_; }
  /// Recomputes everything and panics at the first broken invariant. Nobody else may use the
  /// allocator meanwhile.
  [[gnu::cold]] void check();
  /// @}

 private:
  // What most allocations and frees beyond the slot go through is `hot`: the compiler puts it side
  // by side. Nobody has used it for some time when it is called (docs/performance.md).
  using Caches::direct_;
  using Caches::direct_address;
  using Caches::frame_size_;
  using Caches::frames_;
  using Caches::leave;
  using Caches::put_in_bin;
  using Caches::slot_mask_;
  using Caches::slots_;
  using Caches::use_again;
  using Caches::vmap_address;
  using Caches::vmap_range_;

  struct Node {
    typename P::Lock lock;
    Zone zone;
  };
  /// One allocation on its way through the cases.
  struct Attempt {
    const Request& request;
    PageCount pages;
    PageCount alignment;
    SiteId site;
    MayBlock may_block;
    PlatformStatus failure{};           ///< why all further steps would be for nothing
    std::uint64_t mappings_needed = 0;  ///< if they are the reason
    bool contended = false;             ///< a lock was held by others, and waiting was forbidden
    bool scatter = false;  ///< a mapping was asked for: it must not look contiguous by chance

    bool failed_for_good() const { return !failure.ok(); }
    void fail(PlatformStatus status) { failure = status; }
    void fail_for_mappings(std::uint64_t needed) {
      failure.reason = Reason::mappings;
      mappings_needed = needed;
    }
  };
  using Wait = typename TryGuard<typename P::Lock>::Wait;

  // open
  template <class T>
  T* table(std::uint64_t count);
  [[gnu::cold]] bool open_tables();
  template <class Visitor>
  void for_each_present(Visitor&& visit);

  // cached.h
  /// Reasons why not every path may answer from a slot; none in normal operation.
  enum Special : std::uint32_t {
    kSpecialAlwaysMap = 1,
    kSpecialSites = 2,
    kSpecialInjection = 4,
    kSpecialClosed = 8,  ///< also: not open yet
    kSpecialWatched = 16,
    kSpecialBarrier = 32,  ///< the system lacks what barrier_at_hand() needs
    kSpecialFrames = 64,   ///< frames are not of the usual size
  };
  void set_special(std::uint32_t bit, bool on);
  void stop_sequences();
  /// Must requests go past the slots?
  bool is_special() const {
    return (special_.load_relaxed() & ~(kSpecialBarrier | kSpecialFrames)) != 0;
  }
  std::uint32_t who_may_enter() const {
    return special_.load_relaxed() == 0 ? kOpenToAll : kOpenToLibrary;
  }
  Slot* enter();
  Slot* enter_gate();
  void open_slots(std::uint32_t count);
  [[gnu::hot]] void lay_down(Slot& slot);
  void seize(Slot& slot);
  void let_in(Slot& slot);
  [[gnu::hot]] Pfn take_cached(const Request& request, PageCount pages, CallSite site, SiteId& id);
  std::uint32_t find_fitting(const Bin& bin, const Request& request) const;
  bool fits(Pfn head, const Request& request) const;
  [[gnu::hot]] bool keep(Pfn head, PageCount pages, std::uint32_t word, MayBlock may_block);
  [[gnu::hot]] void make_room(Slot& slot, Bin& bin, PageCount pages);
  bool is_worth_handing_over(const Bin& bin) const;
  void hand_over(Slot& slot, Bin& bin);
  void refill(Slot& slot, Bin& bin, PageCount pages);
  RecentSite& remember(Slot* slot, CallSite site);
  SiteId identify(CallSite site);
  [[gnu::hot]] Misuse free_beyond_hot(VirtAddr address);

  // allocate.h
  PlatformStatus validate(const Request& request, PageCount pages) const;
  Attempt begin(const Request& request, PageCount pages, SiteId site);
  [[gnu::hot]] bool is_forced(const Request& request, PageCount pages, SiteId site);
  Result<Allocation> allocate_uncached(const Request& request, PageCount pages, CallSite site);
  [[gnu::hot]] Result<Allocation> allocate_valid(Attempt& attempt, CallSite site);
  Pfn take_cached_mapped(const Attempt& attempt, CallSite site);
  bool is_mappable(const Attempt& attempt) const;
  bool must_map(const Attempt& attempt) const;
  bool is_worth_reclaiming(const Attempt& attempt) const;
  [[gnu::hot]] Pfn attempt_all(Attempt& attempt, bool forced);
  [[gnu::hot]] Pfn try_contiguous(Attempt& attempt);
  [[gnu::hot]] Pfn try_drained(Attempt& attempt);
  [[gnu::hot]] Pfn take_around(const Attempt& attempt, Pfn frame);
  Pfn take_around_one_of(const Attempt& attempt, Bin& bin);
  [[gnu::hot]] Pfn use_run(Attempt& attempt, Pfn head);
  bool wants_batch(const Attempt& attempt) const;
  [[gnu::hot]] bool keep_rest(Attempt& attempt, PfnRange batch);
  [[gnu::hot]] PageCount fill_bin(Slot& slot, PageCount each, PfnRange frames);
  void write_hints(PfnRange compound);
  static void point_to(Pfn head, Frame* first, Frame* end);
  [[gnu::hot]] PfnRange take_run(Attempt& attempt, bool or_batch);
  [[gnu::hot]] static PfnRange find_batch(const Zone& zone, PageCount each);
  [[gnu::hot]] Pfn publish(const Attempt& attempt, Pfn head, Kind kind);
  Pfn try_mapped(Attempt& attempt);
  PageCount area_alignment(const Attempt& attempt, PfnRange first) const;
  RunList gather(Attempt& attempt);
  RunList scattered(const RunList& runs) const;
  void gather_from(Node& node, PageCount wanted, Attempt& attempt, RunList& huge, RunList& small);
  void lay_out(const RunList& runs, Vpn first);
  Pfn map_area(Attempt& attempt, Vpn first, std::uint64_t runs);
  bool back_area(Attempt& attempt, Vpn first);
  bool map_runs(Attempt& attempt, Vpn first);
  [[gnu::hot]] bool back(PfnRange run, Zero wanted, Attempt& attempt);
  static void fail_uncommitted(Attempt& attempt);
  void zero_part(PfnRange unit, PfnRange run);
  PlatformStatus commit_row(std::uint64_t& unit, std::uint64_t end);
  void bring_in_descriptors(PfnRange frames);
  [[gnu::hot]] void give_back(PfnRange run);
  void give_back(const RunList& runs);
  Result<Allocation> refuse(const Attempt& attempt);
  [[gnu::cold]] Error explain(const Attempt& attempt);
  [[gnu::cold]] bool probe(Attempt& attempt);

  // release.h
  bool is_closed() const { return closed_.load_acquire() != nullptr; }
  Misuse find_start(VirtAddr address, Pfn& head) const;
  Misuse diagnose(VirtAddr address) const;
  Misuse report(Misuse misuse);
  [[gnu::hot]] Misuse free_uncached(Pfn head, FrameTag tag, MayBlock may_block);
  [[gnu::hot]] void release_compound(Pfn head, Kind kind);
  Pfn resolve_mapped(Vpn page) const;

  // page_functions.h
  bool hint_holds(Pfn tail, Kind kind) const;
  Pfn head_by_group(Pfn pfn) const;
  bool covers(Pfn head, Pfn pfn) const;
  bool is_head_in_use(Pfn head, Kind kind) const;

  // reuse.h
  Pfn reuse_pending(Attempt& attempt);
  Pfn take_to_size(const Attempt& attempt);
  Pfn take_fitting(const Attempt& attempt, bool may_cut);
  bool suits(const Attempt& attempt, Pfn head) const;
  bool ends_in_huge_page(Vpn first, PageCount pages) const;
  bool is_one_run(Vpn first, PageCount pages) const;
  bool cut_area(Vpn first, PageCount pages);

  // reclaim.h
  PageCount reclaimable() const;
  PageCount cached_pages() const;
  PageCount pages_in_bins(const Slot& slot) const;
  PageCount pages_in(const Slot& slot) const;
  bool is_idle_and_empty(const Slot& slot) const;
  void release_deferred();
  void drain(Slot& slot, PageCount pages);
  void drain_bin(Slot& slot, Bin& bin);
  [[gnu::hot]] Pfn drain_one(Slot& slot, Bin& bin);
  void give_up_all(Bin& bin);
  void give_up_of_depot(Bin& bin);
  PageCount drain_depot(PageCount most);
  void drain_all_slots();
  void bring_back(PageCount pages);
  void purge_excess(PageCount most);
  void purge(PageCount wanted);
  Pfn take_pending(PageCount wanted);
  Invalidated unmap_all(Pfn chain);
  void release_area(Pfn head, const Invalidated& proof);
  [[gnu::cold]] PageCount trim_node(Node& node);
  std::uint32_t find_committed(PfnRange block, PfnRange* units, std::uint32_t room) const;
  PageCount decommit(PfnRange unit);

  // inspect.h
  template <class Visitor>
  void for_each_mapped_run(Vpn first, PageCount pages, Visitor&& visit) const;
  std::uint64_t count_runs(Vpn first, PageCount pages) const;
  PageCount pages_of(Pfn head) const;
  PageCount free_pages(MayBlock may_block);
  Stats memory_stats(MayBlock may_block);
  void collect_site_counters();
  std::uint64_t cached_compounds();
  void flush(RecentSite& recent);
  template <class OnFree, class OnOther>
  void walk(Node& node, OnFree&& on_free, OnOther&& on_other);
  CompoundInfo info_of(Pfn head) const;
  [[gnu::cold]] void check_compound(const CompoundInfo& info) const;
  [[gnu::cold]] void check_slots() const;
  [[gnu::cold]] void check_cached(PageCount pages, Pfn head) const;

  // addresses
  Vpn vmap_page(VirtAddr a) const {
    return Vpn((a - vmap_range_.start).value >> frame_size().shift());
  }
  VirtRange range_of(Pfn head) const;
  Node& node_at(Pfn pfn) { return nodes_[node_of(pfn)]; }

  // What each allocation beyond the slot looks at comes first, in as few cache lines as may be.
  P& p_;
  Atomic<std::uint32_t> special_{kSpecialClosed};
  PageCount slot_limit_{};            ///< the most pages a slot keeps
  Atomic<std::uint32_t> slots_used_;  ///< slots [0, this) were opened; the others are untouched
  TriggerSwitch always_map_;
  TriggerSwitch inject_;
  Atomic<const char*> closed_{nullptr};
  FrameStack deferred_;
  PageCount deferred_limit_{};  ///< an allocation does not leave more than that to others
  Depot<typename P::Lock> depot_;
  CallSites sites_;
  CommitMap commits_;
  std::uint32_t node_count_ = 0;
  Node nodes_[kMaxNodes];

  PageCount total_pages_{};
  VmapSpace vmap_;
  typename P::Lock vmap_lock_;
  Atomic<std::uint64_t> committed_pages_;
  typename P::Lock commit_lock_;
  typename P::Lock sites_lock_;
  typename P::Lock reclaim_lock_;
  PendingAreas pending_;
  typename P::Lock pending_lock_;
  PageCount pending_limit_{};
  PageCount purge_step_{};
  Reuse reuse_ = Reuse::cut;
  PageCount reserve_{};  ///< kept free for long runs, as long as something can be brought back
  RunChoice run_choice_ = RunChoice::longest_first;
  Counters counters_;
};

}  // namespace vc

#include "vcompound/compound/allocate.h"        // IWYU pragma: export
#include "vcompound/compound/backing.h"         // IWYU pragma: export
#include "vcompound/compound/cached.h"          // IWYU pragma: export
#include "vcompound/compound/inspect.h"         // IWYU pragma: export
#include "vcompound/compound/mapped.h"          // IWYU pragma: export
#include "vcompound/compound/open.h"            // IWYU pragma: export
#include "vcompound/compound/page_functions.h"  // IWYU pragma: export
#include "vcompound/compound/reclaim.h"         // IWYU pragma: export
#include "vcompound/compound/release.h"         // IWYU pragma: export
#include "vcompound/compound/reuse.h"           // IWYU pragma: export
