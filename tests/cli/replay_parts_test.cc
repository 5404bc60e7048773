// The parts of `availability` and `replay` that decide what is right: contents, books, the search
// for the tightest budget. Memory that lies shows that a lie is found.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "tools/trace/trace.h"
#include "tools/vcompound/availability/parallel.h"
#include "tools/vcompound/availability/pattern.h"
#include "tools/vcompound/availability/result.h"
#include "tools/vcompound/availability/samples.h"
#include "tools/vcompound/common/sizes.h"
#include "tools/vcompound/replay/player.h"
#include "tools/vcompound/replay/tightest.h"
#include "vcompound/base/random.h"

namespace vc::tool {
namespace {

constexpr std::size_t kPage = 4096;

TEST(Pattern, FindsEveryChangedWord) {
  std::vector<std::uint64_t> words(kPage / 8 * 3);
  const std::size_t bytes = words.size() * 8;
  fill_pattern(words.data(), bytes, 7);
  EXPECT_EQ(find_pattern_error(words.data(), bytes, 7), std::nullopt);
  for (std::size_t i = 0; i < words.size(); ++i) {
    words[i] ^= 1;
    EXPECT_EQ(find_pattern_error(words.data(), bytes, 7), i * 8);
    words[i] ^= 1;
  }
}

TEST(Pattern, TellsPiecesAndPlacesApart) {
  std::vector<std::uint64_t> words(kPage / 8 * 2);
  fill_pattern(words.data(), 2 * kPage, 7);
  EXPECT_EQ(find_pattern_error(words.data(), 2 * kPage, 8), 0U) << "another piece";
  EXPECT_EQ(find_pattern_error(words.data() + kPage / 8, kPage, 7), 0U) << "another page of it";
  std::swap_ranges(words.begin(), words.begin() + kPage / 8, words.begin() + kPage / 8);
  EXPECT_EQ(find_pattern_error(words.data(), 2 * kPage, 7), 0U) << "two pages exchanged";
}

TEST(Pattern, SparseCoversEachPageAndTheEnd) {
  std::vector<std::uint64_t> words(kPage / 8 * 3);
  const std::size_t bytes = words.size() * 8;
  fill_sparse_pattern(words.data(), bytes, kPage, 3);
  EXPECT_EQ(find_sparse_pattern_error(words.data(), bytes, kPage, 3), std::nullopt);
  for (const std::size_t offset : {std::size_t{0}, kPage, 2 * kPage, bytes - 8}) {
    words[offset / 8] ^= 1;
    EXPECT_EQ(find_sparse_pattern_error(words.data(), bytes, kPage, 3), offset);
    words[offset / 8] ^= 1;
  }
}

TEST(Samples, QuantilesAreRanks) {
  Samples samples;
  EXPECT_EQ(samples.median(), 0U) << "none";
  for (std::uint64_t i = 100; i >= 1; --i) samples.add(i);
  EXPECT_EQ(samples.median(), 50U);
  EXPECT_EQ(samples.quantile(0.99), 99U);
  EXPECT_EQ(samples.quantile(1), 100U);
  EXPECT_EQ(samples.quantile(0), 1U);
  samples.add(~std::uint64_t{0});
  EXPECT_EQ(samples.quantile(1), UINT32_MAX) << "too large a value is the largest";
}

TEST(ForEachIndex, CallsEachOnce) {
  std::vector<int> calls(1000);
  for_each_index(calls.size(), [&](std::size_t i) { ++calls[i]; });
  EXPECT_EQ(calls, std::vector<int>(1000, 1));
  for_each_index(0, [](std::size_t) { FAIL() << "there is nothing to do"; });
}

TEST(Published, OnlyAtThePublishedSetting) {
  const Setting published{32 * kKiB, 0.968, 99};
  EXPECT_EQ(published_share(3584 * kMiB, published, kMiB), 0.365);
  EXPECT_EQ(published_share(3584 * kMiB, published, 8 * kMiB), 0.0);
  EXPECT_EQ(published_share(3584 * kMiB, published, 16 * kMiB), std::nullopt);
  EXPECT_EQ(published_share(3583 * kMiB, published, kMiB), std::nullopt);
  EXPECT_EQ(published_share(3584 * kMiB, {16 * kKiB, 0.968, 1}, kMiB), std::nullopt);
  EXPECT_EQ(published_share(3584 * kMiB, {32 * kKiB, 0.97, 1}, kMiB), std::nullopt);
}

TEST(Tightest, FindsTheEdgeExactly) {
  for (std::uint64_t edge = 1; edge < 3000; edge += 7) {
    for (const std::uint64_t least : {std::uint64_t{1}, edge / 3 + 1, edge}) {
      if (least > edge) continue;
      std::uint64_t calls = 0;
      const auto found = find_tightest(least, 4000, [&](std::uint64_t frames) {
        ++calls;
        return frames >= edge;
      });
      EXPECT_EQ(found, edge) << "from " << least;
      EXPECT_LT(calls, 500U);
    }
  }
}

TEST(Tightest, GivesUpAtTheMost) {
  std::uint64_t largest = 0;
  const auto found = find_tightest(10, 100, [&](std::uint64_t frames) {
    largest = std::max(largest, frames);
    return false;
  });
  EXPECT_EQ(found, std::nullopt);
  EXPECT_EQ(largest, 100U) << "the most is tried, nothing above it";
}

/// Memory from the C library, with faults on demand.
class LyingMemory final : public ReplayMemory {
 public:
  Result<Piece> allocate(Bytes size) override {
    const std::size_t bytes = (size.value + kPage - 1) / kPage * kPage;
    ++asked_;
    if (asked_ == refuse_at) {
      Error error;
      error.reason = refuse_for;
      error.requested = size;
      return error;
    }
    if (asked_ == overlap_at) return Piece{pieces_.front().get(), bytes, Kind::mapped};
    pieces_.emplace_back(static_cast<char*>(std::aligned_alloc(kPage, bytes)), &std::free);
    return Piece{pieces_.back().get(), bytes, Kind::contiguous};
  }
  bool free(const Piece&) override { return ++freed_ != refuse_free_at; }
  Touchable touchable() const override { return Touchable::yes; }
  std::uint64_t mappings_used() const override { return 3; }
  Stats stats() const override { return {}; }
  double availability(Bytes) const override { return 1; }
  void mark(const Piece&, ArenaMapBuilder&) const override {}

