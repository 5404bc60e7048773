// The row of availability: how much of fragmented memory can be handed out in large pieces.
//
//   one process of its own for each pattern (a peer that ends itself takes nothing else with it):
//     open the peer with the budget, fragment it;  free = usable - live
//     for each piece size:  allocate pieces until one is refused;  free them all
//
//                           pieces handed out
//     availability = ------------------------------      100 %: all that the free memory holds
//                     floor(free / size of a piece)
//
// `usable` is what the empty peer can hand out, `live` what is in use as it was requested, in whole
// pages: so what a peer adds to a block (headers, rounding up) is missing from its availability.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <vector>

#include "bench/compare/child.h"
#include "bench/compare/row.h"
#include "bench/compare/rows/availability_patterns.h"

namespace vc::compare {

namespace {

constexpr const char* kAvailability = "availability";
constexpr std::uint64_t kBudget = std::uint64_t{1} << 30;
constexpr std::uint64_t kQuickBudget = std::uint64_t{64} << 20;
constexpr std::uint64_t kSmallestPiece = std::uint64_t{64} << 10;
constexpr std::uint64_t kLargestPiece = std::uint64_t{64} << 20;
constexpr std::uint64_t kLargestQuickPiece = std::uint64_t{4} << 20;
/// In a list of piece sizes: one piece as large as the free memory, in whole pages.
constexpr std::uint64_t kWhole = 0;
/// A pattern that takes longer than that has gone wrong.
constexpr unsigned kMostSeconds = 60;

std::uint64_t budget_of(const Run& run) { return run.quick ? kQuickBudget : kBudget; }

std::vector<std::uint64_t> piece_sizes(const Run& run) {
  const std::uint64_t largest = run.quick ? kLargestQuickPiece : kLargestPiece;
  std::vector<std::uint64_t> sizes;
  for (std::uint64_t size = kSmallestPiece; size <= largest; size *= 2) sizes.push_back(size);
  sizes.push_back(kWhole);
  return sizes;
}

/// The whole stands at the end of the axis, at the budget.
Case case_of(const Run& run, const Pattern& pattern, std::uint64_t piece) {
  Case where =
      piece == kWhole ? Case{"all in one", static_cast<double>(budget_of(run))} : size_case(piece);
  where.name = std::string(pattern.name) + ", " + where.name;
  return where;
}

/// For the piece size of that index and all after it.
void cannot_from(const Run& run, const Pattern& pattern, std::size_t index,
                 const std::string& reason) {
  const std::vector<std::uint64_t> sizes = piece_sizes(run);
  for (; index < sizes.size(); ++index) {
    run.out.cannot(case_of(run, pattern, sizes[index]), kAvailability, reason);
  }
}

/// What only vcompound can tell: its tables, how many of the pieces are contiguous, and whether the
/// system's limit on mappings ended the hand-out. Then the mappings that all pieces would have
/// needed are an estimate: as many for each missing piece as the refused one needed.
void report_arena(const Run& run, const Case& where, Arena& arena, Holding& pieces,
                  std::uint64_t missing) {
  const Error error = Arena::last_error();
  const auto contiguous = std::count_if(
      pieces.blocks().begin(), pieces.blocks().end(),
      [&](const Block& piece) { return arena.kind_of(piece.data) == Kind::contiguous; });
  run.out.figure(where, "contiguous_pieces", "count", static_cast<double>(contiguous));
  const bool limited = missing != 0 && error.reason == Reason::mappings;
  const std::uint64_t more = limited ? missing * error.mappings_needed : 0;
  run.out.figure(where, "metadata", "bytes", static_cast<double>(arena.metadata_resident().value));
  run.out.figure(where, "limited_by_mappings", "count", limited ? 1 : 0);
  run.out.figure(where, "mappings_needed", "count",
                 static_cast<double>(arena.stats().mappings_used + more));
  if (missing != 0 && !limited) run.out.fact("refusal", where.name + ": " + to_string(error));
}

/// Hands out pieces of one size until one is refused, and takes them back.
void measure(const Run& run, const Peer& peer, const Case& where, std::uint64_t piece,
             std::uint64_t free) {
  const std::uint64_t possible = piece == 0 ? 0 : free / piece;
  run.out.figure(where, "free", "bytes", static_cast<double>(free));
  if (possible == 0) {
    run.out.cannot(where, kAvailability, "the free memory does not hold one such piece");
    return;
  }
  Holding pieces(peer);
  while (pieces.allocate(piece)) continue;
  const std::uint64_t handed = pieces.blocks().size();
  const std::uint64_t missing = possible > handed ? possible - handed : 0;
  if (peer.arena != nullptr) report_arena(run, where, *peer.arena, pieces, missing);
  run.out.figure(where, kAvailability, "percent",
                 100.0 * static_cast<double>(handed) / static_cast<double>(possible));
}

/// One pattern with a peer of its own. `next` is the index of the piece size that comes next.
void run_pattern(const Run& run, const Pattern& pattern, std::atomic<std::size_t>& next) {
  Opened opened = open_peer(run.peer, {.budget = budget_of(run)});
  if (const auto* reason = std::get_if<std::string>(&opened)) {
    cannot_from(run, pattern, 0, *reason);
    return;
  }
  const Peer& peer = std::get<Peer>(opened);
  if (&pattern == kPatterns) {
    run.out.fact("version", peer.version);
    run.out.fact("usable", std::to_string(peer.usable));
    if (!peer.remark.empty()) run.out.fact("remark", peer.remark);
  }
  Random random(mix64(run.seed));
  Holding holding(peer);
  pattern.make(holding, peer.usable, random);
  const std::uint64_t free = peer.usable - std::min(peer.usable, holding.live());
  for (const std::uint64_t size : piece_sizes(run)) {
    const std::uint64_t piece = size == kWhole ? free / kPage * kPage : size;
    measure(run, peer, case_of(run, pattern, size), piece, free);
    holding.check();
    ++next;
  }
}

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) {
    return "not done after " + std::to_string(kMostSeconds) + " s";
  }
  if (WIFSIGNALED(status)) return std::string("ended by: ") + strsignal(WTERMSIG(status));
  return "ended itself with status " + std::to_string(WEXITSTATUS(status));
}

