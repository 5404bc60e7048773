// What a home must supply, said once.
//
// A platform is a class that satisfies the concept `Platform` below; each platform asserts it under
// its own definition. The core calls nothing else. Conditions that a type cannot express stand
// beside each requirement as PRE and POST; the conformance suite tests them in every home.
//
//   frames        commit, decommit, zero        what is behind a frame number
//   direct map    direct_map                    all frames at one constant offset
//   mapping       map, unmap, shootdown         the fallback
//   concurrency   Lock, slot, barriers, relax   caches that take no shared lock
//   bookkeeping   metadata                      memory for the core's own tables
//
// The order unmap -> shootdown -> free is kept by types. Unmapping returns an `Unmapped` token;
// only shootdown() turns it into `Invalidated`; and the core's code that gives frames of a mapping
// back takes an `Invalidated`. The tokens cannot be copied, and dropping one is a compiler warning.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>

#include "vcompound/base/atomic.h"
#include "vcompound/base/error.h"
#include "vcompound/base/units.h"

namespace vc {

/// Whether a platform call worked; if not, why.
struct [[nodiscard]] PlatformStatus {
  Reason reason = Reason::none;
  int system_error = 0;
  const char* detail = "";

  bool ok() const { return reason == Reason::none; }
};

/// Proof that translations were removed from the page tables, but may still be in some TLB.
class [[nodiscard]] Unmapped {
 public:
  explicit Unmapped(VirtRange range) : range_(range) {}
  Unmapped(Unmapped&& other) noexcept : range_(other.range_) { other.range_ = {}; }
  Unmapped& operator=(Unmapped&&) = delete;
  Unmapped(const Unmapped&) = delete;
  Unmapped& operator=(const Unmapped&) = delete;

  /// Covers also what `other` covers: one shootdown serves both.
  void absorb(Unmapped other) {
    if (range_.size.value == 0) {
      range_ = other.range_;
      return;
    }
    if (other.range_.size.value == 0) return;
    const VirtAddr start = range_.start < other.range_.start ? range_.start : other.range_.start;
    const VirtAddr end = range_.end() > other.range_.end() ? range_.end() : other.range_.end();
    range_ = {start, end - start};
  }
  /// The smallest range that holds everything unmapped.
  VirtRange range() const { return range_; }

