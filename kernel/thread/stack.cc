#include "kernel/thread/stack.h"

#include "kernel/arch/machine.h"
#include "kernel/memory/protect.h"
#include "kernel/parameters.h"
#include "kernel/thread/run_queue.h"
#include "vcompound/base/assert.h"

namespace vc::kernel {

namespace {

constexpr FrameSize kFrames{};
constexpr Bytes kGuard = kFrames.bytes();

/// In whole pages, within the limits.
Bytes stack_size(Bytes wanted) {
  if (wanted.value == 0) wanted = parameters().stack;
  if (wanted < kSmallestStack) wanted = kSmallestStack;
  if (wanted > kLargestStack) wanted = kLargestStack;
  return kFrames.bytes(kFrames.pages_for(wanted));
}

}  // namespace

Result<Stack> allocate_stack(Bytes size, Report report) {
  constexpr Contiguity contiguity =
      kStacksMayBeMapped ? Contiguity::preferred : Contiguity::required;
  const Result<Allocation> memory = allocate(
      {.size = stack_size(size) + kGuard, .contiguity = contiguity}, CallSite::here(), report);
  if (!memory) return memory.error();
  const VirtRange all{memory->address, kFrames.bytes(memory->pages)};
  if (memory->kind == Kind::mapped) return Stack{all.start, all, Kind::mapped};
  const PlatformStatus status = protect_direct({all.start, kGuard}, Access::none);
  if (status.ok()) {
    return Stack{all.start, {all.start + kGuard, all.size - kGuard}, Kind::contiguous};
  }
  free(all.start);
  Error error;
  error.reason = status.reason;
  error.requested = all.size;
  error.system_error = status.system_error;
  error.detail = status.detail;
  return error;
}

void free_stack(const Stack& stack) {
  if (stack.kind == Kind::contiguous) {
    const PlatformStatus status = protect_direct({stack.compound, kGuard}, Access::read_write);
    VC_ASSERT(status.ok(), "the guard page of a stack does not come back");
  }
  free(stack.compound);
}

bool is_in_guard(const Stack& stack, VirtAddr address) {
  if (stack.usable.size.value == 0) return false;
  return VirtRange{stack.usable.start - kGuard, kGuard}.contains(address);
}

/// The running thread first: it is nearly always the one, and asking it needs no list.
const char* stack_overflow_of(VirtAddr fault) {
  const Thread* running = cpu().running;
  if (running == nullptr) return nullptr;
  if (is_in_guard(running->stack, fault)) return running->name;
  constexpr int kMostSteps = 100'000;  // other CPUs change the list meanwhile: it may seem endless
  const Thread* thread = run_queue().all().first();
  for (int i = 0; i < kMostSteps && thread != nullptr; ++i) {
    if (is_in_guard(thread->stack, fault)) return thread->name;
    thread = List<Thread, AllTag>::next(*thread);
  }
  return nullptr;
}

}  // namespace vc::kernel
