// The bitmap of taken slots, and the give-back at thread exit.
#include "vcompound/platform/linux/slots/thread_slots.h"

#include "vcompound/base/atomic.h"
#include "vcompound/platform/linux/slots/no_block_scope.h"
#include "vcompound/platform/linux/slots/restartable.h"

namespace vc::os {

namespace {

constexpr std::uint32_t kNoOffset = ThreadSlots::kSlots * kSlotStride;
constexpr std::uint32_t kWords = ThreadSlots::kSlots / 64;

}  // namespace

constinit thread_local std::uint32_t no_block_depth = 0;
constinit thread_local std::uint32_t thread_slot_offset = kNoOffset;

/// The bitmap. As visible as thread_slot_offset: where two shared objects contain the library, the
/// dynamic linker may make their thread_slot_offset one, and then their bitmap must be one, too.
[[gnu::visibility("default")]] extern Atomic<std::uint64_t> taken_slots[kWords];
constinit Atomic<std::uint64_t> taken_slots[kWords];

namespace {

/// May the thread be given a slot? Not while it is being given one (a signal handler may ask just
/// then), and not when it is ending.
constinit thread_local bool may_have_slot = true;

/// Takes the lowest free slot, or answers kNoSlot.
std::uint32_t take_lowest() {
  for (std::uint32_t word = 0; word < kWords; ++word) {
    std::uint64_t bits = taken_slots[word].load_relaxed();
    while (bits != ~std::uint64_t{0}) {
      const auto bit = static_cast<std::uint32_t>(__builtin_ctzll(~bits));
      if (taken_slots[word].compare_exchange(bits, bits | std::uint64_t{1} << bit)) {
        return word * 64 + bit;
      }
    }
  }
  return kNoSlot;
}

void give_back(std::uint32_t slot) {
  taken_slots[slot / 64].fetch_and(~(std::uint64_t{1} << (slot % 64)));
}

/// Its destructor runs when the thread ends.
struct SlotReturn {
  ~SlotReturn() {
    const std::uint32_t slot = thread_slot_offset / kSlotStride;
    may_have_slot = false;
    thread_slot_offset = kNoOffset;
    if (slot < ThreadSlots::kSlots) give_back(slot);
  }
  /// Makes the thread construct the object, and so run its destructor.
  void arm() {}
};
thread_local SlotReturn slot_return;

}  // namespace

std::uint32_t ThreadSlots::assign() {
  if (!may_have_slot || in_no_block_scope() || !thread_has_sequences()) return kNoSlot;
  may_have_slot = false;
  const std::uint32_t slot = take_lowest();
  if (slot != kNoSlot) {
    slot_return.arm();
    thread_slot_offset = slot * kSlotStride;
  }
  may_have_slot = true;
  return slot;
}

std::uint32_t ThreadSlots::used() {
  std::uint32_t count = 0;
  for (const Atomic<std::uint64_t>& word : taken_slots) {
    count += static_cast<std::uint32_t>(__builtin_popcountll(word.load_relaxed()));
  }
  return count;
}

void ThreadSlots::forget_other_threads() {
  const std::uint32_t mine = thread_slot_offset / kSlotStride;
  for (std::uint32_t word = 0; word < kWords; ++word) {
    const bool is_mine = mine < kSlots && mine / 64 == word;
    taken_slots[word].store_release(is_mine ? std::uint64_t{1} << (mine % 64) : 0);
  }
}

}  // namespace vc::os
