#include "kernel/arch/panic.h"

#include "kernel/arch/apic.h"
#include "kernel/console/console.h"
#include "kernel/console/exit.h"
#include "kernel/thread/thread.h"
#include "vcompound/base/assert.h"
#include "vcompound/base/atomic.h"
#include "vcompound/platform/x86_64/cpu.h"

namespace vc::kernel {

namespace {

/// 0: none; else 1 + the number of the CPU that tells.
constinit Atomic<std::uint32_t> teller;
constinit Atomic<std::uint32_t> stopped;
/// How often the teller itself has panicked; it tells of the first two.
constinit std::uint32_t depth = 0;

/// How long the others are waited for, in turns of a spin loop: a CPU may be beyond help.
constexpr std::uint32_t kPatience = 1U << 22;

[[noreturn]] void stop_here() {
  stopped.fetch_add(1);
  for (;;) asm volatile("cli; hlt");
}

/// Makes the caller the one that tells, or does not return.
void become_teller() {
  x86::disable_interrupts();
  const std::uint32_t me = x86::cpu_number() + 1;
  std::uint32_t before = 0;
  if (!teller.compare_exchange(before, me) && before != me) stop_here();
  if (++depth > 2) end_machine(Exit::panic);
}

void stop_others() {
  if (!has_local_apic()) return;
  const std::uint32_t others = cpu_count() - 1;
  for (std::uint32_t i = 0; i <= others; ++i) {
    if (i != x86::cpu_number()) send_non_maskable(cpu_at(i).apic_id);
  }
  for (std::uint32_t i = 0; i < kPatience && stopped.load_acquire() < others; ++i) x86::pause();
}

void print_context() {
  const std::uint32_t context = x86::context_word();
  const Thread* thread = current_thread();
  PanicLine line;
  line.text("on CPU ").number(x86::cpu_number()).text(", thread ");
  line.text(thread == nullptr ? "(none yet)" : name_of(*thread));
  line.text(", preempt depth ").number(context & 0xffff);
  line.text(", interrupt depth ").number(context >> 16 & 0xff);
}

struct Register {
  const char* name;
  std::uint64_t value;
};

void print_registers(const InterruptFrame& f) {
  const Register registers[] = {
      {"ip ", f.ip},
      {"sp ", f.sp},
      {"bp ", f.bp},
      {"fl ", f.flags},
      {"ax ", f.ax},
      {"bx ", f.bx},
      {"cx ", f.cx},
      {"dx ", f.dx},
      {"si ", f.si},
      {"di ", f.di},
      {"r8 ", f.r8},
      {"r9 ", f.r9},
      {"r10", f.r10},
      {"r11", f.r11},
      {"r12", f.r12},
      {"r13", f.r13},
      {"r14", f.r14},
      {"r15", f.r15},
      {"cr2", x86::read_cr2()},
      {"cr3", x86::read_cr3()},
  };
  constexpr std::size_t kCount = sizeof registers / sizeof registers[0];
  for (std::size_t row = 0; row < kCount; row += 4) {
    PanicLine line;
    for (std::size_t i = row; i < row + 4; ++i) {
      line.text("  ").text(registers[i].name).text(" ");
      line.word(registers[i].value);
    }
  }
}

}  // namespace

PanicLine::~PanicLine() {
  write_console(c_str(), length());
  write_console("\r\n", 2);
}

TextWriter& PanicLine::word(std::uint64_t value) {
  for (int shift = 60; shift >= 0; shift -= 4) {
    character("0123456789abcdef"[value >> shift & 15]);
  }
  return *this;
}

void stop_if_asked() {
  const std::uint32_t who = teller.load_acquire();
  if (who != 0 && who != x86::cpu_number() + 1) stop_here();
}

void panic_with(const char* what, const char* detail, const InterruptFrame* frame) {
  become_teller();
  if (depth == 1) stop_others();
  write_console("\r\n", 2);  // somebody may have stopped in the middle of a line
  {
    PanicLine line;
    line.text(depth == 1 ? "PANIC: " : "PANIC: while telling of another: ").text(what);
    if (detail != nullptr) line.text(": ").text(detail);
  }
  if (depth > 1) end_machine(Exit::panic);
  print_context();
  if (frame != nullptr) {
    print_registers(*frame);
    print_backtrace({frame->ip, frame->bp, frame->sp});
  } else {
    const auto bp = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
    const auto ip = reinterpret_cast<std::uintptr_t>(__builtin_return_address(0));
    print_backtrace({ip - 1, *reinterpret_cast<const std::uint64_t*>(bp), bp + 16});
  }
  end_machine(Exit::panic);
}

}  // namespace vc::kernel

namespace vc {

void panic(const char* what, const char* file, int line) noexcept {
  char buffer[160];
  TextWriter place(buffer, sizeof buffer);
  place.text(file).character(':').number_signed(line);
  kernel::panic_with(what, place.c_str(), nullptr);
}

}  // namespace vc
