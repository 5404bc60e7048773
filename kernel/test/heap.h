// The heap of the tests: what operator new takes from. The kernel proper has none.
//
// Blocks are cut from pieces of memory (compounds of the main arena) and stand one behind the
// other; a piece ends with a block of size 0 that is in use. A free block knows its length at both
// ends only through its neighbours' headers: the free list is sorted by address, so that a block
// that comes back meets its neighbours there and is joined with them.
//
//     piece:  | header | used ...... | header | free ... | header | used ... | end |
//                                       |                                      size 0
//                                       +--> the next free block, at a higher address
//
// First fit. A pointer of any alignment has 16 bytes in front of it that lead back to its block.
#pragma once

#include <cstddef>
#include <cstdint>

#include "vcompound/base/units.h"
#include "vcompound/platform/x86_64/spin_lock.h"

namespace vc::kernel {

/// See the head of this file. Thread-safe; not for interrupt handlers.
class TestHeap {
 public:
  constexpr TestHeap() = default;
  TestHeap(const TestHeap&) = delete;
  TestHeap& operator=(const TestHeap&) = delete;

  /// Takes the first piece, large enough for most tests, so that a test which makes the arena fail
  /// does not make the heap fail. Panics if there is no memory. Once, later calls do nothing.
  void open();
  /// Memory of `size` bytes, or nullptr. `alignment`: a power of two.
  void* allocate(std::size_t size, std::size_t alignment);
  /// Gives it back; nullptr is allowed. A pointer that is not from here, or was freed, is a panic.
  void free(void* memory);
  /// The frames of the main arena that the heap holds.
  PageCount pages() const { return PageCount(pages_.load_acquire()); }
  /// Bytes handed out at present, with headers.
  Bytes in_use() const { return Bytes(in_use_.load_acquire()); }

 private:
  struct Block {
    std::uint64_t size;  ///< with this header; a multiple of 16
    Block* next;         ///< the next free block; in use: kUsed
  };
  /// In front of each pointer that is handed out.
  struct Mark {
    std::uint64_t magic;
    Block* block;
  };
  static_assert(sizeof(Block) == 16 && sizeof(Mark) == 16);

  Block* take(std::uint64_t size);
  void put(Block* block);
  bool grow(std::uint64_t size);

  x86::SpinLock lock_;
  Block* first_ = nullptr;
  Atomic<std::uint64_t> pages_;
  Atomic<std::uint64_t> in_use_;
};

/// The one behind operator new.
TestHeap& test_heap();

}  // namespace vc::kernel
