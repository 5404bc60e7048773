// What the kernel's code calls: kernel::allocate and kernel::free, on the kernel's arena.
#include "kernel/bench/benches.h"
#include "kernel/bench/meter.h"
#include "kernel/memory/memory.h"

namespace vc::kernel {

namespace {

constexpr FrameSize kFrame(12);
constexpr std::uint64_t kWarmUp = 32;
constexpr std::uint64_t kSamples = 17;
/// In a row: this many pages, but not more compounds than that.
constexpr std::uint64_t kRowPages = 32768;
constexpr std::uint64_t kRowCompounds = 4096;

/// Prints NAME.allocate and NAME.free.
void print_halves(const char* name, std::uint64_t pages, const Cost& allocate, const Cost& free,
                  std::uint64_t operations = 1) {
  const auto print = [&](const char* half, const Cost& cost) {
    char buffer[64];
    TextWriter text(buffer, sizeof buffer);
    text.text(name).text(half);
    print_row(text.c_str(), pages, cost, operations);
  };
  print(".allocate", allocate);
  print(".free", free);
}

/// One pair after the other: what the least of many costs when the cache serves it.
template <class Allocate>
void print_cached(const char* name, std::uint64_t pages, Allocate&& allocate_one) {
  const X86Platform& platform = arena().platform;
  arena().allocator.reclaim();
  Least allocating;
  Least freeing;
  for (std::uint64_t i = 0; i < kWarmUp + kSamples; ++i) {
    VirtAddr address;
    const Cost first = measure(platform, [&] { address = allocate_one(); });
    const Cost second = measure(platform, [&] { free(address); });
    if (i < kWarmUp) continue;
    allocating.add(first);
    freeing.add(second);
  }
  print_halves(name, pages, allocating.cost(), freeing.cost());
}

void run_cached(const char* name, std::uint64_t pages) {
  const Bytes size = kFrame.bytes(PageCount(pages));
  print_cached(name, pages, [&] { return allocate({.size = size})->address; });
}

void run_mapped_cached(const char* name, std::uint64_t pages) {
  const Request request{.size = kFrame.bytes(PageCount(pages)), .contiguity = Contiguity::never};
  print_cached(name, pages, [&] { return allocate(request)->address; });
}

/// All frames come from the zones, and all are back there in the end.
void run_row(const char* name, std::uint64_t pages) {
  const Bytes size = kFrame.bytes(PageCount(pages));
  std::uint64_t count = kRowPages / pages;
  if (count > kRowCompounds) count = kRowCompounds;
  const auto table = allocate({.size = Bytes(kRowCompounds * sizeof(VirtAddr))});
  VC_ASSERT(table.ok(), "no memory for the table of a bench");
  auto* addresses = pointer<VirtAddr>(table->address);
  arena().allocator.reclaim();
  const X86Platform& platform = arena().platform;
  const Cost allocating = measure(platform, [&] {
    for (std::uint64_t i = 0; i < count; ++i) addresses[i] = allocate({.size = size})->address;
  });
  const Cost freeing = measure(platform, [&] {
    for (std::uint64_t i = 0; i < count; ++i) free(addresses[i]);
    arena().allocator.reclaim();
  });
  free(table->address);
  print_halves(name, pages, allocating, freeing, count);
}

constexpr Bench kBenches[] = {{"contiguous.cached", &run_cached, 1},
                              {"contiguous.row", &run_row, 1},
                              {"preferred.cached", &run_cached, 1},
                              {"preferred.row", &run_row, 1},
                              {"mapped.cached", &run_mapped_cached, 2}};

}  // namespace

Benches kernel_benches() { return {kBenches, sizeof kBenches / sizeof kBenches[0]}; }

}  // namespace vc::kernel
