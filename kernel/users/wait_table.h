// The wait tables: threads that wait for a bit, without a queue in every word.
//
//      wait_on_bit(word, bit)
//          |
//          |  frame_at(word) -> head_of(frame) -> node_of(head)        (never frame arithmetic)
//          v
//      node 0   +-------+-------+-------+-----        one virtual compound per node, on that node
//      node 1   +-------+-------+-------+-----
//               | lock  | lock  | lock  |
//               | queue | queue | queue |   ...       which one: a hash of the word and the bit
//               +-------+-------+-------+-----
//
// A node is one of the core: a zone (memory/zone_plan.h), as in 2008.
//
// The bug class of 2008: the zone was found by page arithmetic on the word's address, which is
// nonsense for a mapped compound. The head of the compound answers for both kinds, and for a word
// in the middle of either. A word that is in no compound (the kernel's image) belongs to node 0.
//
// Many words share a queue. Whoever is woken looks at its own bit again.
#pragma once

#include <cstdint>

#include "kernel/thread/lock.h"
#include "kernel/thread/wait.h"
#include "kernel/users/user_memory.h"
#include "vcompound/base/atomic.h"
#include "vcompound/base/random.h"
#include "vcompound/base/units.h"

namespace vc::kernel {

/// A word whose bits can be waited for.
using BitWord = Atomic<std::uint64_t>;

/// The queues for a node of that many frames: one for 256 frames, a power of two, 4 to 4096.
constexpr std::uint32_t wait_queues_for(PageCount frames) {
  constexpr std::uint64_t kFramesPerQueue = 256;
  const std::uint64_t wanted = frames.value / kFramesPerQueue;
  if (wanted <= 4) return 4;
  return wanted >= 4096 ? 4096 : std::uint32_t{1} << ceil_log2(wanted);
}

/// Which of `queues` (a power of two) a bit of a word waits in.
constexpr std::uint32_t wait_queue_of(VirtAddr word, std::uint32_t bit, std::uint32_t queues) {
  return static_cast<std::uint32_t>(mix64(word.value << 3 ^ bit)) & (queues - 1);
}

/// The node whose table is responsible for a word: that of the head of the compound which contains
/// it; 0 if none does.
template <class Allocator>
std::uint32_t node_of_word(const Allocator& allocator, VirtAddr word) {
  const Pfn head = allocator.head_of(allocator.frame_at(word));
  return head == kNoPfn ? 0 : allocator.node_of(head);
}

/// A queue with its lock.
struct WaitBucket {
  InterruptLock lock{Rank::wait, "wait table"};
  WaitQueue queue;
};

/// The tables of all nodes.
class WaitTables {
 public:
  static constexpr std::uint32_t kMaxNodes = 8;

  constexpr WaitTables() = default;
  /// Makes a table on each node; on a refusal says so and leaves nothing behind.
  [[nodiscard]] bool open();
  /// Gives everything back; does nothing if closed. PRE: nobody waits.
  void close();
  bool is_open() const { return nodes_ != 0; }

  /// The queue for a bit of a word. PRE: open.
  WaitBucket& bucket_of(const BitWord& word, std::uint32_t bit);
  std::uint32_t nodes() const { return nodes_; }
  std::uint32_t queues(std::uint32_t node) const { return queues_[node]; }
  const UserMemory& memory(std::uint32_t node) const { return memory_[node]; }
  /// One line per node.
  void print();

 private:
  UserMemory memory_[kMaxNodes];
  std::uint32_t queues_[kMaxNodes]{};
  std::uint32_t nodes_ = 0;
};

/// The ones that boot opens; the functions below use them.
WaitTables& wait_tables();

/// @name Waiting for a bit. The word stays where it is, in a compound in use, until all are done.
/// @{

/// Sleeps until the bit is 0.
void wait_on_bit(const BitWord& word, std::uint32_t bit);
/// The same, for at most that long; false: the bit is still 1.
bool wait_on_bit_for(const BitWord& word, std::uint32_t bit, std::uint64_t microseconds);
/// Sleeps until the caller is the one who changed the bit from 0 to 1.
void lock_bit(BitWord& word, std::uint32_t bit);
/// Makes the bit 0 and wakes who waits for it. From any context.
void unlock_bit(BitWord& word, std::uint32_t bit);
/// Wakes who waits for that bit, after the caller changed it. From any context.
void wake_up_bit(const BitWord& word, std::uint32_t bit);
/// @}

}  // namespace vc::kernel
