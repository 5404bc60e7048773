// Peer: mmap and munmap of anonymous memory, what a program without an allocator does.
//
// munmap() wants the length, free() has none, so live mappings stand in a table: open addressing,
// one cache line looked at as a rule, a few nanoseconds beside two system calls. No header in the
// mapping: that would cost a page and a page fault.
#include <sys/mman.h>
#include <sys/utsname.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "bench/compare/peer.h"

namespace vc::compare {

namespace {

constexpr std::size_t kPage = 4096;
constexpr unsigned kSlotBits = 20;  // far above vm.max_map_count
constexpr std::size_t kSlots = std::size_t{1} << kSlotBits;
constexpr std::size_t kWindow = 64;  // slots in which an address may stand

struct Slot {
  std::atomic<void*> address{nullptr};
  std::size_t size = 0;  // belongs to whoever holds the mapping
};
Slot slots[kSlots];

std::size_t first_slot(const void* address) {
  const auto page = std::uint64_t{reinterpret_cast<std::uintptr_t>(address)} / kPage;
  return page * 0x9e37'79b9'7f4a'7c15ULL >> (64 - kSlotBits);
}

Slot& slot_at(std::size_t first, std::size_t i) { return slots[(first + i) % kSlots]; }

/// An empty slot of the address's window, taken for it; nullptr if there is none.
Slot* take_slot(void* address) {
  const std::size_t first = first_slot(address);
  for (std::size_t i = 0; i < kWindow; ++i) {
    Slot& slot = slot_at(first, i);
    void* empty = nullptr;
    if (slot.address.load(std::memory_order_relaxed) != nullptr) continue;
    if (slot.address.compare_exchange_strong(empty, address)) return &slot;
  }
  return nullptr;
}

Slot* find_slot(void* address) {
  const std::size_t first = first_slot(address);
  for (std::size_t i = 0; i < kWindow; ++i) {
    Slot& slot = slot_at(first, i);
    if (slot.address.load(std::memory_order_relaxed) == address) return &slot;
  }
  return nullptr;
}

void* map_pages(std::size_t size) {
  void* p = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) return nullptr;
  Slot* slot = take_slot(p);
  if (slot == nullptr) {
    munmap(p, size);
    return nullptr;
  }
  slot->size = size;
  return p;
}

void unmap_pages(void* p) {
  if (p == nullptr) return;
  Slot* slot = find_slot(p);
  if (slot == nullptr) {
    std::fputs("compare: mmap: an address that was not mapped is freed\n", stderr);
    std::abort();
  }
  // The slot is left before the address can be somebody else's.
  const std::size_t size = slot->size;
  slot->address.store(nullptr, std::memory_order_release);
  munmap(p, size);
}

/// A mapping is resident while it is held and gone after it.
bool is_mapped(void* p) {
  unsigned char resident = 0;
  return mincore(p, kPage, &resident) == 0;
}

Opened open_mmap(const Setting& setting) {
  if (setting.budget != 0) return "mmap has no fixed budget";
  void* probe = map_pages(kPage);
  if (probe == nullptr || !is_mapped(probe)) return "mmap was refused";
  unmap_pages(probe);
  if (is_mapped(probe)) return "munmap left the mapping";
  utsname system{};
  uname(&system);
  Peer peer{.name = "mmap", .version = std::string(system.sysname) + " " + system.release};
  peer.allocate = map_pages;
  peer.free = unmap_pages;
  peer.remark = "free gives the memory back at once; lengths are kept in a table of the peer";
  return peer;
}

const PeerRegistration registration{"mmap", {.open = open_mmap}};

}  // namespace

}  // namespace vc::compare
