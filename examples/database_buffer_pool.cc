// A database's memory on one budget: pages of 32 KiB in a buffer pool, an index in std::pmr
// containers, and now and then a large buffer for a sort. After a while the pool's pages lie
// scattered, and a contiguous allocator refuses the large buffer although memory is free. Here it
// is mapped, and written to a file straight from its extents by writev(), without a copy.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory_resource>
#include <numeric>
#include <random>
#include <vector>

#include "vcompound/arena.h"
#include "vcompound/memory_resource.h"

namespace {

constexpr std::size_t kPage = 32 << 10;
constexpr std::size_t kSort = 8 << 20;
constexpr std::uint64_t kPages = 1024;

/// Pages by number; the index lives in the arena too, small nodes sharing frames through a pool.
class BufferPool {
 public:
  explicit BufferPool(vc::Arena& arena) : arena_(arena), frames_(arena), pages_(&nodes_) {}

  bool load(std::uint64_t number) {
    auto page = arena_.allocate(vc::Bytes(kPage));
    if (!page) return false;
    *static_cast<std::uint64_t*>(page->data()) = number;
    pages_.insert_or_assign(number, std::move(*page));
    return true;
  }
  void evict(std::uint64_t number) { pages_.erase(number); }
  std::size_t size() const { return pages_.size(); }
  bool is_whole() const {
    return std::all_of(pages_.begin(), pages_.end(), [](const auto& entry) {
      return *static_cast<const std::uint64_t*>(entry.second.data()) == entry.first;
    });
  }

 private:
  vc::Arena& arena_;
  vc::MemoryResource frames_;
  std::pmr::unsynchronized_pool_resource nodes_{&frames_};
  std::pmr::map<std::uint64_t, vc::Compound> pages_;
};

/// Fills the pool, then evicts nine pages of ten at random.
bool age(BufferPool& pool) {
  for (std::uint64_t n = 0; n < kPages; ++n) {
    if (!pool.load(n)) return false;
  }
  std::vector<std::uint64_t> order(kPages);
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), std::mt19937_64(1));
  for (std::size_t i = 0; i < kPages * 9 / 10; ++i) pool.evict(order[i]);
  return true;
}

/// Writes a buffer straight from the memory it lies in; the bytes written.
std::size_t write_out(const vc::Arena& arena, const void* buffer, int file) {
  std::vector<iovec> parts;
  for (const vc::Extent& e : arena.extents(buffer)) parts.push_back({e.direct, e.size});
  constexpr std::size_t kMost = 1024;  // what one writev() takes on Linux
  std::size_t written = 0;
  for (std::size_t i = 0; i < parts.size(); i += kMost) {
    const std::size_t count = std::min(kMost, parts.size() - i);
    const ssize_t n = writev(file, &parts[i], static_cast<int>(count));
    if (n > 0) written += static_cast<std::size_t>(n);
  }
  return written;
}

/// Does the file hold the numbers from 0 up?
bool is_sequence(int file) {
  std::vector<std::uint64_t> numbers(kSort / sizeof(std::uint64_t));
  if (pread(file, numbers.data(), kSort, 0) != static_cast<ssize_t>(kSort)) return false;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (numbers[i] != i) return false;
  }
  return true;
}

int fail(const char* what, const vc::Error& error) {
  std::printf("%s: %s\n", what, vc::to_string(error).c_str());
  return 1;
}

}  // namespace

int main() {
  auto arena = vc::Arena::create({.budget = vc::mib(33), .warn_above = vc::kNeverWarn});
  if (!arena) return fail("arena", arena.error());
  BufferPool pool(*arena);
  if (!age(pool)) return fail("buffer pool", vc::Arena::last_error());
  arena->reclaim();

  const vc::Request contiguous{.size = vc::Bytes(kSort), .contiguity = vc::Contiguity::required};
  const auto refused = arena->allocate(contiguous);
  if (!refused) std::printf("contiguous only: %s\n", vc::to_string(refused.error()).c_str());

  auto sort = arena->allocate(vc::Bytes(kSort));
  if (!sort) return fail("sort buffer", sort.error());
  auto* numbers = static_cast<std::uint64_t*>(sort->data());
  const std::size_t count = kSort / sizeof(std::uint64_t);
  std::iota(numbers, numbers + count, 0);
  std::reverse(numbers, numbers + count);
  std::sort(numbers, numbers + count);

  const int file = memfd_create("sorted", MFD_CLOEXEC);
  const std::size_t written = write_out(*arena, numbers, file);
  const bool right = written == kSort && is_sequence(file) && pool.is_whole();
  std::printf("vcompound: 8 MiB %s from %zu run(s), %zu bytes written by writev(), %s\n",
              vc::name_of(sort->kind()), arena->extents(numbers).size(), written,
              right ? "all as it must be" : "DAMAGED");
  close(file);
  return right && !refused ? 0 : 1;
}