  std::uint64_t refuse_at = 0;
  Reason refuse_for = Reason::fragmentation;
  std::uint64_t overlap_at = 0;
  std::uint64_t refuse_free_at = 0;
  std::uint64_t freed() const { return freed_; }

 private:
  std::uint64_t asked_ = 0;
  std::uint64_t freed_ = 0;
  std::vector<std::unique_ptr<char, decltype(&std::free)>> pieces_;
};

/// Three allocations of two pages; the first is freed at the end of the trace, the others never.
Trace small_trace() {
  TraceError error;
  auto trace = parse_trace(
      "Thread,Time,Action,Pointer,Size,Stream\n"
      "1,00:00:01,allocate,0x10,8192,0x0\n1,00:00:02,allocate,0x20,8192,0x0\n"
      "1,00:00:03,allocate,0x30,8000,0x0\n1,00:00:04,free,0x10,8192,0x0\n",
      "small", {}, error);
  EXPECT_TRUE(trace) << error.message;
  return std::move(*trace);
}

PlayOptions options_with(Contents contents) {
  PlayOptions options;
  options.contents = contents;
  options.budget = 6 * kPage;
  return options;
}

TEST(Player, KeepsTheBooks) {
  LyingMemory memory;
  const PlayResult result = play(small_trace(), memory, options_with(Contents::kFull));
  EXPECT_EQ(result.served, 3U);
  EXPECT_TRUE(result.all_served());
  EXPECT_EQ(result.peak_live, 6 * kPage);
  EXPECT_EQ(result.contiguous, 3U);
  EXPECT_EQ(result.alloc_ns.size(), 3U);
  EXPECT_EQ(memory.freed(), 3U) << "what the trace never frees is freed at its end";
  EXPECT_EQ(result.content_errors, 0U);
  EXPECT_TRUE(result.moments.empty());
}

TEST(Player, FindsAnOverlap) {
  for (const Contents contents : {Contents::kMarked, Contents::kFull}) {
    LyingMemory memory;
    memory.overlap_at = 3;
    const PlayResult result = play(small_trace(), memory, options_with(contents));
    EXPECT_EQ(result.content_errors, 1U);
    EXPECT_EQ(result.first_content_error,
              "allocation 1 of the trace, at step 4: its contents are wrong at offset 0 of 8192");
    EXPECT_EQ(result.mapped, 1U);
    EXPECT_EQ(result.mappings_peak, 3U);
  }
  LyingMemory memory;
  memory.overlap_at = 3;
  EXPECT_EQ(play(small_trace(), memory, options_with(Contents::kNone)).content_errors, 0U);
}

TEST(Player, FindsARefusedPointer) {
  LyingMemory memory;
  memory.refuse_free_at = 2;
  const PlayResult result = play(small_trace(), memory, options_with(Contents::kMarked));
  EXPECT_EQ(result.content_errors, 1U);
  EXPECT_NE(result.first_content_error.find("refused by free"), std::string::npos);
}

TEST(Player, TellsRightFromWrongRefusals) {
  for (const Reason reason : {Reason::fragmentation, Reason::budget, Reason::backing}) {
    LyingMemory memory;
    memory.refuse_at = 2;
    memory.refuse_for = reason;
    const PlayResult result = play(small_trace(), memory, options_with(Contents::kMarked));
    EXPECT_EQ(result.refusals, 1U);
    EXPECT_EQ(result.refused_for[static_cast<std::size_t>(reason)], 1U);
    ASSERT_TRUE(result.wrong_refusal) << "four of six pages were free: " << name_of(reason);
    EXPECT_EQ(result.wrong_refusal->step, 2U);
    EXPECT_EQ(result.wrong_refusal->live, 2 * kPage);
  }
  LyingMemory limited;
  limited.refuse_at = 2;
  limited.refuse_for = Reason::mappings;
  EXPECT_FALSE(play(small_trace(), limited, options_with(Contents::kMarked)).wrong_refusal)
      << "a limit of the system is named";
  LyingMemory full;
  full.refuse_at = 3;
  full.refuse_for = Reason::budget;
  PlayOptions tight = options_with(Contents::kMarked);
  tight.budget = 5 * kPage;
  const PlayResult result = play(small_trace(), full, tight);
  EXPECT_EQ(result.refusals, 1U);
  EXPECT_FALSE(result.wrong_refusal) << "one page was free and two were wanted";
}

TEST(Player, NotesMomentsAndThePeak) {
  LyingMemory memory;
  PlayOptions options = options_with(Contents::kMarked);
  options.moments = 100;
  options.small_piece = kPage;
  options.large_piece = 4 * kPage;
  const PlayResult result = play(small_trace(), memory, options);
  ASSERT_EQ(result.moments.size(), 4U) << "every step of a short trace";
  EXPECT_EQ(result.moments[2].live, 6 * kPage);
  EXPECT_EQ(result.moments[0].availability_small, 1.0);
  EXPECT_TRUE(std::isnan(result.moments[2].availability_small)) << "not one piece is free";
  EXPECT_TRUE(std::isnan(result.moments[1].availability_large)) << "two pages are free, not four";
  EXPECT_FALSE(result.peak_map.empty());
}

TEST(Player, ModelledMemoryServesWhatFits) {
  const Trace trace = small_trace();
  PlayOptions options = options_with(Contents::kNone);
  options.stop_at_refusal = true;
  const auto enough = make_modelled_memory(6, FrameSize(12), Policy::kPreferred);
  ASSERT_NE(enough, nullptr);
  EXPECT_TRUE(play(trace, *enough, options).all_served());
  const auto short_by_one = make_modelled_memory(5, FrameSize(12), Policy::kPreferred);
  ASSERT_NE(short_by_one, nullptr);
  EXPECT_EQ(play(trace, *short_by_one, options).first_refusal->error.reason, Reason::budget);
  EXPECT_EQ(make_modelled_memory(0, FrameSize(12), Policy::kPreferred), nullptr);
}

}  // namespace
}  // namespace vc::tool
