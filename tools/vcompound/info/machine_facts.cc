// machine_facts.cc — the machine's lines of a report's title block.
#include "tools/vcompound/info/machine_facts.h"

#include "tools/vcompound/common/program.h"
#include "tools/vcompound/common/sizes.h"
#include "tools/vcompound/info/machine.h"

namespace vc::tool {

void add_machine_facts(Report& report) {
  const Machine machine = read_machine(SystemFiles());
  report.add_fact("Program", std::string("vcompound ") + program_version());
  report.add_fact("Machine", machine_summary(machine));
  if (machine.huge_pages.present) {
    report.add_fact("Huge pages", "private memory " + machine.huge_pages.enabled +
                                      ", shared memory " + machine.huge_pages.shmem_enabled);
  }
  if (machine.max_map_count) {
    report.add_fact("Mappings",
                    "at most " + format_count(*machine.max_map_count) + " (vm.max_map_count)");
  }
}

}  // namespace vc::tool
