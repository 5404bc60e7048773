// Peer: floor. Not an allocator: sixteen blocks of one size exist from the start, side by side on
// huge pages, and a stack of pointers says which are free. What it takes beside the writes of a row
// is a few instructions, so its figure is what a row costs that allocates nothing: no allocator
// whose blocks start at pages can be below it, and a goal below it cannot be met.
//
//      free_:  | 3 | 7 | 0 |          allocate: the last one      free: behind the last one
#include <sys/mman.h>

#include <array>
#include <cstdint>

#include "bench/compare/peer.h"

namespace vc::compare {

namespace {

constexpr std::size_t kBlocks = 16;
constexpr std::size_t kHugePage = std::size_t{2} << 20;

/// All blocks, of the size that was asked for last.
class FixedBlocks {
 public:
  void* allocate(std::size_t size) {
    if (size != size_ && !make(size)) return nullptr;
    return count_ == 0 ? nullptr : free_[--count_];
  }
  void free(void* block) {
    if (block != nullptr) free_[count_++] = block;
  }

 private:
  /// Makes blocks of another size; the old ones must all be free.
  bool make(std::size_t size) {
    if (region_ != nullptr && (count_ != kBlocks || munmap(region_, length_) != 0)) return false;
    region_ = nullptr;
    count_ = 0;
    length_ = kBlocks * size + kHugePage;
    void* mapped =
        mmap(nullptr, length_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) return false;
    region_ = mapped;
    size_ = size;
    madvise(mapped, length_, MADV_HUGEPAGE);  // where it may not, the floor is a little higher
    const auto start = reinterpret_cast<std::uintptr_t>(mapped);
    char* first = static_cast<char*>(mapped) + (kHugePage - start % kHugePage) % kHugePage;
    for (std::size_t i = kBlocks; i-- != 0;) free(first + i * size);
    return true;
  }

  void* region_ = nullptr;
  std::size_t length_ = 0;
  std::size_t size_ = 0;
  std::size_t count_ = 0;
  std::array<void*, kBlocks> free_{};
};

FixedBlocks blocks;

Opened open_floor(const Setting& setting) {
  if (setting.budget != 0) return "the floor is sixteen blocks, not a budget";
  Peer peer{.name = "floor", .version = "this tree"};
  peer.allocate = [](std::size_t size) {
    return blocks.allocate(size);
  };
  peer.free = [](void* block) {
    blocks.free(block);
  };
  peer.remark = "no allocator: sixteen fixed blocks on huge pages";
  return peer;
}

const PeerRegistration registration{"floor", {.open = open_floor}};

}  // namespace

}  // namespace vc::compare
