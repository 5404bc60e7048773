// The bitmap of taken slots, and the give-back at thread exit.
#include "vcompound/platform/linux/thread_slots.h"

#include "vcompound/base/atomic.h"
#include "vcompound/platform/linux/no_block_scope.h"

namespace vc::os {

constinit thread_local std::uint32_t no_block_depth = 0;
constinit thread_local std::uint32_t ThreadSlots::slot_ = ThreadSlots::kUnassigned;

namespace {

constexpr std::uint32_t kWords = ThreadSlots::kSlots / 64;

constinit Atomic<std::uint64_t> taken[kWords];
/// True while the thread is inside assign(): a signal handler that comes then gets no slot.
constinit thread_local bool assigning = false;

/// Takes the lowest free slot, or answers kNoSlot.
std::uint32_t take_lowest() {
  for (std::uint32_t word = 0; word < kWords; ++word) {
    std::uint64_t bits = taken[word].load_relaxed();
    while (bits != ~std::uint64_t{0}) {
      const auto bit = static_cast<std::uint32_t>(__builtin_ctzll(~bits));
      if (taken[word].compare_exchange(bits, bits | std::uint64_t{1} << bit)) {
        return word * 64 + bit;
      }
    }
  }
  return kNoSlot;
}

void give_back(std::uint32_t slot) {
  taken[slot / 64].fetch_and(~(std::uint64_t{1} << (slot % 64)));
}

}  // namespace

/// Its destructor runs when the thread ends.
struct SlotReturn {
  ~SlotReturn() {
    const std::uint32_t slot = ThreadSlots::slot_;
    ThreadSlots::slot_ = ThreadSlots::kRetired;
    if (slot < ThreadSlots::kSlots) give_back(slot);
  }
  /// Makes the thread construct the object, and so run its destructor.
  void arm() {}
};

namespace {
thread_local SlotReturn slot_return;
}

std::uint32_t ThreadSlots::assign() {
  if (slot_ == kRetired || in_no_block_scope() || assigning) return kNoSlot;
  assigning = true;
  const std::uint32_t slot = take_lowest();
  if (slot != kNoSlot) {
    slot_return.arm();
    slot_ = slot;
  }
  assigning = false;
  return slot;
}

std::uint32_t ThreadSlots::used() {
  std::uint32_t count = 0;
  for (const Atomic<std::uint64_t>& word : taken) {
    count += static_cast<std::uint32_t>(__builtin_popcountll(word.load_relaxed()));
  }
  return count;
}

void ThreadSlots::forget_other_threads() {
  for (std::uint32_t word = 0; word < kWords; ++word) {
    const bool mine = slot_ < kSlots && slot_ / 64 == word;
    taken[word].store_release(mine ? std::uint64_t{1} << (slot_ % 64) : 0);
  }
}

}  // namespace vc::os
