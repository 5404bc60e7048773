#include "kernel/memory/table_reserve.h"

#include "kernel/boot/boot_info.h"
#include "kernel/memory/memory.h"
#include "vcompound/base/assert.h"

namespace vc::kernel {

namespace {

constinit TableReserve the_reserve;

/// How often the arena is asked again while another CPU holds the lock of a zone. The holder never
/// waits for tables, so it is done soon.
constexpr std::uint32_t kPatience = 1024;

std::uint64_t& first_word(Pfn frame) {
  return *pointer<std::uint64_t>(direct(PhysAddr(frame.value << 12)));
}

void clear(Pfn frame) {
  std::uint64_t address = direct(PhysAddr(frame.value << 12)).value;
  std::uint64_t words = 512;
  asm volatile("rep stosq" : "+D"(address), "+c"(words) : "a"(std::uint64_t{0}) : "memory");
}

}  // namespace

TableReserve& table_reserve() { return the_reserve; }
TableFrames& table_frames() { return the_reserve; }

void TableReserve::add(PfnRange frames) {
  VC_ASSERT(part_count_ < kMaxParts, "the reserve of page tables has two parts");
  parts_[part_count_] = frames;
  fresh_[part_count_] = frames;
  ++part_count_;
  total_.fetch_add(frames.count.value);
  unused_.fetch_add(frames.count.value);
}

bool TableReserve::owns(Pfn frame) const {
  for (const PfnRange& part : parts_) {
    if (part.contains(frame)) return true;
  }
  return false;
}

Pfn TableReserve::allocate() {
  if (injection_.armed() && injection_.decide()) {
    refused_.fetch_add(1);
    return kNoPfn;
  }
  Pfn frame = take();
  if (frame == kNoPfn && may_borrow_) frame = borrow();
  if (frame != kNoPfn) clear(frame);
  return frame;
}

/// A frame of the reserve: one that was used before, or a fresh one.
Pfn TableReserve::take() {
  Pfn frame = first_;
  if (frame != kNoPfn) {
    first_ = Pfn(first_word(frame));
  } else {
    for (PfnRange& fresh : fresh_) {
      if (fresh.empty()) continue;
      frame = fresh.first;
      fresh = {fresh.first + PageCount(1), fresh.count - PageCount(1)};
      break;
    }
  }
  if (frame != kNoPfn) unused_.fetch_sub(1);
  return frame;
}

Pfn TableReserve::borrow() {
  const Request request{
      .size = Bytes(4096), .contiguity = Contiguity::required, .may_block = MayBlock::no};
  for (std::uint32_t i = 0; i < kPatience; ++i) {
    const auto result = arena().allocator.allocate(request, CallSite::here());
    if (result) {
      borrowed_.fetch_add(1);
      return result->head;
    }
    if (result.error().reason != Reason::context) break;
    x86::pause();
  }
  return kNoPfn;
}

void TableReserve::free(Pfn frame) {
  if (owns(frame)) {
    first_word(frame) = first_.value;
    first_ = frame;
    unused_.fetch_add(1);
    return;
  }
  borrowed_.fetch_sub(1);
  kernel::free(direct(PhysAddr(frame.value << 12)));
}

}  // namespace vc::kernel
