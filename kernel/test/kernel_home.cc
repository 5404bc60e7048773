#include "kernel/test/kernel_home.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "kernel/arch/probe.h"
#include "kernel/memory/address_space.h"
#include "kernel/thread/thread.h"

namespace vc::testing {

namespace {

constexpr VirtAddr kWindows = kernel::kFurtherVmaps + Bytes(std::uint64_t{256} << 30);
constexpr Bytes kStride{1 << 30};
constexpr std::uint32_t kWindowCount = 4;
/// A request of the suite wants an address at a multiple of this.
constexpr Bytes kLargestAlignment{64 << 20};
constexpr Bytes kHugePage{2 << 20};
constexpr CallSite kSite{"kernel_home", 1};

constinit Atomic<std::uint32_t> windows_taken;

VirtAddr start_of(std::uint32_t window) { return kWindows + kStride * window; }

std::uint32_t take_window() {
  for (std::uint32_t k = 0; k < kWindowCount; ++k) {
    if ((windows_taken.fetch_or(1U << k) & 1U << k) == 0) return k;
  }
  panic("more homes at once than windows", __FILE__, __LINE__);
}

Allocation must_allocate(const Request& request) {
  auto got = kernel::arena().allocator.allocate(request, kSite);
  VC_ASSERT(got.ok(), "too little memory for a home of the tests");
  return *got;
}

void must_free(VirtAddr address) {
  EXPECT_EQ(kernel::arena().allocator.free(address), Misuse::none);
}

/// The frames of a home: aligned as well as they can be had, zeroed.
Allocation take_frames(PageCount budget) {
  Request request{.size = FrameSize(12).bytes(budget),
                  .alignment = kLargestAlignment,
                  .contiguity = Contiguity::required,
                  .zero = Zero::yes};
  if (kernel::arena().allocator.can_allocate(request).reason != Reason::none) {
    request.alignment = kHugePage;
  }
  return must_allocate(request);
}

/// Makes the tables above the windows, from the kernel's reserve, by mapping a page in each; they
/// stay when it is unmapped.
void make_upper_tables() {
  const Allocation page = must_allocate({.size = Bytes(4096)});
  for (std::uint32_t k = 0; k < kWindowCount; ++k) {
    X86Options options;
    options.nodes[0] = {page.head, PageCount(1)};
    options.node_count = 1;
    options.direct_map = kernel::arena().platform.direct_map();
    options.vmap = {start_of(k), kHugePage};
    options.root = kernel::root_table();
    options.tables = &kernel::table_frames();
    X86Platform platform(options);
    VC_ASSERT(platform.map(start_of(k), options.nodes[0]).ok(), "no tables for a test's window");
    platform.close();
  }
  must_free(page.address);
}

}  // namespace

// ---- tables -------------------------------------------------------------------------------------

Pfn TestTables::allocate() {
  if (until_failure_.load_relaxed() != 0 && until_failure_.fetch_sub(1) == 1) {
    failures_.fetch_add(1);
    return kNoPfn;
  }
  const auto got = kernel::arena().allocator.allocate({.size = Bytes(4096),
                                                       .contiguity = Contiguity::required,
                                                       .zero = Zero::yes,
                                                       .may_block = MayBlock::no},
                                                      kSite);
  if (!got.ok()) return kNoPfn;
  outstanding_.fetch_add(1);
  return got->head;
}

void TestTables::free(Pfn frame) {
  outstanding_.fetch_sub(1);
  must_free(kernel::direct(PhysAddr(frame.value << 12)));
}

// ---- the home -----------------------------------------------------------------------------------

KernelHome::KernelHome(PageCount budget) : window_(take_window()), frames_(take_frames(budget)) {
  X86Options options;
  options.nodes[0] = {frames_.head, frames_.pages};
  options.node_count = 1;
  options.direct_map = kernel::arena().platform.direct_map();
  options.vmap = {start_of(window_), FrameSize(12).bytes(budget * 16)};
  options.root = kernel::root_table();
  options.tables = &tables_;
  options.metadata = &metadata;
  options.metadata_context = this;
  arena_ = new X86Arena(options);
  VC_ASSERT(arena_->opened.ok(), "the arena of a test cannot be opened");
  if (forced_) arena_->allocator.set_always_map(Trigger::always());
}

KernelHome::~KernelHome() {
  arena_->platform.close();
  delete arena_;
  EXPECT_EQ(tables_.outstanding(), 0U) << "page tables were not given back";
  for (std::uint32_t i = 0; i < metadata_count_; ++i) must_free(metadata_[i]);
  must_free(frames_.address);
  windows_taken.fetch_and(~(1U << window_));
}

void KernelHome::prepare(bool forced) {
  static constinit bool prepared = false;
  forced_ = forced;
  if (!std::exchange(prepared, true)) make_upper_tables();
}

void* KernelHome::metadata(void* home, Bytes size) {
  auto& self = *static_cast<KernelHome*>(home);
  VC_ASSERT(self.metadata_count_ < kMostMetadata, "a home asks for too many tables");
  const Allocation got = must_allocate({.size = size, .zero = Zero::yes});
  self.metadata_[self.metadata_count_++] = got.address;
  return kernel::pointer<void>(got.address);
}

// ---- accesses -----------------------------------------------------------------------------------

namespace {

struct Access {
  VirtAddr address;
  std::uint64_t word = 0;
  bool done = false;
};

}  // namespace

std::uint32_t KernelHome::next_cpu() { return next_cpu_.fetch_add(1) % kernel::cpu_count(); }

void KernelHome::write(VirtAddr page, std::uint64_t word) {
  Access access{.address = page, .word = word};
  kernel::call_on(
      next_cpu(),
      [](void* argument) {
        auto& a = *static_cast<Access*>(argument);
        *kernel::pointer<volatile std::uint64_t>(a.address) = a.word;
      },
      &access);
}

std::uint64_t KernelHome::read(VirtAddr page) {
  Access access{.address = page};
  kernel::call_on(
      next_cpu(),
      [](void* argument) {
        auto& a = *static_cast<Access*>(argument);
        a.word = *kernel::pointer<volatile std::uint64_t>(a.address);
      },
      &access);
  return access.word;
}

bool KernelHome::is_unreachable(VirtAddr address) {
  bool reached = false;
  for (std::uint32_t cpu = 0; cpu < kernel::cpu_count(); ++cpu) {
    Access access{.address = VirtAddr(align_down(address.value, 8))};
    kernel::call_on(
        cpu,
        [](void* argument) {
          auto& a = *static_cast<Access*>(argument);
          a.done = kernel::probe_read(a.address, a.word);
        },
        &access);
    reached = reached || access.done;
  }
  return !reached;
}

// ---- several callers at once --------------------------------------------------------------------

std::uint32_t KernelHome::concurrent_slots() {
  const std::uint32_t cpus = kernel::cpu_count();
  return cpus < Platform::kSlots ? cpus : Platform::kSlots;
}

void KernelHome::yield() {
  if (x86::is_preemptible() && x86::interrupts_enabled()) {
    kernel::yield();
  } else {
    x86::pause();
  }
}

void KernelHome::run(std::uint32_t count, Where where, Callable callable) {
  struct Part {
    Callable callable;
    std::uint32_t number;
    kernel::Thread* thread = nullptr;
  };
  std::vector<Part> parts;
  for (std::uint32_t i = 0; i < count; ++i) parts.push_back({callable, i});
  for (Part& part : parts) {
    kernel::ThreadOptions options;
    if (where == Where::one_per_cpu) options.cpu = part.number;
    part.thread = kernel::start_thread(
        "conformance",
        [](void* argument) {
          const auto& self = *static_cast<Part*>(argument);
          self.callable.call(self.callable.function, self.number);
        },
        &part, options);
    VC_ASSERT(part.thread != nullptr, "no memory for the threads of a test");
  }
  for (const Part& part : parts) kernel::join(part.thread);
}

void KernelHome::call_elsewhere(x86::CpuFunction function, void* argument) {
  const x86::StayHere stay;
  const std::uint32_t here = x86::cpu_number();
  if (kernel::cpu_count() > 1) {
    kernel::call_on((here + 1) % kernel::cpu_count(), function, argument);
  } else {
    const x86::InterruptsOff as_in_a_handler;
    function(argument);
  }
}

}  // namespace vc::testing
