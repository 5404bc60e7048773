// A plain binary buddy, as textbooks have it: frames of 4 KiB, blocks of 2^order frames, and a
// block is free as a whole or split in two halves.
//
//   order 3   |               8               |      allocate: the smallest order that fits; larger
//   order 2   |       4       |       4       |      blocks are halved until it is there
//   order 1   |   2   |   2   |                      free: while the other half (first ^ 2^order)
//   order 0   | 1 | 1 |                              is free as a whole, both become one
//
// Its tables are outside the buffer: a state and two links for each frame.
#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <vector>

#include "bench/compare/peers/budget.h"

namespace vc::compare {

namespace {

constexpr std::size_t kFrame = 4096;
constexpr unsigned kOrders = 32;
constexpr std::uint32_t kNone = ~std::uint32_t{0};

enum class State : std::uint8_t { inside, free, used };

/// What is known of the block that starts at a frame; `inside`: no block starts there.
struct Entry {
  State state = State::inside;
  std::uint8_t order = 0;
  std::uint32_t next = kNone;
  std::uint32_t previous = kNone;
};

class Buddy {
 public:
  explicit Buddy(const Buffer& buffer) : buffer_(buffer), entries_(buffer.size / kFrame) {
    free_.fill(kNone);
    // Aligned blocks, as large as what is left allows.
    for (std::uint32_t at = 0; at < entries_.size();) {
      const auto left = static_cast<std::uint32_t>(entries_.size()) - at;
      const auto fits = static_cast<unsigned>(std::bit_width(left)) - 1;
      const auto aligned = at == 0 ? fits : static_cast<unsigned>(std::countr_zero(at));
      const unsigned order = std::min(fits, aligned);
      push(at, order);
      at += 1u << order;
    }
  }

  void* allocate(std::size_t bytes) {
    if (bytes == 0 || bytes > buffer_.size) return nullptr;
    const auto order = static_cast<unsigned>(std::bit_width((bytes - 1) / kFrame));
    const std::lock_guard guard(mutex_);
    unsigned found = order;
    while (found < kOrders && free_[found] == kNone) ++found;
    if (found == kOrders) return nullptr;
    const std::uint32_t first = free_[found];
    remove(first);
    while (found > order) {
      --found;
      push(first + (1u << found), found);
    }
    entries_[first] = {.state = State::used, .order = static_cast<std::uint8_t>(order)};
    return buffer_.data + first * kFrame;
  }

  void free(void* block) {
    const std::lock_guard guard(mutex_);
    std::uint32_t first = frame_of(block);
    unsigned order = entries_[first].order;
    entries_[first].state = State::inside;
    for (; order + 1 < kOrders; ++order) {
      const std::uint32_t other = first ^ (1u << order);
      if (!is_free(other, order)) break;
      remove(other);
      first = std::min(first, other);
    }
    push(first, order);
  }

 private:
  bool is_free(std::uint32_t first, unsigned order) const {
    return first < entries_.size() && entries_[first].state == State::free &&
           entries_[first].order == order;
  }

  /// The first frame of a block in use. Anything else ends the process: also a double free.
  std::uint32_t frame_of(const void* block) const {
    const auto offset =
        static_cast<std::size_t>(static_cast<const std::byte*>(block) - buffer_.data);
    if (offset < buffer_.size && offset % kFrame == 0 &&
        entries_[offset / kFrame].state == State::used) {
      return static_cast<std::uint32_t>(offset / kFrame);
    }
    std::fprintf(stderr, "compare: buddy: no block in use starts at %p\n", block);
    std::abort();
  }

  void push(std::uint32_t first, unsigned order) {
    const std::uint32_t next = free_[order];
    entries_[first] = {
        .state = State::free, .order = static_cast<std::uint8_t>(order), .next = next};
    if (next != kNone) entries_[next].previous = first;
    free_[order] = first;
  }

  void remove(std::uint32_t first) {
    const Entry entry = entries_[first];
    (entry.previous == kNone ? free_[entry.order] : entries_[entry.previous].next) = entry.next;
    if (entry.next != kNone) entries_[entry.next].previous = entry.previous;
    entries_[first] = {};
  }

  Buffer buffer_;
  std::mutex mutex_;
  std::vector<Entry> entries_;
  std::array<std::uint32_t, kOrders> free_{};
};

Buddy* buddy = nullptr;

Opened open_buddy(const Setting& setting) {
  const std::size_t size = budget_of(setting) / kFrame * kFrame;
  const Buffer buffer = map_buffer(size, std::bit_ceil(size), setting.huge_pages);
  if (buffer.data == nullptr) return "the system refused a buffer of that size";
  static Buddy only(buffer);
  buddy = &only;
  Peer peer{.name = "buddy", .version = "this tree"};
  peer.allocate = [](std::size_t bytes) {
    return buddy->allocate(bytes);
  };
  peer.free = [](void* block) {
    if (block != nullptr) buddy->free(block);
  };
  peer.usable = usable_by_trial(peer, setting);
  peer.remark = "the textbook's binary buddy, one mutex, tables outside the budget";
  return peer;
}

const PeerRegistration registration{"buddy", {.open = open_buddy}};

}  // namespace

}  // namespace vc::compare
