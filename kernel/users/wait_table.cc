#include "kernel/users/wait_table.h"

#include <new>

#include "kernel/console/console.h"
#include "kernel/memory/memory.h"
#include "kernel/thread/thread.h"
#include "vcompound/base/assert.h"
#include "vcompound/base/lock.h"

namespace vc::kernel {
namespace {

constinit WaitTables the_wait_tables;

VirtAddr address_of(const BitWord& word) {
  return VirtAddr(reinterpret_cast<std::uintptr_t>(&word));
}

bool is_set(const BitWord& word, std::uint32_t bit) {
  return (word.load_acquire() >> bit & 1) != 0;
}

}  // namespace

WaitTables& wait_tables() { return the_wait_tables; }

bool WaitTables::open() {
  VC_ASSERT(!is_open(), "the wait tables are open");
  const std::uint32_t nodes = arena().allocator.node_count();
  for (std::uint32_t node = 0; node < nodes; ++node) {
    const std::uint32_t queues = wait_queues_for(arena().allocator.total_pages(node));
    if (!memory_[node].open("wait table", Bytes(sizeof(WaitBucket)) * queues,
                            Placement::on(node))) {
      for (UserMemory& memory : memory_) memory.close();
      return false;
    }
    auto* buckets = static_cast<WaitBucket*>(memory_[node].at());
    for (std::uint32_t i = 0; i < queues; ++i) ::new (&buckets[i]) WaitBucket;
    queues_[node] = queues;
  }
  nodes_ = nodes;
  return true;
}

void WaitTables::close() {
  for (std::uint32_t node = 0; node < nodes_; ++node) {
    auto* buckets = static_cast<WaitBucket*>(memory_[node].at());
    for (std::uint32_t i = 0; i < queues_[node]; ++i) {
      Guard guard(buckets[i].lock);
      VC_ASSERT(buckets[i].queue.empty(), "a wait table was closed while somebody waits in it");
    }
    memory_[node].close();
  }
  nodes_ = 0;
}

WaitBucket& WaitTables::bucket_of(const BitWord& word, std::uint32_t bit) {
  VC_ASSERT(is_open(), "somebody waits for a bit before there are wait tables");
  const VirtAddr address = address_of(word);
  const std::uint32_t node = node_of_word(arena().allocator, address);
  auto* buckets = static_cast<WaitBucket*>(memory_[node].at());
  return buckets[wait_queue_of(address, bit, queues_[node])];
}

void WaitTables::print() {
  for (std::uint32_t node = 0; node < nodes_; ++node) {
    Line()
        .text("wait table of node ")
        .number(node)
        .text(": ")
        .number(queues_[node])
        .text(" queues, ")
        .size(memory_[node].size())
        .text(" ")
        .text(name_of(memory_[node].what().kind));
  }
}

void wait_on_bit(const BitWord& word, std::uint32_t bit) {
  if (!is_set(word, bit)) return;
  WaitBucket& bucket = wait_tables().bucket_of(word, bit);
  Guard guard(bucket.lock);
  while (is_set(word, bit)) bucket.queue.wait(bucket.lock);
}

bool wait_on_bit_for(const BitWord& word, std::uint32_t bit, std::uint64_t microseconds) {
  if (!is_set(word, bit)) return true;
  WaitBucket& bucket = wait_tables().bucket_of(word, bit);
  const std::uint64_t end = deadline_in(microseconds);
  Guard guard(bucket.lock);
  while (is_set(word, bit)) {
    const std::uint64_t at = now();
    if (at >= end || !bucket.queue.wait_for(bucket.lock, end - at)) return !is_set(word, bit);
  }
  return true;
}

void lock_bit(BitWord& word, std::uint32_t bit) {
  const std::uint64_t mask = std::uint64_t{1} << bit;
  if ((word.fetch_or(mask) & mask) == 0) return;
  WaitBucket& bucket = wait_tables().bucket_of(word, bit);
  Guard guard(bucket.lock);
  while ((word.fetch_or(mask) & mask) != 0) bucket.queue.wait(bucket.lock);
}

void unlock_bit(BitWord& word, std::uint32_t bit) {
  // The queue is found first: as soon as the bit is 0, others may free the compound of the word.
  WaitBucket& bucket = wait_tables().bucket_of(word, bit);
  Guard guard(bucket.lock);
  word.fetch_and(~(std::uint64_t{1} << bit));
  bucket.queue.wake_all();
}

void wake_up_bit(const BitWord& word, std::uint32_t bit) {
  WaitBucket& bucket = wait_tables().bucket_of(word, bit);
  Guard guard(bucket.lock);
  bucket.queue.wake_all();
}

}  // namespace vc::kernel