void run_availability(const Run& run) {
  SharedWithChild<std::atomic<std::size_t>> next;
  for (const Pattern& pattern : kPatterns) {
    *next = 0;
    const int status = in_child([&] {
      alarm(kMostSeconds);
      run_pattern(run, pattern, *next);
    });
    if (status != 0) cannot_from(run, pattern, *next, how_it_ended(status));
  }
}

const RowRegistration registration{
    "availability",
    {.title = "Availability in fragmented memory",
     .what = "A budget of 1 GiB is filled and partly freed by a pattern; then pieces of one size "
             "are handed out until one is refused; all in one: one piece as large as the free "
             "memory. 100 % is floor(free / piece): all that the free memory holds. Free is what "
             "the empty peer can hand out less what is in use "
             "as requested, in whole 4 KiB; so a peer's headers and rounding count against it. "
             "random: 32 KiB blocks, 96.8 % freed at random. comb: every second 64 KiB block "
             "freed. comb 4k: every second 4 KiB block. lifo: mixed sizes (4 KiB to 4 MiB), the "
             "later half freed, last first, every 16th block kept. mixed: four budgets of mixed "
             "sizes at 90 % full, then 60 % freed at random. vcompound's tables are outside of its "
             "budget and told as metadata; where the system's limit on mappings ends a hand-out, "
             "limited_by_mappings is 1.",
     .peers = {"vcompound", "vcompound_contiguous", "mimalloc_budget", "jemalloc_budget",
               "boost_interprocess", "dpdk", "buddy"},
     .repetitions = 1,
     .run = run_availability}};

}  // namespace

}  // namespace vc::compare
