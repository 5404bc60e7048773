// The machine: pages that forbid what they should, time that goes on, interrupts that leave no
// trace in the interrupted code, and calls between CPUs that all arrive, once.
#include "kernel/arch/machine.h"

#include <gtest/gtest.h>

#include "kernel/arch/clock.h"
#include "kernel/arch/probe.h"
#include "kernel/boot/boot_info.h"
#include "kernel/memory/memory.h"
#include "kernel/thread/thread.h"
#include "vcompound/platform/x86_64/cpu.h"

namespace vc::kernel {
namespace {

constexpr Bytes kPage{4096};
constexpr std::uint64_t kMillisecond = 1000;
/// Long enough for anything that works at all.
constexpr std::uint64_t kPatience = 20'000 * kMillisecond;
constexpr std::uint8_t kReturn = 0xc3;  ///< the instruction `ret`

/// Waits until `condition` holds; false if it never does.
template <class Condition>
bool eventually(Condition condition) {
  const std::uint64_t deadline = microseconds() + kPatience;
  while (!condition()) {
    if (microseconds() > deadline) return false;
    x86::pause();
  }
  return true;
}

template <class T>
VirtAddr address_of(const T* object) {
  return VirtAddr(reinterpret_cast<std::uintptr_t>(object));
}

/// A compound for one test.
class Compound {
 public:
  Compound(PageCount pages, Contiguity contiguity) {
    Result<Allocation> result =
        allocate({.size = FrameSize().bytes(pages), .contiguity = contiguity});
    if (result) got_ = *result;
  }
  ~Compound() {
    if (got_.pages.value != 0) free(got_.address);
  }
  Compound(const Compound&) = delete;
  Compound& operator=(const Compound&) = delete;

  bool ok() const { return got_.pages.value != 0; }
  VirtAddr address() const { return got_.address; }

