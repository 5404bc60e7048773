// The kernel as the conformance suite sees a home: an arena of its own over frames and tables that
// are taken from the main arena, in a window of its own.
//
//      main arena   | ... | frames of the home | ... | its metadata | ... | its page tables |
//
//      window k     0xffff'c840'0000'0000 + k GiB: nobody else's. Its level-3 and level-2 tables
//      are
//                   made once and stay; a home's own tables are given back when it ends.
//
// What the suite writes and reads goes through each CPU in turn, so a translation that a CPU should
// not have any more is seen.
#pragma once

#include <cstdint>

#include "kernel/arch/machine.h"
#include "kernel/memory/memory.h"
#include "vcompound/instance/x86_64_arena.h"
#include "vcompound/platform/x86_64/cpu.h"

namespace vc::testing {

/// Frames for page tables, from the main arena. The k-th allocation can be made to fail.
class TestTables final : public TableFrames {
 public:
  Pfn allocate() override;
  void free(Pfn frame) override;

  /// From now on, the k-th allocation fails, once; 0: none does.
  void fail(std::uint64_t k) { until_failure_.store_relaxed(k); }
  bool has_failed() const { return failures_.load_relaxed() != 0; }
  /// Frames that were not given back.
  std::uint64_t outstanding() const { return outstanding_.load_relaxed(); }

 private:
  Atomic<std::uint64_t> until_failure_;
  Atomic<std::uint64_t> failures_;
  Atomic<std::uint64_t> outstanding_;
};

/// See the head of this file.
class KernelHome {
 public:
  using Platform = X86Platform;
  using NoBlock = x86::InterruptsOff;

  explicit KernelHome(PageCount budget);
  ~KernelHome();
  KernelHome(const KernelHome&) = delete;
  KernelHome& operator=(const KernelHome&) = delete;

  static bool always_map() { return forced_; }
  /// What the arenas of homes made from now on do; and the tables above all windows, once.
  static void prepare(bool forced);

  Platform& platform() { return arena_->platform; }
  CompoundAllocator<Platform>& allocator() { return arena_->allocator; }
  TestTables& tables() { return tables_; }
  /// Writes and reads the first word of a page, from one CPU after the other.
  void write(VirtAddr page, std::uint64_t word);
  std::uint64_t read(VirtAddr page);
  /// Does an access fault on every CPU?
  bool is_unreachable(VirtAddr address);

  /// A slot belongs to a CPU.
  static std::uint32_t concurrent_slots();
  /// Lets others run; also where the caller must stay on its CPU.
  static void yield();
  /// Runs function(0) to function(count - 1), each in a kernel thread, at the same time.
  template <class Function>
  static void run_threads(std::uint32_t count, Function&& function) {
    run(count, Where::anywhere, {&call<Function>, &function});
  }
  /// The same on concurrent_slots() CPUs, one each.
  template <class Function>
  static void run_in_slots(Function&& function) {
    run(concurrent_slots(), Where::one_per_cpu, {&call<Function>, &function});
  }
  /// Runs the function in an interrupt handler of another CPU (where there is only one: with
  /// interrupts off, as a handler of this CPU would). The caller may hold spin locks.
  template <class Function>
  static void run_beside(Function&& function) {
    call_elsewhere([](void* f) { (*static_cast<Function*>(f))(); }, &function);
  }

 private:
  enum class Where : std::uint8_t { anywhere, one_per_cpu };
  struct Callable {
    void (*call)(void* function, std::uint32_t i);
    void* function;
  };
  template <class Function>
  static void call(void* function, std::uint32_t i) {
    (*static_cast<Function*>(function))(i);
  }
  static void run(std::uint32_t count, Where where, Callable callable);
  static void call_elsewhere(x86::CpuFunction function, void* argument);
  static void* metadata(void* home, Bytes size);
  std::uint32_t next_cpu();

  static inline bool forced_ = false;
  static constexpr std::uint32_t kMostMetadata = 24;

  TestTables tables_;
  std::uint32_t window_;
  Allocation frames_{};
  VirtAddr metadata_[kMostMetadata] = {};
  std::uint32_t metadata_count_ = 0;
  Atomic<std::uint32_t> next_cpu_;
  X86Arena* arena_ = nullptr;
};

/// The homes that a suite is instantiated for. Both are compiled as one (kernel/test/include).
template <bool kForced>
struct KernelHomes {
  using Shared = KernelHome;
  static void prepare() { KernelHome::prepare(kForced); }
};

}  // namespace vc::testing
