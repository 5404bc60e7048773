#include "kernel/test/heap.h"

#include <new>

#include "kernel/memory/memory.h"
#include "vcompound/base/assert.h"
#include "vcompound/base/lock.h"

namespace vc::kernel {

namespace {

constexpr std::uint64_t kUsedMagic = 0x7573'6564'2062'7974;
constexpr std::uint64_t kFreeMagic = 0x6672'6565'6420'2121;
constexpr Bytes kFirstPiece{1 << 20};
constexpr Bytes kPiece{256 << 10};
constexpr std::uint64_t kUnit = 16;

constinit TestHeap the_heap;

}  // namespace

TestHeap& test_heap() { return the_heap; }

void TestHeap::open() {
  if (pages().value == 0 && !grow(kFirstPiece.value - kUnit)) {
    VC_ASSERT(grow(kPiece.value - kUnit), "no memory for the heap of the tests");
  }
}

/// One more piece, with a free block of at least `size` bytes.
bool TestHeap::grow(std::uint64_t size) {
  const Bytes wanted(size + kUnit > kPiece.value ? size + kUnit : kPiece.value);
  const auto piece = kernel::allocate({.size = wanted}, CallSite::here(), Report::quiet);
  if (!piece.ok()) return false;
  const Bytes room = FrameSize(12).bytes(piece->pages);
  Block* const block = pointer<Block>(piece->address);
  block->size = room.value - kUnit;
  Block* const end = pointer<Block>(piece->address + room - Bytes(kUnit));
  end->size = 0;
  end->next = nullptr;
  pages_.fetch_add(piece->pages.value);
  const Guard guard(lock_);
  put(block);
  return true;
}

/// The first free block that is large enough, cut to size. The lock is held.
TestHeap::Block* TestHeap::take(std::uint64_t size) {
  for (Block** link = &first_; *link != nullptr; link = &(*link)->next) {
    Block* const block = *link;
    if (block->size < size) continue;
    if (block->size - size >= 2 * kUnit) {
      auto* const rest = reinterpret_cast<Block*>(reinterpret_cast<std::uintptr_t>(block) + size);
      rest->size = block->size - size;
      rest->next = block->next;
      *link = rest;
      block->size = size;
    } else {
      *link = block->next;
    }
    return block;
  }
  return nullptr;
}

/// Puts a block into the list and joins it with its neighbours. The lock is held.
void TestHeap::put(Block* block) {
  const auto end_of = [](const Block* b) {
    return reinterpret_cast<std::uintptr_t>(b) + b->size;
  };
  Block* before = nullptr;
  Block* after = first_;
  while (after != nullptr && after < block) {
    before = after;
    after = after->next;
  }
  block->next = after;
  if (after != nullptr && end_of(block) == reinterpret_cast<std::uintptr_t>(after)) {
    block->size += after->size;
    block->next = after->next;
  }
  if (before == nullptr) {
    first_ = block;
  } else if (end_of(before) == reinterpret_cast<std::uintptr_t>(block)) {
    before->size += block->size;
    before->next = block->next;
  } else {
    before->next = block;
  }
}

void* TestHeap::allocate(std::size_t size, std::size_t alignment) {
  if (size > std::size_t{1} << 40) return nullptr;
  const std::uint64_t slack = alignment > kUnit ? alignment - kUnit : 0;
  const std::uint64_t wanted = align_up(sizeof(Block) + sizeof(Mark) + size + slack, kUnit);
  Block* block = nullptr;
  do {
    const Guard guard(lock_);
    block = take(wanted);
  } while (block == nullptr && grow(wanted));
  if (block == nullptr) return nullptr;
  in_use_.fetch_add(block->size);
  const std::uint64_t start =
      align_up(reinterpret_cast<std::uintptr_t>(block) + sizeof(Block) + sizeof(Mark),
               alignment > kUnit ? alignment : kUnit);
  auto* const mark = reinterpret_cast<Mark*>(start - sizeof(Mark));
  *mark = {kUsedMagic, block};
  return reinterpret_cast<void*>(start);
}

void TestHeap::free(void* memory) {
  if (memory == nullptr) return;
  Mark* const mark = static_cast<Mark*>(memory) - 1;
  VC_ASSERT(mark->magic != kFreeMagic, "delete of memory that was deleted before");
  VC_ASSERT(mark->magic == kUsedMagic, "delete of memory that is not from new, or was overrun");
  Block* const block = mark->block;
  mark->magic = kFreeMagic;
  in_use_.fetch_sub(block->size);
  const Guard guard(lock_);
  put(block);
}

namespace {

void* must_allocate(std::size_t size, std::size_t alignment) {
  void* const memory = test_heap().allocate(size, alignment);
  VC_ASSERT(memory != nullptr, "the heap of the tests is exhausted");
  return memory;
}

}  // namespace

}  // namespace vc::kernel

// ---- the operators ------------------------------------------------------------------------------

using vc::kernel::must_allocate;
using vc::kernel::test_heap;

namespace {
constexpr std::size_t value(std::align_val_t alignment) {
  return static_cast<std::size_t>(alignment);
}
}  // namespace

const std::nothrow_t std::nothrow{};

void* operator new(std::size_t n) { return must_allocate(n, 16); }
void* operator new[](std::size_t n) { return must_allocate(n, 16); }
void* operator new(std::size_t n, std::align_val_t a) { return must_allocate(n, value(a)); }
void* operator new[](std::size_t n, std::align_val_t a) { return must_allocate(n, value(a)); }
void* operator new(std::size_t n, const std::nothrow_t&) noexcept {
  return test_heap().allocate(n, 16);
}
void* operator new[](std::size_t n, const std::nothrow_t&) noexcept {
  return test_heap().allocate(n, 16);
}
void operator delete(void* p) noexcept { test_heap().free(p); }
void operator delete[](void* p) noexcept { test_heap().free(p); }
void operator delete(void* p, std::size_t) noexcept { test_heap().free(p); }
void operator delete[](void* p, std::size_t) noexcept { test_heap().free(p); }
void operator delete(void* p, std::align_val_t) noexcept { test_heap().free(p); }
void operator delete[](void* p, std::align_val_t) noexcept { test_heap().free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { test_heap().free(p); }
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { test_heap().free(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { test_heap().free(p); }
void operator delete[](void* p, const std::nothrow_t&) noexcept { test_heap().free(p); }

// ---- what the containers call instead of throwing -----------------------------------------------

namespace std {

[[noreturn]] void __throw_length_error(const char* what) { ::vc::panic(what, "a container", 0); }
[[noreturn]] void __throw_logic_error(const char* what) { ::vc::panic(what, "a container", 0); }
[[noreturn]] void __throw_out_of_range(const char* what) { ::vc::panic(what, "a container", 0); }
[[noreturn]] void __throw_out_of_range_fmt(const char* what, ...) {
  ::vc::panic(what, "a container", 0);
}
[[noreturn]] void __throw_bad_alloc() { ::vc::panic("bad_alloc", "a container", 0); }
[[noreturn]] void __throw_bad_array_new_length() {
  ::vc::panic("bad_array_new_length", "a container", 0);
}

}  // namespace std
