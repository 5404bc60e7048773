// Frame: what is known of one page frame, in twelve bytes.
//
// The descriptors live in a table of their own, never inside the managed memory: a GPU's memory
// cannot be touched by the CPU, and a stray write into freed memory must not corrupt a list.
//
//        word       bits       head (contiguous)  head (mapped)   tail
//      +--------+
//      | more   |   32         references         references      Vpn (mapped)
//      +--------+
//      | link   |   32         pages              first Vpn       head's Pfn
//      +--------+
//      | tag    |   4 state, 1 kind, 1 shared, 10 unused, 16 call site
//      +--------+
//
// A mapped head has no room for its number of pages; that stands in the vmap table, in the entry
// of the guard page in front of the area (vmap/vmap_space.h).
//
// Legal transitions ("->" by one thread that owns the frame, "=>" by compare-and-swap):
//
//      absent, inner, tail -> head | tail | cached   taken from a zone
//      head                -> cached                 a free into a cache
//      head                => inner | deferred       a free to the zone; one that must not block
//      cached              -> head | inner | pending reuse from a cache; the cache is drained
//      deferred            -> inner | pending        the deferred free is done
//      inner               -> pending                a mapped compound waits for its shootdown
//      pending             -> inner                  shot down; or to be used again
//
// Which frames are free is not told here: a zone knows (buddy/zone.h).
//
// A head that has had more than one reference is marked *shared* until it is freed, so one look at
// the tag tells the fast paths that there is nothing to count.
//
// A tail is only a *hint*: freeing a compound does not rewrite its tails. Whoever follows a tail to
// its head must check that the head is in use and its compound really covers the frame
// (CompoundAllocator::head_of does). That is what makes a free cost nothing per page.
//
// Nor does an allocation write all tails of a contiguous compound. Frames are in groups of 32;
// hints stand behind the head in its own group, if it is not the first there, and at the first
// frame of each further group (those of a batch, which is laid out in a row, behind each head):
//
//      frame    27  28  29  30  31 | 32  33  34 ...  63 | 64  65 ...
//                   H   h   h   h  | h   .   .       .  | h   .         H: head   h: hint
//
// At a "." is what was there before: `inner`, `absent`, or a hint of long ago. Who finds no hint
// there that holds asks the first frame of the group.
#pragma once

#include <cstdint>

#include "vcompound/base/atomic.h"
#include "vcompound/base/units.h"

namespace vc {

/// What a frame is at the moment.
enum class FrameState : std::uint8_t {
  absent,    ///< Not in use yet, or outside every zone. All zero: fresh memory is a valid table.
  inner,     ///< Once the first frame of a compound; or in transit between two owners.
  head,      ///< First frame of a compound in use.
  tail,      ///< Another frame of a compound, with a hint (or once was: see above).
  cached,    ///< First frame of a compound that waits in a cache to be used again.
  deferred,  ///< First frame of a compound freed where blocking was forbidden.
  pending,   ///< First frame of a mapped compound that waits for its shootdown.
};

/// A short stable name of a state.
const char* name_of(FrameState state);

/// Is a compound one run of frames, or several joined by a mapping?
enum class Kind : std::uint8_t { contiguous, mapped };

/// The number by which a call site is known (compound/call_sites.h); 0 is "unknown".
using SiteId = std::uint16_t;

/// The part of a descriptor that says what the frame is; one 32-bit word, read and written whole.
struct FrameTag {
  FrameState state = FrameState::absent;
  Kind kind = Kind::contiguous;
  bool shared = false;  ///< of a head in use: it has had more than one reference
  SiteId site = 0;      ///< of a compound's head: who allocated it

  constexpr bool operator==(const FrameTag&) const = default;

  /// The word that stands in the descriptor.
  constexpr std::uint32_t pack() const {
    return static_cast<std::uint32_t>(state) | static_cast<std::uint32_t>(kind) << 4 |
           static_cast<std::uint32_t>(shared) << 5 | static_cast<std::uint32_t>(site) << 16;
  }
  /// The reverse of pack().
  static constexpr FrameTag unpack(std::uint32_t word) {
    return FrameTag{.state = static_cast<FrameState>(word & 15),
                    .kind = static_cast<Kind>(word >> 4 & 1),
                    .shared = (word >> 5 & 1) != 0,
                    .site = static_cast<SiteId>(word >> 16)};
  }
};

/// One descriptor. Words are read by threads that hold no lock (a stale pointer may be checked at
/// any moment), so every access is atomic; on the machines we know that costs nothing.
class Frame {
 public:
  FrameTag tag() const { return FrameTag::unpack(tag_.load_acquire()); }
  void set_tag(FrameTag tag) { tag_.store_release(tag.pack()); }
  FrameState state() const { return tag().state; }

