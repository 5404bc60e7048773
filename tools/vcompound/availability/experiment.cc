// experiment.cc — filling, freeing, handing out, checking.
#include "tools/vcompound/availability/experiment.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <utility>

#include "tools/vcompound/availability/parallel.h"
#include "tools/vcompound/availability/pattern.h"
#include "tools/vcompound/common/exit_code.h"
#include "tools/vcompound/common/sizes.h"
#include "vcompound/base/random.h"

namespace vc::tool {
namespace {

/// Blocks and pieces are numbered apart, so that their contents differ.
constexpr std::uint64_t kFirstPiece = std::uint64_t{1} << 32;
constexpr std::size_t kMapCells = 40960;

[[noreturn]] void fail_found(const std::string& what) {
  throw ToolError(ExitCode::kFound, what,
                  "This is a bug of vcompound: please report it with the command line.");
}

[[noreturn]] void fail_to_fill(const Error& error) {
  throw ToolError(ExitCode::kUsage, "the arena cannot be filled with blocks: " + to_string(error),
                  "Give a smaller --block or a larger --budget, and leave 'inject' out of "
                  "VCOMPOUND_CONF.");
}

std::uint64_t fingerprint(const std::vector<PfnRange>& runs) {
  std::uint64_t hash = runs.size();
  for (const PfnRange& run : runs) {
    hash = mix64(hash ^ run.first.value) + mix64(hash + run.count.value);
  }
  return hash;
}

}  // namespace

Experiment::Experiment(Arena& arena, const Setting& setting) : arena_(arena), setting_(setting) {}

Experiment::~Experiment() {
  free_all(pieces_);
  free_all(blocks_);
}

void Experiment::free_all(std::vector<Block>& blocks) {
  for (const Block& block : blocks) arena_.free(block.data);
  blocks.clear();
}

const Fragmentation& Experiment::prepare() {
  free_all(pieces_);
  free_all(blocks_);
  arena_.reclaim();
  fill();
  free_share();
  arena_.reclaim();
  const Fragmentation now = describe();
  if (prepared_ && now.fingerprint != state_.fingerprint) {
    fail_found("the arena was emptied and filled again, and its free memory is not as before");
  }
  state_ = now;
  prepared_ = true;
  return state_;
}

/// Blocks until one is refused; `required`, so that forced fallback leaves them contiguous.
void Experiment::fill() {
  const Request request{.size = Bytes(setting_.block), .contiguity = Contiguity::required};
  for (;;) {
    Result<Compound> block = arena_.allocate(request);
    if (!block) {
      if (blocks_.empty() || block.error().reason == Reason::injected) fail_to_fill(block.error());
      break;
    }
    const std::size_t bytes = block->size();
    blocks_.push_back({block->release(), bytes, 0});
  }
  std::sort(blocks_.begin(), blocks_.end(),
            [](const Block& a, const Block& b) { return a.data < b.data; });
  for (std::size_t i = 0; i < blocks_.size(); ++i) blocks_[i].id = i;
}

/// Frees the chosen share in random order and writes the contents of those that stay.
void Experiment::free_share() {
  const std::size_t count = blocks_.size();
  const auto freed =
      static_cast<std::size_t>(std::llround(setting_.freed * static_cast<double>(count)));
  Random random(mix64(setting_.seed));
  for (std::size_t i = 0; i < freed; ++i) {
    const std::size_t other = i + static_cast<std::size_t>(random.below(count - i));
    std::swap(blocks_[i], blocks_[other]);
  }
  for (std::size_t i = freed; i < count; ++i) {
    fill_pattern(blocks_[i].data, blocks_[i].bytes, blocks_[i].id);
  }
  for (std::size_t i = 0; i < freed; ++i) arena_.free(blocks_[i].data);
  state_.blocks = count;
  blocks_.erase(blocks_.begin(), blocks_.begin() + static_cast<std::ptrdiff_t>(freed));
}

Fragmentation Experiment::describe() const {
  const std::vector<PfnRange> runs = arena_.free_runs();
  const FrameSize frames = arena_.frame_size();
  Fragmentation state;
  state.blocks = state_.blocks;
  state.blocks_live = blocks_.size();
  state.free_runs = runs.size();
  for (const PfnRange& run : runs) {
    const std::uint64_t bytes = frames.bytes(run.count).value;
    state.free_bytes += bytes;
    state.largest_run = std::max(state.largest_run, bytes);
  }
  state.fingerprint = fingerprint(runs);
  return state;
}

std::uint64_t Experiment::possible(std::uint64_t size) const {
  const FrameSize frames = arena_.frame_size();
  return state_.free_bytes / frames.bytes(frames.pages_for(Bytes(size))).value;
}

HandOut Experiment::hand_out(std::uint64_t size, Contiguity contiguity) {
  const Stopwatch watch;
  HandOut result;
  take_pieces(size, contiguity, result);
  result.mappings = arena_.stats().mappings_used;
  for_each_index(pieces_.size(), [&](std::size_t i) {
    fill_pattern(pieces_[i].data, pieces_[i].bytes, pieces_[i].id);
  });
  check_contents(result);
  look_behind(result);
  result.seconds = watch.seconds();
  return result;
}

void Experiment::take_pieces(std::uint64_t size, Contiguity contiguity, HandOut& result) {
  const Request request{.size = Bytes(size), .contiguity = contiguity};
  const std::uint64_t most = possible(size);
  for (;;) {
    const Stopwatch watch;
    Result<Compound> piece = arena_.allocate(request);
    const std::uint64_t spent = watch.nanoseconds();
    if (!piece) {
      result.refusal = piece.error();
      return;
    }
    result.alloc_ns.add(spent);
    if (piece->kind() == Kind::mapped) ++result.mapped_pieces;
    const std::size_t bytes = piece->size();
    pieces_.push_back({piece->release(), bytes, kFirstPiece + result.pieces});
    if (++result.pieces > most) fail_found("more pieces were handed out than free memory holds");
  }
}

void Experiment::check_contents(HandOut& result) const {
  check_these(pieces_, "piece", result);
  check_these(blocks_, "block", result);
}

void Experiment::check_these(const std::vector<Block>& blocks, const char* what,
                             HandOut& result) const {
  std::mutex mutex;
  for_each_index(blocks.size(), [&](std::size_t i) {
    const auto offset = find_pattern_error(blocks[i].data, blocks[i].bytes, blocks[i].id);
    if (!offset) return;
    const std::lock_guard guard(mutex);
    ++result.content_errors;
    if (!result.first_error.empty()) return;
    result.first_error = std::string(what) + " " + std::to_string(i + 1) + " of " +
                         std::to_string(blocks.size()) + " has wrong contents at offset " +
                         std::to_string(*offset) + " of " + std::to_string(blocks[i].bytes);
  });
}

/// Asks for the runs of each piece, and the kernel for its page table entries.
void Experiment::look_behind(HandOut& result) const {
  for (const Block& piece : pieces_) {
    result.runs.add(arena_.extents(piece.data).size());
    const Result<Verification> seen = arena_.verify(piece.data);
    if (!seen) continue;
    result.huge_bytes += seen->huge.value;
    result.seen_bytes += seen->huge.value + seen->small.value + seen->absent.value;
  }
}

std::vector<ArenaCell> Experiment::cells() const {
  const FrameSize frames = arena_.frame_size();
  const std::uint64_t total = arena_.stats().total_pages.value;
  ArenaMapBuilder builder(total,
                          static_cast<std::size_t>(std::min<std::uint64_t>(total, kMapCells)));
  const auto mark = [&](const Block& block) {
    const FrameUse use =
        arena_.kind_of(block.data) == Kind::mapped ? FrameUse::kMapped : FrameUse::kContiguous;
    for (const Extent& extent : arena_.extents(block.data)) {
      builder.mark(extent.offset >> frames.shift(), extent.size >> frames.shift(), use);
    }
  };
  for (const Block& block : blocks_) mark(block);
  for (const Block& piece : pieces_) mark(piece);
  return builder.cells();
}

}  // namespace vc::tool
