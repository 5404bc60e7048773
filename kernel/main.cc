// From the loader's jump to the first thread, and what the boot parameters ask for then.
#include "kernel/arch/machine.h"
#include "kernel/bench/bench.h"
#include "kernel/boot/boot_info.h"
#include "kernel/console/console.h"
#include "kernel/console/exit.h"
#include "kernel/memory/bring_up.h"
#include "kernel/memory/memory.h"
#include "kernel/net/interface.h"
#include "kernel/parameters.h"
#include "kernel/test/runner.h"
#include "kernel/thread/scheduler.h"
#include "kernel/thread/thread.h"
#include "kernel/thread/wait.h"
#include "kernel/users/all_users.h"

namespace vc::kernel {

namespace {

void read_parameters(const BootInfo& boot) {
  Parameters p;
  const ParameterError error = parse_parameters(boot.command_line, p);
  if (!error.ok()) {
    Line().text("boot parameter \"").text(error.word).text("\": expected ").text(error.expected);
    end_machine(Exit::failure);
  }
  set_parameters(p);
}

/// A machine as it is in the field: its tables are allocated, then its network comes up.
int run_machine() {
  const bool users = open_all_users();
  const int status = run_network();
  if (users) print_all_users();  // what the traffic left in them
  if (users && !close_all_users()) return 1;
  return status;
}

/// What the parameters ask for.
Exit do_what_is_asked(const Parameters& p) {
  int status = 0;
  if (p.test != nullptr) status |= run_tests(p.test);
  if (p.bench != nullptr) status |= run_benches(p.bench);
  if (p.run != nullptr) status |= run_machine();
  return status == 0 ? Exit::success : Exit::failure;
}

/// The first thread with a stack of its own: boot's has no guard page.
void run_main(void*) {
  if (parameters().fragment_permille != 0) fragment_memory();
  end_machine(do_what_is_asked(parameters()));
}

}  // namespace
}  // namespace vc::kernel

/// Entered from boot/entry.S, on the boot CPU, on its boot stack, with interrupts off.
extern "C" [[noreturn]] void kernel_entry(std::uint32_t start_info) {
  using namespace vc;
  using namespace vc::kernel;
  open_console();
  Line().text("vcompound: a kernel whose large allocations survive fragmentation");
  open_boot_cpu();
  const BootInfo boot = read_start_info(PhysAddr(start_info));
  read_parameters(boot);
  open_memory(boot);
  open_machine(boot.rsdp);
  start_scheduler();
  x86::enable_interrupts();
  start_other_cpus();
  start_work_thread();
  Line().number(cpu_count()).text(" CPUs online after ").number(microseconds()).text(" us");
  Thread* main = start_thread("main", &run_main, nullptr);
  if (main == nullptr) panic_with("no memory for the first thread", nullptr, nullptr);
  join(main);
  panic_with("the first thread has ended", nullptr, nullptr);
}