  /// @name The tag as the packed word it is, for the hot paths.
  /// @{
  static constexpr std::uint32_t kMappedBit = 0x10;
  static constexpr std::uint32_t kSharedBit = 0x20;
  std::uint32_t word() const { return tag_.load_acquire(); }
  /// State, kind, and whether it is shared.
  static constexpr std::uint32_t kWhatMask = 0xff;
  void set_word(std::uint32_t word) { tag_.store_release(word); }
  /// Changes it if it still is `expected`.
  bool replace_word(std::uint32_t expected, std::uint32_t desired) {
    return tag_.compare_exchange(expected, desired);
  }
  /// Where it stands.
  Atomic<std::uint32_t>* word_place() { return &tag_; }
  /// @}

  /// Changes the tag if it still is `expected`.
  bool replace_tag(FrameTag expected, FrameTag desired) {
    return replace_word(expected.pack(), desired.pack());
  }

  /// Notes that a head in use has more than one reference; false if it is not in use.
  bool mark_shared() {
    std::uint32_t word = tag_.load_acquire();
    while (FrameTag::unpack(word).state == FrameState::head) {
      if ((word & kSharedBit) != 0 || tag_.compare_exchange(word, word | kSharedBit)) return true;
    }
    return false;
  }

  /// @name Views of the two other words; which is valid follows from the state.
  /// @{
  /// Of a head that nobody uses: the next one in a chain of such.
  Pfn next() const { return Pfn(more_.load_relaxed()); }
  void set_next(Pfn pfn) { more_.store_relaxed(narrow(pfn.value)); }

  PageCount pages() const { return PageCount(link_.load_relaxed()); }
  void set_pages(PageCount pages) { link_.store_relaxed(narrow(pages.value)); }
  Vpn first_page() const { return Vpn(link_.load_relaxed()); }
  void set_first_page(Vpn page) { link_.store_relaxed(narrow(page.value)); }
  Atomic<std::uint32_t>& references() { return more_; }
  const Atomic<std::uint32_t>& references() const { return more_; }

  Pfn head() const { return Pfn(link_.load_relaxed()); }
  void set_head(Pfn pfn) { link_.store_relaxed(narrow(pfn.value)); }
  Vpn page() const { return Vpn(more_.load_relaxed()); }
  void set_page(Vpn page) { more_.store_relaxed(narrow(page.value)); }
  /// @}

 private:
  static constexpr std::uint32_t narrow(std::uint64_t v) { return static_cast<std::uint32_t>(v); }

  // In a descriptor that begins a cache line, the cached paths do not read the first word: programs
  // write the first bytes of lines all the time, and to a processor a load whose low twelve bits
  // are those of such a store looks for a moment as if it had to wait for it.
  Atomic<std::uint32_t> more_;
  Atomic<std::uint32_t> link_;
  Atomic<std::uint32_t> tag_;
};

static_assert(sizeof(Frame) == 12, "twelve bytes a frame: 0.293 % of 4 KiB frames");
static_assert(FrameTag::unpack(FrameTag{FrameState::pending, Kind::mapped, true, 0xffff}.pack()) ==
              FrameTag{FrameState::pending, Kind::mapped, true, 0xffff});
static_assert(FrameTag{.kind = Kind::mapped}.pack() == Frame::kMappedBit);
static_assert(FrameTag{.shared = true}.pack() == Frame::kSharedBit);
static_assert(FrameTag{}.pack() == 0, "zeroed memory is a table of absent frames");

/// See the head of this file: where hints of contiguous compounds stand.
inline constexpr PageCount kFrameGroup{32};
/// The first frame of a frame's group.
constexpr Pfn first_of_group(Pfn pfn) { return Pfn(align_down(pfn.value, kFrameGroup.value)); }

/// Is that the place of a hint to a contiguous compound's head, which is in front of it?
constexpr bool has_hint(Pfn head, Pfn pfn) {
  const Pfn first = first_of_group(pfn);
  return first == pfn || (first == first_of_group(head) && first != head);
}

/// The table of descriptors of the frames [range.first, range.end()).
class FrameTable {
 public:
  FrameTable() = default;
  /// `descriptors` is zeroed memory for range.count descriptors, owned by the caller.
  FrameTable(Frame* descriptors, PfnRange range)
      : origin_(reinterpret_cast<std::uintptr_t>(descriptors) - range.first.value * sizeof(Frame)),
        range_(range),
        end_(range.end()) {}

  PfnRange range() const { return range_; }
  /// The end of that range, without an addition: the cached paths ask for it.
  Pfn end() const { return end_; }
  bool contains(Pfn pfn) const { return range_.contains(pfn); }
  /// The bytes of a run of descriptors.
  static constexpr Bytes size_of(PageCount count) { return Bytes(count.value * sizeof(Frame)); }
  /// The descriptor of a frame of the table.
  Frame& operator[](Pfn pfn) const { return reinterpret_cast<Frame*>(origin_)[pfn.value]; }
  /// A hint to the processor: the descriptor of that frame will be written soon.
  void will_write(Pfn pfn) const { __builtin_prefetch(&(*this)[pfn], 1); }

 private:
  std::uintptr_t origin_ = 0;  ///< where the descriptor of frame 0 is, or would be
  PfnRange range_{};
  Pfn end_{};
};

}  // namespace vc
