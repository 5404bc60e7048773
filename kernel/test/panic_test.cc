// What must end in a readable panic. Each test ends the machine: tests/kernel makes a boot for
// each.
#include <gtest/gtest.h>

#include "kernel/arch/machine.h"
#include "kernel/boot/boot_info.h"
#include "kernel/console/console.h"
#include "kernel/thread/thread.h"
#include "vcompound/base/assert.h"
#include "vcompound/platform/x86_64/cpu.h"

namespace vc::kernel {
namespace {

/// An address that the compiler knows nothing about.
template <class T>
T* hidden(std::uint64_t address) {
  asm volatile("" : "+r"(address));
  return reinterpret_cast<T*>(address);
}

TEST(PanicMachine, WriteThroughNull) { *hidden<volatile int>(8) = 1; }

TEST(PanicMachine, CallOfNull) { hidden<void()>(0)(); }

TEST(PanicMachine, WriteToText) {
  *hidden<volatile char>(reinterpret_cast<std::uintptr_t>(text_start)) = 1;
}

TEST(PanicMachine, AddressThatIsNotCanonical) { *hidden<volatile int>(0x8000'0000'0000'0000) = 1; }

TEST(PanicMachine, InvalidInstruction) { asm volatile("ud2"); }

TEST(PanicMachine, DivisionByZero) {
  asm volatile("xorl %%ecx, %%ecx; divl %%ecx" ::: "rax", "rcx", "rdx", "cc");
}

TEST(PanicMachine, GarbageInTheFramePointer) {
  asm volatile("movabsq $0xffff800000000123, %%rbp; ud2" ::: "memory");
}

TEST(PanicMachine, InAHandlerOfAnotherCpu) {
  call_on(
      cpu_count() - 1, [](void*) { panic("asked for", __FILE__, __LINE__); }, nullptr);
}

/// One CPU tells; the others must neither garble what it says nor keep it from ending.
TEST(PanicMachine, OnAllCpusAtOnce) {
  static constinit Atomic<std::uint32_t> ready;
  for (std::uint32_t i = 0; i < cpu_count(); ++i) {
    start_thread("desperate",
                 [](void*) {
                   const x86::StayHere stay;
                   ready.fetch_add(1);
                   while (ready.load_acquire() != cpu_count()) x86::pause();
                   panic("all at once", __FILE__, __LINE__);
                 },
                 nullptr, {.cpu = i});
  }
  sleep_for(10'000'000);
}

/// The panic comes while others hold the console in the middle of a line.
TEST(PanicMachine, WhileOthersWrite) {
  for (std::uint32_t i = 1; i < cpu_count(); ++i) {
    start_thread("chatter",
                 [](void*) {
                   for (;;)
                     Line().text("a line of many characters, one after the other, again and again");
                 },
                 nullptr, {.cpu = i});
  }
  sleep_for(20'000);
  panic("in the middle", __FILE__, __LINE__);
}

}  // namespace
}  // namespace vc::kernel
