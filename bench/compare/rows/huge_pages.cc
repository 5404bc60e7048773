// Huge pages: how much of what lives is really on them, as the kernel tells, after a random
// workload; and how much memory the process holds for it.
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "bench/compare/measure.h"
#include "bench/compare/row.h"
#include "bench/compare/rows/call_script.h"
#include "vcompound/platform/linux/verify.h"

namespace vc::compare {

namespace {

constexpr std::size_t kPage = 4096;
constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;
constexpr const char* kMetric = "huge_share";

/// What the process holds: its share of all pages, and its pages of the huge-page pool, which the
/// kernel does not count among them. 0 if the kernel does not tell.
std::uint64_t resident_bytes() {
  std::FILE* file = std::fopen("/proc/self/smaps_rollup", "re");
  if (file == nullptr) return 0;
  std::uint64_t sum = 0;
  char line[256];
  while (std::fgets(line, sizeof(line), file) != nullptr) {
    unsigned long long kib = 0;
    const bool counts = std::sscanf(line, "Pss: %llu", &kib) == 1 ||
                        std::sscanf(line, "Private_Hugetlb: %llu", &kib) == 1 ||
                        std::sscanf(line, "Shared_Hugetlb: %llu", &kib) == 1;
    if (counts) sum += kib * 1024;
  }
  std::fclose(file);
  return sum;
}

struct Object {
  void* memory = nullptr;
  std::size_t size = 0;
};

/// The whole pages of an object.
VirtRange pages_of(const Object& object) {
  const auto address = reinterpret_cast<std::uintptr_t>(object.memory);
  const std::uintptr_t first = (address + kPage - 1) / kPage * kPage;
  const std::uintptr_t end = (address + object.size) / kPage * kPage;
  return {VirtAddr(first), Bytes(end - first)};
}

void touch(const Object& object) {
  auto* bytes = static_cast<volatile char*>(object.memory);
  for (std::size_t at = 0; at < object.size; at += kPage) bytes[at] = 1;
}

/// What lives after all calls; refusals are counted.
template <class Calls>
std::vector<Object> work(const Calls& calls, const Script& script, std::uint64_t& refused) {
  std::vector<Object> objects(script.objects);
  for (std::size_t i = 0; i < script.last_free; ++i) {
    const Step& step = script.steps[i];
    Object& object = objects[step.object];
    if (step.size == 0) {
      if (object.memory != nullptr) calls.free(object.memory);
      object = {};
      continue;
    }
    object = {calls.allocate(step.size), step.size};
    if (object.memory == nullptr) {
      ++refused;
    } else {
      touch(object);
    }
  }
  std::erase_if(objects, [](const Object& object) { return object.memory == nullptr; });
  return objects;
}

void report_huge_share(const Run& run, const Case& where, const std::vector<Object>& live) {
  MappedPages sum{};
  for (const Object& object : live) {
    const MappedPages pages = mapped_pages(pages_of(object));
    sum.huge += pages.huge;
    sum.small += pages.small;
    sum.absent += pages.absent;
    sum.method = pages.method;
  }
  if (sum.method == MappedPages::Method::none) {
    run.out.cannot(where, kMetric, "this kernel does not tell what is mapped");
    return;
  }
  const auto share = [&](Bytes part) {
    const Bytes all = sum.huge + sum.small + sum.absent;
    return 100 * static_cast<double>(part.value) / static_cast<double>(all.value);
  };
  run.out.figure(where, kMetric, "percent", share(sum.huge));
  run.out.figure(where, "absent_share", "percent", share(sum.absent));
}

/// Memory of an arena that is not mapped at the moment is still held by the process.
void report_resident(const Run& run, const Case& where, const Peer& peer,
                     const std::vector<Object>& live, std::uint64_t before) {
  std::uint64_t held = resident_bytes();
  if (held == 0) {
    run.out.cannot(where, "resident", "this kernel does not tell what is resident");
    return;
  }
  held -= std::min(held, before);
  if (peer.arena != nullptr && peer.arena->committed().value > held) {
    held = peer.arena->committed().value;
  }
  std::uint64_t bytes = 0;
  for (const Object& object : live) bytes += object.size;
  const auto ratio = static_cast<double>(held) / static_cast<double>(bytes);
  run.out.figure(where, "live", "bytes", static_cast<double>(bytes));
  run.out.figure(where, "resident", "bytes", static_cast<double>(held));
  run.out.figure(where, "resident_per_live", "ratio", ratio);
}

template <class Calls>
void measure(const Run& run, const Peer& peer, const Calls& calls, const Case& where,
             std::uint64_t before) {
  const Script script = make_script({.smallest = std::size_t{64} << 10,
                                     .largest = std::size_t{32} << (run.quick ? 15 : 20),
                                     .most_live = run.quick ? kGiB / 64 : kGiB,
                                     .allocations = run.quick ? 200U : 2200U,
                                     .seed = run.seed});
  std::uint64_t refused = 0;
  EventCounter events;
  const std::vector<Object> live = work(calls, script, refused);
  const Events counted = events.stop();
  const auto refused_share = static_cast<double>(refused) / script.objects;
  run.out.figure(where, "refused", "percent", 100 * refused_share);
  if (live.empty()) {
    run.out.cannot(where, kMetric, "every allocation was refused");
    return;
  }
  report_huge_share(run, where, live);
  report_resident(run, where, peer, live, before);
  report_events(run.out, where, counted, static_cast<double>(script.last_free));
  for (const Object& object : live) calls.free(object.memory);
}

/// A process opens a peer once, so the two settings are two variants of a peer: name and name_thp.
void run_huge_pages(const Run& run) {
  const Case where{"64 KiB to 32 MiB", 0};
  const std::uint64_t room = (run.quick ? kGiB / 64 : kGiB) / 4 * 5;
  const Setting setting{.budget = is_unlimited(run.peer) ? 0 : room,
                        .huge_pages = run.peer.ends_with("_thp")};
  const std::uint64_t before = resident_bytes();
  Peer peer;
  if (!open_or_say(run, setting, where, kMetric, peer)) return;
  with_calls(peer, [&](const auto& calls) { measure(run, peer, calls, where, before); });
}

const RowRegistration registration{
    "huge_pages",
    {.title = "Huge pages, as the kernel tells",
     .what =
         "1 GiB of objects of 64 KiB to 32 MiB, equal chances for each power of two, is replaced "
         "at random about 2,000 times, and every page is written. Then the kernel is asked which "
         "bytes of what lives are mapped by huge pages (PAGEMAP_SCAN, else smaps), and what the "
         "process holds (Pss and the huge-page pool, without what it held before) for each live "
         "byte. vcompound and peers with a budget have 1.25 GiB. Peers as they are, and told to "
         "use huge pages in their own way (_thp; tcmalloc has no such switch).",
     .peers = {"vcompound", "glibc", "glibc_thp", "mimalloc", "mimalloc_thp", "jemalloc",
               "jemalloc_thp", "tcmalloc", "libhugetlbfs", "mmap", "dpdk"},
     .repetitions = 2,
     .run = run_huge_pages}};

}  // namespace

}  // namespace vc::compare
