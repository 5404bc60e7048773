// fragment=P%:SIZE[:SEED]: memory as it looks after a long uptime.
//
//      fill     [b][b][b][b][b][b][b][b][b][b][b]      blocks of SIZE until there is no room
//      free     [ ][b][ ][ ][b][ ][ ][ ][ ][b][ ]      P % of them, chosen at random
//
// The blocks that stay are never freed: they hold the fragmentation for the whole run. The table of
// blocks is a virtual compound; it stays as well, or what it frees would be a run.
#include "kernel/console/console.h"
#include "kernel/memory/memory.h"
#include "kernel/parameters.h"
#include "vcompound/base/assert.h"
#include "vcompound/base/random.h"

namespace vc::kernel {

namespace {

constexpr FrameSize kFrame(12);

/// The head frames of blocks, in a table.
class Blocks {
 public:
  Blocks(std::uint32_t* heads, std::uint64_t room) : heads_(heads), room_(room) {}

  /// Allocates blocks until that is refused.
  void fill(Bytes size) {
    const Request request{.size = size, .contiguity = Contiguity::required};
    while (count_ != room_) {
      const auto block = allocate(request, CallSite::here(), Report::quiet);
      if (!block) return;
      heads_[count_++] = static_cast<std::uint32_t>(block->head.value);
    }
  }
  /// Frees that many of them, each choice as likely as any other (Fisher and Yates).
  void free_at_random(std::uint64_t wanted, Random random) {
    VC_ASSERT(wanted <= count_, "more blocks to free than there are");
    for (std::uint64_t i = 0; i < wanted; ++i) {
      const std::uint64_t chosen = i + random.below(count_ - i);
      const std::uint32_t head = heads_[chosen];
      heads_[chosen] = heads_[i];
      free(direct(PhysAddr(std::uint64_t{head} << 12)));
    }
  }
  std::uint64_t count() const { return count_; }

 private:
  std::uint32_t* heads_;
  std::uint64_t room_;
  std::uint64_t count_ = 0;
};

}  // namespace

void fragment_memory() {
  const Parameters& p = parameters();
  arena().allocator.reclaim();
  const std::uint64_t most =
      arena().allocator.stats().free_pages.value / kFrame.pages_for(p.fragment_block).value;
  const auto table = allocate({.size = Bytes(most * sizeof(std::uint32_t))});
  if (!table) {
    Line().text("fragment: no memory for the table of blocks");
    return;
  }
  Blocks blocks(pointer<std::uint32_t>(table->address), most);
  blocks.fill(p.fragment_block);
  const std::uint64_t freed = blocks.count() * p.fragment_permille / 1000;
  blocks.free_at_random(freed, Random(p.fragment_seed));
  arena().allocator.reclaim();
  const Stats s = arena().allocator.stats();
  Line()
      .text("fragment: ")
      .number(blocks.count())
      .text(" blocks of ")
      .size(p.fragment_block)
      .text(", ")
      .number(freed)
      .text(" of them freed at random; free ")
      .size(kFrame.bytes(s.free_pages))
      .text(", longest run ")
      .size(kFrame.bytes(s.largest_run));
}

}  // namespace vc::kernel
