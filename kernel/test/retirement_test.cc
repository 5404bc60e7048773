// Tables that a large leaf has replaced, when somebody else uses the tables in the very moment
// before they are shot down.
#include <gtest/gtest.h>

#include "kernel/arch/machine.h"
#include "kernel/memory/memory.h"
#include "kernel/test/kernel_home.h"
#include "kernel/test/runner.h"
#include "kernel/thread/scheduler.h"
#include "kernel/thread/thread.h"
#include "kernel/thread/wait.h"
#include "vcompound/platform/x86_64/x86_64_platform.h"

namespace vc {
namespace {

using testing::KernelHome;

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kHuge = 512;  ///< frames of a large leaf

void prepare_windows() {
  static constinit bool prepared = false;
  if (!prepared) kernel::keeps_memory("the tables above the windows of homes are made once");
  prepared = true;
  KernelHome::prepare(false);
}

/// A thread that waits until it is let in, and then does something to the platform.
struct Intruder {
  X86Platform& platform;
  VirtAddr address;
  PfnRange run;
  void (*intrude)(Intruder& self);
  kernel::Event may_run{};

  static void enter(void* argument) {
    auto& self = *static_cast<Intruder*>(argument);
    self.may_run.wait();
    self.intrude(self);
  }
};

/// On one CPU the intruder runs between the end of a mapping and its shootdown; on several it runs
/// elsewhere, at about the same time.
class RetirementTest : public ::testing::Test {
 protected:
  RetirementTest() : home((prepare_windows(), PageCount(1200))), p(home.platform()) {}

  VirtAddr page(std::uint64_t n) const { return p.vmap_range().start + Bytes(n * kPage); }
  void shoot(VirtRange range) {
    [[maybe_unused]] const Invalidated proof = p.shootdown(p.unmap(range));
  }
  /// Maps a large leaf in the place of an empty table.
  void map_large(void (*intrude)(Intruder& self)) {
    const Pfn first = p.node_frames(0).first;
    const PfnRange large{Pfn(align_up(first.value, kHuge)), PageCount(kHuge)};
    const PfnRange one{first, PageCount(1)};
    ASSERT_TRUE(p.map(page(kHuge + 3), one).ok());
    shoot({page(kHuge + 3), Bytes(kPage)});
    before = p.counters();
    Intruder intruder{p, page(3 * kHuge), one, intrude};
    kernel::Thread* thread = kernel::start_thread("intruder", &Intruder::enter, &intruder);
    ASSERT_NE(thread, nullptr);
    {
      X86Platform::Mapping mapping(p, page(kHuge));
      EXPECT_TRUE(mapping.add(large).ok());
      intruder.may_run.set();
      kernel::want_reschedule();
    }
    after = p.counters();
    kernel::join(thread);
    EXPECT_EQ(p.translate(page(kHuge)).leaf, PageCount(kHuge));
    EXPECT_EQ(p.counters().tables_retired - before.tables_retired, 1U);
    EXPECT_EQ(p.counters().tables_freed - before.tables_freed, 1U);
    shoot(p.vmap_range());
  }

  KernelHome home;
  X86Platform& p;
  X86Counters before{};
  X86Counters after{};  ///< when the large leaf may be used
};

TEST_F(RetirementTest, IsLeftToWhoeverCanWait) {
  map_large([](Intruder& self) {
    const x86::InterruptsOff off;
    EXPECT_TRUE(self.platform.map(self.address, self.run).ok());
  });
}

/// The intruder's shootdown takes the table. It may still be under way when the mapping ends.
TEST_F(RetirementTest, DoesNotRelyOnAShootdownOfOthers) {
  map_large([](Intruder& self) {
    [[maybe_unused]] const Invalidated proof =
        self.platform.shootdown(self.platform.unmap({self.address, Bytes(kPage)}));
  });
  const std::uint64_t flushes = after.full_flushes - before.full_flushes;
  if (kernel::cpu_count() == 1) {
    EXPECT_EQ(flushes, 2U) << "the intruder's and ours";
  } else {
    EXPECT_GE(flushes, 1U);
  }
}

}  // namespace
}  // namespace vc
