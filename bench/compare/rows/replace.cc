// Replacing: 16 live blocks, one at random is freed and allocated anew, and every page of the new
// one is written. What a program pays that works with buffers.
//
// Three rows, which differ in the one byte of each page that is written, because that decides which
// sets of the processor's caches the blocks compete for:
//
//   replace             a cache line drawn by a hash of the page's place in its block and of the
//                       block's place among the 16: what a program keeps differs from buffer to
//                       buffer
//   replace_same_line   by the page's place alone: page 7 of every block is written at the same
//                       line. Blocks that start at round addresses then compete for the same sets
//   replace_first_byte  the first byte of each page: page-aligned blocks compete for one set of the
//                       first cache, all of them
//
// The peer `floor` allocates nothing: what it takes is the writes, which no allocator can avoid.
//
// The 16 blocks are allocated and written, and most of them replaced once, before the clock starts.
#include <array>

#include "bench/compare/measure.h"
#include "bench/compare/row.h"
#include "vcompound/base/random.h"

namespace vc::compare {

namespace {

constexpr std::size_t kLive = 16;
constexpr std::size_t kPage = 4096;
constexpr std::size_t kLine = 64;
constexpr std::uint64_t kSmallest = 64 << 10;
constexpr std::uint64_t kLargest = 64 << 20;
constexpr std::uint64_t kLongestWarming = 50'000'000;  // nanoseconds
constexpr const char* kMetric = "time";

enum class Line : std::uint8_t { by_block_and_page, by_page, first };

/// One of the 64 lines of a page: the top six bits of a product (Fibonacci hashing); with the block
/// in it, mixed once more, as else the lines of one block would be those of another, shifted.
template <Line kWhich>
std::size_t line_of(std::uint32_t block, std::uint32_t page) {
  if constexpr (kWhich == Line::first) return 0;
  std::uint32_t mixed = page * 0x9e37'79b1U;
  if constexpr (kWhich == Line::by_page) return mixed >> 26;
  mixed ^= block * 0x85eb'ca6bU;
  mixed ^= mixed >> 15;
  return mixed * 0x2c1b'3c6dU >> 26;
}

template <Line kWhich>
void write_pages(void* memory, std::size_t size, std::uint32_t block) {
  volatile char* byte = static_cast<char*>(memory);
  const auto pages = static_cast<std::uint32_t>(size / kPage);
  for (std::uint32_t page = 0; page < pages; ++page) {
    byte[page * kPage + line_of<kWhich>(block, page) * kLine] = static_cast<char>(page);
  }
}

/// The 16 blocks. Replacing is in the loop itself for every peer, and the size in a register: that
/// the compiler can see into our calls and not into others' shall not make a difference.
template <class Calls, Line kWhich>
class Buffers {
 public:
  explicit Buffers(const Calls& calls) : calls_(calls) {}
  ~Buffers() {
    for (void* p : live_) {
      if (p != nullptr) calls_.free(p);
    }
  }
  Buffers(const Buffers&) = delete;
  Buffers& operator=(const Buffers&) = delete;

  [[gnu::always_inline]] void fill(std::size_t i, std::size_t size) {
    live_[i] = calls_.allocate(size);
    refused_ |= live_[i] == nullptr;
    if (live_[i] != nullptr) write_pages<kWhich>(live_[i], size, static_cast<std::uint32_t>(i));
  }
  [[gnu::always_inline]] void replace(std::size_t i, std::size_t size) {
    calls_.free(live_[i]);
    fill(i, size);
  }
  bool refused() const { return refused_; }