 private:
  VirtRange range_;
};

/// Proof that no CPU can reach the unmapped frames any more: they may be freed.
class [[nodiscard]] Invalidated {
 public:
  /// For a platform's shootdown() alone; the core never makes one.
  explicit Invalidated(const Unmapped&) {}
  Invalidated(Invalidated&&) noexcept = default;
  Invalidated(const Invalidated&) = delete;
  Invalidated& operator=(const Invalidated&) = delete;
  Invalidated& operator=(Invalidated&&) = delete;
};

/// A lock: not recursive; may be held while calling the platform.
template <class L>
concept Lockable = requires(L& lock) {
  lock.lock();
  lock.unlock();
  { lock.try_lock() } -> std::same_as<bool>;
};

/// "This caller has no slot": it works without a cache.
inline constexpr std::uint32_t kNoSlot = 0xffff'ffff;
/// From one slot to the next in the core's table, in bytes (compound/slot.h).
inline constexpr std::uint32_t kSlotStride = 16384;

/// Which of the owner's paths may enter a slot: each those before it, too.
enum Open : std::uint32_t {
  kOpenToNobody,   ///< never used, or seized by a drainer
  kOpenToLibrary,  ///< CompoundAllocator's
  kOpenToAll,      ///< also those that are compiled into callers
};

/// What those that are compiled into callers need of a slot (compound/slot.h): one cache line.
struct alignas(64) SlotFront {
  // The gate. What is read at each pass does not begin the line (see Frame).
  Atomic<std::uint32_t> open{};
  Atomic<std::uint32_t> busy{};
  Atomic<std::uint64_t> allowance{};  ///< how many pages sequences may put into the hand
  // The compound in the hand. Written by whoever holds the slot, and by sequences; read by anyone.
  Atomic<std::uint64_t> hand_pages{};  ///< 0: the hand is empty
  // For whoever holds the slot, and for sequences.
  VirtAddr hand{};                            ///< where that compound starts
  Atomic<std::uint32_t>* hand_tag = nullptr;  ///< the word that says what it is
  // The call site that allocates from the hand.
  std::uint64_t mark = 0;        ///< which one it is
  std::uint32_t word = 0;        ///< the tag of what it has in use
  Atomic<std::uint64_t> hits{};  ///< how often it did; only the owner writes this
};
static_assert(sizeof(SlotFront) == 64);

/// What was taken out of a hand.
struct HandTaken {
  VirtAddr address{};
  Atomic<std::uint32_t>* tag = nullptr;
  std::uint32_t word = 0;  ///< to be written there
};

/// The part of a home that says which slot is the caller's. Its functions need no object, so the
/// cached paths, which are compiled into the callers, need to know no more of the home than this.
///
/// kTellsFreesApart = true, optional: a free into a slot changes the tag by compare-and-swap, so
/// that of several frees of one compound at the same time exactly one counts. That is some twenty
/// cycles; without it a second free within the same few nanoseconds goes unnoticed
/// (docs/locking.md).
template <class S>
concept SlotSource = requires {
  // The number of slots: at most this many callers own a cache. A constant, below kNoSlot.
  { S::kSlots } -> std::convertible_to<std::uint32_t>;
  // The caller's slot: a number below kSlots that no other caller has at the same time, or kNoSlot.
  // The caller keeps it at least until leave_slot() (a kernel forbids preemption in between).
  { S::slot() } -> std::same_as<std::uint32_t>;
  { S::leave_slot() } -> std::same_as<void>;
  // The same slot if it can be told without a call (a thread's first slot() may have to find one),
  // else kSlots: the core has one slot more, which nobody can enter, so that the answer need not be
  // looked at. In bytes: times kSlotStride, which a home can do once for all.
  { S::slot_offset_at_hand() } -> std::same_as<std::uint32_t>;
  // The light one of a pair of barriers: light_barrier() on one CPU and the home's heavy_barrier()
  // on another order memory accesses as two full barriers would. It is nearly free.
  { S::light_barrier() } -> std::same_as<void>;
  // The paths compiled into callers may be used: barrier_at_hand() is enough, and the sequences
  // below, if the home has them, work. Does not change once a home exists.
  { S::has_barrier_at_hand() } -> std::same_as<bool>;
  // The same as light_barrier() without a look at what the machine can do.
  { S::barrier_at_hand() } -> std::same_as<void>;
};

/// A home whose hand is used by *restartable sequences*: the whole of a take or a fill happens, or
/// nothing of it does. Their last store is the one that counts; who is interrupted before it (by a
/// signal handler, by another thread's turn on the processor or its heavy_barrier()) answers false.
/// So they need not write `busy`, and S::leave_slot() is not called. `allowance` is the room in the
/// slot while it is open to all and nobody is inside, else 0: then both answer false.
template <class S>
concept HasSequences = requires(SlotFront& front, std::uint64_t n, VirtAddr address,
                                Atomic<std::uint32_t>* tag, HandTaken& taken) {
  // PRE: n pages, not 0; a mark. (0, that of sites without one, is never in an open slot's front.)
  // If the hand has that many pages, and the front that mark: POST: the hand is empty, and `taken`
  // is what was in it.
  { S::take_hand(front, n, n, taken) } -> std::same_as<bool>;
  // If the hand is empty and n pages are allowed: POST: they are in it, and *tag is the word
  // given. False: *tag may be that word all the same.
  { S::fill_hand(front, n, address, tag, std::uint32_t{}) } -> std::same_as<bool>;
};

/// A home of the allocator core.
template <class P>
concept Platform = Lockable<typename P::Lock> && SlotSource<typename P::Slots> &&
    requires(P& p, const P& c, PfnRange run, Pfn pfn, VirtAddr address, VirtRange range,
             std::uint32_t node, std::uint64_t n, void* table) {
  // The size of a frame. Constant after construction. Where it is a constant of the program, the
  // home may say so by a member kFrameSize of P::Slots: the cached paths then need not load it.
  { c.frame_size() } -> std::same_as<FrameSize>;
  // NUMA nodes 0..node_count()-1 and the frames of each; ranges are disjoint, none is empty.
  { c.node_count() } -> std::same_as<std::uint32_t>;
  { c.node_frames(node) } -> std::same_as<PfnRange>;
  // Which of them exist: the first run of frames of that node at or behind `from`, empty if there
  // is none. A machine's memory has holes; a process's has none. Constant, and at least one exists.
  { c.present_frames(node, pfn) } -> std::same_as<PfnRange>;

  // The unit in which frames are committed, in frames; a power of two. 0: frames need no commit.
  { c.commit_unit() } -> std::same_as<PageCount>;
  // Puts memory behind `run`. PRE: run lies in one commit unit or is a row of whole ones, none of
  // which is committed. POST: ok and the frames read as zero through every translation, or an
  // error and nothing changed. May block.
  { p.commit(run) } -> std::same_as<PlatformStatus>;
  // Gives the memory behind `run` back to the system. PRE: committed, as for commit(); nobody uses
  // it; it is mapped nowhere but in the direct map. May block.
  { p.decommit(run) } -> std::same_as<PlatformStatus>;

  // All frames at one constant offset: frame `pfn` is at start + pfn * frame size. Its start is a
  // multiple of 1 GiB, so alignment of a frame number is alignment of its address.
  { c.direct_map() } -> std::same_as<VirtRange>;
  // The range in which mapped compounds live; a multiple of the frame size; its start is a multiple
  // of the chunk.
  { c.vmap_range() } -> std::same_as<VirtRange>;
  // The frames of one huge page; a power of two. Runs that start at a multiple of it, at an address
  // that is a multiple of its size, are mapped by huge entries. 1: no huge pages.
  { c.huge_pages() } -> std::same_as<PageCount>;

  // Maps the committed frames `run` at `address`. PRE: nothing is mapped there. POST: accesses
  // reach the frames; or an error, and nothing is mapped there.
  { p.map(address, run) } -> std::same_as<PlatformStatus>;
  // Removes every translation of `range`, parts of which may not be mapped. Cannot fail.
  { p.unmap(range) } -> std::same_as<Unmapped>;
  // The same for a range that may begin inside a run (of no huge page, and the run's mapping was
  // charged once more). If the system cannot do that now, nothing changes, and the token is empty.
  { p.unmap_part(range) } -> std::same_as<Unmapped>;
  // Makes stale translations unreachable on all CPUs. May block; never called in a no-block
  // context.
  { p.shootdown(Unmapped(range)) } -> std::same_as<Invalidated>;
  // Charges n mappings to the platform's budget: true, or false and nothing changed. Thread-safe.
  { p.charge_mappings(n) } -> std::same_as<bool>;
  { p.refund_mappings(n) } -> std::same_as<void>;
  { c.mappings_used() } -> std::same_as<std::uint64_t>;
  { c.mappings_limit() } -> std::same_as<std::uint64_t>;
  // Writes zeros to a range that is mapped or in the direct map, and committed.
  { p.zero(range) } -> std::same_as<void>;

  // The other half of Slots::light_barrier(); of sequences that other threads began before, none is
  // under way when it returns. May cost microseconds.
  { p.heavy_barrier() } -> std::same_as<void>;
  // Lets others run while waiting for them.
  { p.relax() } -> std::same_as<void>;
  // May the caller block (sleep, wait for other CPUs)?
  { p.may_block() } -> std::same_as<bool>;

  // Zeroed memory for the core's tables, at least 64-byte aligned, resident only where touched;
  // nullptr if there is none. Lives as long as the platform.
  { p.metadata(Bytes(n)) } -> std::same_as<void*>;
  // Makes a part of such a table resident, what is in it stays: whoever uses it next does not wait
  // for it. Best effort; does nothing where tables always are.
  { p.bring_in(table, Bytes(n)) } -> std::same_as<void>;
};

/// Maps the runs of one area, one behind the other from an address on: run by run, for platforms
/// that know nothing better. What was mapped may be used when this is gone.
template <class P>
class MapRuns {
 public:
  MapRuns(P& platform, VirtAddr start) : platform_(platform), next_(start) {}

  /// PRE and POST as for map(). After a failure the runs before it are still mapped.
  PlatformStatus add(PfnRange run) {
    const PlatformStatus status = platform_.map(next_, run);
    if (status.ok()) next_ += platform_.frame_size().bytes(run.count);
    return status;
  }

 private:
  P& platform_;
  VirtAddr next_;
};

/// What maps runs on a platform: its own class P::Mapping if it has one, with the same two
/// functions, else MapRuns.
template <class P>
struct MappingOf {
  using Type = MapRuns<P>;
};
template <class P>
requires requires { typename P::Mapping; }
struct MappingOf<P> {
  using Type = typename P::Mapping;
};

}  // namespace vc
