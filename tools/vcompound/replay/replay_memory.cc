// replay_memory.cc — a real arena and a modelled one behind the same few calls.
#include "tools/vcompound/replay/replay_memory.h"

#include <utility>

#include "tools/vcompound/availability/memory.h"
#include "tools/vcompound/common/exit_code.h"
#include "tools/vcompound/common/sizes.h"
#include "vcompound/instance/fake_arena.h"

namespace vc::tool {
namespace {

constexpr std::uint64_t kMostModelledFrames = std::uint64_t{1} << 31;

Request request_for(Policy policy, Bytes size) {
  return {.size = size,
          .contiguity =
              policy == Policy::kContiguousOnly ? Contiguity::required : Contiguity::preferred};
}

class RealMemory final : public ReplayMemory {
 public:
  RealMemory(Arena arena, Policy policy) : arena_(std::move(arena)), policy_(policy) {}

  Result<Piece> allocate(Bytes size) override {
    Result<Compound> got = arena_.allocate(request_for(policy_, size));
    if (!got) return got.error();
    const std::size_t bytes = got->size();
    const Kind kind = got->kind();
    return Piece{got->release(), bytes, kind};
  }
  bool free(const Piece& piece) override { return arena_.free(piece.data) == Misuse::none; }
  Touchable touchable() const override { return Touchable::yes; }
  std::uint64_t mappings_used() const override { return arena_.stats().mappings_used; }
  Stats stats() const override { return arena_.stats(); }
  double availability(Bytes size) const override { return arena_.availability(size); }
  void mark(const Piece& piece, ArenaMapBuilder& map) const override {
    const std::uint32_t shift = arena_.frame_size().shift();
    const FrameUse use = piece.kind == Kind::mapped ? FrameUse::kMapped : FrameUse::kContiguous;
    for (const Extent& extent : arena_.extents(piece.data)) {
      map.mark(extent.offset >> shift, extent.size >> shift, use);
    }
  }

 private:
  Arena arena_;
  Policy policy_;
};

FakeOptions fake_options(std::uint64_t frames, FrameSize frame_size) {
  FakeOptions options;
  options.nodes = {PageCount(frames)};
  options.frame_size = frame_size;
  options.commit_unit = PageCount(0);
  options.cpus = 1;
  return options;
}

class ModelledMemory final : public ReplayMemory {
 public:
  ModelledMemory(std::uint64_t frames, FrameSize frame_size, Policy policy)
      : arena_(fake_options(frames, frame_size)), policy_(policy) {
    if (policy == Policy::kAlwaysMap) arena_.allocator.set_always_map(Trigger::always());
  }
  bool works() const { return arena_.opened.ok(); }

  Result<Piece> allocate(Bytes size) override {
    const Result<Allocation> got =
        arena_.allocator.allocate(request_for(policy_, size), CallSite::here());
    if (!got) return got.error();
    const std::uint64_t bytes = arena_.allocator.frame_size().bytes(got->pages).value;
    // The address is a number of the model: it names the piece and is never followed.
    return Piece{reinterpret_cast<void*>(got->address.value), bytes, got->kind};  // NOLINT
  }
  bool free(const Piece& piece) override {
    const auto address = reinterpret_cast<std::uintptr_t>(piece.data);
    return arena_.allocator.free(VirtAddr(address)) == Misuse::none;
  }
  Touchable touchable() const override { return Touchable::no; }
  std::uint64_t mappings_used() const override { return arena_.platform.mappings_used(); }
  Stats stats() const override { return {}; }
  double availability(Bytes) const override { return 0; }
  void mark(const Piece&, ArenaMapBuilder&) const override {}

 private:
  FakeArena arena_;
  Policy policy_;
};

ArenaOptions options_for(std::uint64_t budget, Policy policy) {
  ArenaOptions options;
  options.budget = Bytes(budget);
  options.precommit = Precommit::yes;
  options.warn_above = kAnyLoss;  // fallbacks are what is looked for here
  if (policy == Policy::kAlwaysMap) options.always_map = Trigger::always();
  return options;
}

}  // namespace

std::unique_ptr<ReplayMemory> make_real_memory(std::uint64_t budget, Policy policy) {
  Result<Arena> arena = Arena::create(options_for(budget, policy));
  if (!arena) fail_to_create(arena.error());
  const std::uint64_t got = arena->frame_size().bytes(arena->stats().total_pages).value;
  if (got != budget) {
    throw ToolError(ExitCode::kUsage,
                    "an arena of " + format_bytes_exact(budget) + " was needed and one of " +
                        format_bytes_exact(got) + " was made",
                    "Leave the budget out of VCOMPOUND_CONF: replay chooses it.");
  }
  return std::make_unique<RealMemory>(std::move(*arena), policy);
}

std::unique_ptr<ReplayMemory> make_modelled_memory(std::uint64_t frames, FrameSize frame_size,
                                                   Policy policy) {
  if (frames == 0 || frames > kMostModelledFrames) return nullptr;
  auto memory = std::make_unique<ModelledMemory>(frames, frame_size, policy);
  return memory->works() ? std::move(memory) : nullptr;
}

}  // namespace vc::tool