 private:
  const Calls calls_;
  std::array<void*, kLive> live_{};
  bool refused_ = false;
};

template <Line kWhich, class Calls>
void measure(const Run& run, const Calls& calls, std::uint64_t size) {
  const Case where = size_case(size);
  Buffers<Calls, kWhich> buffers(calls);
  for (std::size_t i = 0; i < kLive; ++i) buffers.fill(i, size);
  if (buffers.refused()) return run.out.cannot(where, kMetric, "refused");
  const std::uint64_t start = nanoseconds(CLOCK_THREAD_CPUTIME_ID);
  for (std::size_t i = 0; i < kLive; ++i) {
    if (nanoseconds(CLOCK_THREAD_CPUTIME_ID) - start < kLongestWarming) buffers.replace(i, size);
  }
  Random random(mix64(run.seed) + size);
  const auto replace_one = [&] {
    buffers.replace(random.below(kLive), size);
  };
  const double time = time_per_call(replace_one, run.quick ? 100'000 : 20'000'000);
  const int counted_calls = size > 4 << 20 ? 4 : 16;
  EventCounter events;
  for (int i = 0; i < counted_calls; ++i) replace_one();
  const Events counted = events.stop();
  if (buffers.refused()) return run.out.cannot(where, kMetric, "refused while replacing");
  run.out.figure(where, kMetric, "ns", time);
  report_events(run.out, where, counted, counted_calls);
}

template <Line kWhich>
void run_row(const Run& run) {
  Peer peer;
  if (!open_or_say(run, {}, size_case(kSmallest), kMetric, peer)) return;
  // The rows about the effects of one line only are there to compare with: fewer sizes do.
  const std::uint64_t step = kWhich == Line::by_block_and_page ? 2 : 4;
  for (std::uint64_t size = kSmallest; size <= kLargest; size *= step) {
    if (run.quick && size > 1 << 20) break;
    with_calls(peer, [&](const auto& calls) { measure<kWhich>(run, calls, size); });
  }
}

const std::vector<std::string> kPeers = {
    "vcompound",     "glibc",    "glibc_kept",   "glibc_thp",          "glibc_thp_kept",
    "glibc_aligned", "mimalloc", "mimalloc_thp", "jemalloc",           "jemalloc_kept",
    "jemalloc_thp",  "tcmalloc", "libhugetlbfs", "boost_interprocess", "dpdk",
    "mmap",          "floor"};

/// For the rows about the effects of one line: no variant but the one that tells these effects.
const std::vector<std::string> kFewPeers = {
    "vcompound", "glibc",    "glibc_aligned", "mimalloc",
    "jemalloc",  "tcmalloc", "libhugetlbfs",  "boost_interprocess",
    "dpdk",      "mmap",     "floor"};

const RowRegistration plain{
    "replace",
    {.title = "16 live blocks, one at random replaced and written",
     .what = "One of 16 live blocks, drawn at random, is freed and allocated anew, and one byte of "
             "each of its pages is written. The byte lies in one of the page's 64 cache lines, "
             "drawn by a hash of the page's place in the block and of which of the 16 blocks it "
             "is: programs keep different things in different buffers. floor is no allocator: "
             "sixteen blocks that always exist, so what it takes is the writes.",
     .peers = kPeers,
     .run = run_row<Line::by_block_and_page>}};

const RowRegistration same_line{
    "replace_same_line",
    {.title = "The same, the same lines written in every block",
     .what = "As above, but the line depends on the page's place in the block alone: page 7 of "
             "every block is written at the same line. Blocks that start at round addresses then "
             "compete for the same sets of the caches, which malloc's blocks avoid as they start "
             "16 bytes apart. glibc_aligned tells the two effects apart.",
     .peers = kFewPeers,
     .repetitions = 3,
     .run = run_row<Line::by_page>}};

const RowRegistration first_byte{
    "replace_first_byte",
    {.title = "The same, the first byte of every page written",
     .what = "As above, but the first byte of each page is written, as loops do that only make "
             "pages present. In page-aligned blocks all these bytes compete for one of the 64 "
             "sets of the first cache: the worst case of alignment.",
     .peers = kFewPeers,
     .repetitions = 3,
     .run = run_row<Line::first>}};

}  // namespace

}  // namespace vc::compare