 private:
  Allocation got_{};
};

TEST(Probe, TellsWhatCanBeReached) {
  const std::uint64_t word = 0x2008'0416'0000'1234;
  std::uint64_t value = 0;
  EXPECT_TRUE(probe_read(address_of(&word), value));
  EXPECT_EQ(value, word);
  for (const std::uint64_t bad : {std::uint64_t{0}, std::uint64_t{0x40'0000},
                                  std::uint64_t{0x8000'0000'0000'0000},  // not canonical
                                  kDevices.value + (std::uint64_t{1} << 38)}) {
    EXPECT_FALSE(probe_read(VirtAddr(bad), value)) << bad;
    EXPECT_FALSE(probe_write(VirtAddr(bad), 1)) << bad;
  }
  EXPECT_EQ(value, word) << "a failed read leaves the value";
  EXPECT_FALSE(probe_execute(VirtAddr(0)));
}

TEST(Probe, PagesAroundAMappedCompoundAreGuards) {
  const Compound compound(PageCount(3), Contiguity::never);
  ASSERT_TRUE(compound.ok());
  const VirtAddr end = compound.address() + kPage * 3;
  std::uint64_t value = 0;
  EXPECT_TRUE(probe_read(compound.address(), value));
  EXPECT_TRUE(probe_write(end - Bytes(1), 7));
  EXPECT_FALSE(probe_read(compound.address() - Bytes(8), value));
  EXPECT_FALSE(probe_write(compound.address() - Bytes(1), 7));
  EXPECT_FALSE(probe_read(end, value));
  EXPECT_FALSE(probe_write(end, 7));
}

/// Tries to write what a page holds already: no harm is done if it succeeds.
bool can_be_written(VirtAddr page) {
  std::uint64_t word = 0;
  return probe_read(page, word) && probe_write(page, static_cast<std::uint8_t>(word));
}

TEST(Protection, TextAndConstantsAreReadOnly) {
  for (VirtAddr page = address_of(text_start); page < address_of(rodata_end); page += kPage) {
    std::uint64_t word = 0;
    ASSERT_TRUE(probe_read(page, word)) << page.value;
    ASSERT_FALSE(can_be_written(page)) << page.value;
  }
  ASSERT_TRUE(can_be_written(address_of(data_start)));
}

TEST(Protection, TheDirectMapIsNoWayAroundIt) {
  for (VirtAddr page = address_of(text_start); page < address_of(rodata_end); page += kPage) {
    ASSERT_FALSE(can_be_written(direct(physical(page)))) << page.value;
  }
}

constexpr std::uint8_t kConstantCode[16] = {kReturn};
constinit std::uint8_t code_in_data[16] = {kReturn};
[[gnu::noinline]] void do_nothing() { asm volatile(""); }

TEST(Protection, OnlyTextCanBeExecuted) {
  EXPECT_TRUE(probe_execute(VirtAddr(reinterpret_cast<std::uintptr_t>(&do_nothing))));
  const volatile std::uint8_t on_stack[16] = {kReturn};
  EXPECT_FALSE(probe_execute(VirtAddr(reinterpret_cast<std::uintptr_t>(&on_stack[0]))));
  EXPECT_FALSE(probe_execute(address_of(kConstantCode)));
  EXPECT_FALSE(probe_execute(address_of(code_in_data)));
  for (const Contiguity contiguity : {Contiguity::required, Contiguity::never}) {
    const Compound compound(PageCount(2), contiguity);
    ASSERT_TRUE(compound.ok());
    *pointer<std::uint8_t>(compound.address()) = kReturn;
    EXPECT_FALSE(probe_execute(compound.address()));
  }
  const VirtAddr text_again = direct(physical(address_of(text_start)));
  EXPECT_FALSE(probe_execute(text_again)) << "text in the direct map";
}

TEST(Clock, GoesOnAndNeverBack) {
  const std::uint64_t start = microseconds();
  std::uint64_t before = start;
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t later = microseconds();
    ASSERT_GE(later, before);
    before = later;
  }
  delay(3 * kMillisecond);
  EXPECT_GE(microseconds() - start, 3 * kMillisecond);
}

TEST(Clock, IsTheSameOnAllCpus) {
  struct Reading {
    std::uint64_t value = 0;
  };
  for (std::uint32_t i = 0; i < cpu_count(); ++i) {
    Reading there;
    const std::uint64_t before = microseconds();
    call_on(
        i, [](void* r) { static_cast<Reading*>(r)->value = microseconds(); }, &there);
    EXPECT_GE(there.value, before) << "CPU " << i;
    EXPECT_LE(there.value, microseconds()) << "CPU " << i;
  }
}

TEST(Tick, ComesToEveryCpuAgainAndAgain) {
  for (std::uint32_t i = 0; i < cpu_count(); ++i) {
    const volatile std::uint64_t& interrupts = cpu_at(i).interrupts;
    const std::uint64_t before = interrupts;
    const std::uint64_t start = microseconds();
    EXPECT_TRUE(eventually([&] { return interrupts >= before + 20; })) << "CPU " << i;
    EXPECT_GE(microseconds() - start, kTickMicroseconds) << "CPU " << i << ": a flood";
  }
}

TEST(Tick, StopsAndStartsAgain) {
  const x86::StayHere stay;
  const volatile std::uint64_t& interrupts = cpu().interrupts;
  set_tick(false);
  delay(2 * kMillisecond);  // one that was under way
  const std::uint64_t before = interrupts;
  delay(50 * kMillisecond);
  const std::uint64_t without = interrupts - before;
  set_tick(true);
  EXPECT_LT(without, 10U) << "others may have kicked this CPU, but not in every millisecond";
  const std::uint64_t restarted = interrupts;
  EXPECT_TRUE(eventually([&] { return interrupts >= restarted + 20; }));
}

/// Fills the registers with numbers, lets interrupts come for a while, and looks at them again: the
/// number of registers that changed. The counter of the loop is one of them.
std::uint64_t registers_lost(std::uint64_t rounds) {
  std::uint64_t lost = 0;
  asm volatile(
      "pushq %%rbp\n\t"
      "xorl %%eax, %%eax\n\t"
      "movl $0x101, %%ebx\n\t"
      "movl $0x102, %%edx\n\t"
      "movl $0x103, %%esi\n\t"
      "movl $0x104, %%edi\n\t"
      "movl $0x105, %%ebp\n\t"
      "movl $0x106, %%r8d\n\t"
      "movl $0x107, %%r9d\n\t"
      "movl $0x108, %%r10d\n\t"
      "movl $0x109, %%r11d\n\t"
      "movl $0x10a, %%r12d\n\t"
      "movl $0x10b, %%r13d\n\t"
      "movl $0x10c, %%r14d\n\t"
      "movl $0x10d, %%r15d\n"
      "1:\n\t"
      "stc\n\t"
      "adcq $0, %%rax\n\t"  // counts the rounds by the carry flag
      "decq %%rcx\n\t"
      "jnz 1b\n\t"
      "subl $0x101, %%ebx\n\t"
      "subl $0x102, %%edx\n\t"
      "orl %%edx, %%ebx\n\t"
      "subl $0x103, %%esi\n\t"
      "orl %%esi, %%ebx\n\t"
      "subl $0x104, %%edi\n\t"
      "orl %%edi, %%ebx\n\t"
      "subl $0x105, %%ebp\n\t"
      "orl %%ebp, %%ebx\n\t"
      "subl $0x106, %%r8d\n\t"
      "orl %%r8d, %%ebx\n\t"
      "subl $0x107, %%r9d\n\t"
      "orl %%r9d, %%ebx\n\t"
      "subl $0x108, %%r10d\n\t"
      "orl %%r10d, %%ebx\n\t"
      "subl $0x109, %%r11d\n\t"
      "orl %%r11d, %%ebx\n\t"
      "subl $0x10a, %%r12d\n\t"
      "orl %%r12d, %%ebx\n\t"
      "subl $0x10b, %%r13d\n\t"
      "orl %%r13d, %%ebx\n\t"
      "subl $0x10c, %%r14d\n\t"
      "orl %%r14d, %%ebx\n\t"
      "subl $0x10d, %%r15d\n\t"
      "orl %%r15d, %%ebx\n\t"
      "popq %%rbp\n\t"
      : "=&b"(lost), "+c"(rounds)
      :
      : "rax", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "cc",
        "memory");
  return lost;
}

/// What a called function sees.
struct Visit {
  std::uint32_t cpu = ~0U;
  std::uint32_t context = 0;
  bool interrupts_on = true;

  static void take(void* visit) {
    auto& v = *static_cast<Visit*>(visit);
    v.cpu = x86::cpu_number();
    v.context = x86::context_word();
    v.interrupts_on = x86::interrupts_enabled();
  }
};

TEST(Call, ReachesEachCpuInAnInterrupt) {
  for (std::uint32_t i = 0; i < cpu_count(); ++i) {
    Visit visit;
    call_on(i, &Visit::take, &visit);
    EXPECT_EQ(visit.cpu, i);
    EXPECT_EQ(visit.context >> 16 & 0xff, 1U) << "interrupt depth on CPU " << i;
    EXPECT_FALSE(visit.interrupts_on) << "on CPU " << i;
    EXPECT_FALSE(x86::in_interrupt());
    EXPECT_TRUE(x86::interrupts_enabled());
  }
}

/// How often each CPU was called.
struct Calls {
  Atomic<std::uint32_t> count[kMaxCpus];

  static void arrive(void* calls) {
    static_cast<Calls*>(calls)->count[x86::cpu_number()].fetch_add(1);
  }
};

TEST(Call, BroadcastReachesEveryOtherCpuOnce) {
  Calls calls;
  const x86::StayHere stay;
  EXPECT_EQ(x86::broadcast(&Calls::arrive, &calls), cpu_count() - 1);
  for (std::uint32_t i = 0; i < kMaxCpus; ++i) {
    const bool is_other = i < cpu_count() && i != x86::cpu_number();
    EXPECT_EQ(calls.count[i].load_relaxed(), is_other ? 1U : 0U) << "CPU " << i;
  }
}

/// A thread on each CPU calls all the others, all at the same time.
struct Storm {
  /// Each thread calls every CPU that often, besides.
  static constexpr std::uint32_t kTurns = 30;

  Calls calls;
  Atomic<std::uint32_t> ready;

  static void run(void* storm) {
    auto& s = *static_cast<Storm*>(storm);
    s.ready.fetch_add(1);
    while (s.ready.load_acquire() != cpu_count()) {
      x86::pause();  // an emulator that counts instructions lets others go on only here
      yield();
    }
    for (std::uint32_t i = 0; i < kTurns * cpu_count(); ++i) {
      x86::broadcast(&Calls::arrive, &s.calls);
      call_on(i % cpu_count(), &Calls::arrive, &s.calls);
    }
  }
};

TEST(Call, AllCpusCallAllOthersAtOnce) {
  Storm storm;
  const std::uint32_t cpus = cpu_count();
  Thread* threads[kMaxCpus] = {};
  for (std::uint32_t i = 0; i < cpus; ++i) {
    threads[i] = start_thread("storm", &Storm::run, &storm, {.cpu = i});
    VC_ASSERT(threads[i] != nullptr, "no memory for the threads of a test");
  }
  for (std::uint32_t i = 0; i < cpus; ++i) join(threads[i]);
  for (std::uint32_t i = 0; i < cpus; ++i) {
    const std::uint32_t broadcasts = (cpus - 1) * Storm::kTurns * cpus;
    EXPECT_EQ(storm.calls.count[i].load_relaxed(), broadcasts + cpus * Storm::kTurns)
        << "CPU " << i;
  }
}

TEST(Call, AKickInterruptsTheOtherCpu) {
  for (std::uint32_t i = 0; i < cpu_count(); ++i) {
    const x86::StayHere stay;
    if (i == x86::cpu_number()) continue;
    call_on(
        i, [](void*) { set_tick(false); }, nullptr);
    const volatile std::uint64_t& interrupts = cpu_at(i).interrupts;
    for (int kicks = 0; kicks < 50; ++kicks) {
      const std::uint64_t before = interrupts;
      kick(i);
      ASSERT_TRUE(eventually([&] { return interrupts != before; })) << "CPU " << i;
    }
    call_on(
        i, [](void*) { set_tick(true); }, nullptr);
  }
}

/// The PIT's channel 0: a device with a line of its own (0), which fires once when told to.
struct OneShot {
  static constexpr std::uint32_t kLine = 0;

  Atomic<std::uint32_t> fired;
  Visit visit;

  static void handle(void* device) {
    auto& d = *static_cast<OneShot*>(device);
    Visit::take(&d.visit);
    d.fired.fetch_add(1);
  }
  static void start() {  // mode 0, 1193 counts: a millisecond
    x86::out8(0x43, 0x30);
    x86::out8(0x40, 0xa9);
    x86::out8(0x40, 0x04);
  }
};

/// A handler that uses every register that the compiler lets it use.
void spoil_registers(void* fired) {
  asm volatile(
      "movq $-1, %%rax\n\t"
      "movq %%rax, %%rbx\n\t"
      "movq %%rax, %%rcx\n\t"
      "movq %%rax, %%rdx\n\t"
      "movq %%rax, %%rsi\n\t"
      "movq %%rax, %%r8\n\t"
      "movq %%rax, %%r9\n\t"
      "movq %%rax, %%r10\n\t"
      "movq %%rax, %%r11\n\t"
      "movq %%rax, %%r12\n\t"
      "movq %%rax, %%r13\n\t"
      "movq %%rax, %%r14\n\t"
      "movq %%rax, %%r15\n\t"
      "std\n\t"
      "cld" ::
          : "rax", "rbx", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
            "cc");
  static_cast<Atomic<std::uint32_t>*>(fired)->fetch_add(1);
  asm volatile("movq $-1, %%rdi" ::: "rdi");
}

TEST(Interrupt, LeavesTheRegistersOfTheInterruptedCode) {
  static constinit Atomic<std::uint32_t> fired;
  const x86::StayHere stay;
  connect_interrupt(OneShot::kLine, x86::cpu_number(), &spoil_registers, &fired);
  const std::uint64_t deadline = microseconds() + kPatience;
  std::uint32_t interrupted = 0;  // runs during which the handler ran
  while (interrupted < 10 && microseconds() < deadline) {
    const std::uint32_t before = fired.load_acquire();
    OneShot::start();
    while (fired.load_acquire() == before && microseconds() < deadline) {
      ASSERT_EQ(registers_lost(100'000), 0U);
    }
    ++interrupted;
  }
  disconnect_interrupt(OneShot::kLine);
  EXPECT_EQ(interrupted, 10U);
}

TEST(Interrupt, ALineReachesTheCpuItIsConnectedTo) {
  static constinit OneShot device;  // the handler outlives the test, if the device fires late
  for (std::uint32_t i = 0; i < cpu_count(); ++i) {
    const std::uint32_t before = device.fired.load_acquire();
    connect_interrupt(OneShot::kLine, i, &OneShot::handle, &device);
    OneShot::start();
    ASSERT_TRUE(eventually([&] { return device.fired.load_acquire() != before; })) << "CPU " << i;
    EXPECT_EQ(device.visit.cpu, i);
    EXPECT_EQ(device.visit.context >> 16 & 0xff, 1U) << "interrupt depth";
    EXPECT_FALSE(device.visit.interrupts_on);
    EXPECT_EQ(device.fired.load_acquire(), before + 1);
  }
  disconnect_interrupt(OneShot::kLine);
  const std::uint32_t before = device.fired.load_acquire();
  OneShot::start();
  delay(5 * kMillisecond);
  EXPECT_EQ(device.fired.load_acquire(), before) << "after it was disconnected";
}

TEST(Cpus, AreNumberedAndPlaced) {
  for (std::uint32_t i = 0; i < cpu_count(); ++i) {
    const Cpu& here = cpu_at(i);
    EXPECT_EQ(here.self, &here);
    EXPECT_EQ(here.number, i);
    EXPECT_LT(here.numa_node, numa_nodes());
    for (std::uint32_t j = 0; j < i; ++j) EXPECT_NE(here.apic_id, cpu_at(j).apic_id);
  }
}

}  // namespace
}  // namespace vc::kernel
